"""The sliders below the slice views, in slices as the strip counts them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame_server.utils.typed_state import TypedState
from trame_slicer.app.ui.slider import Slider, SliderState

from SlicePropagationWeb.slice_numbers import number

if TYPE_CHECKING:
    from trame_server.core import Server


def slider_of(server: "Server", tag: str) -> TypedState[SliderState]:
    """What the slider of a slice view shows, by the view's name."""
    return TypedState(server.state, SliderState, namespace=tag)


def add_slice_slider(server: "Server", tag: str, plane: str, color: str) -> None:
    """Add the slider of a slice view.

    There is none without slices: it would stand at its left end, and slide from there to its place.

    Args:
        server: the trame server.
        tag: name of the view.
        plane: that it shows.
        color: of the slider.
    """
    state = slider_of(server, tag)
    with html.Div(classes="sp-slice-slider"):
        Slider(
            typed_state=state,
            v_if=f"{state.name.max_value} > 1",
            theme="dark",
            density="compact",
            color=color,
            raw_attrs=[f'aria-label="{plane.capitalize()} slice"'],
        )


class SliceSliders:
    """Moves the sliders with their views, and the views with their sliders.

    Args:
        server: the trame server.
        tags: {plane: name of its view}.
        jump: `jump(plane, slice)` shows a slice, from 0.
    """

    def __init__(
        self, server: "Server", tags: dict[str, str], jump: Callable[[str, int], None]
    ) -> None:
        self._states: dict[str, Any] = {}
        for plane, tag in tags.items():
            state = slider_of(server, tag)
            state.data.min_value = state.data.max_value = state.data.value = number(0)
            state.data.step = 1
            state.bind_changes({state.name.value: partial(self._moved, plane)})
            self._states[plane] = state
        self._jump = jump

    def show(self, plane: str, index: int, count: int) -> None:
        """A view shows a slice, of so many."""
        state = self._states[plane]
        with state.suppress_change_listeners():
            state.data.max_value = count
            state.data.value = number(index)

    def _moved(self, plane: str, value: float) -> None:
        self._jump(plane, round(value) - number(0))
