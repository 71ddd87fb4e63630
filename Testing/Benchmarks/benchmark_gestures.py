"""How long a person at the page waits for each gesture of a day's work, beside the goals.

    python Testing/Benchmarks/benchmark_gestures.py [--engine NAME] [--slices 600] [--only PART]

Medians. The load average stands below: with other work on the machine, the times are those of a
shared one.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, [*SOURCES, Path(__file__).parent])

from benchmark_page import choose_engine, memory_mib
from playwright.sync_api import sync_playwright
from program import Program
from web_bench import chromium, open_page
from web_files import ct, write_dicom

from SlicePropagationLib.pipelines.demo import volume_of
from SlicePropagationLib.pipelines.phantom_volume import make_sample

CASES = 1000
TIMES = 15  # of each gesture
CORRECTIONS = 5
SIDE = 512
SIZE = {"width": 1440, "height": 900}
SPIN_SECONDS = 3
BESIDE = (60, 45)  # pixels from the middle of the large view, in the sample's liver
# Slices as the page counts them, the same ones whatever was measured before and whichever engine walks.
SEED_SLICE = 31
CORRECTED_SLICE = 37
CLICKED_SLICE = 25
ZIPPED = 20  # slices of a series
# Collects, for each move of the mouse, the milliseconds until the browser has drawn what follows it.
MOVES = """() => {
  window.moves = [];
  const seen = () => {
    const moved = performance.now();
    requestAnimationFrame(() => setTimeout(() => window.moves.push(performance.now() - moved)));
  };
  window.addEventListener("pointermove", seen, true);
}"""
# Turns the wheel over the large view, and counts the milliseconds until its next picture is there.
WHEEL = """() => new Promise((done) => {
  const view = document.querySelector(".remote-controlled-area");
  const picture = view.querySelector("img.image-display-area");
  const box = view.getBoundingClientRect();
  const turned = performance.now();
  picture.addEventListener("load", () => done(performance.now() - turned), { once: true });
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const options = { deltaY: -100, bubbles: true, cancelable: true, ...place };
  picture.dispatchEvent(new WheelEvent("wheel", options));
})"""


# Turns the wheel to and fro for some seconds, and counts the pictures of the large view in each.
SPIN = """(seconds) => new Promise((done) => {
  const view = document.querySelector(".remote-controlled-area");
  const picture = view.querySelector("img.image-display-area");
  const box = view.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  let pictures = 0;
  let turns = 0;
  const count = () => { pictures += 1; };
  picture.addEventListener("load", count);
  const turning = setInterval(() => {
    turns += 1;
    const options = { deltaY: turns % 20 < 10 ? -100 : 100, bubbles: true, cancelable: true, ...place };
    picture.dispatchEvent(new WheelEvent("wheel", options));
  }, 16);
  setTimeout(() => {
    clearInterval(turning);
    picture.removeEventListener("load", count);
    done(pictures / seconds);
  }, 1000 * seconds);
})"""
# From an event of a person to the browser having drawn what a selector and a text find.
WATCH = """([event, selector, text]) => {
  const isThere = () => [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text));
  window.watched = new Promise((done) => {
    window.addEventListener(event, () => {
      const began = performance.now();
      const changes = new MutationObserver(() => {
        if (!isThere()) return;
        changes.disconnect();
        requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000)));
      });
      changes.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
    }, { once: true, capture: true });
  });
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="registration")
    parser.add_argument("--slices", type=int, default=600, help="of the CT of 512 x 512")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load average before {load:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium(playwright)
        data = Path(folder)
        for part in [arguments.only] if arguments.only else PARTS:
            measure = PARTS[part]
            for what, value, goal in measure(browser, data, arguments):
                print(f"  {what:44s} {value:>10s}   goal {goal}", flush=True)
        browser.close()
    print(f"  load average after {os.getloadavg()[0]:.1f}")


def measure_gestures(browser, folder, arguments):
    """With the sample: start, hover, stroke, wheel, first slice, redo of a correction."""
    image = folder / "sample.nrrd"
    sample = make_sample()
    sitk.WriteImage(volume_of(sample.volume, sample.spacing_mm).image, str(image))
    program, page, seconds = started(browser, folder / "out_file", image)
    yield "start to the first page, of an image", seconds, "5 s"
    page.close()
    program.interrupt()
    program, page, seconds = started(browser, folder / "out", "sample")
    yield "start to the first page, of the sample", seconds, "5 s"
    choose_engine(page, arguments.engine)
    show_slice(page, SEED_SLICE)
    middle = middle_of(page)
    page.evaluate(MOVES)
    yield "move to ring, median", moved(page, middle), "20 ms"
    page.mouse.down()
    yield "move to stroke, median", moved(page, middle), "50 ms"
    page.mouse.up()
    page.wait_for_selector(".sp-seed", state="attached")
    page.wait_for_timeout(2000)
    page.evaluate(WATCH, ["click", ".sp-propagated", ""])
    page.click("[data-command=propagate]")
    yield "click to the first slice", watched(page), "300 ms"
    page.wait_for_selector("text=Done in", timeout=600_000)
    page.wait_for_timeout(2000)
    yield "wheel to picture, median", wheeled(page), "80 ms"
    yield "pictures while the wheel turns", spun(page), "30 a second"
    what = f"correction of slice {CORRECTED_SLICE} to redone, median"
    yield what, corrected(page, middle), "1 s"
    yield "Click to seed to its outline on the slice", clicked(page, middle), "2 s"
    page.close()
    program.interrupt()


def measure_ct(browser, folder, arguments):
    """A large CT: opened from the page, and the memory that it takes."""
    data = folder / "data"
    data.mkdir()
    write_ct(data / "ct.nii.gz", arguments.slices)
    program = Program(folder / "out_ct", "sample", "--data", data)
    page = open_page(browser, program.address, SIZE)
    page.wait_for_selector("[data-slice]", state="attached", timeout=120_000)
    page.click("[data-command=open]")
    row = page.locator("[data-open=load]").filter(has_text="ct.nii.gz")
    row.wait_for()
    clicked = time.perf_counter()
    row.click()
    page.wait_for_selector(".sp-volume >> text=ct.nii.gz ·", timeout=300_000)
    page.wait_for_selector(".sp-opening", state="hidden", timeout=300_000)
    size = f"{SIDE} x {SIDE} x {arguments.slices}"
    yield f"open a CT of {size}", seconds_since(clicked), "8 s"
    page.wait_for_timeout(5000)
    resident, highest = memory_mib(program)
    yield "memory with it (peak)", f"{resident} ({highest}) MiB", "2500 MiB"
    yield "wheel to picture in it, median", wheeled(page), "80 ms"
    yield "pictures of it while the wheel turns", spun(page), "30 a second"
    page.close()
    program.interrupt()


def measure_zip(browser, folder, arguments):
    """A zip archive of a DICOM series, uploaded to the page."""
    archive = folder / "series.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in write_dicom(folder / "series", ct((ZIPPED, SIDE, SIDE))):
            zipped.write(path, f"series/{path.name}")
    program = Program(folder / "out_zip", "sample")
    page = open_page(browser, program.address, SIZE)
    page.wait_for_selector("[data-slice]", state="attached", timeout=120_000)
    page.click("[data-command=open]")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload files", exact=True).click()
    chosen = time.perf_counter()
    chooser.value.set_files(archive)
    page.wait_for_selector(".sp-volume >> text=series ·", timeout=300_000)
    page.wait_for_selector(".sp-opening", state="hidden", timeout=300_000)
    yield f"upload and open a zip of {ZIPPED} slices", seconds_since(chosen), "seconds"
    page.close()
    program.interrupt()


def measure_cases(browser, folder, arguments):
    """A worklist, from the first byte of the page to its first row."""
    table = write_cases(folder / "cases")
    program = Program(folder / "out_cases", "--cases", table)
    page = browser.new_page()
    began = time.perf_counter()
    page.goto(program.address)
    page.wait_for_selector("[data-case]", timeout=120_000)
    yield f"page of {CASES} cases to the first row", seconds_since(began), "1 s"
    page.get_by_text("Close", exact=True).click()
    page.wait_for_selector("[data-case]", state="detached")
    page.evaluate(WATCH, ["click", "[data-case]", ""])
    page.click("[data-command=cases]")
    yield "Cases pressed to the first row", watched(page), "1 s"
    page.close()
    program.interrupt()


def started(browser, out, image):
    """The program and its page, and how long both took until the slices were there."""
    began = time.perf_counter()
    program = Program(out, image)
    page = open_page(browser, program.address, SIZE)
    page.wait_for_selector("[data-slice]", state="attached", timeout=120_000)
    return program, page, seconds_since(began)


def watched(page):
    """What `WATCH` measured, as text."""
    return f"{page.evaluate('() => window.watched'):.2f} s"


def middle_of(page):
    """Where the mouse draws: on the large view, in the sample's liver."""
    box = page.locator(".remote-controlled-area").first.bounding_box()
    right, down = BESIDE
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down


def moved(page, middle):
    """Moves the mouse; milliseconds until the browser has drawn, as text."""
    x, y = middle
    page.evaluate("() => { window.moves.length = 0; }")
    for number in range(TIMES):
        page.mouse.move(x + 3 * (number % 5), y + 2 * number)
        page.wait_for_timeout(60)
    return f"{statistics.median(page.evaluate('() => window.moves')):.0f} ms"


def wheeled(page):
    """Turns the wheel; milliseconds until the picture is another one, as text."""
    times = []
    for _ in range(TIMES):
        times.append(page.evaluate(WHEEL))
        page.wait_for_timeout(300)
    return f"{statistics.median(times):.0f} ms"


def spun(page):
    """Turns the wheel on and on; how many pictures come, as text."""
    rate = page.evaluate(SPIN, SPIN_SECONDS)
    page.wait_for_timeout(1000)
    return f"{rate:.0f} a second"


def corrected(page, middle):
    """Draws on a predicted slice; seconds until the slices around it are computed anew, as text."""
    choose(page, "Auto-update", "After each correction")
    times = [corrected_once(page, middle) for _ in range(CORRECTIONS)]
    return f"{statistics.median(times):.2f} s"


def corrected_once(page, middle):
    """Seconds of one correction, which is taken back."""
    show_slice(page, CORRECTED_SLICE)
    x, y = middle
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x - 20, y + 10, steps=5)
    page.evaluate(WATCH, ["pointerup", ".sp-message", "taken over by its neighbours"])
    page.mouse.up()
    seconds = page.evaluate("() => window.watched")
    page.wait_for_timeout(2500)  # the old outline goes
    page.click("[data-command=undo]")
    page.wait_for_timeout(1000)
    page.click("[data-command=undo]")
    page.wait_for_selector(f"{strip_cell(CORRECTED_SLICE)}.sp-propagated", state="attached")
    page.wait_for_timeout(1000)
    return seconds


def clicked(page, middle):
    """Clicks on a predicted slice; seconds until it has another outline, as text."""
    show_slice(page, CLICKED_SLICE)
    page.click("[data-tool=seed]")
    page.evaluate(WATCH, ["pointerup", f"{strip_cell(CLICKED_SLICE)}.sp-correction", ""])
    page.mouse.click(*middle)
    return watched(page)


def show_slice(page, number):
    """Has the large view show a slice, and stay on it.

    A busy program still turns the wheel when a person has stopped, so the slice is asked for again.
    """
    shown = page.locator("[data-edges=Red] .sp-where span").first
    while not shown.inner_text().startswith(f"{number} of "):
        page.click(strip_cell(number))
        page.wait_for_timeout(2000)


def strip_cell(number):
    """What finds the bar of a slice on the strip."""
    return f"[data-slice='{number - 1}']"


def choose(page, label, option):
    page.locator(f"[data-choice='{label}']").click()
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_timeout(500)


def seconds_since(began):
    return f"{time.perf_counter() - began:.2f} s"


def write_ct(path, num_slices):
    """The sample with more and smaller voxels, as a file."""
    sample = make_sample()
    times = [
        -(-wanted // have)
        for wanted, have in zip((num_slices, SIDE, SIDE), sample.volume.shape, strict=True)
    ]
    array = sample.volume
    for axis, number in enumerate(times):
        array = np.repeat(array, number, axis)
    image = sitk.GetImageFromArray(array[:num_slices, :SIDE, :SIDE])
    pairs = zip(sample.spacing_mm, times, strict=True)
    image.SetSpacing([length / number for length, number in pairs][::-1])
    sitk.WriteImage(image, str(path))


def write_cases(folder):
    """A table of many cases of one small image; returns its path."""
    folder.mkdir()
    image = sitk.GetImageFromArray(np.arange(8 * 32 * 32, dtype=np.int16).reshape(8, 32, 32))
    rows = []
    for number in range(CASES):
        path = folder / f"case_{number:04d}.nrrd"
        sitk.WriteImage(image, str(path))
        rows.append(path.name)
    table = folder / "cases.csv"
    table.write_text("\n".join(["image", *rows]) + "\n", encoding="utf-8")
    return table


PARTS = {
    "gestures": measure_gestures,
    "ct": measure_ct,
    "zip": measure_zip,
    "cases": measure_cases,
}


if __name__ == "__main__":
    main()
