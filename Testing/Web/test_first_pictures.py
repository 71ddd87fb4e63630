"""From the click that opens a volume to its first pictures, frame by frame of the browser."""

from at_the_page import OFF_PLACE
from web_bench import open_page, wait_for

# In each frame: whether a slice view is black with nothing lying over it, and whether a slider stands
# elsewhere than its slice.
LOOK = """() => {
  window.seen = { covered: 0, black: [], astray: [] };
  const isSeen = (element) => element.getClientRects().length > 0;
  const pen = Object.assign(document.createElement("canvas"), { width: 32, height: 32 }).getContext(
    "2d", { willReadFrequently: true });
  const isBlack = (view) => {
    const picture = view.querySelector("img.image-display-area");
    if (!picture || !picture.complete || !picture.naturalWidth) return true;
    pen.drawImage(picture, 0, 0, 32, 32);
    return !pen.getImageData(0, 0, 32, 32).data.some((value, place) => place % 4 < 3 && value > 100);
  };
  const isAstray = (thumb) => !((OFF_PLACE)(thumb) < 0.02);
  const look = () => {
    const covers = [...document.querySelectorAll(".sp-opening, .sp-welcome")].filter(isSeen);
    const views = [...document.querySelectorAll(".sp-slice-view")].filter(isSeen);
    if (covers.some((cover) => cover.querySelector("[aria-label='An image is being opened']"))) {
      window.seen.covered += 1;
    }
    if (!covers.length) {
      window.seen.black.push(...views.filter(isBlack).map(() => performance.now()));
      const thumbs = views.flatMap((view) => [...view.querySelectorAll("[role=slider]")]);
      window.seen.astray.push(...thumbs.filter(isAstray).map((thumb) => thumb.outerHTML));
    }
    requestAnimationFrame(look);
  };
  look();
}""".replace("OFF_PLACE", OFF_PLACE)
ARE_THERE = """() => document.querySelectorAll(".sp-slice-view [role=slider]").length === 3
  && [...document.querySelectorAll(".sp-opening, .sp-welcome")].every((one) => !one.getClientRects().length)
"""


def check(page):
    """Wait for the views, and say what was seen until then and a second longer."""
    page.wait_for_function(ARE_THERE)
    page.wait_for_timeout(1000)
    seen = page.evaluate("() => window.seen")
    assert seen["covered"] > 0
    assert seen["black"] == []
    assert seen["astray"] == []


def test_no_view_is_black_between_opening_and_its_first_picture(browser, start, tmp_path):
    page = open_page(browser, start(tmp_path).address)
    page.get_by_text("Load the sample").wait_for()
    assert page.locator(".sp-slice-view [role=slider]").count() == 0
    page.evaluate(LOOK)
    page.get_by_text("Load the sample").click()
    check(page)

    page.add_init_script(f"window.addEventListener('DOMContentLoaded', {LOOK})")
    page.reload()
    check(page)
    page.close()


def test_the_name_stays_until_every_view_has_its_picture(page, bench, monkeypatch):
    from SlicePropagationWeb.render_throttle import RenderThrottle

    draw = RenderThrottle._render_frame
    held = {"Yellow"}

    def draw_others(scheduler, quality):
        if scheduler.name not in held:
            draw(scheduler, quality)

    monkeypatch.setattr(RenderThrottle, "_render_frame", draw_others)
    bench.open_sample()
    cover = page.locator(".sp-opening").get_by_text("Opening the sample…")
    cover.wait_for()
    wait_for(page, lambda: number_shown(page, "Red") == bench.data.volume_number)
    assert cover.is_visible()
    held.clear()
    bench.call(bench.application.views.refresh)
    cover.wait_for(state="hidden")


def number_shown(page, view):
    return page.evaluate("(view) => window.slicePropagation.pictures[view]", view)
