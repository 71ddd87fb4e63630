"""How long a person at the page waits, and how much memory the page's program takes, with the sample and with a CT of 512 x 512 x 300.

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

sys.path[:0] = [
    str(Path(__file__).resolve().parents[2] / part)
    for part in ("", "SlicePropagation", "Testing/Web")
]

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
  const frame = (now) => { watch.frames.push(now - last); last = now; if (watch.on) requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
CT_REPEATS = (5, 2, 2)  # of the sample's 60 x 256 x 256 voxels


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="slice_unet")
    parser.add_argument("--only", choices=("sample", "ct"), help="one of the two volumes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium(playwright)
        volumes = {
            "sample": ("sample, 256 x 256 x 60", lambda: "sample"),
            "ct": ("CT, 512 x 512 x 300", lambda: write_ct(Path(folder) / "ct.nii.gz")),
        }
        for name, make in [volumes[arguments.only]] if arguments.only else volumes.values():
            path = make()
            print(
                f"{name}; engine {arguments.engine}; {os.cpu_count()} cores, load average before"
                f" {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            for what, value in measure(
                browser,
                path,
                Path(tempfile.mkdtemp(dir=folder)),
                arguments.engine,
            ).items():
                print(f"  {what:48s} {value}", flush=True)
            print(
                f"  load average after                               {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        browser.close()


def write_ct(path):
    """The sample with more and smaller voxels, as a file."""
    sample = make_sample()
    array = sample.volume
    for axis, times in enumerate(CT_REPEATS):
        array = np.repeat(array, times, axis)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(
        tuple(reversed([spacing / times for spacing, times in zip(sample.spacing_mm, CT_REPEATS)]))
    )
    sitk.WriteImage(image, str(path))
    return path


def measure(browser, image, out, engine):
    """{what: value} of one session: open, paint, propagate."""
    began = time.perf_counter()
    program = Program(out, str(image))
    page = open_page(browser, program.address)
    page.wait_for_selector("[data-slice]", state="attached", timeout=120_000)
    opened = time.perf_counter() - began
    page.wait_for_timeout(5000)
    memory_open = memory_mib(program)
    page.locator("[data-choice='Engine']").click()
    page.get_by_role("option", name=engineTitle(engine), exact=True).click()
    page.wait_for_timeout(5000)
    page.mouse.move(845, 310)
    page.mouse.down()
    for x, y in ((848, 330), (845, 350), (838, 370), (850, 340)):
        page.mouse.move(x, y, steps=5)
    page.mouse.up()
    released = time.perf_counter()
    page.wait_for_selector(".sp-seed", state="attached")
    drawn = time.perf_counter() - released
    page.wait_for_timeout(3000)
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
    used = memory_mib(program)
    stops = [stop_once(page) for _ in range(NUM_STOPS)]
    page.close()
    program.interrupt()
    pings = sorted(watched["pings"])
    return {
        "start to the volume on the page": f"{opened:.1f} s",
        "mouse released to the seed on the strip": f"{drawn:.2f} s",
        "click to the first slice": f"{first:.2f} s",
        f"click to the last of {count} slices": (
            f"{last:.1f} s ({1000 * last / count:.0f} ms a slice)"
        ),
        f"answers during the run ({len(pings)}): median, longest": (
            f"{statistics.median(pings):.0f} ms, {pings[-1]:.0f} ms"
        ),
        "pictures of the page during the run: longest gap": f"{max(watched['frames']):.0f} ms",
        f"click on Stop to stopped ({NUM_STOPS} times): median, longest": (
            f"{1000 * statistics.median(stops):.0f} ms, {1000 * max(stops):.0f} ms"
        ),
        "memory with the volume open": f"{memory_open[0]} MiB",
        "memory after the run (peak)": f"{used[0]} MiB ({used[1]} MiB)",
    }


def stop_once(page):
    """Seconds from the click on Stop to a page that asks what to keep.

    The run before is undone, and the result discarded.
    """
    page.click("[data-command=undo]")
    page.wait_for_function("() => document.querySelectorAll('.sp-propagated').length === 0")
    page.click("[data-command=propagate]")
    page.wait_for_function(
        f"() => document.querySelectorAll('.sp-propagated').length >= {STOP_AFTER}",
        polling=20,
    )
    seconds = page.evaluate("""() => new Promise((done) => {
      const clicked = performance.now();
      document.querySelector('[data-command=stop]').click();
      const look = () => document.querySelector('[data-command=keep]') ? done((performance.now() - clicked) / 1000) : setTimeout(look, 5);
      look();
    })""")
    page.click("[data-command=discard]")
    page.click("[data-command=redo]")
    page.wait_for_function(
        f"() => document.querySelectorAll('.sp-propagated').length > {STOP_AFTER}"
    )
    return seconds


def memory_mib(program):
    """(resident now, highest so far) of the program, in MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8")
    return tuple(
        int(next(line for line in status.splitlines() if line.startswith(key)).split()[1]) // 1024
        for key in ("VmRSS", "VmHWM")
    )


if __name__ == "__main__":
    main()
