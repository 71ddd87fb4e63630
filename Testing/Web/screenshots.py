"""Pictures of the page in each of its states, at 1280 x 800 and 1920 x 1080.

python Testing/Web/screenshots.py FOLDER
"""

import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, SOURCES)

from playwright.sync_api import sync_playwright
from program import Program
from SlicePropagationWeb.opening import not_restored
from web_bench import Bench, chromium, open_page, sample_volume, wait_for

from SlicePropagationLib.errors import InputError

SIZES = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080})
SEED = 34
REST_MS = 1500
OFFER = {
    "title": "chest.nii.gz",
    "at": "2026-01-31 09:41",
    "image": "chest.nii.gz",
}
TWO_IMAGES = "The upload has more than one image (a.nrrd, b.nrrd); upload one volume at a time."
DAMAGED = "image.nii.gz cannot be read as an image; it may be truncated or of another kind."


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as out, sync_playwright() as playwright:
        browser = chromium(playwright)
        bench = Bench(out)
        for size in SIZES:
            Tour(bench, browser, size, folder).of_an_empty_page()
        for size in SIZES:
            Tour(bench, browser, size, folder).of_the_workflow()
        bench.stop()
        for size in SIZES:
            program = Program(tempfile.mkdtemp(dir=out))
            Tour(program, browser, size, folder).of_a_program_that_is_gone()
        browser.close()


class Tour:
    """Goes through states of the page and takes a picture of each.

    Args:
        bench: with the program; or a Program, for what happens when it ends.
        browser: of Playwright.
        size: of the window.
        folder: that the pictures go to.
    """

    def __init__(self, bench, browser, size, folder):
        self._bench = bench
        self._browser = browser
        self._size = size
        self._folder = folder
        self._page = open_page(browser, bench.address, size)

    def of_an_empty_page(self):
        """The page before anything is open."""
        self._page.wait_for_selector(".sp-welcome")
        self._shoot("01-empty")
        self._set("loading", "Opening chest.nii.gz…")
        self._shoot("02-opening")
        self._set("loading", "")
        self._page.close()

    def of_the_workflow(self):
        """From a seed to a result that is saved, and what can go wrong."""
        self._bench.open_sample("slice_unet")
        self._page.wait_for_selector("[data-slice]", state="attached")
        self._shoot_at_rest("03-ready")
        self._run()
        self._review()
        self._tools()
        self._files()
        self._problems()
        self._another_tab()
        self._click("[data-plane=coronal]")
        self._shoot_at_rest("19-coronal")
        self._page.close()

    def of_a_program_that_is_gone(self):
        """What the page says once the program does not answer any more."""
        self._page.wait_for_selector(".sp-welcome")
        self._bench.kill()
        self._page.wait_for_selector(".sp-gone")
        self._shoot("20-program-gone")
        self._page.close()

    def _run(self):
        page = self._page
        self._bench.paint_spleen(page, SEED)
        page.wait_for_selector(".sp-seed", state="attached")
        page.hover("[data-command=propagate]")
        self._shoot("04-seed")
        self._command("propagate")
        self._rest()
        wait_for(page, lambda: page.locator(".sp-propagated").count() >= 4)
        self._shoot("05-running", wait=False)
        self._command("stop")
        page.wait_for_selector("[data-command=keep]")
        self._shoot_at_rest("06-stopped")
        self._command("discard")
        self._command("propagate")
        page.wait_for_selector("text=Done in", timeout=120_000)
        self._shoot_at_rest("07-propagated")

    def _review(self):
        self._command("next")
        self._shoot_at_rest("08-suspicious")
        self._bench.paint_spleen(self._page, self._bench.data.index)
        self._page.wait_for_selector(".sp-correction", state="attached")
        self._shoot_at_rest("09-corrected")

    def _tools(self):
        page = self._page
        page.get_by_label("To the end of the structure").uncheck()
        self._click("[data-tool=scissors]")
        self._shoot_at_rest("10-scissors-and-range")
        self._click("[data-tool=threshold]")
        page.get_by_text("Use as mask").click()
        self._shoot_at_rest("11-masked")
        page.get_by_label("Only intensities").uncheck()
        page.get_by_label("To the end of the structure").check()

    def _files(self):
        self._command("save")
        self._command("write")
        self._shoot("12-saved")
        self._close_dialog()
        self._command("open")
        self._shoot("13-open")
        self._say_error(TWO_IMAGES)
        self._shoot("21-refused")
        self._set("upload", 42)
        self._say_nothing()
        self._shoot("22-uploading")
        self._set("upload", -1)
        self._page.locator("[data-open=continue]").first.click()
        self._page.wait_for_selector("text=Went on with")
        self._shoot_at_rest("23-went-on")

    def _problems(self):
        self._command("details")
        self._shoot("14-details")
        self._close_dialog()
        self._say_error(DAMAGED)
        self._shoot("15-error")
        self._say_nothing()
        self._set("offer", OFFER)
        self._shoot("16-unsaved")
        problem = InputError("There is no file chest.nii.gz; check the name.")
        self._set("offer", {**OFFER, "problem": not_restored(OFFER, problem)})
        self._shoot("17-image-gone")
        self._set("offer", None)

    def _another_tab(self):
        second = open_page(self._browser, self._bench.address, self._size)
        second.wait_for_selector("text=in use in another tab")
        self._shoot("18-second-tab", page=second)
        second.close()

    # One thing each

    def _shoot_at_rest(self, name):
        self._rest()
        self._shoot(name)

    def _shoot(self, name, *, wait=True, page=None):
        """Take a picture; wait until all is at rest, unless something moves that is to be seen."""
        page = page or self._page
        if wait:
            page.wait_for_timeout(REST_MS)
        path = self._folder / f"{name}-{self._size['width']}.png"
        page.screenshot(path=str(path))
        print(path, flush=True)

    def _rest(self):
        """Move the mouse to where it shows nothing."""
        self._page.mouse.move(self._size["width"] / 2, 20)

    def _click(self, selector):
        self._page.click(selector)

    def _command(self, name):
        self._click(f"[data-command={name}]")

    def _close_dialog(self):
        self._page.get_by_text("Close", exact=True).click()

    def _set(self, name, value):
        self._bench.call(setattr, self._bench.data, name, value)

    def _say_error(self, text):
        self._bench.call(self._bench.application.workflow.say, text, is_error=True)

    def _say_nothing(self):
        self._bench.call(self._bench.application.workflow.say, "")


if __name__ == "__main__":
    sample_volume()
    main(Path(sys.argv[1]))
