"""Five steps over the page for who sees it for the first time."""

import pytest
from web_bench import open_page, wait_for

TITLES = [
    "Draw one slice",
    "Propagate",
    "See where it is doubtful",
    "Correct, and propagate again",
    "Save",
]


@pytest.fixture
def first(browser, opened):
    """The page with the sample in a browser that never had it."""
    page = open_page(browser, opened.address, is_first=True)
    card(page).wait_for()
    yield page
    page.close()
    assert page.problems == []


def card(page):
    return page.get_by_role("dialog")


def title(page):
    return card(page).get_by_role("heading").inner_text()


def press(page, name):
    card(page).get_by_role("button", name=name).click()


def box_of(page, selector):
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box


def test_each_step_shows_what_it_is_about(first):
    shown = []
    for target in (".sp-tools", "[data-command=propagate]", ".sp-strip", "[data-command=next]"):
        shown.append(title(first))
        ring = box_of(first, ".sp-steps-ring")
        about = box_of(first, target)
        assert abs(ring["x"] + ring["width"] / 2 - about["x"] - about["width"] / 2) < 2
        assert abs(ring["y"] + ring["height"] / 2 - about["y"] - about["height"] / 2) < 2
        text = box_of(first, ".sp-steps-card")
        assert not overlap(text, about)
        press(first, "Next")
    shown.append(title(first))
    assert shown == TITLES
    press(first, "Done")
    assert card(first).count() == 0


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


@pytest.mark.parametrize("end", ["Skip", "Escape"])
def test_who_skips_them_does_not_see_them_again(first, end):
    if end == "Skip":
        press(first, "Skip")
    else:
        first.keyboard.press("Escape")
    assert card(first).count() == 0
    first.reload()
    first.wait_for_selector("[data-slice]", state="attached")
    first.wait_for_timeout(1200)  # they would come after half a second
    assert card(first).count() == 0


def test_meanwhile_keys_do_nothing_else_and_arrows_turn_the_pages(first, opened):
    before = opened.data.index
    first.keyboard.press("ArrowRight")
    assert title(first) == TITLES[1]
    first.keyboard.press("ArrowLeft")
    first.keyboard.press("ArrowDown")
    assert title(first) == TITLES[0]
    first.keyboard.press("Tab")
    first.keyboard.press("Enter")
    assert card(first).count() == 0  # the button after "Next" is "Skip"
    assert opened.data.index == before


def test_they_come_again_when_asked_for(first):
    press(first, "Skip")
    first.keyboard.press("?")
    first.get_by_text("Show the first steps again").click()
    wait_for(first, lambda: card(first).filter(has_text=TITLES[0]).count() == 1)
