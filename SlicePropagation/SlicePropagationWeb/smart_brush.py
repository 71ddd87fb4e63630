"""The brush that keeps to what is as bright as where its stroke began."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer.util
from trame_slicer.segmentation import SegmentationEffectPaint
from trame_slicer.utils import vtk_image_to_np

from SlicePropagationLib.drawing.smart_brush import smart_stroke
from SlicePropagationLib.errors import InputError

if TYPE_CHECKING:
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController

SHARE = 0.1  # of the window's width: what is told apart by eye


class SmartBrush:
    """Takes the strokes of the `trame_slicer` brush while `smart` is set.

    Args:
        controller: the SegmentationController.
        data: the PanelState that the browser shows.
    """

    def __init__(self, controller: "SegmentationController", data: "PanelState") -> None:
        self._controller = controller
        self._data = data
        self._effect: Any = controller.editor.get_effect(SegmentationEffectPaint)
        self._plain = self._effect.paint_glyph_at_world_coordinates
        self._effect.paint_glyph_at_world_coordinates = self._paint

    def fit(self) -> None:
        """Another volume is there, and has other intensities."""
        self._data.smart = False
        self._data.tolerance = 0.0

    def begin(self, is_smart: bool) -> None:
        """Take a tolerance, unless there is one: by the window that the volume is looked at with."""
        if is_smart and not self._data.tolerance:
            width = self._controller.volume.GetDisplayNode().GetWindow()
            self._data.tolerance = float(f"{SHARE * width:.2g}")

    def set_tolerance(self, tolerance: float) -> None:
        """Take a tolerance that a person typed.

        Raises:
            InputError: it is below 0.
        """
        if tolerance < 0:
            raise InputError(f"A tolerance of {tolerance:g} takes nothing; type 0 or more.")
        self._data.tolerance = float(tolerance)

    def _paint(self, glyph: Any, places: Any) -> None:
        """What the brush went over: `glyph` at each of `places`, in world coordinates."""
        modifier = self._effect.modifier
        if not self._data.smart or modifier.active_segment_id == "":
            self._plain(glyph, places)
            return
        if not places.GetNumberOfPoints():
            return
        labelmap = modifier.create_modifier_labelmap()
        extent = modifier.paint_glyph_in_labelmap(glyph, places, labelmap)
        self._limit(labelmap, extent, _path(modifier._world_points_to_ijk(places)))
        modifier.apply_labelmap(labelmap, modifier_extent=extent)
        modifier.trigger_active_segment_modified()

    def _limit(
        self, labelmap: Any, extent: Sequence[int], path: list[tuple[int, int, int]]
    ) -> None:
        """Leave of a stroke, which is within an extent, what is similar, in place."""
        stroke = vtk_image_to_np(labelmap)
        image = slicer.util.arrayFromVolume(self._controller.volume)
        box = _box_of(stroke, extent)
        first = [each.start for each in box]
        moved = [tuple(at - low for at, low in zip(place, first, strict=True)) for place in path]
        part = stroke[box]
        part[...] = smart_stroke(
            image[box].astype(np.float32), part > 0, moved, self._data.tolerance
        )


def _path(points: Any) -> list[tuple[int, int, int]]:
    """(K, J, I) of points in (I, J, K)."""
    places = [points.GetPoint(number) for number in range(points.GetNumberOfPoints())]
    return [(round(k), round(j), round(i)) for i, j, k in places]


def _box_of(mask: np.ndarray, extent: Sequence[int]) -> tuple[slice, ...]:
    """The box around what is set within an extent along I, J, K; of length 0 where nothing is."""
    firsts = [max(extent[2 * axis], 0) for axis in (2, 1, 0)]
    behind = [max(extent[2 * axis + 1] + 1, 0) for axis in (2, 1, 0)]
    part = mask[tuple(map(slice, firsts, behind))]
    ends = []
    for axis, start in enumerate(firsts):
        others = tuple(other for other in range(3) if other != axis)
        found = start + np.flatnonzero(part.any(axis=others))
        ends.append(slice(found[0], found[-1] + 1) if found.size else slice(0, 0))
    return tuple(ends)
