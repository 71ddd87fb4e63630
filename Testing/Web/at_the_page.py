"""What a person does and reads at the page, in a word."""

from web_bench import wait_for

SEED = 34


def message(page):
    return page.locator(".sp-message").inner_text()


def kinds(page):
    """What the strip shows of each slice, read from the page."""
    return [
        next(
            name[3:]
            for name in classes.split()
            if name.startswith("sp-") and name not in ("sp-cell", "sp-stale", "sp-absent")
        )
        for classes in page.locator("[data-slice]").evaluate_all(
            "cells => cells.map((cell) => cell.className)"
        )
    ]


def click(page, command):
    page.click(f"[data-command={command}]")


def seed(page, bench, index=SEED):
    bench.paint_spleen(page, index)
    wait_for(page, lambda: kinds(page)[index] == "seed")


def propagate(page):
    click(page, "propagate")
    wait_for(page, lambda: "Done" in message(page) or "Keep" in message(page))
