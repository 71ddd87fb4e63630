"""Drawing without regret: what tools reach, what they may write on, and what each step is called.

All by mouse and keys on one page; the voxels are read from the MRML node.
"""

import numpy as np
import pytest
from at_the_page import (
    SEED,
    click,
    kinds,
    propagate,
    seed,
    slices_of,
    wait_for_kind,
    wait_for_message,
)
from web_bench import SETTLED_MS, large_view, middle_line, wait_for

from SlicePropagationLib.pipelines.phantom_volume import LEFT_KIDNEY

CORNERS = ((45, 35), (45, 60), (75, 60), (75, 35))  # row, column
INSIDE = (slice(47, 73), slice(37, 58))


@pytest.fixture
def page(shared_page, bench):
    """The page that the tests here share, with the sample anew on a slice in the middle."""
    bench.open_sample("copy")
    bench.show_slice(SEED)
    bench.wait_for_value(shared_page, "index", SEED)
    shared_page.wait_for_timeout(SETTLED_MS)
    return shared_page


def take(page, bench, tool):
    page.click(f"[data-tool={tool}]")
    bench.wait_for_value(page, "tool", tool)


def type_in(page, label, number):
    page.get_by_label(label, exact=True).fill(str(number))
    page.keyboard.press("Enter")


def draw_square(page, bench, index=SEED, corners=CORNERS, inside=INSIDE):
    """Fill a square on a slice with Draw."""
    take(page, bench, "draw")
    bench.show_slice(index)
    bench.wait_for_value(page, "index", index)
    page.wait_for_timeout(300)
    bench.stroke(page, index, [*corners, corners[0]])
    wait_for(page, lambda: bench.mask(index)[inside].all())


def choose_others(page, bench, mode, text):
    page.locator("[data-choice='Others']").click()
    page.get_by_role("option", name=text, exact=True).click()
    bench.wait_for_value(page, "overwrite", mode)


def masks_of(bench, name):
    """(K, J, I) bool of a segment by its name, read from its node."""
    from SlicePropagationMRML.nodes.geometry import segmentMask

    controller = bench.controller
    [key] = [one["id"] for one in bench.data.segments if one["name"] == name]
    return bench.call(lambda: segmentMask(controller.segmentation, key, controller.volume).copy())


def add_segment(page, bench):
    count = len(bench.data.segments)
    page.get_by_text("Add segment").click()
    wait_for(page, lambda: len(bench.data.segments) == count + 1)


def in_range(bench, low, high):
    voxels = bench.image()
    return (voxels >= low) & (voxels <= high)


def test_threshold_adds_to_the_slice_shown_what_is_in_the_typed_range(page, bench):
    take(page, bench, "threshold")
    type_in(page, "Lowest intensity", 120)
    wait_for(page, lambda: bench.data.threshold[0] == 120)
    type_in(page, "Highest intensity", 300)
    wait_for(page, lambda: bench.data.threshold == [120, 300])
    page.get_by_text("Add to this slice").click()
    bench.wait_for_drawn(page, [SEED])
    assert np.array_equal(bench.mask(SEED), in_range(bench, 120, 300)[SEED])
    wait_for_kind(page, SEED, "seed")
    page.keyboard.press("Control+z")
    wait_for_message(page, f"Undone: Threshold on slice {SEED + 1}.")
    bench.wait_for_drawn(page, [])
    page.get_by_label("Automatic range").click()
    wait_for(page, lambda: bench.data.threshold[0] < 0)


def test_threshold_reaches_the_slices_that_are_typed_and_says_how_many_it_annotated(page, bench):
    take(page, bench, "threshold")
    type_in(page, "Lowest intensity", 120)
    page.click("[data-reach=range]")
    bench.wait_for_value(page, "reach_span", [SEED, SEED])
    bench.wait_until_shown(page)
    type_in(page, "Last slice", SEED + 3)  # as people count: the second slice after
    bench.wait_for_value(page, "reach_span", [SEED, SEED + 2])
    page.get_by_text("Add to these slices").click()
    bench.wait_for_drawn(page, [SEED, SEED + 1, SEED + 2])
    wait_for_message(page, "3 slices are annotated by you with this")
    type_in(page, "Last slice", 1000)
    page.get_by_text("There is no slice 1000").first.wait_for()


def test_scissors_cut_on_the_slice_shown_and_nowhere_else(page, bench):
    draw_square(page, bench, SEED)
    draw_square(page, bench, SEED + 2)
    before = bench.masks()
    take(page, bench, "scissors")
    bench.stroke(page, SEED + 2, [(60, 20), (60, 80), (100, 80), (100, 20), (60, 20)])
    wait_for(page, lambda: not bench.mask(SEED + 2)[62:].any())
    after = bench.masks()
    assert after[SEED + 2, :58].any()
    others = np.arange(len(after)) != SEED + 2
    assert np.array_equal(after[others], before[others])
    page.keyboard.press("Control+z")
    wait_for_message(page, f"Undone: Scissors on slice {SEED + 3}.")
    wait_for(page, lambda: np.array_equal(bench.masks(), before))
    page.locator("[data-choice=Cut]").click()
    page.get_by_role("option", name="Fill inside", exact=True).click()
    bench.wait_for_value(page, "scissors", "fill_inside")
    bench.stroke(page, SEED + 2, [(85, 75), (85, 100), (100, 100), (100, 75), (85, 75)])
    wait_for(page, lambda: bench.mask(SEED + 2)[87:98, 77:98].all())
    assert bench.drawn_slices() == [SEED, SEED + 2]


def test_an_edit_across_is_a_hint_for_the_slices_whose_voxels_it_changed(page, bench):
    draw_square(page, bench)
    wait_for_kind(page, SEED, "seed")
    take(page, bench, "draw")
    bench.call(bench.application.views.enlarge, "coronal")
    bench.wait_until_drawn(page, "coronal")
    bench.call(bench.application.views.jump, "coronal", bench.controller.volume, 60)
    page.wait_for_timeout(SETTLED_MS)
    # on slice SEED the strip from 40 to 55 is drawn already: its mask does not change
    around = [(SEED - 2.4, 40), (SEED - 2.4, 55), (SEED + 1.4, 55), (SEED + 1.4, 40)]
    bench.stroke(page, 60, [*around, around[0]], "coronal")
    named = f"slices {SEED - 1}-{SEED}, {SEED + 2}"
    wait_for_message(page, f"You drew on Coronal slice 61. That is a hint for {named} (Axial)")
    assert slices_of(page, "seed") == [SEED]
    assert slices_of(page, "hint") == [SEED - 2, SEED - 1, SEED + 1]
    assert kinds(page).count("correction") == 0
    bench.call(bench.application.views.enlarge, "axial")
    bench.wait_until_drawn(page)


def test_nobody_draws_in_a_locked_segment_or_over_it(page, bench):
    draw_square(page, bench)
    before = masks_of(bench, "Spleen")
    page.get_by_label("Lock or unlock").first.click()
    wait_for(page, lambda: bench.data.segments[0]["locked"])
    take(page, bench, "erase")
    bench.stroke(page, SEED, [(50, 40), (70, 50)])
    page.get_by_text("Spleen is locked; unlock it in the list to draw in it.").first.wait_for()
    assert page.locator("[data-command=fill]").is_disabled()
    add_segment(page, bench)
    take(page, bench, "paint")
    bench.stroke(page, SEED, [(60, 25), (60, 70)])
    wait_for(page, lambda: bench.mask(SEED)[60, 27])
    assert bench.mask(SEED)[60, 67]
    assert not bench.mask(SEED)[INSIDE].any()
    assert np.array_equal(masks_of(bench, "Spleen"), before)
    page.get_by_label("Lock or unlock").first.click()
    wait_for(page, lambda: not bench.data.segments[0]["locked"])
    bench.stroke(page, SEED, [(60, 25), (60, 70)])
    wait_for(page, lambda: bench.mask(SEED)[60, 45])
    assert not masks_of(bench, "Spleen")[SEED, 60, 45]


def test_drawing_under_goes_around_other_segments_and_overlapping_through_them(page, bench):
    draw_square(page, bench)
    add_segment(page, bench)
    choose_others(page, bench, "under", "Draw under: overwrite none")
    take(page, bench, "paint")
    bench.stroke(page, SEED, [(60, 25), (60, 70)])
    wait_for(page, lambda: bench.mask(SEED)[60, 27])
    assert not bench.mask(SEED)[INSIDE].any()
    choose_others(page, bench, "overlap", "Overlap")
    bench.stroke(page, SEED, [(60, 25), (60, 70)])
    wait_for(page, lambda: bench.mask(SEED)[60, 45])
    assert masks_of(bench, "Spleen")[SEED][INSIDE].all()
    choose_others(page, bench, "all", "Overwrite all")


def test_overwriting_what_is_visible_spares_a_segment_that_is_hidden(page, bench):
    draw_square(page, bench)
    before = masks_of(bench, "Spleen")
    add_segment(page, bench)
    choose_others(page, bench, "visible", "Overwrite visible")
    page.get_by_label("Show or hide").first.click()
    wait_for(page, lambda: not bench.data.segments[0]["visible"])
    take(page, bench, "paint")
    bench.stroke(page, SEED, [(60, 25), (60, 70)])
    wait_for(page, lambda: bench.mask(SEED)[60, 27])
    assert np.array_equal(masks_of(bench, "Spleen"), before)
    page.get_by_label("Show or hide").first.click()
    wait_for(page, lambda: bench.data.segments[0]["visible"])
    bench.stroke(page, SEED, [(70, 25), (70, 70)])
    wait_for(page, lambda: bench.mask(SEED)[70, 45])
    assert not masks_of(bench, "Spleen")[SEED, 70, 45]
    choose_others(page, bench, "all", "Overwrite all")


def test_a_run_of_all_drawn_segments_leaves_out_those_that_are_locked(page, bench):
    draw_square(page, bench)
    locked = masks_of(bench, "Spleen")
    page.get_by_label("Lock or unlock").first.click()
    wait_for(page, lambda: bench.data.segments[0]["locked"])
    add_segment(page, bench)
    take(page, bench, "paint")
    bench.stroke(page, SEED, [(85, 35), (85, 60), (95, 60)])
    wait_for_kind(page, SEED, "seed")
    page.locator("[data-choice=Segments]").click()
    page.get_by_role("option", name="All drawn segments", exact=True).click()
    bench.wait_for_value(page, "scope", "drawn")
    propagate(page)
    assert len(bench.drawn_slices()) > 10
    assert np.array_equal(masks_of(bench, "Spleen"), locked)
    bench.call(setattr, bench.data, "scope", "selected")


def test_the_smart_brush_keeps_to_what_is_as_bright_as_where_the_stroke_began(page, bench):
    take(page, bench, "paint")
    type_in(page, "Brush in mm", 40)
    bench.wait_for_value(page, "brush_mm", 40)
    page.get_by_label("Smart: similar intensities").check()
    wait_for(page, lambda: bench.data.tolerance == 0.1 * bench.data.window[0])
    type_in(page, "Tolerance", 30)
    bench.wait_for_value(page, "tolerance", 30)
    line = middle_line(SEED, "axial")
    image = bench.image()[SEED]
    row, column = round(line[0][0]), round(line[0][1])
    start = np.median(image[row - 1 : row + 2, column - 1 : column + 2])
    bench.stroke(page, SEED, line)
    wait_for(page, lambda: bench.mask(SEED).any())
    drawn = bench.mask(SEED)
    assert np.abs(image[drawn] - start).max() <= 30
    page.get_by_label("Smart: similar intensities").uncheck()
    bench.wait_for_value(page, "smart", False)
    bench.stroke(page, SEED, line)
    wait_for(page, lambda: bench.mask(SEED).sum() > 1.3 * drawn.sum())


def test_tools_write_only_on_the_intensities_that_are_typed(page, bench):
    page.get_by_label("Only intensities").check()
    type_in(page, "Lowest to write on", 60)
    wait_for(page, lambda: bench.data.limits[0] == 60)
    type_in(page, "Highest to write on", 140)
    wait_for(page, lambda: bench.data.limits == [60, 140])
    draw = [(10, 20), (10, 110), (115, 110), (115, 20), (10, 20)]
    take(page, bench, "draw")
    bench.stroke(page, SEED, draw)
    wait_for(page, lambda: bench.mask(SEED).any())
    drawn = bench.mask(SEED)
    allowed = in_range(bench, 60, 140)[SEED]
    assert not (drawn & ~allowed).any()
    assert np.array_equal(drawn[12:113, 22:108], allowed[12:113, 22:108])
    page.get_by_label("Only intensities").uncheck()
    wait_for(page, lambda: bench.data.limits == [])


def corner(page, bench, row, column):
    page.mouse.click(*bench.pixel(page, row, column, SEED))
    page.wait_for_timeout(500)  # two clicks that come sooner may be a double click


def test_a_polygon_is_closed_by_a_double_click_and_by_enter_and_dropped_by_escape(page, bench):
    take(page, bench, "draw")
    page.click("[data-outline=polygon]")
    bench.wait_for_value(page, "outline_mode", "polygon")
    for row, column in CORNERS[:3]:
        corner(page, bench, row, column)
    page.mouse.dblclick(*bench.pixel(page, *CORNERS[3], SEED))
    wait_for(page, lambda: bench.mask(SEED)[INSIDE].all())
    area = bench.mask(SEED).sum()
    assert area < 32 * 27
    for row, column in ((85, 35), (85, 60), (100, 60)):
        corner(page, bench, row, column)
    outlines = bench.application.toolbox.outlines
    wait_for(page, lambda: outlines.is_open)
    page.keyboard.press("Escape")
    wait_for(page, lambda: not outlines.is_open)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert bench.mask(SEED).sum() == area
    for row, column in ((85, 35), (85, 60), (115, 115), (100, 60)):
        corner(page, bench, row, column)
        if row == 115:
            page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    wait_for(page, lambda: bench.mask(SEED)[86:89, 45:55].all())
    assert not bench.mask(SEED)[102:].any()


def test_buttons_change_the_mask_of_the_slice_shown_each_as_a_step_with_a_name(page, bench):
    draw_square(page, bench)
    ring = bench.mask(SEED)
    take(page, bench, "scissors")
    bench.stroke(page, SEED, [(55, 45), (55, 50), (60, 50), (60, 45), (55, 45)])
    wait_for(page, lambda: not bench.mask(SEED)[56:59, 46:49].any())
    click(page, "fill")
    wait_for(page, lambda: np.array_equal(bench.mask(SEED), ring))
    spacing = bench.controller.volume.GetSpacing()[0]
    type_in(page, "Margin", 3 * spacing)
    wait_for(page, lambda: bench.data.margin == pytest.approx(3 * spacing))
    click(page, "grow")
    wait_for(page, lambda: bench.mask(SEED).sum() > ring.sum())
    grown = bench.mask(SEED)
    rows, columns = np.nonzero(grown)
    before = np.nonzero(ring)
    assert rows.min() == before[0].min() - 3
    assert columns.max() == before[1].max() + 3
    page.keyboard.press("Control+z")
    wait_for_message(page, f"Undone: Grow by {3 * spacing:g} mm on slice {SEED + 1}.")
    wait_for(page, lambda: np.array_equal(bench.mask(SEED), ring))
    page.get_by_label("Unit of the margin").click()
    bench.wait_for_value(page, "margin_unit", "px")
    type_in(page, "Margin", 2)
    bench.wait_for_value(page, "margin", 2)
    click(page, "shrink")
    wait_for(page, lambda: 0 < bench.mask(SEED).sum() < ring.sum())
    assert np.nonzero(bench.mask(SEED))[0].min() == before[0].min() + 2
    bench.show_slice(SEED + 1)
    bench.wait_for_value(page, "index", SEED + 1)
    click(page, "copy_previous")
    wait_for(page, lambda: np.array_equal(bench.mask(SEED + 1), bench.mask(SEED)))
    assert bench.drawn_slices() == [SEED, SEED + 1]
    click(page, "copy_next")
    page.get_by_text(f"The segment is not on slice {SEED + 3}; nothing is copied.").first.wait_for()
    take(page, bench, "paint")
    bench.stroke(page, SEED + 1, [(100, 100), (101, 100)])
    wait_for(page, lambda: bench.mask(SEED + 1)[100, 100])
    click(page, "largest")
    wait_for(page, lambda: np.array_equal(bench.mask(SEED + 1), bench.mask(SEED)))


def test_the_brush_has_the_millimetres_that_are_typed_and_keys_and_the_wheel_change_it(page, bench):
    type_in(page, "Brush in mm", 20)
    bench.wait_for_value(page, "brush_mm", 20)
    bench.stroke(page, SEED, [(60, 45), (60, 45)])
    wait_for(page, lambda: bench.mask(SEED).any())
    width = bench.mask(SEED).any(axis=0).sum() * bench.controller.volume.GetSpacing()[0]
    assert width == pytest.approx(20, abs=4)
    page.get_by_label("Ball: paints the slices beside it too").check()
    bench.wait_for_value(page, "sphere", True)
    bench.stroke(page, SEED, [(60, 90), (60, 90)])
    wait_for(page, lambda: bench.mask(SEED + 2)[60, 90])
    assert not bench.mask(SEED + 2)[60, 45]
    page.get_by_label("Ball: paints the slices beside it too").uncheck()
    bench.wait_for_value(page, "sphere", False)
    page.keyboard.press("]")
    bench.wait_for_value(page, "brush_mm", 24)
    page.keyboard.press("[")
    bench.wait_for_value(page, "brush_mm", 20)
    box = large_view(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Shift")
    wait_for(page, lambda: bench.data.brush_mm != 20)
    field = page.get_by_label("Brush in mm", exact=True)
    wait_for(page, lambda: float(field.input_value()) == bench.data.brush_mm)
    assert bench.data.index == SEED
    type_in(page, "Brush in mm", 0)
    page.get_by_text("paints nothing").first.wait_for()


def test_a_slice_that_looks_the_same_after_an_act_is_no_correction(page, bench):
    seed(page, bench)
    click(page, "propagate")
    wait_for_message(page, "Done")
    strip = kinds(page)
    bench.show_slice(SEED + 1)
    bench.wait_for_value(page, "index", SEED + 1)
    click(page, "copy_previous")  # the engine that copies left the same there
    wait_for_message(page, "already")
    assert kinds(page) == strip


def place_in_spleen():
    """(row, column) in the middle of the sample's spleen on the slice SEED."""
    from web_bench import middle_line

    line = middle_line(SEED, "axial")
    return line[len(line) // 2]


def spleen():
    from web_bench import SPLEEN, sample_volume

    return sample_volume()[1][SEED] == SPLEEN


def test_a_click_gives_a_first_outline_on_the_slice_and_a_box_bounds_it(page, bench):
    from SlicePropagationLib.metrics import dice

    page.keyboard.press("8")
    bench.wait_for_value(page, "tool", "seed")
    page.mouse.click(*bench.pixel(page, *place_in_spleen(), SEED))
    bench.wait_for_drawn(page, [SEED])
    assert dice(bench.mask(SEED), spleen()) > 0.6
    wait_for_kind(page, SEED, "seed")
    page.keyboard.press("Control+z")
    wait_for_message(page, f"Undone: Click to seed on slice {SEED + 1}.")
    bench.wait_for_drawn(page, [])
    rows, columns = np.nonzero(spleen())
    page.mouse.move(*bench.pixel(page, rows.min() - 3, columns.min() - 3, SEED))
    page.mouse.down()
    page.mouse.move(*bench.pixel(page, rows.max() + 3, columns.max() + 3, SEED), steps=5)
    assert page.locator(".sp-seed-box").bounding_box()["width"] > 20
    page.mouse.up()
    bench.wait_for_drawn(page, [SEED])
    assert dice(bench.mask(SEED), spleen()) > 0.6
    assert page.locator(".sp-seed-box").count() == 0


def at_the_kidney():
    """(row, column) at the edge of the sample's left kidney on the slice SEED, and its mask."""
    from web_bench import sample_volume

    kidney = sample_volume()[1][SEED] == LEFT_KIDNEY
    row = int(np.median(np.nonzero(kidney)[0]))
    return row, np.flatnonzero(kidney[row]).min() + 0.25, kidney


def test_level_tracing_shows_the_line_under_the_pointer_and_a_click_fills_it(page, bench):
    from SlicePropagationLib.metrics import dice

    row, column, kidney = at_the_kidney()
    page.keyboard.press("9")
    bench.wait_for_value(page, "tool", "trace")
    line = page.locator(".sp-trace .sp-trace-line")
    place = bench.pixel(page, row, column, SEED)
    page.mouse.move(place[0] - 9, place[1])
    page.mouse.move(*place)
    line.wait_for()
    wait_for(page, lambda: dice(inside_of(page, bench, line), kidney) > 0.85)
    assert bench.drawn_slices() == []
    shown = inside_of(page, bench, line)
    page.mouse.click(*place)
    bench.wait_for_drawn(page, [SEED])
    assert dice(bench.mask(SEED), shown) > 0.97
    wait_for_kind(page, SEED, "seed")
    page.keyboard.press("Control+z")
    wait_for_message(page, f"Undone: Level tracing on slice {SEED + 1}.")
    bench.wait_for_drawn(page, [])
    page.mouse.move(5, 5)
    line.wait_for(state="hidden")


def trace_the_kidney(page, bench):
    """Click on its edge with level tracing."""
    row, column, _ = at_the_kidney()
    take(page, bench, "trace")
    page.mouse.click(*bench.pixel(page, row, column, SEED))


def test_level_tracing_keeps_to_the_editable_intensities(page, bench):
    kidney = at_the_kidney()[2]
    values = bench.image()[SEED]
    middle = float(np.ceil(np.median(values[kidney])))
    bench.call(bench.controller.rules.set_limits, middle, 3000.0)
    trace_the_kidney(page, bench)
    bench.wait_for_drawn(page, [SEED])
    drawn = bench.mask(SEED)
    assert values[drawn].min() >= middle
    assert 0.3 < drawn.sum() / kidney.sum() < 0.7


def test_level_tracing_changes_nothing_in_a_locked_segment(page, bench):
    page.get_by_label("Lock or unlock").first.click()
    wait_for(page, lambda: bench.data.segments[0]["locked"])
    trace_the_kidney(page, bench)
    page.get_by_text("The segment is locked; unlock it in the list to change it.").first.wait_for()
    assert bench.drawn_slices() == []


@pytest.mark.parametrize(
    "mode, text, is_taken, is_shared",
    [
        ("under", "Draw under: overwrite none", False, False),
        ("overlap", "Overlap", False, True),
        ("all", "Overwrite all", True, False),
    ],
)
def test_level_tracing_takes_from_other_segments_as_the_mode_says(
    page, bench, mode, text, is_taken, is_shared
):
    corners = [(row, column) for row, column in _around(at_the_kidney()[2])]
    draw_square(page, bench, corners=corners, inside=(slice(0, 0), slice(0, 0)))
    bench.wait_for_drawn(page, [SEED])
    square = bench.mask(SEED)
    add_segment(page, bench)
    choose_others(page, bench, mode, text)
    trace_the_kidney(page, bench)
    bench.wait_for_drawn(page, [SEED])
    traced = bench.mask(SEED)
    left = masks_of(bench, "Spleen")[SEED]
    assert traced.any() and (square & ~left).any() == is_taken
    assert (traced & square).any() == (is_taken or is_shared)


def _around(kidney):
    """Corners of the left half of the kidney's box."""
    rows, columns = np.nonzero(kidney)
    middle = int(columns.mean())
    top, bottom, left = rows.min() - 2, rows.max() + 2, columns.min() - 2
    return [(top, left), (top, middle), (bottom, middle), (bottom, left)]


def inside_of(page, bench, line):
    """(J, I) bool: the pixels of the slice SEED in a line that the browser shows."""
    from SlicePropagationLib.drawing.outline import filled_outline

    shape = bench.mask(SEED).shape
    corners = line.evaluate("""(line) => {
      const matrix = line.getScreenCTM();
      return [...line.points].map((one) => one.matrixTransform(matrix)).map(({x, y}) => [y, x]);
    }""")
    left, top = bench.pixel(page, 0, 0, SEED)
    right, bottom = bench.pixel(page, 100, 100, SEED)
    scale = 100 / (np.array([bottom, right]) - (top, left))
    return filled_outline((np.array(corners) - (top, left)) * scale, shape)


def test_a_click_across_the_slices_that_are_propagated_is_refused_with_a_sentence(page, bench):
    take(page, bench, "seed")
    box = page.locator("[data-edges=Green]").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text("Click into the axial view").first.wait_for()
    assert bench.drawn_slices() == []


def oblique_sample():
    """The sample as it lies in a scanner when the patient is turned by 20 degrees."""
    import SimpleITK as sitk
    from web_bench import sample_volume

    from SlicePropagationLib.files.volume import Volume

    volume = sample_volume()[0]
    image = sitk.Image(volume.image)
    turn = np.deg2rad(20)
    cosine, sine = np.cos(turn), np.sin(turn)
    image.SetDirection((1, 0, 0, 0, cosine, -sine, 0, sine, cosine))
    return Volume(volume.array, image, volume.path)


def test_a_stroke_on_an_oblique_volume_stays_on_one_of_its_slices(page, bench):
    bench.call(bench.application.opened.show_volume, "turned.nii.gz", oblique_sample())
    page.get_by_text("turned.nii.gz").first.wait_for()
    bench.show_slice(SEED)
    bench.wait_for_value(page, "index", SEED)
    page.wait_for_timeout(SETTLED_MS)
    bench.stroke(page, SEED, [(45, 64), (75, 64)])
    bench.wait_for_drawn(page, [SEED])
    assert bench.mask(SEED)[48:72, 64].all()
    before = bench.mask(SEED)
    draw_square(page, bench)
    assert bench.drawn_slices() == [SEED]
    assert (bench.mask(SEED) & ~before).sum() < 32 * 27
