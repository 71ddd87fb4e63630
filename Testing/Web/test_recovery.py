"""The autosave on the disk: whole after a crash at any moment, and never a mix of two states."""

import os
import subprocess
import sys
import time

import pytest
import recovery_forever
import SimpleITK as sitk
from recovery_forever import COLUMNS, NUM_STATES, keep
from SlicePropagationWeb.recovery import Recovery
from SlicePropagationWeb.workspace import Workspace
from web_files import read_mask

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.companions import companion


def numbers(found):
    """What page, segmentation and table say which state it is.

    The same number thrice in a whole one.
    """
    title = found["title"]
    assert found["image"] == f"image {title}.nii.gz"
    page = int(title) % NUM_STATES
    drawn = rows_drawn(found["labels"]) - 1
    listed = rows_listed(found["labels"]) - 1
    return page, drawn, listed


def rows_drawn(path):
    first_slice = read_mask(path)[0]
    return int(first_slice.any(axis=1).sum())


def rows_listed(path):
    """What the area of the first slice in the table is in rows."""
    table = companion(path, ".slices.csv").read_text(encoding="utf-8")
    first_slice = table.splitlines()[1].split(",")
    return round(float(first_slice[4]) / COLUMNS)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def keep_and_be_killed(folder, seconds):
    """Keep one state after another, and be killed after so many seconds."""
    program = [sys.executable, recovery_forever.__file__, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()


def test_killed_at_any_moment_it_holds_one_whole_state(tmp_path):
    states = []
    for attempt in range(12):
        keep_and_be_killed(tmp_path, 0.35 + 0.037 * attempt)
        found = Recovery(tmp_path).found()
        assert found is not None
        page, drawn, listed = numbers(found)
        assert page == drawn == listed
        states.append(page)
    assert len(set(states)) > 1


def test_of_two_states_the_later_one_counts_and_the_earlier_one_goes(tmp_path):
    recovery = Recovery(tmp_path)
    keep(recovery, 3)
    keep(recovery, 4)
    assert numbers(recovery.found()) == (4, 4, 4)
    assert names_in(tmp_path) == ["00000002"]


def test_what_a_crash_left_is_cleared_at_the_next_start_and_the_work_stays(tmp_path):
    folder = tmp_path / "autosave"
    recovery = Recovery(folder)
    keep(recovery, 5)
    for name in (".partial-abc", ".gone-00000001"):
        left = folder / name
        left.mkdir()
        (left / "annotation.seg.nrrd").write_bytes(b"half")
    Workspace(tmp_path).check_writable()
    assert names_in(folder) == ["00000001"]
    assert numbers(recovery.found()) == (5, 5, 5)


def test_a_folder_is_served_by_one_program_at_a_time(tmp_path):
    Workspace(tmp_path).check_writable()
    [own] = tmp_path.glob(".partial-*-page")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        claim = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{other.pid}-"))
        claim.mkdir()
        with pytest.raises(SlicePropagationError, match=f"process {other.pid}; name another"):
            Workspace(tmp_path).check_writable()
        other.kill()
    Workspace(tmp_path).check_writable()
    assert not claim.exists()


def test_a_damaged_record_counts_as_nothing_kept(tmp_path):
    recovery = Recovery(tmp_path)
    keep(recovery, 1)
    record = tmp_path / "00000001" / "annotation.json"
    record.write_text("{", encoding="utf-8")
    assert recovery.found() is None


def test_unsaved_work_becomes_a_result_or_is_forgotten(tmp_path):
    recovery = Recovery(tmp_path / "autosave")
    keep(recovery, 7)
    assert recovery.move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    assert recovery.found() is None
    assert names_in(tmp_path) == [
        "autosave",
        "unsaved.json",
        "unsaved.seg.nrrd",
        "unsaved.slices.csv",
    ]
    image = sitk.ReadImage(str(tmp_path / "unsaved.seg.nrrd"))
    labels = sitk.GetArrayFromImage(image)
    assert set(labels.ravel()) == {0, 1}
    keep(recovery, 8)
    recovery.forget()
    assert recovery.found() is None
    assert names_in(tmp_path / "autosave") == []
