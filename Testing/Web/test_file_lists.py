"""What the Open dialog lists: all files are searched, label maps are no images, the last ones come back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from SlicePropagationWeb.file_lists import FileLists
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.recent_files import MOST, NAME, RecentFiles
from SlicePropagationWeb.workspace import MAX_LISTED, Workspace


@pytest.fixture
def workspace(tmp_path):
    """A folder with more images than are listed, and a label map beside the last one."""
    data = tmp_path / "data"
    for number in range(MAX_LISTED + 20):
        (data / f"case_{number:03d}").mkdir(parents=True)
        (data / f"case_{number:03d}" / "image.nii.gz").touch()
    (data / "case_519" / "liver_mask.nii.gz").touch()
    return Workspace(tmp_path / "out", [data])


@pytest.fixture
def lists(workspace):
    data = PanelState()
    made = FileLists(workspace, data)
    # In a thread, as a browser's loop may run in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, made.look(has_volume=True)).result()
    return made, data


def titles(files):
    return [file["title"] for file in files]


def test_all_files_are_searched_and_so_many_are_listed(lists):
    found, data = lists
    assert len(data.images) == MAX_LISTED
    assert "case_519/image.nii.gz" not in titles(data.images)
    data.find = "IMAGE case_51"
    found.search()
    assert titles(data.images) == [f"case_{number}/image.nii.gz" for number in range(510, 520)]


def test_a_label_map_is_no_image_and_can_be_gone_on_with(lists):
    found, data = lists
    data.find = "519"
    found.search()
    assert titles(data.images) == ["case_519/image.nii.gz"]
    assert titles(data.segmentations) == ["case_519/liver_mask.nii.gz"]


def test_the_volumes_opened_last_come_first_if_they_are_there_and_may_be_read(workspace, tmp_path):
    data = tmp_path / "data"
    elsewhere = tmp_path / "elsewhere.nii.gz"
    elsewhere.touch()
    for path in (data / "case_001" / "image.nii.gz", data / "case_002" / "image.nii.gz", elsewhere):
        workspace.note_opened(path)
    assert titles(workspace.recent_images()) == ["case_002/image.nii.gz", "case_001/image.nii.gz"]
    (data / "case_002" / "image.nii.gz").unlink()
    assert titles(workspace.recent_images()) == ["case_001/image.nii.gz"]


def test_a_few_recent_files_are_kept_each_once(tmp_path):
    recent = RecentFiles(tmp_path)
    paths = [tmp_path / f"{number}.nrrd" for number in range(MOST + 2)]
    for path in [*paths, paths[3]]:
        path.touch()
        recent.add(path)
    assert RecentFiles(tmp_path).read() == [paths[3], *reversed(paths[4:]), paths[2]]


@pytest.mark.parametrize("text", ["", "{}", "[3, null]", '["a\\u0000b"]', "["])
def test_a_damaged_list_of_recent_files_is_an_empty_one(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert RecentFiles(tmp_path).read() == []
