"""The list of segments: every button of it, by mouse and by key."""

import numpy as np
import pytest
from at_the_page import SEED, click, wait_for_message
from web_bench import SETTLED_MS, wait_for

NAMES = ["Spleen", "Segment_1"]


@pytest.fixture
def two(shared_page, bench):
    """The page with two segments, the second one chosen."""
    bench.open_sample()
    bench.call(bench.controller.add)
    wait_for(shared_page, lambda: lines(shared_page).count() == 2)
    shared_page.wait_for_timeout(SETTLED_MS)
    return shared_page


def lines(page):
    return page.locator(".sp-segment")


def names(bench):
    return [segment["name"] for segment in bench.data.segments]


def button(page, place, label):
    return lines(page).nth(place).get_by_label(label, exact=True)


def choose_in_menu(page, place, text):
    button(page, place, "More about this segment").click()
    page.locator(".v-overlay--active").get_by_text(text, exact=True).click()


def display(bench):
    return bench.controller.segmentation.GetDisplayNode()


def test_the_eye_hides_a_segment_and_chooses_nothing(two, bench):
    chosen = bench.data.segment_id
    button(two, 0, "Show or hide").click()
    wait_for(two, lambda: not bench.data.segments[0]["visible"])
    assert bench.data.segment_id == chosen
    hidden = bench.data.segments[0]["id"]
    assert not bench.call(display(bench).GetSegmentVisibility, hidden)
    button(two, 0, "Show or hide").click()
    wait_for(two, lambda: bench.data.segments[0]["visible"])


def test_the_bin_deletes_a_segment_and_undo_brings_it_back(two, bench):
    button(two, 1, "Delete segment").click()
    wait_for(two, lambda: names(bench) == NAMES[:1])
    click(two, "undo")
    wait_for(two, lambda: names(bench) == NAMES)


def test_enter_on_a_name_chooses_its_segment(two, bench):
    assert bench.data.segment_id == bench.data.segments[1]["id"]
    lines(two).nth(0).get_by_role("button", name=NAMES[0]).focus()
    two.keyboard.press("Enter")
    wait_for(two, lambda: bench.data.segment_id == bench.data.segments[0]["id"])


def test_a_double_click_renames_and_keys_write_into_nothing_else(two, bench):
    lines(two).nth(1).click()
    two.keyboard.press("n")
    assert names(bench) == NAMES
    lines(two).nth(1).locator(".sp-name").dblclick()
    two.keyboard.type("Kidney p")
    two.keyboard.press("Enter")
    wait_for(two, lambda: names(bench) == ["Spleen", "Kidney p"])
    assert two.locator(".sp-segment input[aria-label='Segment name']").count() == 0


def test_a_name_that_is_being_typed_stays_while_the_page_changes(two, bench):
    lines(two).nth(1).locator(".sp-name").dblclick()
    two.keyboard.type("Kid")
    bench.call(bench.application.workflow.say, "Something else happened.")
    wait_for_message(two, "Something else happened.")
    two.keyboard.type("ney")
    two.keyboard.press("Enter")
    wait_for(two, lambda: names(bench) == ["Spleen", "Kidney"])


def test_escape_leaves_the_name_as_it_was(two, bench):
    lines(two).nth(1).locator(".sp-name").dblclick()
    two.keyboard.type("Kidney")
    two.keyboard.press("Escape")
    lines(two).nth(1).locator(".sp-name").wait_for()
    assert names(bench) == NAMES


def test_a_segment_gets_the_colour_that_is_chosen(two, bench):
    button(two, 0, "Segment colour").fill("#12ab34")
    wait_for(two, lambda: bench.data.segments[0]["color"].lower() == "#12ab34")


def test_a_segment_moves_in_the_list_and_keeps_its_drawing(two, bench):
    bench.call(bench.controller.choose, bench.data.segments[0]["id"])
    bench.paint_spleen(two, SEED)
    bench.wait_for_drawn(two, [SEED])
    drawn = bench.masks()
    choose_in_menu(two, 1, "Move up")
    wait_for(two, lambda: names(bench) == NAMES[::-1])
    assert np.array_equal(bench.masks(), drawn)
    wait_for(two, lambda: two.locator(".sp-seed").count() == 1)


def test_a_segment_is_hidden_in_3d_only(two, bench):
    choose_in_menu(two, 0, "Hide in 3D")
    wait_for(two, lambda: not bench.data.segments[0]["in_3d"])
    assert bench.data.segments[0]["visible"]
    choose_in_menu(two, 0, "Show in 3D")
    wait_for(two, lambda: bench.data.segments[0]["in_3d"])


def test_the_table_says_how_large_and_how_bright_a_segment_is(two, bench):
    bench.call(bench.controller.choose, bench.data.segments[0]["id"])
    bench.paint_spleen(two, SEED)
    bench.wait_for_drawn(two, [SEED])
    wait_for(two, lambda: bench.data.segments[0]["ml"])
    click(two, "table")
    row = two.locator(".sp-table tbody tr").first
    row.wait_for()
    mask = bench.masks()
    volume = mask.sum() * np.prod(bench.controller.volume.GetSpacing()) / 1000
    _, said, slices, annotated, intensity = row.locator("td").all_inner_texts()
    assert said == f"{volume:.3g} ml"
    assert (slices, annotated) == ("1", "1")
    assert float(intensity.split()[0]) == pytest.approx(bench.image()[mask].mean(), rel=1e-3)
    two.get_by_text("Close", exact=True).click()
    two.locator(".sp-table").wait_for(state="hidden")


def test_the_opacity_and_the_outline_of_segments_are_set(two, bench):
    two.get_by_label("Outline", exact=True).click()
    wait_for(two, lambda: not bench.call(display(bench).GetVisibility2DOutline))
    two.get_by_label("Outline", exact=True).click()
    two.locator(".sp-fill .v-slider-thumb").focus()
    two.keyboard.press("ArrowRight")
    wait_for(two, lambda: bench.call(display(bench).GetOpacity2DFill) == pytest.approx(0.4))
