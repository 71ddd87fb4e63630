"""What is seen in the views: window and level, what stands at their edges, the mouse in them."""

import threading
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from at_the_page import SEED, wait_for_message
from web_bench import PATIENCE, large_view, wait_for

# Axes (x, y, z) of the volume that lie in the slices of a plane.
IN_PLANE = {
    "axial": (0, 1),
    "coronal": (0, 2),
    "sagittal": (1, 2),
}


@pytest.fixture
def page(shared_page, bench):
    """The page that the tests here share, on a slice in the middle and with nothing in the hand."""
    bench.call(bench.application.window.reset)
    bench.call(bench.controller.take, "none")
    bench.show_slice(SEED)
    bench.wait_for_value(shared_page, "index", SEED)
    return shared_page


def wait_for_views(page, count):
    """Wait until so many views stand there."""
    wait_for(page, lambda: page.locator(".remote-controlled-area").count() == count)


@contextmanager
def release_seen(bench):
    """Wait at the end until the server has seen the mouse let go, and so all before it."""
    seen = threading.Event()
    views = bench.application.views
    take = views.on_mouse

    def watched(view_id, event, scale):
        passed_on = take(view_id, event, scale)
        if event["type"].endswith("ButtonRelease"):
            seen.set()
        return passed_on

    with mock.patch.object(views, "on_mouse", watched):
        yield
        assert seen.wait(PATIENCE)


def drag(page, bench, button, right, down, key=None):
    """Drag in the middle of the large view."""
    box = large_view(page)
    x = box["x"] + box["width"] / 2
    y = box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    if key:
        page.keyboard.down(key)
    page.mouse.down(button=button)
    page.mouse.move(x + right, y + down, steps=4)
    with release_seen(bench):
        page.mouse.up(button=button)
    if key:
        page.keyboard.up(key)


def type_in(page, bench, label, place, text):
    """Type a number of the window, once the page shows the one that holds."""
    field = page.get_by_label(label, exact=True)
    wait_for(page, lambda: float(field.input_value()) == bench.data.window[place])
    field.fill(text)
    page.keyboard.press("Enter")


def shown_range(bench):
    """(lowest, highest) intensity that the volume's node shows."""
    node = bench.controller.volume.GetDisplayNode()
    return bench.call(lambda: (node.GetWindowLevelMin(), node.GetWindowLevelMax()))


def view_node(bench, plane="axial"):
    return bench.application.views.view(plane).get_view_node()


def resize(page, bench, width, height):
    """Give the browser's window another size, and wait until the large view has its own."""
    before = dimensions(bench)
    page.set_viewport_size({"width": width, "height": height})
    wait_for(page, lambda: dimensions(bench) != before)
    page.wait_for_timeout(500)


def dimensions(bench):
    """Size of the large view in pixels."""
    return bench.call(lambda: view_node(bench).GetDimensions()[:2])


def shown_part(bench, plane="axial"):
    """How much of the slice the view of a plane shows: 1 where it just fits, less where it is cut."""
    sizes = np.array(bench.image().shape[::-1]) * bench.controller.volume.GetSpacing()
    size = sizes[list(IN_PLANE[plane])]
    field = bench.call(lambda: view_node(bench, plane).GetFieldOfView()[:2])
    return min(np.array(field) / size)


def edges(page, tag, part):
    return page.locator(f"[data-edges={tag}] .sp-{part}").inner_text()


def test_a_drag_with_the_right_button_sets_window_and_level(page, bench):
    width, level = bench.data.window
    drag(page, bench, "right", right=80, down=0)
    assert bench.data.window[0] > 1.3 * width
    assert bench.data.window[1] == pytest.approx(level, abs=0.02 * width)
    drag(page, bench, "right", right=0, down=-80)
    assert bench.data.window[1] < level - 0.2 * width
    low, high = shown_range(bench)
    assert [high - low, (high + low) / 2] == pytest.approx(bench.data.window, rel=1e-3)


def test_the_window_is_reset_by_its_button(page, bench):
    before = bench.data.window
    drag(page, bench, "right", right=80, down=40)
    assert bench.data.window != before
    page.click("[data-command=reset_window]")
    bench.wait_for_value(page, "window", before)


def test_the_tool_for_it_sets_window_and_level_with_the_left_button(page, bench):
    page.click("[data-tool=window]")
    bench.wait_for_value(page, "tool", "window")
    before = bench.data.window
    drag(page, bench, "left", right=80, down=0)
    wait_for(page, lambda: bench.data.window[0] > before[0])


def test_typed_numbers_are_the_window(page, bench):
    type_in(page, bench, "Window", 0, "200")
    wait_for(page, lambda: bench.data.window[0] == 200)
    type_in(page, bench, "Level", 1, "50")
    wait_for(page, lambda: shown_range(bench) == (-50, 150))


def test_a_number_that_is_being_typed_stays_while_the_page_changes(page, bench):
    field = page.get_by_label("Window", exact=True)
    field.fill("12")
    bench.call(bench.application.workflow.say, "Something else happened.")
    wait_for_message(page, "Something else happened.")
    page.keyboard.type("0")
    page.keyboard.press("Enter")
    wait_for(page, lambda: bench.data.window[0] == 120)


def test_a_window_without_width_is_refused(page, bench):
    before = bench.data.window
    type_in(page, bench, "Window", 0, "0")
    page.get_by_text("shows nothing; type a width above 0").first.wait_for()
    assert bench.data.window == before


def test_ct_has_presets(page, bench):
    bench.call(setattr, bench.data, "is_ct", True)
    for preset, window in (("bone", [1800, 400]), ("liver", [150, 30])):
        page.get_by_label("Presets of window and level").click()
        page.click(f"[data-preset={preset}]")
        bench.wait_for_value(page, "window", window)
    page.get_by_label("Presets of window and level").click()
    page.click("[data-preset=automatic]")
    lowest, highest = np.percentile(bench.image(), [0.1, 99.9])
    wait_for(page, lambda: bench.data.window[0] == pytest.approx(highest - lowest, rel=0.05))


def test_a_view_says_which_slice_it_shows_and_where_that_is(page, bench):
    count = bench.image().shape[0]
    wait_for(page, lambda: f"{SEED + 1} of {count}" in edges(page, "Red", "where"))
    offset = bench.call(view_node(bench).GetSliceOffset)
    letter = "S" if offset >= 0 else "I"
    assert f"{letter} {abs(offset):.1f} mm" in edges(page, "Red", "where")
    at = [edges(page, "Red", f"at-{edge}") for edge in ("left", "right", "top", "bottom")]
    assert at == ["R", "L", "A", "P"]
    bench.show_slice(0)
    wait_for(page, lambda: f"1 of {count}" in edges(page, "Red", "where"))


def test_the_scale_bar_has_the_length_that_it_names(page, bench):
    bar = page.locator("[data-edges=Red]").locator("xpath=following-sibling::*[1]").bounding_box()
    length = float(edges(page, "Red", "scale").split()[0])
    across = bench.call(view_node(bench).GetFieldOfView)[0]
    assert bar["width"] / large_view(page)["width"] == pytest.approx(length / across, abs=0.01)


def test_the_intensity_and_the_segment_under_the_pointer_are_said(page, bench):
    bench.call(bench.controller.take, "paint")
    bench.paint_spleen(page, SEED)
    bench.wait_for_drawn(page, [SEED])
    rows, columns = np.nonzero(bench.mask(SEED))
    place = len(rows) // 2
    row, column = int(rows[place]), int(columns[place])
    page.mouse.move(*bench.pixel(page, row, column, SEED))
    intensity = bench.image()[SEED, row, column]
    wait_for(page, lambda: edges(page, "Red", "pointer") == f"{intensity:.5g} · Spleen")
    bench.show_slice(SEED + 1)  # what is under the pointer there nobody has looked at
    wait_for(page, lambda: edges(page, "Red", "pointer") == "")


def test_the_slider_hides_nothing_of_the_picture(page):
    picture = large_view(page)
    slider = page.locator(".sp-slice-slider").first.bounding_box()
    assert picture["y"] + picture["height"] <= slider["y"] + 0.5


@pytest.mark.parametrize("width, height", [(720, 900), (1920, 1080)])
def test_a_view_shows_the_whole_slice_whatever_size_the_window_gets(page, bench, width, height):
    first = page.viewport_size
    page.get_by_label("Fit Axial view").click()
    resize(page, bench, width, height)
    assert shown_part(bench) == pytest.approx(1, abs=0.02)
    bench.call(lambda: view_node(bench).SetFieldOfView(50, 50, 1))
    resize(page, bench, **first)
    assert shown_part(bench) < 0.5
    page.get_by_label("Fit Axial view").click()
    wait_for(page, lambda: shown_part(bench) == pytest.approx(1, abs=0.02))


@pytest.mark.parametrize("plane", ["coronal", "axial"])
def test_another_plane_has_the_large_view_and_is_whole_there(page, bench, plane):
    page.click(f"[data-plane={plane}]")
    bench.wait_for_value(page, "plane", plane)
    bench.wait_until_drawn(page, plane)
    wait_for(page, lambda: shown_part(bench, plane) == pytest.approx(1, abs=0.02))


def test_a_view_is_maximised_and_the_plane_stays(page, bench):
    page.get_by_label("Maximise Coronal view").click()
    wait_for_views(page, 1)
    assert page.locator("[data-view]").get_attribute("data-view") == "Green"
    assert bench.data.plane == "axial"
    page.get_by_label("Maximise Coronal view").click()
    wait_for_views(page, 4)


def test_a_double_click_maximises_where_nothing_is_in_the_hand(page, bench):
    box = large_view(page)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.dblclick(*middle)
    bench.wait_for_value(page, "maximised", "Red")
    wait_for_views(page, 1)
    page.mouse.dblclick(*middle)
    wait_for_views(page, 4)


def test_fit_shows_the_whole_slice_and_stays_on_it(page, bench):
    node = view_node(bench)
    bench.call(node.SetFieldOfView, 20, 20, 1)
    assert shown_part(bench) < 0.5
    page.get_by_label("Fit Axial view").click()
    wait_for(page, lambda: shown_part(bench) == pytest.approx(1, abs=0.02))
    assert bench.data.index == SEED


def test_the_empty_hand_moves_the_picture(page, bench):
    node = view_node(bench)
    before = bench.call(node.GetXYZOrigin)
    drawn = bench.masks()
    drag(page, bench, "left", right=60, down=0)
    wait_for(page, lambda: abs(bench.call(node.GetXYZOrigin)[0] - before[0]) > 5)
    assert np.array_equal(bench.masks(), drawn)
    bench.call(bench.application.views.fit, "Red")


def test_the_middle_button_moves_the_picture_whatever_is_in_the_hand(page, bench):
    bench.call(bench.controller.take, "paint")
    node = view_node(bench)
    before = bench.call(node.GetXYZOrigin)
    drawn = bench.masks()
    drag(page, bench, "middle", right=60, down=0)
    wait_for(page, lambda: abs(bench.call(node.GetXYZOrigin)[0] - before[0]) > 5)
    assert np.array_equal(bench.masks(), drawn)
    bench.call(bench.application.views.fit, "Red")


def test_the_wheel_goes_slice_by_slice_and_zooms_nothing(page, bench):
    box = large_view(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    field = bench.call(view_node(bench).GetFieldOfView)
    page.mouse.wheel(0, -100)
    wait_for(page, lambda: abs(bench.data.index - SEED) == 1)
    page.mouse.wheel(0, 100)
    bench.wait_for_value(page, "index", SEED)
    assert bench.call(view_node(bench).GetFieldOfView) == field


def test_control_and_the_wheel_zoom_on_the_slice_that_is_shown(page, bench):
    page.get_by_label("Fit Axial view").click()
    wait_for(page, lambda: shown_part(bench) == pytest.approx(1, abs=0.02))
    box = large_view(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(100)
    page.keyboard.up("Control")
    wait_for(page, lambda: abs(shown_part(bench) - 1) > 0.1)
    assert bench.data.index == SEED
    bench.call(bench.application.views.fit, "Red")


def test_with_shift_the_other_views_show_the_place_under_the_pointer(page, bench):
    page.keyboard.down("Shift")
    page.mouse.move(*bench.pixel(page, 90, 70, SEED))
    page.mouse.move(*bench.pixel(page, 100, 80, SEED), steps=2)
    page.keyboard.up("Shift")
    views = bench.application.views
    volume = bench.controller.volume
    wait_for(page, lambda: bench.call(views.index, "coronal", volume) == 100)
    assert bench.call(views.index, "sagittal", volume) == 80
    assert bench.data.index == SEED


def test_the_crosshair_is_switched_on_and_off(page, bench):
    scene = bench.controller.volume.GetScene()
    crosshair = bench.call(scene.GetFirstNodeByClass, "vtkMRMLCrosshairNode")
    page.get_by_label("Crosshair", exact=True).click()
    wait_for(page, lambda: bench.call(crosshair.GetCrosshairMode) == crosshair.ShowBasic)
    page.keyboard.press("x")
    wait_for(page, lambda: bench.call(crosshair.GetCrosshairMode) == crosshair.NoCrosshair)


@pytest.mark.parametrize("tool", ["none", "threshold"])
def test_control_and_a_drag_fade_nothing(page, bench, tool):
    display = bench.controller.segmentation.GetDisplayNode()
    composite = bench.application.views.view("axial")._logic.GetSliceCompositeNode()

    def opacities():
        return (
            display.GetOpacity(),
            composite.GetLabelOpacity(),
            composite.GetForegroundOpacity(),
        )

    views = bench.application.views
    bench.call(views.show_second, bench.controller.volume)  # Slicer fades what lies on top
    bench.call(views.blend, 0.5)
    bench.call(bench.controller.take, tool)
    before = bench.call(opacities)
    drag(page, bench, "left", right=0, down=80, key="Control")
    page.wait_for_timeout(300)
    assert bench.call(opacities) == before
    bench.call(views.show_second, None)


def test_the_brush_of_the_program_is_in_no_view_as_the_browser_draws_its_ring(page, bench):
    page.click("[data-tool=paint]")
    bench.wait_for_value(page, "tool", "paint")
    page.mouse.move(*bench.pixel(page, 100, 80, SEED))
    effect = bench.controller.editor.active_effect
    model = bench.call(lambda: effect._get_paint_parameters().brush_model_node)
    assert not bench.call(model.GetDisplayNode().GetVisibility2D)
    assert not bench.call(model.GetDisplayNode().GetVisibility3D)


def test_what_stands_around_a_slice_follows_its_picture_and_comes_before_a_command(bench, page):
    application = bench.application

    def said():
        return bench.data.corners["Red"]["slice"]

    def move_and_ask():
        application.workflow.jump(SEED + 3)
        followed = said()
        application._command("describe", 0)
        return followed, said()

    count = bench.data.num_slices
    first, then = bench.call(move_and_ask)
    assert first == f"{SEED + 1} of {count}"
    assert then == f"{SEED + 4} of {count}"
    bench.call(application.workflow.jump, SEED)
    wait_for(page, lambda: said() == first)
    page.locator("[data-edges=Red]").get_by_text(first).wait_for()
