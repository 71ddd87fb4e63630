"""Controls that have a key or a twin, which other tests use: here they are clicked and dragged."""

import numpy as np
import pytest
from at_the_page import SEED, click, paint, propagate, seed
from SlicePropagationWeb.dialog_parts import FIND_FROM
from web_bench import AXES, SETTLED_MS, open_page, wait_for
from web_files import ct, read_mask, write_image

OUTLINE = ((30, 20), (30, 60), (70, 60), (70, 20), (30, 20))  # row, column of its corners


def place(thumb, share):
    """Where a share of the way along the track of a slider is on the page: (x, y)."""
    track = thumb.locator("xpath=..").bounding_box()
    return track["x"] + share * track["width"], track["y"] + track["height"] / 2


def drag(page, thumb, share):
    """Drag the thumb of a slider to a share of the way along its track."""
    box = thumb.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(*place(thumb, share), steps=8)
    page.mouse.up()


def slider(page, label):
    return page.get_by_role("slider", name=label, exact=True)


def shown(bench, plane):
    return bench.call(bench.application.views.index, plane, bench.controller.volume)


def share_shown(bench, plane):
    """How far along its slider the slice is that a view shows, 0 to 1."""
    return shown(bench, plane) / (bench.image().shape[AXES[plane]] - 1)


@pytest.mark.parametrize("plane", AXES)
def test_the_slider_below_a_view_leads_through_its_slices_and_follows_them(page, bench, plane):
    thumb = slider(page, f"{plane.capitalize()} slice")
    near = 1 / bench.image().shape[AXES[plane]]
    others = {other: shown(bench, other) for other in AXES.keys() - {plane}}
    drag(page, thumb, 0.25)
    wait_for(page, lambda: abs(share_shown(bench, plane) - 0.25) < near)
    page.mouse.click(*place(thumb, 0.75))
    wait_for(page, lambda: abs(share_shown(bench, plane) - 0.75) < near)
    thumb.press("Home")
    wait_for(page, lambda: share_shown(bench, plane) == 0)
    assert {other: shown(bench, other) for other in others} == others
    if plane == "axial":
        assert bench.data.index == 0
    page.mouse.move(1, 1)
    bench.call(bench.application.views.jump, plane, bench.controller.volume, 20)
    wait_for(page, lambda: abs(share_of(thumb) - share_shown(bench, plane)) < near)
    says = [thumb.get_attribute(f"aria-value{of}") for of in ("min", "now", "max")]
    assert says == ["1", "21", str(bench.image().shape[AXES[plane]])]


def share_of(thumb):
    """Where the browser shows the thumb of a slider, from 0 to 1 of its track."""
    box, track = thumb.bounding_box(), thumb.locator("xpath=..").bounding_box()
    return (box["x"] + box["width"] / 2 - track["x"]) / track["width"]


def test_the_play_button_plays_and_stops(page, bench):
    bench.show_slice(5)
    bench.wait_for_value(page, "index", 5)
    click(page, "play")
    wait_for(page, lambda: bench.data.is_playing and bench.data.index != 5)
    click(page, "play")
    bench.wait_for_value(page, "is_playing", False)


def test_show_3d_is_switched_off_and_on_and_the_empty_view_says_so(page, bench):
    seed(page, bench)
    box = page.get_by_label("Show 3D", exact=True)
    box.uncheck()
    page.get_by_text("Switch on 'Show 3D' to see the segments as surfaces.").wait_for()
    box.check()
    bench.wait_for_value(page, "show_3d", True)
    page.locator(".sp-empty-3d").wait_for(state="detached")


def test_the_slider_of_the_brush_changes_its_size(page, bench):
    before = bench.data.brush_mm
    drag(page, slider(page, "Size of the brush"), 0.6)
    wait_for(page, lambda: bench.data.brush_mm > before)
    field = page.get_by_label("Brush in mm", exact=True)
    wait_for(page, lambda: float(field.input_value()) == bench.data.brush_mm)


def test_the_ends_of_the_threshold_are_dragged(page, bench):
    page.click("[data-tool=threshold]")
    bench.wait_for_value(page, "tool", "threshold")
    wait_for(page, lambda: bench.data.threshold[0] > bench.image().min())
    low, high = bench.data.threshold
    ends = page.get_by_role("slider", name="Range of intensities")
    ends.first.scroll_into_view_if_needed()
    drag(page, ends.first, 0.2)
    wait_for(page, lambda: bench.data.threshold[0] < low)
    drag(page, ends.last, 0.8)
    wait_for(page, lambda: bench.data.threshold[1] < high)
    lowest = page.get_by_label("Lowest intensity", exact=True)
    assert float(lowest.input_value()) == bench.data.threshold[0]


@pytest.mark.parametrize("cut", ["Erase outside", "Fill outside"])
def test_scissors_work_outside_of_their_outline_on_the_slice_shown(page, bench, cut):
    seed(page, bench)
    before = bench.masks()
    page.click("[data-tool=scissors]")
    bench.wait_for_value(page, "tool", "scissors")
    page.locator("[data-choice=Cut]").click()
    page.get_by_role("option", name=cut, exact=True).click()
    bench.wait_for_value(page, "scissors", cut.lower().replace(" ", "_"))
    bench.stroke(page, SEED, OUTLINE)
    is_filled = cut == "Fill outside"
    wait_for(page, lambda: bench.mask(SEED)[90:, 90:].all() == is_filled)
    wait_for(page, lambda: not np.array_equal(bench.mask(SEED), before[SEED]))
    after = bench.masks()
    assert np.array_equal(after[SEED, 33:67, 23:57], before[SEED, 33:67, 23:57])
    assert (after[SEED, 80:] == is_filled).all()
    others = np.arange(len(after)) != SEED
    assert np.array_equal(after[others], before[others])


def test_the_menu_of_a_segment_renames_it_and_moves_it_down(page, bench):
    bench.call(bench.controller.add)
    lines = page.locator(".sp-segment")
    wait_for(page, lambda: lines.count() == 2)
    choose_in_menu(page, lines.first, "Rename")
    page.keyboard.type("Kidney")
    page.keyboard.press("Enter")
    wait_for(page, lambda: names(bench)[0] == "Kidney")
    choose_in_menu(page, lines.first, "Move down")
    wait_for(page, lambda: names(bench)[1] == "Kidney")


def names(bench):
    return [segment["name"] for segment in bench.data.segments]


def choose_in_menu(page, line, text):
    line.get_by_label("More about this segment", exact=True).click()
    page.locator(".v-overlay--active").get_by_text(text, exact=True).click()


def test_another_kind_of_file_is_saved_and_its_download_leaves_the_page_as_it_is(
    page, bench, tmp_path
):
    seed(page, bench)
    click(page, "save")
    page.locator(".v-overlay--active .v-select").click()
    page.get_by_role("option", name=".nii.gz", exact=True).click()
    page.click("[data-command=write]")
    with page.expect_download() as download:
        page.locator("a", has_text=".nii.gz").click()
    download.value.save_as(tmp_path / "saved.nii.gz")
    assert np.array_equal(read_mask(tmp_path / "saved.nii.gz"), bench.masks())
    page.get_by_text("Close", exact=True).click()
    page.wait_for_timeout(SETTLED_MS)
    bench.show_slice(SEED + 1)
    page.locator("[data-edges=Red]").get_by_text(f"{SEED + 2} of 60").wait_for()
    bench.call(setattr, bench.data, "save_suffix", ".seg.nrrd")
    bench.forget_files(bench.out)


def test_escape_closes_a_dialog_whose_button_was_disabled_by_its_click(browser, start, tmp_path):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    click(page, "save")
    page.click(".v-overlay--active [data-command=export]")
    page.click("[data-command=make_export]")
    page.locator("[data-download=zip]").wait_for()
    page.keyboard.press("Escape")
    page.locator("[data-command=make_export]").wait_for(state="hidden")
    page.close()


def test_an_error_is_closed_and_details_and_keys_are_opened_by_their_buttons(page, bench):
    bench.call(bench.application.workflow.say, "This is wrong.", is_error=True)
    alert = page.get_by_role("alert").filter(has_text="This is wrong.")
    alert.get_by_role("button").click()
    alert.wait_for(state="detached")
    for command, text in (("details", "Trained network"), ("keys", "Right drag")):
        click(page, command)
        card = page.locator(".v-overlay--active .v-card")
        card.get_by_text(text).first.wait_for()
        card.get_by_text("Close", exact=True).click()
        card.wait_for(state="hidden")


def test_the_buttons_of_undo_and_redo_take_a_run_back_and_bring_it_again(page, bench):
    seed(page, bench)
    propagate(page)
    after = bench.drawn_slices()
    click(page, "undo")
    bench.wait_for_drawn(page, [SEED])
    click(page, "redo")
    bench.wait_for_drawn(page, after)


@pytest.fixture
def many(bench):
    """More images than a dialog lists without a field to find them by."""
    folder = bench.out / "uploads"
    for number in range(FIND_FROM + 2):
        write_image(folder / f"scan_{number:02}.nii.gz", ct((4, 16, 16)))
    yield folder
    bench.forget_files(folder)


@pytest.mark.parametrize("command, mark", [("open", "load"), ("second", "second")])
def test_words_find_a_file_in_a_dialog_that_lists_many(page, bench, many, command, mark):
    click(page, command)
    files = page.locator(f"[data-open={mark}]")
    wait_for(page, lambda: files.count() == FIND_FROM + 2)
    find = page.get_by_label("Find", exact=True)
    find.fill("SCAN 07")
    wait_for(page, lambda: files.all_inner_texts() == ["scan_07.nii.gz"])
    page.get_by_text("Cancel", exact=True).click()
    find.wait_for(state="hidden")
    bench.call(setattr, bench.data, "find", "")


def test_what_was_typed_in_one_dialog_hides_nothing_in_the_other(page, bench, many):
    click(page, "open")
    page.get_by_label("Find", exact=True).fill("no such file")
    wait_for(page, lambda: page.locator("[data-open=load]").count() == 0)
    page.get_by_text("Cancel", exact=True).click()
    page.get_by_label("Find", exact=True).wait_for(state="hidden")
    click(page, "second")
    wait_for(page, lambda: page.locator("[data-open=second]").count() == FIND_FROM + 2)
    page.get_by_text("Cancel", exact=True).click()
    page.get_by_text("Cancel", exact=True).wait_for(state="hidden")


def test_the_slider_of_the_second_image_blends_it_from_nothing_to_all(page, bench, many):
    click(page, "second")
    page.locator("[data-open=second]").first.click()
    bench.wait_for_text(page, "is shown too")
    view = bench.application.views.view("axial")
    thumb = slider(page, "Share of the second image")
    drag(page, thumb, 0)
    wait_for(page, lambda: bench.call(view.get_foreground_opacity) == 0)
    drag(page, thumb, 1)
    wait_for(page, lambda: bench.call(view.get_foreground_opacity) == 1)
    click(page, "remove_second")


def test_a_mesh_that_is_ticked_is_offered_with_what_is_saved(page, bench):
    seed(page, bench)
    click(page, "save")
    page.locator("[data-export=stl] input").check()
    page.click("[data-command=write]")
    mesh = page.locator("[data-download=file]", has_text=".stl")
    with page.expect_download() as download:
        mesh.click()
    assert download.value.path().stat().st_size > 1000
    page.locator("[data-export=stl] input").uncheck()
    page.get_by_text("Close", exact=True).click()
    mesh.wait_for(state="hidden")
    bench.forget_files(bench.out)


def test_a_tool_reaches_back_to_the_first_slice_that_is_typed(page, bench):
    page.click("[data-tool=threshold]")
    page.click("[data-reach=range]")
    wait_for(page, lambda: bench.data.reach_span[0] == bench.data.index)
    bench.wait_until_shown(page)
    page.get_by_label("First slice", exact=True).fill("3")
    page.keyboard.press("Enter")
    bench.wait_for_value(page, "reach_span", [2, bench.data.index])


def test_an_image_opens_with_the_window_of_its_kind_and_comes_back_with_its_own(page, bench):
    folder = bench.out / "uploads"
    lungs = ct()
    lungs[0] = -1000  # air
    write_image(folder / "lungs.nii.gz", lungs)
    brain = ct() + 500  # as MR: nothing below 0
    write_image(folder / "brain.nii.gz", brain)
    open_file(page, "lungs.nii.gz")
    bench.wait_for_value(page, "window", [400, 40])
    page.get_by_label("Window", exact=True).fill("300")
    page.keyboard.press("Enter")
    bench.wait_for_value(page, "window", [300, 40])
    open_file(page, "brain.nii.gz")
    lowest, highest = np.percentile(brain, [0.1, 99.9])
    wait_for(page, lambda: bench.data.window[0] == pytest.approx(highest - lowest, rel=0.05))
    page.get_by_label("Presets of window and level").click()
    assert page.locator("[data-preset]").all_inner_texts() == ["Automatic"]
    page.keyboard.press("Escape")
    open_file(page, "lungs.nii.gz")
    bench.wait_for_value(page, "window", [300, 40])
    bench.forget_files(folder)


def open_file(page, name):
    """Open an image that the dialog lists."""
    page.click("[data-command=open]")
    page.locator("[data-open=load]").get_by_text(name, exact=True).click()
    page.wait_for_selector(f".sp-volume >> text={name} ·")
    page.wait_for_selector(".sp-opening", state="hidden")
