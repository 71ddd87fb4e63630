"""What a person does and reads at the page, in a word."""

from web_bench import wait_for

SEED = 34
# Keeps every text of the message line that comes from now on.
LISTEN = """() => {
  window.said = [];
  window.listener?.disconnect();
  window.listener = new MutationObserver((changes) => {
    const line = document.querySelector(".sp-message");
    if (changes.some((change) => line?.contains(change.target)))
      window.said.push(line.innerText);
  });
  const all = { subtree: true, childList: true, characterData: true };
  window.listener.observe(document.body, all);
}"""
# How far the thumb of a slider stands from the value that it says, as a share of its track.
OFF_PLACE = """(thumb) => {
  const [box, track] = [thumb, thumb.parentElement].map((one) => one.getBoundingClientRect());
  const [now, first, last] = ["now", "min", "max"].map((of) => +thumb.getAttribute(`aria-value${of}`));
  return Math.abs((box.x + box.width / 2 - track.x) / track.width - (now - first) / (last - first));
}"""
MARKS = {"sp-cell", "sp-stale", "sp-absent"}  # of a slice on the strip, besides its kind


def message(page):
    return page.locator(".sp-message").inner_text()


def kinds(page):
    """What the strip shows of each slice, read from the page."""
    classes = page.locator("[data-slice]").evaluate_all(
        "cells => cells.map((cell) => cell.className)"
    )
    return [kind_of(names.split()) for names in classes]


def kind_of(names):
    ours = [name for name in names if name.startswith("sp-")]
    [kind] = set(ours) - MARKS
    return kind.removeprefix("sp-")


def slices_of(page, kind):
    """The slices that the strip shows as of a kind."""
    strip = kinds(page)
    return [index for index in range(len(strip)) if strip[index] == kind]


def num_propagated(page):
    return kinds(page).count("propagated")


def click(page, command):
    page.click(f"[data-command={command}]")


def seed(page, bench, index=SEED):
    bench.paint_spleen(page, index)
    wait_for_kind(page, index, "seed")


def propagate(page):
    """Run once to its end; what the page said of a run before it does not count."""
    page.evaluate(LISTEN)
    click(page, "propagate")

    def has_ended():
        """the page has said, since the click, that the run is over"""
        said = page.evaluate("() => window.said")
        return any("Done" in text or "Keep" in text for text in said)

    wait_for(page, has_ended)


def begin_run(page):
    """Start a run and wait until it has shown two slices."""
    click(page, "propagate")
    wait_for_propagated(page, 2)


def wait_until_stopped(page):
    wait_for_message(page, "Keep or discard")


def wait_for_kind(page, index, kind):
    wait_for(page, lambda: kinds(page)[index] == kind)


def wait_for_message(page, text):
    wait_for(page, lambda: text in message(page))


def wait_for_propagated(page, at_least):
    wait_for(page, lambda: num_propagated(page) >= at_least)


def wait_for_none_propagated(page):
    wait_for(page, lambda: num_propagated(page) == 0)


# In a program of its own, which shows the sample


def paint(page):
    """A stroke in the middle of the sample's spleen."""
    page.wait_for_selector("[data-slice]", state="attached")
    page.wait_for_timeout(1500)
    stroke(page)
    page.wait_for_selector(".sp-seed", state="attached")


def stroke(page, x=845, y=310):
    """Draw a short line with the mouse in the large view."""
    page.mouse.move(x, y)
    page.mouse.down()
    for right, down in ((3, 20), (0, 40), (-7, 60), (5, 30)):
        page.mouse.move(x + right, y + down, steps=5)
    page.mouse.up()


def save(page):
    page.keyboard.press("Control+s")
    page.click("[data-command=write]")
    page.wait_for_selector("text=segmentation.slices.csv")
