"""What the mouse does before Slicer sees it, event by event: without a browser."""

import contextlib
from types import SimpleNamespace

import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")

from SlicePropagationWeb.view_mouse import ViewMouse


@pytest.fixture
def dragged():
    """[(right, up)] of every drag that set window and level."""
    return []


@pytest.fixture
def data():
    return SimpleNamespace(tool="paint", pointer={"view": "Red", "text": "1"})


@pytest.fixture
def mouse(data, dragged):
    server = SimpleNamespace(state=contextlib.nullcontext())
    views = SimpleNamespace(is_slice_view=lambda tag: tag == "Red")
    controller = SimpleNamespace(volume=object(), segmentation=None)
    window = SimpleNamespace(drag=lambda right, up: dragged.append((right, up)))
    mouse = ViewMouse(server, views, controller, window, data)
    mouse._point = lambda *event: None
    return mouse


def send(mouse, *kinds, view="Red", **parts):
    """What Slicer sees of events, one after another, each 3 pixels further to the right."""
    seen = []
    for place, kind in enumerate(kinds):
        event = {"type": kind, "x": 3 * place, "y": 0, **parts}
        found = mouse.take(view, event, 1.0)
        seen.append(found and found["type"])
    return seen


DRAG = ("RightButtonPress", "MouseMove", "MouseMove", "RightButtonRelease")


def test_a_drag_with_the_right_button_is_none_of_slicers_business(mouse, dragged):
    assert send(mouse, *DRAG) == [None] * 4
    assert dragged == [(3, 0), (3, 0)]
    assert send(mouse, "MouseMove") == ["MouseMove"]


def test_in_the_3d_view_slicer_sees_everything(mouse, dragged):
    assert send(mouse, *DRAG, view="ThreeD") == list(DRAG)
    assert dragged == []


def test_a_drag_ends_with_its_button_whatever_is_in_the_hand_by_then(mouse, data, dragged):
    data.tool = "window"
    assert send(mouse, "LeftButtonPress", "MouseMove") == [None, None]
    data.tool = "none"
    assert send(mouse, "LeftButtonRelease", "MouseMove") == [None, "MouseMove"]
    assert len(dragged) == 1


def test_after_a_drag_whose_end_was_lost_the_next_one_begins(mouse, dragged):
    send(mouse, "RightButtonPress", "MouseMove")
    paint = ("LeftButtonPress", "MouseMove", "LeftButtonRelease")
    assert send(mouse, *paint) == list(paint)
    assert len(dragged) == 1


def test_the_empty_hand_moves_the_picture_until_the_button_is_up(mouse, data):
    data.tool = "none"
    assert send(mouse, "LeftButtonPress") == ["MiddleButtonPress"]
    data.tool = "paint"
    assert send(mouse, "LeftButtonRelease") == ["MiddleButtonRelease"]
    assert send(mouse, "LeftButtonPress") == ["LeftButtonPress"]


def test_control_is_kept_from_drags_but_not_from_the_wheel(mouse):
    press = mouse.take("Red", {"type": "LeftButtonPress", "ctrlKey": 1}, 1.0)
    wheel = mouse.take("Red", {"type": "MouseWheel", "ctrlKey": 1}, 1.0)
    assert (press["ctrlKey"], wheel["ctrlKey"]) == (0, 1)


def test_a_pointer_that_left_points_at_nothing(mouse, data):
    send(mouse, "MouseLeave")
    assert data.pointer == {}


class Outlines:
    """Stands in for the tools that draw outlines."""

    is_open = False
    closed = 0

    def close(self):
        self.closed += 1

    def pressed(self, tag):
        pass


def test_the_second_press_of_a_double_click_closes_an_open_polygon_and_slicer_does_not_see_it(
    mouse,
):
    mouse.outlines = outlines = Outlines()
    assert send(mouse, "LeftButtonPress", clicks=2) == ["LeftButtonPress"]
    outlines.is_open = True
    assert send(mouse, "LeftButtonPress", clicks=1) == ["LeftButtonPress"]
    assert outlines.closed == 0
    assert send(mouse, "LeftButtonPress", clicks=2) == [None]
    assert outlines.closed == 1
