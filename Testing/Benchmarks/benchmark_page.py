"""How long a person at the page waits, and how much memory the page's program takes.

With the sample and with a CT of 512 x 512 x 300.

    python Testing/Benchmarks/benchmark_page.py [--engine NAME] [--only sample|ct]

The load average stands beside each figure's block: with other work on the machine, the times are
those of a shared one.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, SOURCES)

from playwright.sync_api import sync_playwright
from program import Program
from SlicePropagationMRML.presenting.controls import engineTitle
from web_bench import chromium, open_page

from SlicePropagationLib.pipelines.phantom_volume import make_sample

NUM_STOPS = 5
STOP_AFTER = 4  # slices
# Asks the server something small again and again, and counts the time until each answer; and the
# time between two pictures of the page.
WATCH = """() => {
  const watch = window.watch = {on: true, pings: [], frames: []};
  (async () => { while (watch.on) {
    const asked = performance.now();
    await window.trame.trigger('enter', [window.slicePropagation.tab]);
    watch.pings.push(performance.now() - asked);
    await new Promise((done) => setTimeout(done, 10));
  } })();
  let last = performance.now();
  const frame = (now) => {
    watch.frames.push(now - last);
    last = now;
    if (watch.on) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
# Stops a run, and counts the seconds until the page asks what to keep; null where the run was over.
STOP = """() => new Promise((done) => {
  const clicked = performance.now();
  const stop = document.querySelector('[data-command=stop]');
  if (stop) stop.click();
  const look = () => {
    const asks = document.querySelector('[data-command=keep]');
    const isOver = document.querySelector('[data-command=propagate]');
    if (asks || isOver) done(asks ? (performance.now() - clicked) / 1000 : null);
    else setTimeout(look, 5);
  };
  look();
})"""
CT_REPEATS = (5, 2, 2)  # of the sample's 60 x 256 x 256 voxels
VOLUMES = {"sample": "sample, 256 x 256 x 60", "ct": "CT, 512 x 512 x 300"}
STROKE = ((848, 330), (845, 350), (838, 370), (850, 340))  # on the window, from (845, 310) on


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="slice_unet")
    parser.add_argument("--only", choices=("sample", "ct"), help="one of the two volumes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium(playwright)
        for name in [arguments.only] if arguments.only else VOLUMES:
            report(browser, name, arguments.engine, Path(folder))
        browser.close()


def report(browser, name, engine, folder):
    """Print what is measured with one of the volumes."""
    image = "sample" if name == "sample" else write_ct(folder / "ct.nii.gz")
    load = os.getloadavg()[0]
    print(
        f"{VOLUMES[name]}; engine {engine}; {os.cpu_count()} cores, load average before {load:.1f}",
        flush=True,
    )
    out = Path(tempfile.mkdtemp(dir=folder))
    for what, value in measure(browser, image, out, engine).items():
        print(f"  {what:48s} {value}", flush=True)
    load = os.getloadavg()[0]
    print(f"  {'load average after':48s} {load:.1f}", flush=True)


def write_ct(path):
    """The sample with more and smaller voxels, as a file."""
    sample = make_sample()
    array = sample.volume
    for axis, times in enumerate(CT_REPEATS):
        array = np.repeat(array, times, axis)
    image = sitk.GetImageFromArray(array)
    pairs = zip(sample.spacing_mm, CT_REPEATS, strict=True)
    spacing = [length / times for length, times in pairs]
    image.SetSpacing(spacing[::-1])
    sitk.WriteImage(image, str(path))
    return path


def measure(browser, image, out, engine):
    """{what: value} of one session: open, paint, propagate, stop."""
    began = time.perf_counter()
    program = Program(out, str(image))
    page = open_page(browser, program.address)
    page.wait_for_selector("[data-slice]", state="attached", timeout=120_000)
    found = {"start to the volume on the page": f"{time.perf_counter() - began:.1f} s"}
    page.wait_for_timeout(5000)
    resident, _ = memory_mib(program)
    choose_engine(page, engine)
    found |= measure_stroke(page)
    found |= measure_run(page)
    found |= {"memory with the volume open": f"{resident} MiB"}
    resident, highest = memory_mib(program)
    found |= {"memory after the run (peak)": f"{resident} MiB ({highest} MiB)"}
    found |= measure_stops(page)
    page.close()
    program.interrupt()
    return found


def choose_engine(page, engine):
    page.locator("[data-choice='Engine']").click()
    page.get_by_role("option", name=engineTitle(engine), exact=True).click()
    page.wait_for_timeout(5000)


def measure_stroke(page):
    page.mouse.move(845, 310)
    page.mouse.down()
    for x, y in STROKE:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()
    released = time.perf_counter()
    page.wait_for_selector(".sp-seed", state="attached")
    seconds = time.perf_counter() - released
    page.wait_for_timeout(3000)
    return {"mouse released to the seed on the strip": f"{seconds:.2f} s"}


def measure_run(page):
    page.evaluate(WATCH)
    clicked = time.perf_counter()
    page.click("[data-command=propagate]")
    page.wait_for_selector(".sp-propagated", state="attached")
    first = time.perf_counter() - clicked
    page.wait_for_selector("text=Done in", timeout=600_000)
    last = time.perf_counter() - clicked
    watched = page.evaluate("() => { window.watch.on = false; return window.watch; }")
    page.wait_for_timeout(4000)
    count = page.locator(".sp-propagated").count()
    pings = watched["pings"]
    gap = max(watched["frames"])
    return {
        "click to the first slice": f"{first:.2f} s",
        f"click to the last of {count} slices": (
            f"{last:.1f} s ({1000 * last / count:.0f} ms a slice)"
        ),
        f"answers during the run ({len(pings)}): median, longest": median_and_longest(pings),
        "pictures of the page during the run: longest gap": f"{gap:.0f} ms",
    }


def measure_stops(page):
    tried = [stop_once(page) for _ in range(NUM_STOPS)]
    stops = [1000 * seconds for seconds in tried if seconds is not None]
    what = f"click on Stop to stopped ({len(stops)} of {NUM_STOPS} times): median, longest"
    return {what: median_and_longest(stops) if stops else "each run was over before"}


def median_and_longest(milliseconds):
    return f"{statistics.median(milliseconds):.0f} ms, {max(milliseconds):.0f} ms"


def stop_once(page):
    """Seconds from the click on Stop to a page that asks what to keep; None where the run was over.

    The run before is undone, and the result discarded.
    """
    page.click("[data-command=undo]")
    page.wait_for_function("() => document.querySelectorAll('.sp-propagated').length === 0")
    page.click("[data-command=propagate]")
    page.wait_for_function(
        f"() => document.querySelectorAll('.sp-propagated').length >= {STOP_AFTER}",
        polling=20,
    )
    seconds = page.evaluate(STOP)
    if seconds is None:
        return None
    page.click("[data-command=discard]")
    page.click("[data-command=redo]")
    page.wait_for_function(
        f"() => document.querySelectorAll('.sp-propagated').length > {STOP_AFTER}"
    )
    return seconds


def memory_mib(program):
    """(resident now, highest so far) of the program, in MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return mib(fields["VmRSS"]), mib(fields["VmHWM"])


def mib(field):
    """What a field such as "1234 kB" says."""
    return int(field.split()[0]) // 1024


if __name__ == "__main__":
    main()
