"""Every drawing tool and every choice of a run, by mouse.

The voxels are read from the MRML node.
"""

import time

import numpy as np
import pytest
from at_the_page import (
    SEED,
    click,
    kinds,
    message,
    num_propagated,
    propagate,
    seed,
    wait_for_kind,
    wait_for_message,
    wait_for_none_propagated,
)
from SlicePropagationMRML.nodes.geometry import axisOfPlane
from SlicePropagationWeb.pointer_path import KEY, PointerPathAdapter
from web_bench import wait_for

SQUARE = ((50, 30), (50, 50), (70, 50), (70, 30), (50, 30))  # row, column of its corners
DOWN = tuple((row, 64) for row in range(10, 120, 10))  # from the air in front of the body on


def draw_square(page, bench):
    bench.stroke(page, SEED, SQUARE)
    bench.wait_for_drawn(page, [SEED])


def check_square(drawn):
    """A mask is filled inside SQUARE and nowhere else, but for the width of a line."""
    assert drawn[52:68, 32:48].all()
    assert drawn.sum() < 24 * 24


def middle_of(mask):
    """(row, column) in the middle of a mask's middle row."""
    rows, columns = np.nonzero(mask)
    row = int(np.median(rows))
    column = np.median(columns[rows == row])
    return row, int(column)


def take(page, bench, tool):
    page.click(f"[data-tool={tool}]")
    bench.wait_for_value(page, "tool", tool)


def is_inside(bench, low, high):
    """(K, J, I) bool: the voxels of a range of intensities."""
    voxels = bench.image()
    return (voxels >= low) & (voxels <= high)


def threshold_range(page, bench):
    """Lowest and highest intensity that the threshold tool takes, once it has found them."""
    lowest = bench.image().min()
    wait_for(page, lambda: bench.data.threshold[0] > lowest)
    return bench.data.threshold


def choose(page, label, item):
    """Choose an item of a list of the panel."""
    page.locator(f"[data-choice='{label}']").click()
    page.get_by_role("option", name=item, exact=True).click()


def test_erase_takes_away_what_the_mouse_goes_over(page, bench):
    seed(page, bench)
    before = bench.masks()
    row, column = middle_of(before[SEED])
    take(page, bench, "erase")
    bench.stroke(page, SEED, [(row, column), (row + 2, column)])
    wait_for(page, lambda: not bench.mask(SEED)[row, column])
    after = bench.masks()
    added = after & ~before
    assert not added.any()
    assert 0 < after[SEED].sum() < before[SEED].sum()
    assert bench.drawn_slices() == [SEED]


def test_draw_fills_the_outline_that_the_mouse_follows(page, bench):
    bench.show_slice(SEED)
    take(page, bench, "draw")
    draw_square(page, bench)
    check_square(bench.mask(SEED))
    wait_for_kind(page, SEED, "seed")


@pytest.mark.parametrize("first_s", [0.3, 3])
def test_an_outline_keeps_its_corners_when_every_answer_takes_long(
    page, bench, monkeypatch, first_s
):
    answer = PointerPathAdapter.on_interaction
    skipped = []

    def answer_late(adapter, origin, event):
        time.sleep(0.3 if skipped else first_s)
        skipped.append(len(event.get(KEY, ())))
        return answer(adapter, origin, event)

    bench.show_slice(SEED)
    take(page, bench, "draw")
    monkeypatch.setattr(PointerPathAdapter, "on_interaction", answer_late)
    draw_square(page, bench)
    check_square(bench.mask(SEED))
    assert max(skipped) >= 2


def test_threshold_takes_the_voxels_of_its_range(page, bench):
    take(page, bench, "threshold")
    low, high = threshold_range(page, bench)
    page.click("[data-reach=all]")
    page.get_by_text("Add to all").click()
    expected = is_inside(bench, low, high)
    wait_for(page, lambda: np.array_equal(bench.masks(), expected))
    assert 0 < expected.mean() < 0.9
    page.keyboard.press("Control+z")
    bench.wait_for_drawn(page, [])


def test_a_threshold_used_as_mask_limits_the_brush_until_it_is_switched_off(page, bench):
    bench.show_slice(SEED)
    take(page, bench, "threshold")
    low, high = threshold_range(page, bench)
    page.get_by_text("Use as mask").click()
    bench.wait_for_value(page, "tool", "paint")
    outside = ~is_inside(bench, low, high)
    bench.stroke(page, SEED, DOWN)
    bench.wait_for_drawn(page, [SEED])
    assert not (bench.masks() & outside).any()
    page.get_by_label("Only intensities").uncheck()
    bench.stroke(page, SEED, DOWN)
    wait_for(page, lambda: (bench.masks() & outside).any())


def test_scissors_that_reach_all_slices_cut_what_lies_inside_the_outline_from_them(page, bench):
    seed(page, bench)
    bench.paint_spleen(page, SEED + 4)
    bench.wait_for_drawn(page, [SEED, SEED + 4])
    before = bench.masks()
    cut, _ = middle_of(before.any(axis=0))
    outline = [(cut, 10), (cut, 118), (118, 118), (118, 10), (cut, 10)]
    take(page, bench, "scissors")
    page.click("[data-reach=all]")
    bench.wait_for_value(page, "reach", "all")
    bench.stroke(page, SEED + 4, outline)
    wait_for(page, lambda: not bench.masks()[:, cut + 3 :].any())
    above = slice(0, cut - 2)
    assert np.array_equal(bench.masks()[:, above], before[:, above])
    assert bench.drawn_slices() == [SEED, SEED + 4]


def test_every_new_segment_has_a_colour_of_its_own(page, bench):
    from SlicePropagationLib.files.segments import COLORS

    for count in (2, 3, 4):
        page.get_by_text("Add segment").click()
        wait_for(page, lambda count=count: len(bench.data.segments) == count)
    colors = bench.call(segment_colors, bench.controller.segmentation)
    assert len(set(colors)) == 4
    for color in colors[1:]:
        assert np.isclose(color, COLORS).all(axis=1).any()


def segment_colors(node):
    segmentation = node.GetSegmentation()
    count = segmentation.GetNumberOfSegments()
    return [segmentation.GetNthSegment(number).GetColor() for number in range(count)]


@pytest.mark.parametrize("plane, axis, index", [("coronal", 1, 60), ("sagittal", 2, 100)])
def test_another_axis_is_painted_and_propagated_by_mouse(page, bench, plane, axis, index):
    bench.show_slice(SEED)
    page.click(f"[data-plane={plane}]")
    count = bench.image().shape[axis]
    wait_for(page, lambda: len(kinds(page)) == count)
    assert bench.call(axisOfPlane, bench.controller.volume, plane) == axis
    page.wait_for_timeout(1500)  # until the views have their new sizes and show the whole slice
    stays = bench.call(bench.application.views.index, "axial", bench.controller.volume)
    assert stays == SEED
    bench.paint_spleen(page, index, plane)
    wait_for_kind(page, index, "seed")
    assert bench.drawn_slices(axis) == [index]
    drawn = bench.masks().take(index, axis)
    propagate(page)
    slices = bench.drawn_slices(axis)
    assert {index - 1, index, index + 1} <= set(slices)
    assert np.array_equal(bench.masks().take(index, axis), drawn)


def test_another_axis_says_that_all_of_it_counts_as_drawn_there_and_the_way_back_loses_nothing(
    page,
    bench,
):
    seed(page, bench)
    propagate(page)
    strip = kinds(page)
    page.click("[data-plane=coronal]")
    wait_for_message(page, "all that they show counts as drawn by you")
    assert "propagated" not in kinds(page)
    page.click("[data-plane=axial]")
    wait_for(page, lambda: kinds(page) == strip and message(page) == "")


def test_the_range_that_is_set_with_the_mouse_limits_the_run(page, bench):
    seed(page, bench)
    page.get_by_label("To the end of the structure").uncheck()
    page.wait_for_selector(".sp-range")
    drag_thumb(page, 0, SEED - 3)
    drag_thumb(page, 1, SEED + 5)
    bench.wait_for_value(page, "span", [SEED - 3, SEED + 5])
    propagate(page)
    assert bench.drawn_slices() == list(range(SEED - 3, SEED + 6))
    assert num_propagated(page) == 8


def drag_thumb(page, number, index):
    """Drag an end of the range to a slice."""
    page.locator(".sp-range .v-slider-thumb").nth(number).scroll_into_view_if_needed()
    track = page.locator(".sp-range .v-slider-track").bounding_box()
    thumb = page.locator(".sp-range .v-slider-thumb").nth(number).bounding_box()
    share = index / (len(kinds(page)) - 1)
    height = thumb["y"] + thumb["height"] / 2
    page.mouse.move(thumb["x"] + thumb["width"] / 2, height)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], height, steps=8)
    page.mouse.up()


def test_a_direction_leaves_the_other_side_alone(page, bench):
    seed(page, bench)
    choose(page, "Direction", "Towards superior")
    propagate(page)
    assert min(bench.drawn_slices()) == SEED
    assert max(bench.drawn_slices()) > SEED
    choose(page, "Direction", "Towards inferior")
    click(page, "propagate")  # the message of the first run still stands there
    wait_for(page, lambda: min(bench.drawn_slices()) < SEED)


def test_the_engine_is_chosen_and_walks(page, bench):
    seed(page, bench)
    choose(page, "Engine", "Copy (baseline)")
    drawn = bench.mask(SEED)
    propagate(page)
    assert (bench.masks() == drawn).all()


def test_the_trained_network_adapts_to_annotated_slices_when_it_is_ticked(page, bench):
    pytest.importorskip("torch")
    tick = page.get_by_label("Adapt to annotated slices")
    assert tick.is_disabled()  # image registration has nothing to tune
    page.locator("div:has(> .sp-check)", has=tick).hover(force=True)
    page.get_by_text("This engine has nothing to tune; it walks as always").wait_for()
    seed(page, bench)
    for index in (SEED - 6, SEED + 6):
        bench.paint_spleen(page, index)
    choose(page, "Engine", "Trained network")
    tick.check()
    propagate(page)
    history = bench.call(lambda: bench.application.workflow.session.document.session.history)
    run = next(event for event in history[::-1] if event["event"] == "run")
    assert run["adapt"]["annotated"][0]["slices"] == [SEED - 6, SEED, SEED + 6]


def test_a_device_that_is_not_there_ends_the_run_with_a_sentence(page, bench):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("This machine has a GPU; the device is there.")
    seed(page, bench)
    choose(page, "Engine", "Trained network")
    choose(page, "Device", "GPU (CUDA)")
    click(page, "propagate")
    page.locator(".sp-alert").get_by_text("CUDA").first.wait_for()
    assert bench.drawn_slices() == [SEED]
    assert num_propagated(page) == 0
    choose(page, "Device", "CPU")
    click(page, "propagate")
    wait_for_message(page, "Done")
    assert len(bench.drawn_slices()) > 1


def test_the_views_follow_a_run_unless_told_otherwise(page, bench):
    seed(page, bench)
    click(page, "propagate")
    wait_for(page, lambda: bench.data.is_running and bench.data.index != SEED)
    wait_for_message(page, "Done")
    assert bench.data.index == SEED  # back where the person was
    page.keyboard.press("Control+z")
    wait_for_none_propagated(page)
    page.get_by_label("Slice views follow the run").uncheck()
    wait_for(page, lambda: not bench.data.follow)
    propagate(page)
    assert bench.data.index == SEED
