"""Level tracing: the line of equal intensity under the pointer; a click fills it on that slice."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer.util
from SlicePropagationMRML.nodes.level_lines import levelLine, smoothedForLines
from SlicePropagationMRML.nodes.outlines import Outline, isOnVolume, lineInWorld, outlineInView

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.drawing.outline import filled_outline
from SlicePropagationLib.errors import InputError
from SlicePropagationWeb.view_corners import in_plane

if TYPE_CHECKING:
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.slice_commands import SliceCommands

NAME = "Level tracing"
TOOL = "trace"
LEAVES = ("MouseLeave", "PointerLeave", "MouseWheel", "StartMouseWheel")  # what the line is not of
Place = tuple[float, float]


class TraceTool:
    """Follows the pointer in the slice views while the tool is in the hand.

    Args:
        controller: the SegmentationController.
        views: the PageViews.
        slices: the SliceCommands, which write.
        data: the PanelState that the browser shows.
        give: calls a function; what goes wrong becomes a message on the page.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        views: "PageViews",
        slices: "SliceCommands",
        data: "PanelState",
        give: Callable[[Callable[[], object]], None],
    ) -> None:
        self._controller = controller
        self._views = views
        self._slices = slices
        self._data = data
        self._give = give
        self._has_pressed = False
        self._smooth: dict[tuple[int, int], np.ndarray] = {}  # the last slice: {(axis, index): it}

    def forget(self) -> None:
        """Another volume is there."""
        self._smooth = {}
        self._data.trace = {}

    def takes(self, view_id: str, event: dict[str, Any], scale: float) -> bool:
        """Whether an event of the mouse in a slice view is the tool's.

        Args:
            view_id: name of the view.
            event: with x and y from the lower left corner of the view.
            scale: pixels of the view to one of x and y.
        """
        kind = event["type"]
        place = (event.get("x", 0) * scale, event.get("y", 0) * scale)
        if kind == "LeftButtonRelease" and self._has_pressed:
            self._has_pressed = False
            return True
        if self._data.tool != TOOL:
            return False
        if kind == "MouseMove":
            self._give(lambda: self._show(view_id, place))
        elif kind in LEAVES:
            self._data.trace = {}
        elif kind == "LeftButtonPress":
            self._has_pressed = True
            self._give(lambda: self._fill(view_id, place))
        return self._has_pressed

    def _show(self, tag: str, place: Place) -> None:
        """Have the browser draw the line at a place of a view."""
        line = self._line(tag, place)
        self._data.trace = {} if line is None else self._drawn(tag, line)

    def _drawn(self, tag: str, line: Outline) -> dict[str, Any]:
        """A line as the browser draws it, in mm of the view's plane: x to the right, y down."""
        places = in_plane(self._views.node(tag), lineInWorld(line, self._controller.volume))
        points = " ".join(f"{right:.2f},{-up:.2f}" for right, up, _ in places)
        return {"view": tag, "depth": round(float(places[0, 2]), 4), "points": points}

    def _fill(self, tag: str, place: Place) -> None:
        """Add what the line goes around to the segment, on the slice that the view shows."""
        self._slices.check_lock()
        self._show(tag, place)
        line = self._line(tag, place)
        if line is None:
            raise InputError(
                "No closed line of this intensity passes here; point at the edge of the structure."
            )
        wanted = self._before(line) | filled_outline(line.corners, self._slice(line).shape)
        if not self._slices.write(NAME, {line.index: wanted}, line.axis):
            raise InputError("Nothing more is in this line; point at another edge.")

    def _line(self, tag: str, place: Place) -> Outline | None:
        """The line at a place of a view; None where there is none."""
        node = self._views.node(tag)
        volume = self._controller.volume
        if not isOnVolume(node, volume):
            return None
        pointed = outlineInView(node, volume, [place])
        corners = levelLine(self._slice(pointed), *pointed.corners[0])
        return None if corners is None else pointed._replace(corners=corners)

    def _slice(self, outline: Outline) -> np.ndarray:
        """The smoothed slice that an outline is on; made once for a slice."""
        which = (outline.axis, outline.index)
        if which not in self._smooth:
            voxels = slicer.util.arrayFromVolume(self._controller.volume)
            self._smooth = {which: smoothedForLines(voxels.take(outline.index, outline.axis))}
        return self._smooth[which]

    def _before(self, outline: Outline) -> Mask:
        """What the segment that is chosen shows on the slice of an outline now."""
        shape = self._slice(outline).shape
        return self._slices.shown(outline.axis)[outline.index].paste(shape)
