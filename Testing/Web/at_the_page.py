"""What a person does and reads at the page, in a word."""

from web_bench import wait_for

SEED = 34
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
    click(page, "propagate")

    def has_ended():
        text = message(page)
        return "Done" in text or "Keep" in text

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
