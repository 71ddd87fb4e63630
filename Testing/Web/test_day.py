"""A day at the page: three cases of a worklist, two structures, a crash, and what goes home."""

import zipfile

import numpy as np
import pytest
from at_the_page import kinds, slices_of, stroke, wait_for_message
from faults import faults
from web_bench import open_page, wait_for
from web_files import read_mask, write_image

from SlicePropagationLib.files.claims import Claims, claims_beside

SHAPE = (12, 64, 64)


def chest(seed):
    """A (K, J, I) int16 volume with two bright bodies."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    array = np.random.default_rng(seed).normal(-80, 10, SHAPE)
    for row, column in ((32, 20), (32, 44)):
        array[:, np.hypot(rows - row, columns - column) < 9] = 120
    return np.round(array).astype(np.int16)


@pytest.fixture
def cases(tmp_path):
    """A table of three cases whose images have the same name."""
    for number in range(3):
        folder = tmp_path / "week" / f"case_{number}"
        folder.mkdir(parents=True)
        write_image(folder / "image.nii.gz", chest(number))
    rows = "\n".join(f"case_{number}/image.nii.gz" for number in range(3))
    table = tmp_path / "week" / "cases.csv"
    table.write_text(f"image\n{rows}\n", encoding="utf-8")
    return table


def open_case(page, name):
    page.click(f"[data-case={name}]")
    wait_until_open(page, name)


def wait_until_open(page, name):
    page.wait_for_selector(f".sp-volume >> text={name} ·")
    page.wait_for_selector(".sp-opening", state="hidden")
    page.wait_for_timeout(1500)


def draw(page, left, index=6):
    """A stroke on a slice, in the body that lies on one side of the picture."""
    page.click(f"[data-slice='{index}']")
    page.wait_for_timeout(600)
    stroke(page, 555 if left else 758, 335)


def tasks_of(zip_path):
    with zipfile.ZipFile(zip_path) as archive:
        return sorted(archive.namelist()), archive.read("case_0/case_0.html").decode()


def test_a_day_at_the_page(browser, cases, tmp_path, start):
    out = tmp_path / "out"
    ben = Claims(claims_beside(cases), "ben")
    ben.take("case_0")
    program = start(out, "--cases", cases, "--annotator", "anna")
    page = open_page(browser, program.address)
    page.wait_for_selector("[data-case=case_0] >> text=In use")
    page.click("[data-case=case_0]")
    page.wait_for_selector("[role=alert] >> text=/ben .* has had case_0 open since/")
    assert faults(page, ".v-overlay--active") == []
    ben.release("case_0")
    open_case(page, "case_0")
    assert [claim.owner for claim in ben.others().values()] == ["anna"]
    page.locator("[data-choice='Engine']").click()
    page.get_by_role("option", name="Copy (baseline)", exact=True).click()
    page.locator("[data-choice='Auto-update']").click()
    page.get_by_role("option", name="After each correction", exact=True).click()

    draw(page, left=True)
    wait_for(page, lambda: kinds(page)[6] == "seed")
    page.get_by_text("Add segment").click()
    wait_for(page, lambda: "seed" not in kinds(page))
    draw(page, left=False)
    wait_for(page, lambda: kinds(page)[6] == "seed")
    page.locator("[data-choice='Segments']").click()
    page.get_by_role("option", name="All drawn segments").click()
    page.click("[data-command=propagate]")
    wait_for_message(page, "Done")

    assert slices_of(page, "seed") == [6]
    page.click("[data-slice='9']")
    page.wait_for_timeout(600)
    stroke(page, 780, 335)
    wait_for(page, lambda: kinds(page)[9] == "correction")
    wait_for_message(page, "taken over by its neighbours")
    page.click("[data-slice='3']")
    page.wait_for_timeout(300)
    page.keyboard.press("c")
    wait_for(page, lambda: kinds(page)[3] == "confirmed")

    page.click("[data-command=save_next]")
    wait_until_open(page, "case_1")
    assert len(np.unique(read_labels(out / "case_0.seg.nrrd"))) == 3
    draw(page, left=True)
    wait_for(page, lambda: kinds(page)[6] == "seed")
    page.wait_for_timeout(1000)
    program.kill()
    page.close()

    again = start(out, "--cases", cases)
    page = open_page(browser, again.address)
    page.wait_for_selector("text=There is unsaved work on case_1")
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    page.wait_for_selector(".sp-volume >> text=case_1 ·")
    page.click("[data-command=save_next]")
    wait_until_open(page, "case_2")
    assert read_mask(out / "case_1.seg.nrrd").any()

    page.click("[data-command=cases]")
    page.wait_for_selector("[data-case=case_0] >> text=Saved")
    page.wait_for_selector("[data-case=case_1] >> text=Saved")
    page.click(".sp-worklist [data-command=export]")
    page.click("[data-command=make_export]")
    with page.expect_download() as download:
        page.click("[data-download=zip]")
    names, report = tasks_of(download.value.path())
    assert names == sorted(
        f"{name}/{name}{suffix}"
        for name in ("case_0", "case_1")
        for suffix in (".html", ".json", ".seg.nrrd", ".slices.csv")
    )
    assert "corrected 9" in report
    page.close()


def read_labels(path):
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
