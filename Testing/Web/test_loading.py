"""Volumes come onto the page as files and as DICOM, by path and by upload.

What the node holds is compared with what was written.
"""

import base64
import threading
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from at_the_page import click, wait_for_kind
from faults import faults
from SlicePropagationWeb import opening
from web_bench import open_page, wait_for
from web_files import ORIGIN, SPACING, as_image, ct, write_dicom, write_image

from SlicePropagationLib.files import mapped_file
from SlicePropagationLib.files.reading import tell_count
from SlicePropagationLib.pipelines.exports import EXPORTS

LARGE = (200, 96, 112)  # voxels: it takes seconds to upload
SLOW = 300_000  # bytes a second
UNLIMITED = -1
DROPPED = """([name, text]) => {
  const files = new DataTransfer();
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  files.items.add(new File([bytes], name));
  return files;
}"""


def is_shown(bench, page, array, name):
    """Wait for a volume, and compare voxels, spacing and origin."""
    bench.wait_for_value(page, "volume_name", name)
    node = bench.controller.volume
    spacing = bench.call(node.GetSpacing)
    origin = bench.call(node.GetOrigin)
    to_left, to_back, up = ORIGIN  # Slicer counts to the right and front
    assert np.array_equal(bench.image(), array)
    assert np.allclose(spacing, SPACING)
    assert np.allclose(origin, (-to_left, -to_back, up))
    count = len(array)
    page.wait_for_selector(f"text={name} · 56×48×{count} voxels")
    page.wait_for_selector(".v-dialog.v-overlay--active", state="detached")


def wait_for_dialog(page, text):
    """Wait until a dialog says something; it covers the page's own message."""
    page.locator(".v-dialog").get_by_text(text).wait_for()


def choose(page, button, files):
    """Upload through the Open dialog, as a person does."""
    page.click("[data-command=open]")
    with page.expect_file_chooser() as chooser:
        page.get_by_text(button, exact=True).click()
    chooser.value.set_files(files)


def limit_upload(network, bytes_per_second):
    conditions = {
        "offline": False,
        "latency": 0,
        "downloadThroughput": UNLIMITED,
        "uploadThroughput": bytes_per_second,
    }
    network.send("Network.emulateNetworkConditions", conditions)


@pytest.fixture
def uploads(bench):
    """What is in the folder of uploads; it is emptied after the test."""
    folder = bench.out / "uploads"

    def names():
        return sorted(path.name for path in folder.iterdir())

    yield names
    bench.forget_files(folder)


@pytest.mark.parametrize("name", ["chest.nii.gz", "chest.nii", "chest.nrrd", "chest.mha"])
def test_an_image_file_is_uploaded(bench, page, tmp_path, uploads, name):
    path = write_image(tmp_path / name, ct())
    choose(page, "Upload files", path)
    is_shown(bench, page, ct(), name)
    assert uploads() == [name]


def drop(page, path):
    """Drop a file on the page, as out of a file manager."""
    text = base64.b64encode(path.read_bytes()).decode()
    files = page.evaluate_handle(DROPPED, [path.name, text])
    for event in ("dragover", "drop"):
        page.dispatch_event("body", event, {"dataTransfer": files})


def test_a_file_that_is_dropped_on_the_page_is_opened_and_listed_as_opened_last(
    bench,
    page,
    tmp_path,
    uploads,
):
    drop(page, write_image(tmp_path / "dropped.nrrd", ct()))
    is_shown(bench, page, ct(), "dropped.nrrd")
    page.click("[data-command=open]")
    page.locator("[data-open=recent]").filter(has_text="dropped.nrrd").wait_for()
    page.get_by_text("Cancel", exact=True).click()


def test_the_dicom_files_of_a_series_are_uploaded(bench, page, tmp_path, uploads):
    series = write_dicom(tmp_path, ct())
    choose(page, "Upload files", series)
    is_shown(bench, page, ct(), "DICOM")


def test_a_folder_with_equal_names_in_its_subfolders_is_uploaded_whole(
    bench,
    page,
    tmp_path,
    uploads,
):
    patient = tmp_path / "patient"
    small = ct((4, 48, 56), seed=5)
    write_dicom(patient / "small", small, series=2)
    write_dicom(patient / "large", ct())
    choose(page, "Upload a folder", patient)
    choices = page.locator("[data-open=series]")
    choices.first.wait_for()
    assert choices.count() == 2
    choices.filter(has_text="9 slice").click()
    is_shown(bench, page, ct(), "patient")


def zipped(folder, files):
    """A zip archive as a person makes it: with a folder, and with clutter."""
    path = folder / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._chest", b"clutter")
        for file in files:
            archive.write(file, f"study/ct/{file.name}")
    return path


def test_a_zip_archive_of_a_series_is_uploaded(bench, page, tmp_path, uploads):
    series = write_dicom(tmp_path, ct())
    choose(page, "Upload files", zipped(tmp_path, series))
    is_shown(bench, page, ct(), "study")


def test_every_kind_of_file_is_offered_with_what_is_saved_of_a_series(
    bench, page, tmp_path, uploads
):
    pytest.importorskip("pydicom", reason="needs pydicom, the extra 'dicom'")
    choose(page, "Upload files", zipped(tmp_path, write_dicom(tmp_path, ct())))
    is_shown(bench, page, ct(), "study")
    bench.wait_until_drawn(page)
    bench.show_slice(4)
    bench.wait_for_value(page, "index", 4)
    bench.stroke(page, 4, [(20, column) for column in range(16, 32, 4)])
    wait_for_kind(page, 4, "seed")
    click(page, "save")
    boxes = page.locator("[data-export] input")
    wait_for(page, lambda: boxes.count() == len(EXPORTS))
    for number in range(boxes.count()):
        boxes.nth(number).check()
    click(page, "write")
    for end in (".seg.dcm", ".rtstruct.dcm", ".stl", ".obj", ".ply", ".fine.seg.nrrd"):
        offered = page.locator("[data-download=file]", has_text=end)
        with page.expect_download() as download:
            offered.click()
        assert download.value.path().stat().st_size > 100, end
    for number in range(boxes.count()):
        boxes.nth(number).uncheck()
    page.get_by_text("Close", exact=True).click()
    boxes.first.wait_for(state="hidden")
    bench.forget_files(bench.out)


def test_a_zip_archive_of_an_image_is_uploaded(bench, page, tmp_path, uploads):
    image = write_image(tmp_path / "chest.nii.gz", ct())
    choose(page, "Upload files", zipped(tmp_path, [image]))
    is_shown(bench, page, ct(), "chest.nii.gz")


def test_a_reload_during_an_upload_ends_it_and_the_next_one_can_begin(
    bench,
    page,
    tmp_path,
    uploads,
):
    network = page.context.new_cdp_session(page)
    limit_upload(network, SLOW)
    large = write_image(tmp_path / "large.nii", ct(LARGE))
    choose(page, "Upload files", large)
    page.wait_for_selector("text=/Uploading, [1-9]/")
    page.reload()
    page.wait_for_selector("[data-slice]", state="attached")
    page.get_by_text("Upload files", exact=True).wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload files", exact=True).click()
    limit_upload(network, UNLIMITED)
    small = write_image(tmp_path / "chest.nii", ct())
    chooser.value.set_files(small)
    is_shown(bench, page, ct(), "chest.nii")
    wait_for(page, lambda: uploads() == ["chest.nii"])


def test_what_lies_beside_dicom_files_and_is_no_image_is_left_out_with_a_remark(
    bench,
    page,
    tmp_path,
    uploads,
):
    write_dicom(tmp_path / "disc" / "series", ct())
    disc = tmp_path / "disc"
    for name in ("README.TXT", "viewer.exe", "DICOMDIR"):
        (disc / name).write_bytes(b"MZ clutter")
    choose(page, "Upload a folder", disc)
    is_shown(bench, page, ct(), "disc")
    text = bench.data.message
    assert "Left out, as no images: " in text
    assert "viewer.exe" in text
    folder = bench.out / "uploads" / "disc"
    stays = list(folder.iterdir())
    assert len(stays) == len(ct())


def test_a_4d_image_is_refused_with_a_remedy_that_the_page_has(bench, page, tmp_path, uploads):
    path = tmp_path / "cine.nii.gz"
    first = as_image(ct())
    second = as_image(ct(seed=4))
    frames = sitk.JoinSeries([first, second])
    sitk.WriteImage(frames, str(path))
    choose(page, "Upload files", path)
    wait_for_dialog(page, "save the frame to be annotated as a file of its own")
    assert "--" not in bench.data.message
    assert uploads() == []
    assert bench.data.volume_name == "the sample"


def test_two_volumes_at_once_are_refused_with_a_sentence(bench, page, tmp_path, uploads):
    first = write_image(tmp_path / "a.nrrd", ct())
    second = write_image(tmp_path / "b.nrrd", ct())
    choose(page, "Upload files", [first, second])
    wait_for_dialog(page, "upload one volume at a time")
    assert uploads() == []


def test_an_upload_that_is_cancelled_changes_nothing_and_leaves_nothing(
    bench,
    page,
    tmp_path,
    uploads,
):
    network = page.context.new_cdp_session(page)
    limit_upload(network, SLOW)
    large = write_image(tmp_path / "chest.nii", ct(LARGE))
    choose(page, "Upload files", large)
    page.wait_for_selector("text=/Uploading, [1-9]/")
    assert page.get_by_role("button", name="Upload files").is_disabled()
    page.get_by_text("Cancel", exact=True).click()
    page.wait_for_selector(".v-dialog.v-overlay--active", state="detached")
    wait_for(page, lambda: uploads() == [])
    page.wait_for_timeout(500)
    assert bench.data.volume_name == "the sample"


def test_what_is_painted_on_an_uploaded_volume_lands_on_that_slice(bench, page, tmp_path, uploads):
    series = write_dicom(tmp_path, ct())
    choose(page, "Upload files", series)
    is_shown(bench, page, ct(), "DICOM")
    bench.wait_until_drawn(page)
    bench.show_slice(4)
    bench.stroke(page, 4, [(20, 25), (28, 30)])
    bench.wait_for_drawn(page, [4])
    drawn = bench.mask(4)
    assert drawn[20, 25]
    assert drawn[28, 30]


def test_the_page_says_what_is_read_of_an_image_and_how_far_that_is(
    bench, page, tmp_path, monkeypatch
):
    goes_on = threading.Event()
    read = opening.read_volume

    def read_slowly(path, **options):
        for _ in tell_count("abcde", "Reading slices"):
            pass
        goes_on.wait(90)
        return read(path, **options)

    monkeypatch.setattr(opening, "read_volume", read_slowly)
    path = write_image(tmp_path / "chest.nii.gz", ct())
    files = bench.application.files
    bench.call(lambda: bench.application._loop.begin(files.load_volume(path)))
    page.get_by_text("Opening chest.nii.gz…").wait_for()
    page.get_by_text("Reading slices, 5 of 5, 80 %").wait_for()
    bar = page.get_by_label("How far the image is read")
    assert bar.get_attribute("aria-valuenow") == "80"
    assert faults(page, ".sp-opening") == []
    goes_on.set()
    is_shown(bench, page, ct(), "chest.nii.gz")
    page.locator(".sp-opening").wait_for(state="hidden")


@pytest.mark.parametrize("name", ["large.nrrd", "large.nii.gz"])
def test_a_large_file_is_not_in_memory_beside_what_the_views_have(
    bench, page, tmp_path, monkeypatch, name
):
    monkeypatch.setenv("SLICE_PROPAGATION_CACHE", str(tmp_path / "cache"))
    for module, limit in (
        (opening, "MAPPED_BYTES"),
        (mapped_file, "MAPPED_BYTES"),
        (mapped_file, "UNPACKED_BYTES"),
    ):
        monkeypatch.setattr(module, limit, 1)
    read = opening.read_volume
    found = []

    def read_and_note(path, **options):
        found.append(read(path, **options))
        return found[-1]

    monkeypatch.setattr(opening, "read_volume", read_and_note)
    path = write_image(tmp_path / name, ct())
    files = bench.application.files
    bench.call(lambda: bench.application._loop.begin(files.load_volume(path)))
    is_shown(bench, page, ct(), name)
    assert isinstance(found[0].array, np.memmap)


@pytest.mark.parametrize("name", ["chest.nii.gz", "chest.nrrd", "series"])
def test_an_image_or_a_dicom_folder_is_opened_by_its_path(browser, tmp_path, start, name):
    if name == "series":
        write_dicom(tmp_path / name, ct())
    else:
        write_image(tmp_path / name, ct())
    program = start(tmp_path / "out", str(tmp_path / name))
    page = open_page(browser, program.address)
    page.wait_for_selector(f"text={name} · 56×48×9 voxels · 0.8 × 0.8 × 3 mm")
    page.close()
    assert program.interrupt() == 0


def test_images_and_dicom_folders_given_as_data_are_listed_and_opened(browser, tmp_path, start):
    write_dicom(tmp_path / "data" / "series", ct())
    write_image(tmp_path / "data" / "chest.nii.gz", ct())
    program = start(tmp_path / "out", "--data", str(tmp_path / "data"))
    page = open_page(browser, program.address)
    page.get_by_text("Open", exact=True).first.click()
    page.wait_for_selector("text=chest.nii.gz")
    page.get_by_text("series (DICOM)").click()
    page.wait_for_selector("text=series · 56×48×9 voxels")
    page.close()


def test_an_image_of_a_data_set_is_found_by_its_case(browser, tmp_path, start):
    for number in range(14):
        folder = tmp_path / "data" / "set" / f"case{number:02d}"
        folder.mkdir(parents=True)
        write_image(folder / "image.nrrd", ct((4, 48, 56), seed=number))
    program = start(tmp_path / "out", "--data", str(tmp_path / "data"))
    page = open_page(browser, program.address)
    page.get_by_text("Open", exact=True).first.click()
    page.get_by_placeholder("Find").fill("Case07")
    listed = page.locator(".v-dialog .v-list-item")
    listed.nth(1).wait_for(state="detached")
    assert listed.all_inner_texts() == ["set/case07/image.nrrd"]
    listed.click()
    page.wait_for_selector("text=image.nrrd · 56×48×4 voxels")
    page.close()
