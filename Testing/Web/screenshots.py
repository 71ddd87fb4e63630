"""Pictures of the page in each of its states, at 1280 x 800 and 1920 x 1080.

python Testing/Web/screenshots.py FOLDER
"""

import itertools
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[2] / part)
    for part in ("", "SlicePropagation", "Testing/Web")
]

from playwright.sync_api import sync_playwright
from SlicePropagationWeb.opening import not_restored
from web_bench import Bench, chromium, open_page, sample_volume, wait_for

from SlicePropagationLib.errors import InputError

SIZES = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080})
SEED = 34


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as out, sync_playwright() as playwright:
        browser = chromium(playwright)
        bench = Bench(out)
        for take, size in itertools.product((take_empty, take_all), SIZES):
            take(
                bench,
                browser,
                size,
                lambda page, name, wait=True: shoot(
                    page,
                    folder / f"{name}-{size['width']}.png",
                    wait,
                ),
            )
        browser.close()
        bench.stop()


def shoot(page, path, wait=True):
    """Take a picture; wait until the page is at rest, unless something moves that is to be seen."""
    if wait:
        page.wait_for_timeout(1500)
    page.screenshot(path=str(path))
    print(path, flush=True)


def take_empty(bench, browser, size, shot):
    """The page before anything is open."""
    page = open_page(browser, bench.address, size)
    page.wait_for_selector(".sp-welcome")
    shot(page, "01-empty")
    bench.call(setattr, bench.application.data, "loading", "Opening chest.nii.gz…")
    shot(page, "02-opening")
    bench.call(setattr, bench.application.data, "loading", "")
    page.close()


def take_all(bench, browser, size, shot):
    """Go through the workflow and take a picture of each state."""
    application = bench.application
    page = open_page(browser, bench.address, size)

    def rest():
        page.mouse.move(size["width"] / 2, 20)

    bench.open_sample("slice_unet")
    page.wait_for_selector("[data-slice]", state="attached")
    rest()
    shot(page, "03-ready")
    bench.paint_spleen(page, SEED)
    page.wait_for_selector(".sp-seed", state="attached")
    page.hover("[data-command=propagate]")
    shot(page, "04-seed")
    page.click("[data-command=propagate]")
    rest()
    wait_for(page, lambda: page.locator(".sp-propagated").count() >= 4)
    shot(page, "05-running", False)
    page.click("[data-command=stop]")
    page.wait_for_selector("[data-command=keep]")
    rest()
    shot(page, "06-stopped")
    page.click("[data-command=discard]")
    page.click("[data-command=propagate]")
    page.wait_for_selector("text=Done in", timeout=120_000)
    rest()
    shot(page, "07-propagated")
    page.click("[data-command=next]")
    rest()
    shot(page, "08-suspicious")
    bench.paint_spleen(page, application.data.index)
    page.wait_for_selector(".sp-correction", state="attached")
    rest()
    shot(page, "09-corrected")
    page.get_by_label("To the end of the structure").uncheck()
    page.click("[data-tool=scissors]")
    rest()
    shot(page, "10-scissors-and-range")
    page.click("[data-tool=threshold]")
    page.get_by_text("Use as mask").click()
    rest()
    shot(page, "11-masked")
    page.get_by_text("Paint everywhere").click()
    page.get_by_label("To the end of the structure").check()
    page.click("[data-command=save]")
    page.click("[data-command=write]")
    shot(page, "12-saved")
    page.get_by_text("Close", exact=True).click()
    page.click("[data-command=open]")
    shot(page, "13-open")
    bench.call(
        application.workflow.say,
        "The upload has more than one image (a.nrrd, b.nrrd); upload one volume at a time.",
        is_error=True,
    )
    shot(page, "21-refused")
    bench.call(setattr, application.data, "upload", 42)
    bench.call(application.workflow.say, "")
    shot(page, "22-uploading")
    bench.call(setattr, application.data, "upload", -1)
    page.locator("[data-open=continue]").first.click()
    page.wait_for_selector("text=Went on with")
    rest()
    shot(page, "23-went-on")
    page.click("[data-command=details]")
    shot(page, "14-details")
    page.get_by_text("Close", exact=True).click()
    bench.call(
        lambda: application.workflow.say(
            "image.nii.gz cannot be read as an image; it may be truncated or of another kind.",
            is_error=True,
        )
    )
    shot(page, "15-error")
    bench.call(lambda: application.workflow.say(""))
    offer = {"title": "chest.nii.gz", "at": "2026-01-31 09:41", "image": "chest.nii.gz"}
    bench.call(setattr, application.data, "offer", offer)
    shot(page, "16-unsaved")
    problem = InputError("There is no file chest.nii.gz; check the name.")
    bench.call(
        setattr,
        application.data,
        "offer",
        {**offer, "problem": not_restored(offer, problem)},
    )
    shot(page, "17-image-gone")
    bench.call(setattr, application.data, "offer", None)
    second = open_page(browser, bench.address, size)
    second.wait_for_selector("text=in use in another tab")
    shot(second, "18-second-tab")
    second.close()
    page.click("[data-plane=coronal]")
    rest()
    shot(page, "19-coronal")
    page.evaluate(
        "window.trame.state.set('trame__template_main',"
        " window.trame.state.get('trame__template_error'))"
    )  # what trame does when the program is gone
    shot(page, "20-program-gone")
    page.close()


if __name__ == "__main__":
    sample_volume()
    main(Path(sys.argv[1]))
