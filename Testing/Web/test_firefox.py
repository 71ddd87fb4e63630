"""The first work at the page, with mouse and keys, in Firefox; pictures stay in the test's folder."""

import csv
import time

import pytest
from at_the_page import OFF_PLACE, kind_of
from firefox import Firefox, find_firefox
from web_files import read_mask

SIZE = {"width": 1440, "height": 900}
SEED = 30
CORRECTED = 36
CONFIRMED = 26
CLASSES = "() => [...document.querySelectorAll('[data-slice]')].map((cell) => cell.className)"
MIDDLE = """() => {
  const box = document.querySelector(".remote-controlled-area").getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
NUMBER = "() => +document.querySelector('[role=slider][aria-label=Slices]').ariaValueNow"
SAYS = "(text) => document.querySelector('.sp-message').innerText.includes(text)"
IS_THERE = "(selector) => !!document.querySelector(selector)"
IS_GONE = "(selector) => !document.querySelector(selector)"
CAN_BE_CLICKED = "(selector) => !document.querySelector(selector).disabled"
# Whether the large view shows something bright: it is a picture of the sample.
IS_DRAWN = """() => {
  const image = document.querySelector("img.image-display-area");
  if (!image || !image.naturalWidth) return false;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, 64, 64);
  return pen.getImageData(0, 0, 64, 64).data.some((value, place) => place % 4 < 3 && value > 128);
}"""

SLIDERS_OFF = (
    f"() => [...document.querySelectorAll('.sp-slice-view [role=slider]')].map({OFF_PLACE})"
)


@pytest.fixture
def firefox():
    path = find_firefox()
    if path is None:
        pytest.skip("No Firefox; on Debian: apt-get install firefox-esr.")
    firefox = Firefox(path, SIZE)
    yield firefox
    firefox.close()


def kinds(firefox):
    """What the strip shows of each slice."""
    return [kind_of(names.split()) for names in firefox.ask(CLASSES)]


def show(firefox, index):
    """Click a slice on the strip, and let the views follow."""
    firefox.click(f"[data-slice='{index}']")
    firefox.wait(f"(number) => ({NUMBER})() === number", index + 1)
    time.sleep(1)


def stroke(firefox, down):
    """Draw a short line beside the middle of the large view."""
    x, y = firefox.ask(MIDDLE)
    firefox.drag([(x + 6 * step, y + down) for step in range(8)])


def wait_for_kind(firefox, index, kind):
    firefox.wait(IS_THERE, f"[data-slice='{index}'].sp-{kind}")


def wait_for_file(path, seconds=30):
    for _ in range(10 * seconds):
        if path.is_file() and path.stat().st_size:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{path.name} was not saved within {seconds} s.")


def provenance(path):
    """{slice: provenance} of a table of slices."""
    with path.open(newline="", encoding="utf-8") as file:
        return {int(row["slice"]): row["provenance"] for row in csv.DictReader(file)}


def test_drawing_correcting_confirming_and_saving_work_in_firefox(firefox, tmp_path, start):
    out = tmp_path / "out"
    firefox.open(start(out).address)
    firefox.click(".sp-welcome .sp-row > .v-btn")  # the sample
    for _ in range(5):
        firefox.click(".sp-steps-button:last-child")
    firefox.wait(IS_DRAWN)
    off = firefox.ask(SLIDERS_OFF)
    assert len(off) == 3
    assert max(off) < 0.02

    show(firefox, SEED)
    stroke(firefox, 4)
    wait_for_kind(firefox, SEED, "seed")
    firefox.picture(tmp_path / "drawn.png")
    firefox.click("[data-command=propagate]")
    firefox.wait(SAYS, "Done")
    assert kinds(firefox).count("propagated") == 59

    show(firefox, CORRECTED)
    stroke(firefox, 30)
    wait_for_kind(firefox, CORRECTED, "correction")
    show(firefox, CONFIRMED)
    firefox.wait(CAN_BE_CLICKED, "[data-command=confirm]")  # the gap may still be redone
    firefox.press("c")
    wait_for_kind(firefox, CONFIRMED, "confirmed")
    time.sleep(3)
    firefox.picture(tmp_path / "corrected.png")

    firefox.press("Control", "s")
    firefox.click("[data-command=write]")
    firefox.wait(IS_THERE, "a[href*='segmentation.slices.csv']")
    firefox.picture(tmp_path / "saved.png")
    firefox.click("a[href*='segmentation.slices.csv']")
    wait_for_file(firefox.downloads / "segmentation.slices.csv")
    firefox.press("Escape")
    firefox.wait(IS_GONE, ".v-dialog.v-overlay--active")
    firefox.press("End")
    firefox.wait(f"() => ({NUMBER})() === 60")  # the page is there still
    found = provenance(out / "segmentation.slices.csv")
    assert [found[index] for index in (SEED, CORRECTED, CONFIRMED)] == [
        "seed",
        "correction",
        "confirmed",
    ]
    assert read_mask(out / "segmentation.seg.nrrd").any(axis=(1, 2))[SEED]
    assert firefox.problems == []
