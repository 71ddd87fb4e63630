"""The picture of fine slices: cuts across the slices, before and after, where stair steps show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib.pipelines.anatomical_view import AnatomicalView
from SlicePropagationLib.pipelines.montage import (
    COLUMNS,
    Color,
    Tile,
    Window,
    draw_montage,
    grey_range,
    greys,
    square_window,
)
from SlicePropagationLib.pipelines.result_picture import color_of

if TYPE_CHECKING:
    from SlicePropagationLib.files.segments import Segment
    from SlicePropagationLib.files.volume import Volume
    from SlicePropagationLib.stack import SliceStack


class Refined(NamedTuple):
    """What was brought to fine slices.

    Attributes:
        stack: the thick slices.
        labels: (N, H, W) their annotation, or None where the image itself was refined.
        fine: (N * factor, H, W) labels, or images, on fine slices.
        target: the Volume that has the grid of the result.
        segments: of the labels, for colours.
    """

    stack: SliceStack
    labels: np.ndarray | None
    fine: np.ndarray
    target: Volume
    segments: Sequence[Segment]

    @property
    def factor(self) -> int:
        """Fine slices for a thick one."""
        return len(self.fine) // len(self.stack)


def refined_picture(refined: Refined) -> np.ndarray:
    """Four cuts across the slices: above with the thick slices, below with the fine ones.

    Returns:
        (H, W, 3) uint8.
    """
    boxes = _boxes(refined)
    lengths = [_length(refined, boxes, axis) for axis in (1, 2)]
    cut = 1 if lengths[1] >= lengths[0] else 2  # so that the longer one is seen
    window = _window(refined, boxes, cut)
    places = _places(boxes[cut])
    thick = [_thick_tile(refined, cut, place, window) for place in places]
    fine = [_fine_tile(refined, cut, place, window) for place in places]
    inside = refined.stack.images[refined.labels > 0] if refined.labels is not None else ()
    near = np.stack([tile.grey for tile in thick])
    limits = grey_range(near, np.asarray(inside, np.float32))
    view = _view(refined, cut)
    return draw_montage([_shown(tile, view, limits) for tile in [*thick, *fine]], COLUMNS)


def _boxes(refined: Refined) -> list[slice]:
    """Slices, rows and columns that the labels reach over; all of them where there are none."""
    if refined.labels is None:
        return [slice(0, count) for count in refined.stack.images.shape]
    boxes = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        shown = np.flatnonzero(refined.labels.any(axis=others))
        boxes.append(slice(int(shown[0]), int(shown[-1]) + 1))
    return boxes


def _length(refined: Refined, boxes: Sequence[slice], axis: int) -> float:
    return (boxes[axis].stop - boxes[axis].start) * refined.stack.spacing_mm[axis]


def _window(refined: Refined, boxes: Sequence[slice], cut: int) -> Window:
    """The part of a cut that is shown, in fine slices."""
    along = 3 - cut
    factor = refined.factor
    box = slice(boxes[0].start * factor, boxes[0].stop * factor)
    spacing_mm = (refined.stack.spacing_mm[0] / factor, refined.stack.spacing_mm[along])
    shape = (len(refined.fine), refined.stack.images.shape[along])
    return square_window((box, boxes[along]), spacing_mm, shape)


def _places(box: slice) -> list[int]:
    """Where is cut: evenly within an interval."""
    ends = np.linspace(box.start, box.stop - 1, COLUMNS + 2)[1:-1]
    return [round(end) for end in ends]


def _thick_tile(refined: Refined, cut: int, place: int, window: Window) -> Tile:
    """A cut through the thick slices, as they are; its greys are values yet."""
    rows = (window.rows - refined.factor // 2) / refined.factor
    own = Window(rows, window.columns)
    image = own.sample(refined.stack.images.take(place, cut), is_smooth=False)
    outlines: tuple[tuple[np.ndarray, Color], ...] = ()
    if refined.labels is not None:
        outlines = _outlines(refined, refined.labels.take(place, cut), own)
    return Tile(image, outlines, "thick slices")


def _fine_tile(refined: Refined, cut: int, place: int, window: Window) -> Tile:
    """The same cut through the fine slices."""
    plane = refined.fine.take(place, cut)
    if refined.labels is None:
        return Tile(window.sample(plane), (), "fine slices")
    rows = (window.rows - refined.factor // 2) / refined.factor
    image = Window(rows, window.columns).sample(refined.stack.images.take(place, cut))
    return Tile(image, _outlines(refined, plane, window), "fine slices")


def _outlines(
    refined: Refined, plane: np.ndarray, window: Window
) -> tuple[tuple[np.ndarray, Color], ...]:
    shown = [segment for segment in refined.segments if (plane == segment.label).any()]
    return tuple(
        (window.mask(plane == segment.label, is_smooth=False), color_of(segment))
        for segment in shown
    )


def _view(refined: Refined, cut: int) -> AnatomicalView:
    """How a cut is turned: its rows are the slices, its columns the axis that is left."""
    across = refined.stack.axis
    others = [axis for axis in range(3) if axis != across]
    return AnatomicalView.of(refined.target.image, across, others[2 - cut])


def _shown(tile: Tile, view: AnatomicalView, limits: tuple[float, float]) -> Tile:
    """A tile turned, and its values as greys."""
    outlines = tuple((view.turned(mask), color) for mask, color in tile.outlines)
    return Tile(greys(view.turned(tile.grey), limits), outlines, tile.title)
