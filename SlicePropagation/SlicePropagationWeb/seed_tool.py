"""Click to seed: a click, or a box that is dragged, gives a first outline on the slice shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import planeOfAxis
from SlicePropagationMRML.nodes.outlines import Outline, isOnVolume, outlineInView

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.drawing.click_seed import Box, seeded_at, seeded_in
from SlicePropagationLib.errors import InputError

if TYPE_CHECKING:
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.slice_commands import SliceCommands

CLICK_PIXELS = 5  # that the mouse may move in a click
NAME = "Click to seed"


class SeedTool:
    """Takes the left button in the slice views while the tool is in the hand.

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
        self._began: tuple[str, float, float] | None = None

    def takes(self, view_id: str, event: dict[str, Any], scale: float) -> bool:
        """Whether an event of the mouse in a slice view is the tool's.

        Args:
            view_id: name of the view.
            event: with x and y from the lower left corner of the view.
            scale: pixels of the view to one of x and y.
        """
        place = (event.get("x", 0) * scale, event.get("y", 0) * scale)
        if event["type"] == "LeftButtonPress":
            self._began = (view_id, *place) if self._data.tool == "seed" else None
            return self._began is not None
        if event["type"] != "LeftButtonRelease" or self._began is None:
            return False
        began, self._began = self._began, None
        if began[0] == view_id:
            self._give(lambda: self._seed(view_id, began[1:], place))
        return True

    def _seed(self, tag: str, began: tuple[float, float], ended: tuple[float, float]) -> None:
        """Outline what was clicked on, or what is in the box between two places of a view."""
        node = self._views.node(tag)
        volume = self._controller.volume
        outline = outlineInView(node, volume, (began, ended))
        self._check(outline.axis)
        if not isOnVolume(node, volume):
            raise InputError("There is no slice of the volume in this view; scroll to one.")
        is_click = max(abs(a - b) for a, b in zip(began, ended, strict=True)) < CLICK_PIXELS
        found = self._at(outline) if is_click else self._in(outline)
        if not self._slices.write(NAME, {outline.index: self._slices.mask(outline.index) | found}):
            raise InputError("Nothing more was found there; paint it, or drag a box around it.")

    def _check(self, axis: int) -> None:
        """Refuse slices that are not propagated: each would be annotated by a line only."""
        along = self._slices.document.stack.axis
        if axis != along:
            plane = planeOfAxis(self._controller.volume, along)
            raise InputError(
                f"Click into the {plane} view, whose slices are propagated; or choose other slices"
                " under Propagate."
            )

    def _at(self, outline: Outline) -> Mask:
        stack = self._slices.document.stack
        image = stack.images[outline.index]
        row, column = (round(float(each)) for each in outline.corners[0])
        if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
            raise InputError("This place is outside of the volume; click into the structure.")
        return seeded_at(image, stack.spacing_mm[1:], row, column)

    def _in(self, outline: Outline) -> Mask:
        image = self._slices.document.stack.images[outline.index]
        first = outline.corners.min(axis=0).round().astype(int)
        last = outline.corners.max(axis=0).round().astype(int)
        box = Box(int(first[0]), int(first[1]), int(last[0]) + 1, int(last[1]) + 1)
        on_slice = Box(
            max(box.top, 0),
            max(box.left, 0),
            min(box.bottom, image.shape[0]),
            min(box.right, image.shape[1]),
        )
        if not on_slice.area:
            raise InputError("The box is outside of the volume; drag one around the structure.")
        return seeded_in(image, on_slice)
