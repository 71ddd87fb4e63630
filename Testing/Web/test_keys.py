"""Everything that is done by keys, and that a review goes on by itself."""

import pytest
from at_the_page import (
    SEED,
    click,
    message,
    propagate,
    seed,
    slices_of,
    wait_for_kind,
    wait_for_message,
)
from web_bench import SETTLED_MS, wait_for


def walk_only_near(data):
    """A run of these tests takes a moment."""
    data.to_the_end = False
    data.span = [SEED - 3, SEED + 8]


@pytest.fixture
def page(shared_page, bench):
    """The page that the tests here share, with the sample anew on a slice in the middle."""
    bench.open_sample("copy")
    bench.call(walk_only_near, bench.data)
    bench.show_slice(SEED)
    bench.wait_for_value(shared_page, "index", SEED)
    shared_page.wait_for_timeout(SETTLED_MS)
    return shared_page


@pytest.mark.parametrize(
    "key, tool",
    [
        ("1", "none"),
        ("2", "window"),
        ("4", "erase"),
        ("5", "draw"),
        ("6", "threshold"),
        ("7", "scissors"),
        ("8", "seed"),
        ("9", "trace"),
        ("3", "paint"),
    ],
)
def test_a_digit_takes_a_tool(page, bench, key, tool):
    page.keyboard.press(key)
    bench.wait_for_value(page, "tool", tool)


@pytest.mark.parametrize(
    "key, index",
    [
        ("ArrowUp", SEED + 1),
        ("ArrowLeft", SEED - 1),
        ("ArrowRight", SEED + 1),
        ("ArrowDown", SEED - 1),
        ("PageUp", SEED + 10),
        ("PageDown", SEED - 10),
        ("Home", 0),
        ("End", 59),
    ],
)
def test_a_key_goes_to_another_slice(page, bench, key, index):
    page.keyboard.press(key)
    bench.wait_for_value(page, "index", index)


def test_a_letter_is_a_key_with_caps_lock_and_after_a_list_was_used(page, bench):
    page.locator("[data-choice='Direction']").click()
    page.get_by_role("option", name="Both directions", exact=True).click()
    page.get_by_role("option").first.wait_for(state="hidden")
    seed(page, bench)
    page.locator("[data-choice='Direction'] input").focus()
    page.keyboard.press("P")  # as Caps Lock makes it
    wait_for_message(page, "Done")


def test_a_list_to_choose_from_needs_no_mouse(page, bench):
    page.locator("[data-choice='Direction'] input").focus()
    page.keyboard.press("Enter")  # the arrows go through the slices still
    page.get_by_role("option").first.wait_for()
    wait_for(page, lambda: page.evaluate("!!document.activeElement.closest('[role=listbox]')"))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    wait_for(page, lambda: bench.data.direction == bench.data.directions[-1]["value"])
    page.get_by_role("option").first.wait_for(state="hidden")
    assert bench.data.index == SEED


@pytest.mark.parametrize("menu", ["Presets of window and level", "More about this segment"])
def test_the_keys_of_a_menu_that_is_open_are_its_own(page, bench, menu):
    page.get_by_role("button", name=menu, exact=True).click()
    entries = page.locator(".v-menu.v-overlay--active .v-list-item")
    entries.first.wait_for()
    page.keyboard.press("ArrowDown")
    wait_for(page, lambda: entries.first.evaluate("entry => entry === document.activeElement"))
    page.keyboard.press("Escape")
    entries.first.wait_for(state="hidden")
    assert bench.data.index == SEED


def test_control_shift_z_does_a_step_again(page, bench):
    seed(page, bench)
    page.keyboard.press("Control+z")
    bench.wait_for_drawn(page, [])
    page.keyboard.press("Control+Shift+Z")
    bench.wait_for_drawn(page, [SEED])


def test_a_question_mark_shows_all_keys(page):
    page.keyboard.press("?")
    dialog = page.locator(".sp-keys")
    dialog.wait_for()
    for text in ("Propagate", "Threshold", "Play through the slices", "Right drag"):
        assert dialog.get_by_text(text, exact=True).count() == 1
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_a_number_that_is_typed_takes_no_tool(page, bench):
    page.get_by_label("Level", exact=True).fill("")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    wait_for(page, lambda: bench.data.window[1] == 4)
    assert bench.data.tool == "paint"


def test_the_strip_is_a_slider_of_slices(page, bench):
    strip = page.get_by_role("slider", name="Slices")
    strip.focus()
    page.keyboard.press("ArrowRight")
    bench.wait_for_value(page, "index", SEED + 1)
    wait_for(page, lambda: strip.get_attribute("aria-valuenow") == str(SEED + 2))
    assert strip.get_attribute("aria-valuetext").startswith(f"Slice {SEED + 2} of ")
    assert strip.get_attribute("aria-valuemax") == str(bench.image().shape[0])
    assert strip.evaluate("strip => getComputedStyle(strip).outlineWidth") == "2px"
    page.keyboard.press("End")
    bench.wait_for_value(page, "index", bench.image().shape[0] - 1)
    page.keyboard.press("Home")
    bench.wait_for_value(page, "index", 0)


def test_space_plays_through_the_slices_of_the_segment_and_stops(page, bench):
    bench.call(bench.controller.take, "paint")
    seed(page, bench)
    page.keyboard.press("Space")
    wait_for(page, lambda: bench.data.is_playing or bench.data.index == SEED)
    wait_for(page, lambda: not bench.data.is_playing)
    assert bench.data.index == SEED  # the segment is on no other slice
    propagate(page)
    bench.show_slice(SEED)
    page.keyboard.press("Space")
    wait_for(page, lambda: bench.data.index > SEED + 1)
    page.keyboard.press("Space")
    wait_for(page, lambda: not bench.data.is_playing)


def test_confirm_goes_on_to_the_next_slice_and_says_why(page, bench):
    seed(page, bench)
    propagate(page)
    click(page, "next")
    wait_for_message(page, "expected to gain most")
    first = bench.data.index
    page.keyboard.press("c")
    wait_for_kind(page, first, "confirmed")
    assert bench.data.index != first
    assert f"Slice {first + 1} is confirmed" in message(page)
    assert f"Slice {bench.data.index + 1}: a correction here" in message(page)
    assert "slices from the annotated slice" in message(page)


def test_all_drawn_segments_are_propagated_in_one_run(page, bench):
    seed(page, bench)
    bench.call(bench.controller.add)
    wait_for(page, lambda: len(bench.data.segments) == 2)
    bench.paint_spleen(page, SEED + 5)
    wait_for_kind(page, SEED + 5, "seed")
    page.locator("[data-choice='Segments']").click()
    page.get_by_role("option", name="All drawn segments", exact=True).click()
    bench.wait_for_value(page, "scope", "drawn")
    propagate(page)
    session = bench.application.workflow.logic.session
    provenance = bench.call(lambda: session.provenance)
    assert (provenance == 1).any(axis=1).tolist() == [True, True]
    bench.call(setattr, bench.data, "scope", "selected")


def test_many_propagated_slices_that_one_act_changed_are_said_with_undo(page, bench):
    seed(page, bench)
    propagate(page)
    many = slices_of(page, "propagated")
    page.keyboard.press("7")
    bench.wait_for_value(page, "tool", "scissors")
    page.click("[data-reach=all]")
    bench.wait_for_value(page, "reach", "all")
    rows, columns = bench.mask(SEED).nonzero()
    left, right = columns.min() - 4, columns.max() + 4
    top, middle = rows.min() - 4, rows.mean()
    outline = [(top, left), (top, right), (middle, right), (middle, left), (top, left)]
    bench.stroke(page, SEED, outline)
    warning = page.locator(".sp-warning")
    warning.get_by_text(f"{len(many)} propagated slices count as drawn by you").wait_for()
    warning.get_by_role("button", name="Undo").click()
    wait_for(page, lambda: slices_of(page, "propagated") == many)
