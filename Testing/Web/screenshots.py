"""Pictures of the page in each of its states, at 1280 x 800 and 1920 x 1080.

    python Testing/Web/screenshots.py FOLDER
"""

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / part) for part in ("", "SlicePropagation", "Testing/Web")]

from playwright.sync_api import sync_playwright                             # noqa: E402
from web_bench import Bench, chromium, open_page, sample_volume, wait_for   # noqa: E402

SIZES = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080})
SEED = 34


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as out, sync_playwright() as playwright:
        browser, bench = chromium(playwright), Bench(out)
        for size in SIZES:
            take_all(bench, browser, size, lambda page, name: shoot(page, folder / f"{name}-{size['width']}.png"))
        browser.close()
        bench.stop()


def shoot(page, path):
    page.wait_for_timeout(1500)
    page.screenshot(path=str(path))
    print(path, flush=True)


def take_all(bench, browser, size, shot):
    """Go through the workflow and take a picture of each state."""
    application = bench.application
    page = open_page(browser, bench.address, size)
    if not application.data.volume_name:
        page.wait_for_selector(".sp-welcome")
        shot(page, "1-empty")
    bench.open_sample("slice_unet")
    page.wait_for_selector("[data-slice]", state="attached")
    shot(page, "2-ready")
    bench.paint_spleen(page, SEED)
    page.wait_for_selector(".sp-seed", state="attached")
    page.hover("[data-command=propagate]")
    shot(page, "3-seed")
    page.click("[data-command=propagate]")
    page.mouse.move(size["width"] / 2, 20)
    wait_for(page, lambda: page.locator(".sp-propagated").count() >= 1)
    bench.call(application.workflow.stop)
    page.wait_for_selector("[data-command=keep]")
    shot(page, "5-stopped")
    page.click("[data-command=discard]")
    page.click("[data-command=propagate]")
    wait_for(page, lambda: page.locator(".sp-propagated").count() >= 3)
    shot(page, "4-running")
    page.wait_for_selector("text=Done in", timeout=120_000)
    page.mouse.move(size["width"] / 2, 20)
    shot(page, "6-propagated")
    page.click("[data-command=next]")
    page.mouse.move(size["width"] / 2, 20)
    shot(page, "7-suspicious")
    bench.paint_spleen(page, application.data.index)
    page.wait_for_selector(".sp-correction", state="attached")
    shot(page, "8-corrected")
    page.click("[data-command=save]")
    page.click("[data-command=write]")
    shot(page, "9-saved")
    page.get_by_text("Close", exact=True).click()
    page.click("[data-command=open]")
    shot(page, "10-open")
    page.get_by_text("Cancel", exact=True).click()
    bench.call(lambda: application.workflow.say("image.nii.gz cannot be read as an image; it may be truncated or of another kind.", is_error=True))
    shot(page, "11-error")
    bench.call(lambda: application.workflow.say(""))
    bench.call(setattr, application.data, "offer", {"title": "the sample", "at": "2026-01-31 09:41"})
    shot(page, "12-unsaved")
    bench.call(setattr, application.data, "offer", None)
    second = open_page(browser, bench.address, size)
    second.wait_for_selector("text=in use in another tab")
    shot(second, "13-second-tab")
    second.close()
    page.click("[data-tool=threshold]")
    shot(page, "14-threshold")
    page.close()


if __name__ == "__main__":
    sample_volume()
    main(Path(sys.argv[1]))
