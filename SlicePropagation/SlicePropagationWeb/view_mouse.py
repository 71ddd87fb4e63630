"""What the mouse does in the views, before Slicer's own interaction sees it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationWeb.pointed_voxel import describe_point, world_point

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.outline_tools import OutlineTools
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.second_image import SecondImage
    from SlicePropagationWeb.seed_tool import SeedTool
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.trace_tool import TraceTool
    from SlicePropagationWeb.window_level import WindowLevel

Event = dict[str, Any]
# A hand that holds no tool moves the picture, which Slicer does with the middle button.
CLICKS = "clicks"  # of an event: 2 where it is the second press of a double click
AS_MIDDLE = {
    "LeftButtonPress": "MiddleButtonPress",
    "LeftButtonRelease": "MiddleButtonRelease",
}


class ViewMouse:
    """Looks at every mouse event of the views.

    A drag with the right button, or with the tool for it, sets window and level. The left button
    moves the picture where no tool is in the hand. With Shift the other views follow the pointer.
    Ctrl and a drag are a drag: Slicer would let the segments fade.

    Args:
        server: the trame server.
        views: the PageViews.
        controller: the SegmentationController.
        window: the WindowLevel.
        data: the PanelState that the browser shows.

    Attributes:
        on_press: called when a button goes down.
        outlines: the OutlineTools, whose polygons a double click closes.
        seeds: the SeedTool, which takes clicks and boxes.
        traces: the TraceTool, which takes clicks, and shows a line where the pointer is.
        second: the SecondImage, whose intensity is told too.
    """

    def __init__(
        self,
        server: "Server",
        views: "PageViews",
        controller: "SegmentationController",
        window: "WindowLevel",
        data: "PanelState",
    ) -> None:
        self._server = server
        self._views = views
        self._controller = controller
        self._window = window
        self._data = data
        self._at = (0.0, 0.0)  # of a drag that sets the window
        self._button = ""  # that it began with
        self._moves = False  # whether the left button moves the picture
        self.outlines: OutlineTools | None = None
        self.seeds: SeedTool | None = None
        self.traces: TraceTool | None = None
        self.second: SecondImage | None = None
        self.on_press: Callable[[], None] = lambda: None

    def take(self, view_id: str, event: Event, scale: float) -> Event | None:
        """What Slicer is to see of an event.

        Args:
            view_id: name of the view.
            event: with x and y from the lower left corner of the view.
            scale: pixels of the view to one of x and y.

        Returns:
            The event, changed or not; None where it is none of Slicer's business.
        """
        if not self._views.is_slice_view(view_id) or self._controller.volume is None:
            return event
        with self._server.state:
            return self._in_slice(view_id, event, scale)

    def _in_slice(self, view_id: str, event: Event, scale: float) -> Event | None:
        kind = event["type"]
        if kind.endswith("ButtonPress"):
            self._pressed(kind)
        if kind == "RightButtonPress" or (kind == "LeftButtonPress" and self._is_windowing):
            return self._begin(event)
        if self._button:
            return self._drag(event)
        if kind == "LeftButtonPress" and self._closes(view_id, event):
            return None
        if any(tool.takes(view_id, event, scale) for tool in (self.seeds, self.traces) if tool):
            return None
        if kind == "MouseMove":
            self._point(view_id, event, scale)
        if kind in ("MouseLeave", "PointerLeave"):
            self._data.pointer = {}
        return self._for_slicer(event)

    def _pressed(self, kind: str) -> None:
        """What a drag does is decided where it begins, whatever is in the hand by its end."""
        self.on_press()
        self._button = ""  # of a drag whose end got lost, as where the page was loaded anew
        if kind == "LeftButtonPress":
            self._moves = self._data.tool == "none"

    def _closes(self, view_id: str, event: Event) -> bool:
        """Whether the left button closes a polygon, as a double click does."""
        if self.outlines is None:
            return False
        if event.get(CLICKS, 1) > 1 and self.outlines.is_open:
            self.outlines.close()
            return True
        self.outlines.pressed(view_id)
        return False

    @property
    def _is_windowing(self) -> bool:
        return self._data.tool == "window"

    def _begin(self, event: Event) -> None:
        self._button = event["type"].removesuffix("Press")
        self._at = _place(event)

    def _drag(self, event: Event) -> None:
        """A part of a drag that sets window and level."""
        if event["type"] == "MouseMove":
            before, self._at = self._at, _place(event)
            self._window.drag(self._at[0] - before[0], self._at[1] - before[1])
        elif event["type"] == f"{self._button}Release":
            self._button = ""

    def _point(self, view_id: str, event: Event, scale: float) -> None:
        """The pointer rests on a voxel, or moves over some."""
        node = self._views.node(view_id)
        point = world_point(node, event["x"] * scale, event["y"] * scale)
        controller = self._controller
        second = self.second.node if self.second is not None else None
        text = describe_point(controller.volume, controller.segmentation, point, second)
        self._data.pointer = {"view": view_id, "text": text}
        if event.get("shiftKey"):
            self._views.cross(view_id, point)

    def _for_slicer(self, event: Event) -> Event:
        changed = dict(event)
        if event["type"] != "MouseWheel":
            changed["ctrlKey"] = 0
        if self._moves:
            changed["type"] = AS_MIDDLE.get(event["type"], event["type"])
        return changed


def _place(event: Event) -> tuple[float, float]:
    return float(event.get("x", 0)), float(event.get("y", 0))
