"""Draw and Scissors: an outline in a view becomes voxels of the slices that the tool reaches."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from SlicePropagationMRML.nodes.outlines import isOnVolume, outlineInView
from trame_slicer.segmentation import (
    BrushInteractionMode,
    SegmentationEffectDraw,
    SegmentationEffectScissors,
)
from trame_slicer.utils import vtk_image_to_np

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.drawing.outline import filled_outline
from SlicePropagationLib.drawing.scissors import CUTS, inside_on_slice
from SlicePropagationWeb.reach import reached

if TYPE_CHECKING:
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.slice_commands import SliceCommands

MODES = {
    "freehand": BrushInteractionMode.CONTINUOUS,
    "polygon": BrushInteractionMode.POINT_BY_POINT,
}
MOVED = "The view moved while the outline was open, so it is dropped; draw it again."


class OutlineTools:
    """Takes the outlines of the `trame_slicer` tools, which would fill and cut whole volumes.

    Args:
        controller: the SegmentationController.
        views: the PageViews.
        slices: the SliceCommands, which write.
        data: the PanelState that the browser shows.
        give: calls a function; what goes wrong becomes a message on the page.
        say: shows a sentence on the page.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        views: "PageViews",
        slices: "SliceCommands",
        data: "PanelState",
        give: Callable[[Callable[[], object]], None],
        say: Callable[[str], None],
    ) -> None:
        self._controller = controller
        self._views = views
        self._slices = slices
        self._data = data
        self._say = say
        self._began: dict[int, list[float]] = {}  # where a view was when its outline began
        self._effects: list[Any] = []
        for kind, apply in (
            (SegmentationEffectDraw, self._draw),
            (SegmentationEffectScissors, self._cut),
        ):
            effect = controller.editor.get_effect(kind)
            effect.apply_points_display_coordinates = partial(self._applied, give, apply)
            self._effects.append(effect)

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {
            "close_outline": self.close,
            "drop_outline": self.drop,
            "shorten_outline": partial(self._each_open, "remove_last_point"),
        }

    def set_mode(self, mode: str) -> None:
        """Draw outlines with the button down, or corner by corner."""
        self.drop()
        for effect in self._effects:
            effect.set_brush_interaction_mode(MODES[mode])

    # An open outline

    @property
    def is_open(self) -> bool:
        """Whether corners are set that no polygon closes yet."""
        return bool(self._open())

    def pressed(self, tag: str) -> None:
        """The mouse goes down in a view: an outline may begin there."""
        if not self.is_open and self._views.is_slice_view(tag):
            node = self._views.node(tag)
            self._began[id(node)] = _place(node)

    def close(self) -> None:
        """Close the polygon that is open; fewer than three corners are dropped."""
        self._each_open("stop_painting")

    def drop(self) -> None:
        """Forget the polygon that is open."""
        self._each_open("cancel_painting")

    def _each_open(self, method: str) -> None:
        for pipeline in self._open():
            getattr(pipeline.widget, method)()
            pipeline.RequestRender()

    def _open(self) -> list[Any]:
        pipelines = [one() for effect in self._effects for one in effect.pipelines]
        return [one for one in pipelines if one is not None and one.widget.is_painting()]

    # What an outline does

    def _applied(
        self,
        give: Callable[[Callable[[], object]], None],
        apply: Callable[[list[tuple[float, float]], Any], None],
        points: Any,
        view: Any,
    ) -> None:
        """An outline is closed: `points` in pixels of the view."""
        corners = [points.GetPoint(number)[:2] for number in range(points.GetNumberOfPoints())]
        give(lambda: self._apply(apply, corners, points, view))

    def _apply(
        self, apply: Any, corners: list[tuple[float, float]], points: Any, view: Any
    ) -> None:
        node = view.get_view_node()
        is_flat = node.IsA("vtkMRMLSliceNode")
        if is_flat and self._began.get(id(node), _place(node)) != _place(node):
            self._say(MOVED)
        elif not is_flat:
            self._cut_in_3d(points, view)
        elif len(corners) > 2 and isOnVolume(node, self._controller.volume):
            apply(corners, node)

    def _draw(self, corners: list[tuple[float, float]], node: Any) -> None:
        axis, index, inside = self._inside(corners, node)
        before = self._slices.shown(axis)[index].paste(inside.shape)
        self._slices.write("Draw", {index: before | inside}, axis)

    def _cut(self, corners: list[tuple[float, float]], node: Any) -> None:
        """Cut on the slice of the view, or on the slices of the strip that are reached."""
        axis, index, inside = self._inside(corners, node)
        if self._data.reach == "slice":
            self._write_cut(axis, {index: inside})
            return
        shape = tuple(reversed(self._controller.volume.GetImageData().GetDimensions()))
        along = self._slices.document.stack.axis
        through = {
            each: inside_on_slice(inside, axis, along, each, shape) for each in self._reached()
        }
        self._write_cut(along, through)

    def _cut_in_3d(self, points: Any, view: Any) -> None:
        """Cut what lies behind an outline in the 3D view, on the slices that are reached."""
        effect = self._controller.editor.active_effect
        stencil = effect._stencil_polydata_from_display_coordinates(points, view)
        inside = vtk_image_to_np(effect._polydata_to_oriented_image(stencil)) != 0
        along = self._slices.document.stack.axis
        self._write_cut(along, {each: inside.take(each, along) for each in self._reached()})

    def _write_cut(self, axis: int, inside: dict[int, Mask]) -> None:
        cut = CUTS[self._data.scissors]
        before = self._slices.shown(axis)
        wanted = {
            index: cut(before[index].paste(each.shape), each) for index, each in inside.items()
        }
        if not self._slices.write("Scissors", wanted, axis):
            self._say("The scissors changed nothing; see which slices they reach.")

    def _reached(self) -> range:
        data = self._data
        return reached(data.reach, data.index, data.reach_span, data.num_slices)

    def _inside(self, corners: list[tuple[float, float]], node: Any) -> tuple[int, int, Mask]:
        """(axis, slice, pixels inside) of an outline in a slice view."""
        volume = self._controller.volume
        outline = outlineInView(node, volume, corners)
        shape = np.delete(tuple(reversed(volume.GetImageData().GetDimensions())), outline.axis)
        mask = filled_outline(outline.corners, (int(shape[0]), int(shape[1])))
        return outline.axis, outline.index, mask


def _place(node: Any) -> list[float]:
    """What differs once a view shows another slice or another part of it."""
    matrix = node.GetXYToRAS()
    return [matrix.GetElement(row, column) for row in range(3) for column in range(4)]
