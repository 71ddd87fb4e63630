"""What the bar above the views, their own buttons and the small dialogs ask for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.presenting.controls import engineNotes

from SlicePropagationWeb.segment_measures import segment_measures
from SlicePropagationWeb.surprises import tell
from SlicePropagationWeb.workflow import Workflow

if TYPE_CHECKING:
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState, StateNames
    from SlicePropagationWeb.player import Player
    from SlicePropagationWeb.second_image import SecondImage
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.window_level import WindowLevel


class ViewCommands:
    """How volume and segments are shown.

    Args:
        controller: the SegmentationController.
        views: the PageViews.
        player: the Player.
        window: the WindowLevel.
        second: the SecondImage.
        workflow: the Workflow.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        views: "PageViews",
        player: "Player",
        window: "WindowLevel",
        second: "SecondImage",
        workflow: Workflow,
        data: "PanelState",
    ) -> None:
        self._controller = controller
        self._views = views
        self._player = player
        self._window = window
        self._second = second
        self._flow = workflow
        self._data = data

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {
            "step": self._player.step,
            "play": self._player.toggle,
            "fit": self._views.fit,
            "maximise": self._maximise,
            "crosshair": self._toggle_crosshair,
            "preset": self._window.choose,
            "width": self._window.set_width,
            "level": self._window.set_level,
            "reset_window": self._window.reset,
            **self._second.commands(),
            "details": self._show_details,
            "table": self._show_table,
            "keys": self._show_keys,
        }

    def follow(self, typed: Any, name: "StateNames") -> None:
        """Take over what the browser sets; trame itself would swallow an error of these.

        Args:
            typed: the TypedState of the PanelState.
            name: names of its values in the browser.
        """
        typed.bind_changes(
            {
                name.show_3d: self._show_3d,
                name.fill: self._show_segments,
                name.outline: self._show_segments,
                name.crosshair: self._show_crosshair,
                name.second_share: self._blend,
            }
        )

    def _maximise(self, view: str) -> None:
        self._data.maximised = "" if self._data.maximised == view else view
        self._views.maximise(self._data.maximised)

    def _toggle_crosshair(self) -> None:
        self._data.crosshair = not self._data.crosshair

    def _show_details(self) -> None:
        self._data.notes = [{"title": title, "text": text} for title, text in engineNotes()]
        self._data.is_details = True

    def _show_table(self) -> None:
        self._data.measures = segment_measures(self._flow.session, self._data.segments)
        self._data.is_table = True

    def _show_keys(self) -> None:
        self._data.is_keys = True

    def _show_3d(self, is_shown: bool) -> None:
        tell(self._flow, self._controller.show_3d, is_shown)
        tell(self._flow, self._views.reset_3d)

    def _show_segments(self, *_: Any) -> None:
        data = self._data
        tell(self._flow, self._controller.show_as, data.fill / 100, data.outline)
        tell(self._flow, self._views.refresh)

    def _show_crosshair(self, is_shown: bool) -> None:
        tell(self._flow, self._views.show_crosshair, is_shown)

    def _blend(self, share: int) -> None:
        tell(self._flow, self._second.blend, share)
