"""Going on with a segmentation: of the page, of the command line, or of another program."""

import re

import numpy as np
import pytest
import SimpleITK as sitk
from at_the_page import (
    SEED,
    click,
    kinds,
    message,
    propagate,
    seed,
    slices_of,
    wait_for_kind,
    wait_for_message,
)
from program import run_command
from SlicePropagationWeb.opening import UNKNOWN_ORIGIN
from web_bench import SPLEEN, open_page, sample_volume, wait_for
from web_files import ct, read_mask, write_image


@pytest.fixture
def results(bench):
    """The folder of results; it and that of uploads are emptied after the test."""
    yield bench.out
    bench.forget_files(bench.out)
    bench.forget_files(bench.out / "uploads")


def save(page, name, suffix=".seg.nrrd"):
    click(page, "save")
    page.locator(".v-dialog input").first.fill(name)
    if suffix not in page.locator(".v-dialog .v-select").inner_text():
        page.locator(".v-dialog .v-select").click()
        page.get_by_role("option", name=suffix, exact=True).click()
    click(page, "write")
    page.wait_for_selector(f"text={name}.slices.csv")
    page.get_by_text("Close", exact=True).first.click()
    page.wait_for_selector(".v-dialog.v-overlay--active", state="detached")


def drawn_in(path):
    """The axial slices on which a file has a label."""
    shown = read_mask(path).any(axis=(1, 2))
    return np.flatnonzero(shown).tolist()


def begin_anew(page, bench):
    """The sample once more, with nothing drawn."""
    bench.open_sample()
    wait_for(page, lambda: set(kinds(page)) == {"empty"})
    bench.wait_until_drawn(page)


def listed(page, title):
    """A segmentation in the list of the Open dialog."""
    files = page.locator("[data-open=continue]")
    return files.get_by_text(title, exact=True)


def go_on_with(page, title):
    click(page, "open")
    listed(page, title).click()


def upload(page, path):
    click(page, "open")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload files", exact=True).click()
    chooser.value.set_files(path)


def spleen_image():
    """The sample's spleen, as a program that knows nothing of slices has it."""
    volume, labels = sample_volume()
    mask = labels == SPLEEN
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(volume.image)
    return image


def write_spleen(path):
    """Write the sample's spleen; returns the path."""
    sitk.WriteImage(spleen_image(), str(path))
    return path


@pytest.mark.parametrize("suffix", [".seg.nrrd", ".nii.gz"])
def test_saved_work_goes_on_as_it_was(page, bench, results, suffix):
    seed(page, bench)
    propagate(page)
    masks = bench.masks()
    strip = kinds(page)
    save(page, "mine", suffix)
    begin_anew(page, bench)
    go_on_with(page, f"mine{suffix}")
    wait_for_message(page, f"Went on with mine{suffix}.")
    assert kinds(page) == strip
    assert np.array_equal(bench.masks(), masks)
    assert UNKNOWN_ORIGIN not in message(page)
    assert bench.data.segments[0]["name"] == "Spleen"
    assert bench.data.index == SEED
    assert page.locator("[data-command=undo]").is_disabled()
    assert bench.data.save_name == "mine-2"


def test_a_correction_of_what_was_opened_changes_only_its_gaps(page, bench, results):
    seed(page, bench)
    propagate(page)
    save(page, "mine")
    begin_anew(page, bench)
    go_on_with(page, "mine.seg.nrrd")
    wait_for_kind(page, SEED, "seed")
    before = bench.masks()
    bench.paint_spleen(page, SEED + 6)
    wait_for_kind(page, SEED + 6, "correction")
    drawn = bench.mask(SEED + 6)
    propagate(page)
    after = bench.masks()
    outside = slice(0, SEED + 1)
    assert np.array_equal(after[outside], before[outside])
    assert np.array_equal(after[SEED + 6], drawn)


def test_the_record_of_work_that_went_on_from_a_file_gives_the_same_voxels(
    page, bench, results, tmp_path
):
    seed(page, bench)
    propagate(page)
    save(page, "mine")
    begin_anew(page, bench)
    go_on_with(page, "mine.seg.nrrd")
    wait_for_kind(page, SEED, "seed")
    bench.paint_spleen(page, SEED + 6)
    wait_for_kind(page, SEED + 6, "correction")
    propagate(page)
    save(page, "again", ".nii.gz")
    sitk.WriteImage(sample_volume()[0].image, str(tmp_path / "image.nii.gz"))
    record = ("--history", bench.out / "again.json", "--image", tmp_path / "image.nii.gz")
    done = run_command("propagate", *record, "--quiet", "--out", tmp_path / "replayed.nii.gz")
    assert done.returncode == 0, done.stderr
    replayed = read_mask(tmp_path / "replayed.nii.gz")
    assert np.array_equal(replayed, read_mask(bench.out / "again.nii.gz"))


def test_the_plane_of_the_annotation_comes_back(page, bench, results):
    page.click("[data-plane=coronal]")
    bench.wait_for_value(page, "plane", "coronal")
    bench.paint_spleen(page, 59, "coronal")
    wait_for(page, lambda: slices_of(page, "seed") == [59])
    save(page, "front")
    begin_anew(page, bench)
    bench.wait_for_value(page, "plane", "axial")
    go_on_with(page, "front.seg.nrrd")
    wait_for_message(page, "Went on with front.seg.nrrd.")
    assert bench.data.plane == "coronal"
    assert slices_of(page, "seed") == [59]


def test_unsaved_work_becomes_a_result_of_its_own(page, bench, results):
    seed(page, bench)
    save(page, "mine")
    bench.paint_spleen(page, SEED + 5)
    wait_for_kind(page, SEED + 5, "seed")
    go_on_with(page, "mine.seg.nrrd")
    wait_for_message(page, "The unsaved work is kept as unsaved-")
    assert bench.drawn_slices() == [SEED]
    # what the test before left may have become another one
    [name] = re.findall(r"unsaved-\S+\.seg\.nrrd", message(page))
    assert drawn_in(results / name) == [SEED, SEED + 5]


def test_an_uploaded_segmentation_is_laid_on_the_volume(page, bench, results, tmp_path):
    seed(page, bench)
    propagate(page)
    masks = bench.masks()
    strip = kinds(page)
    save(page, "mine")
    (results / "mine.seg.nrrd").rename(tmp_path / "theirs.seg.nrrd")
    begin_anew(page, bench)
    upload(page, tmp_path / "theirs.seg.nrrd")
    wait_for_message(page, "Went on with theirs.seg.nrrd.")
    assert kinds(page) == strip
    assert np.array_equal(bench.masks(), masks)
    click(page, "open")
    listed(page, "theirs.seg.nrrd").wait_for()


def test_a_segmentation_of_something_else_is_refused_and_the_work_stays(page, bench, tmp_path):
    seed(page, bench)
    labels = (ct() > 0).astype(np.uint8)
    path = write_image(tmp_path / "other.seg.nrrd", labels)
    upload(page, path)
    page.locator(".v-dialog .v-alert").wait_for()
    expected = "other.seg.nrrd and the image are on different grids: all 2785 voxels"
    assert expected in bench.data.message
    assert bench.drawn_slices() == [SEED]
    assert kinds(page)[SEED] == "seed"
    uploaded = bench.out / "uploads" / path.name
    assert not uploaded.exists()


@pytest.mark.parametrize(
    "change",
    [{"Segment0_Layer": "7"}, {"Segment0_LabelValue": "many"}],
)
def test_a_damaged_segmentation_is_refused_with_a_sentence(page, bench, tmp_path, change):
    image = spleen_image()
    whole = {
        "Segment0_ID": "a",
        "Segment0_Name": "a",
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
    }
    for name, value in (whole | change).items():
        image.SetMetaData(name, value)
    path = tmp_path / "broken.seg.nrrd"
    sitk.WriteImage(image, str(path))
    upload(page, path)
    alert = page.locator(".v-dialog .v-alert")
    alert.get_by_text("save it again in 3D Slicer").wait_for()
    assert bench.drawn_slices() == []


def test_where_nothing_says_what_was_drawn_all_of_it_counts_as_drawn(
    page,
    bench,
    results,
    tmp_path,
):
    upload(page, write_spleen(tmp_path / "plain.seg.nrrd"))
    wait_for(page, lambda: UNKNOWN_ORIGIN in message(page))
    assert slices_of(page, "seed") == drawn_in(tmp_path / "plain.seg.nrrd")


def test_a_segmentation_without_its_volume_is_refused_with_the_remedy(browser, tmp_path, start):
    program = start(tmp_path / "out")
    page = open_page(browser, program.address)
    page.get_by_text("Open", exact=True).last.click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload files", exact=True).click()
    chooser.value.set_files(write_spleen(tmp_path / "spleen.seg.nrrd"))
    dialog = page.locator(".v-dialog")
    dialog.get_by_text("open the volume that it belongs to first").wait_for()
    page.close()


def test_what_the_command_line_propagated_is_reviewed_on_the_page(browser, tmp_path, start):
    image = write_image(tmp_path / "chest.nii.gz", ct())
    drawn = np.zeros(ct().shape, np.uint8)
    drawn[4, 10:30, 12:34] = 1
    seeds = write_image(tmp_path / "seed.nii.gz", drawn)
    out = tmp_path / "out.nii.gz"
    done = run_command(
        "propagate",
        *("--image", image),
        *("--seed", seeds),
        *("--out", out),
        *("--engine", "copy"),
    )
    assert done.returncode == 0
    program = start(
        tmp_path / "out",
        image,
        *("--segmentation", out),
    )
    page = open_page(browser, program.address)
    page.wait_for_selector(".sp-seed", state="attached")
    around = ["propagated"] * 4
    assert kinds(page) == [*around, "seed", *around]
    page.close()


def test_a_segmentation_that_does_not_fit_ends_the_program_with_a_sentence(tmp_path):
    image = write_image(tmp_path / "chest.nii.gz", ct())
    other = write_spleen(tmp_path / "other.nii.gz")
    done = run_command(
        "app",
        image,
        *("--segmentation", other),
        *("--out", tmp_path / "out"),
        "--no-browser",
    )
    assert done.returncode == 2
    assert "other.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr
