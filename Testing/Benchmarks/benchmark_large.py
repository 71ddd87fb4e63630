"""Private memory of the page's program with a volume of 4.2 GB, from opening to saving.

    python Testing/Benchmarks/benchmark_large.py [--slices 2000] [--image FILE.nrrd]
        [--engine registration] [--run 20] [--pictures FOLDER]

Makes a volume of 1024 x 1024 x SLICES voxels (uint16; 2000 slices are 4.2 GB on the disk, noise and
a structure that winds through all of it), and does at the page, in a browser, what a person does:
open, draw, propagate over `--run` slices, correct, propagate again, undo and redo, save. `--image`
keeps the volume in a file, and takes it from there the next time.

Memory is what is anonymous in the program and the processes that it starts (Linux): pages of files
do not count, nor does the browser.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, SOURCES)

from at_the_page import LISTEN, click
from benchmark_page import choose_engine
from large_volume import MemoryWatch, write_volume
from playwright.sync_api import sync_playwright
from program import Program
from web_bench import chromium, large_view, open_page

PATIENCE_S = 300
RUN_PATIENCE_S = 1200
CORRECTED = 5  # so many slices behind the one in the middle, which is drawn on first
REST_S = 3  # after which thumbnails, the 3D view and what is kept of unsaved work are done
SET = """(values) => {
  for (const name in values)
    window.trame.state.set(`work__PanelState__${name}`, values[name]);
}"""
SAVED = "() => window.trame.state.get('work__PanelState__saved').length > 0"
JUMP = "(index) => window.trame.trigger('command', ['jump', index])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--engine", default="registration")
    parser.add_argument("--run", type=int, default=20)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        image = arguments.image or Path(name) / "image.nrrd"
        if not image.is_file():
            write_volume(image, arguments.slices)
        browser = chromium(playwright)
        person = Person(browser, Path(name) / "out", arguments.pictures)
        person.annotate(image, arguments.slices, arguments.engine, arguments.run)
        browser.close()


# What a person does


class Person:
    """Somebody at the page.

    Args:
        browser: of Playwright.
        out: folder of results.
        pictures: where pictures of the page go, or None.
    """

    def __init__(self, browser, out: Path, pictures: Path | None) -> None:
        self._browser = browser
        self._out = out
        self._pictures = pictures
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)

    def annotate(self, image: Path, num_slices: int, engine: str, run: int) -> None:
        """Open, draw, propagate, correct, propagate again, undo, redo, save."""
        program = Program(self._out, image)
        self._watch = MemoryWatch(program.process.pid)
        try:
            print(f"{image.stat().st_size / 1e9:.1f} GB; engine {engine}; {run} slices a run")
            self._watch.begin()
            self._do("opened", self._open, program.address)
            middle = num_slices // 2
            choose_engine(self._page, engine)
            span = [middle - run // 2, middle + run // 2]
            values = {"span": span, "to_the_end": False, "after_correction": "never"}
            self._page.evaluate(SET, values)
            self._do("drawn", self._draw, middle, "seed")
            self._do("propagated", self._propagate)
            self._do("corrected", self._draw, middle + CORRECTED, "correction")
            self._do("propagated again", self._propagate)
            self._do("undone and done again", self._undo)
            self._do("saved", self._save)
            self._watch.end()
        finally:
            program.interrupt()

    def _do(self, what: str, act, *arguments) -> None:
        began = time.perf_counter()
        act(*arguments)
        seconds = time.perf_counter() - began
        time.sleep(REST_S)
        self._watch.show(what, seconds)
        if self._pictures:
            self._page.screenshot(path=str(self._pictures / f"{what}.png"))

    def _open(self, address: str) -> None:
        self._page = open_page(self._browser, address, patience_s=PATIENCE_S)
        self._page.wait_for_selector("[data-slice]", state="attached")

    def _draw(self, index: int, kind: str) -> None:
        """A cross in the middle of the view, which is that of the slice."""
        page = self._page
        page.evaluate(JUMP, index)
        page.wait_for_timeout(1000 * REST_S)
        box = large_view(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for right, down in ((40, 0), (0, 40)):
            page.mouse.move(x - right, y - down)
            page.mouse.down()
            page.mouse.move(x + right, y + down, steps=8)
            page.mouse.up()
        page.wait_for_selector(f"[data-slice='{index}'].sp-{kind}", state="attached")

    def _propagate(self) -> None:
        page = self._page
        page.evaluate(LISTEN)
        click(page, "propagate")
        over = "() => window.said.some((text) => text.includes('Done in'))"
        page.wait_for_function(over, timeout=1000 * RUN_PATIENCE_S)

    def _undo(self) -> None:
        for command in ("undo", "redo"):
            click(self._page, command)
            self._page.wait_for_timeout(1000 * REST_S)

    def _save(self) -> None:
        page = self._page
        page.keyboard.press("Control+s")
        click(page, "write")
        page.wait_for_function(SAVED)


if __name__ == "__main__":
    main()
