"""The picture of the page in `docs/page.md`: a run under review, at 1280 x 800.

python Testing/Web/page_picture.py Resources/Screenshots/page.png
"""

import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, SOURCES)

import numpy as np
from at_the_page import click, propagate, wait_for_kind
from playwright.sync_api import sync_playwright
from scipy import ndimage
from web_bench import SETTLED_MS, SPLEEN, Bench, chromium, open_page, sample_volume

SEED = 32
CORRECTED = 41
SHOWN = 36
REST_MS = 3000  # after which the 3D view shows the segment


def main(path):
    with tempfile.TemporaryDirectory() as out, sync_playwright() as playwright:
        browser = chromium(playwright)
        bench = Bench(out)
        bench.open_sample("slice_unet")
        page = open_page(browser, bench.address)
        page.wait_for_selector("[data-slice]", state="attached")
        bench.wait_until_drawn(page)
        page.wait_for_timeout(SETTLED_MS)
        _annotate(page, bench)
        bench.show_slice(SHOWN)
        bench.wait_for_value(page, "index", SHOWN)
        page.mouse.move(640, 20)
        page.wait_for_timeout(REST_MS)
        page.screenshot(path=str(path))
        page.close()
        bench.stop()
        browser.close()


def _annotate(page, bench):
    """Draw on one slice, propagate, correct another one, propagate again, confirm one."""
    click_tool(page, bench, "draw")
    _draw(page, bench, SEED)
    wait_for_kind(page, SEED, "seed")
    propagate(page)
    _draw(page, bench, CORRECTED)
    wait_for_kind(page, CORRECTED, "correction")
    propagate(page)
    bench.show_slice(SHOWN + 1)
    bench.wait_for_value(page, "index", SHOWN + 1)
    click(page, "confirm")
    wait_for_kind(page, SHOWN + 1, "confirmed")
    click_tool(page, bench, "trace")


def click_tool(page, bench, tool):
    page.click(f"[data-tool={tool}]")
    bench.wait_for_value(page, "tool", tool)


def _draw(page, bench, index):
    """Follow the outline of the sample's spleen on a slice with the mouse."""
    bench.show_slice(index)
    bench.wait_for_value(page, "index", index)
    page.wait_for_timeout(SETTLED_MS)
    bench.stroke(page, index, outline_of(sample_volume()[1][index] == SPLEEN))


def outline_of(mask):
    """[(row, column)] around a mask, every few pixels of its rim."""
    rows = np.flatnonzero(mask.any(axis=1))
    smooth = ndimage.binary_opening(mask)
    left = [(row, np.flatnonzero(smooth[row]).min() - 0.5) for row in rows if smooth[row].any()]
    right = [(row, np.flatnonzero(smooth[row]).max() + 0.5) for row in rows if smooth[row].any()]
    around = [*left, *right[::-1], left[0]]
    return [(float(row), float(column)) for row, column in around]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
