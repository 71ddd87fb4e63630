"""Which planes a seed was drawn on: people outline a structure in two planes of one file.

Along one of them the outline of the other looks like many thin slices, and those are no drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import find_objects

from SlicePropagationLib.errors import InputError

if TYPE_CHECKING:
    from SlicePropagationLib.files.segmentation_file import Segmentation

AXES = ("k", "j", "i")  # by the axis of a (K, J, I) array
LEAST = 4  # so many lines in one plane are one drawing, and fewer may be a thin end
LINE_PIXELS = 3  # a line is at least so long, and one pixel wide
WIDEST = 3  # pixels of a line, where slices of another plane are drawn side by side
LONG_TO_WIDE = 2  # at least, of lines that are wider than one pixel
OWN_TO_LINE = 2  # so many times their area at least do slices have that were drawn along the axis


@dataclass(frozen=True)
class OtherPlanes:
    """Slices along one axis that show only lines of drawings in other planes.

    Attributes:
        own: the slices that were drawn along the axis.
        lines: the slices that show nothing but lines.
        planes: the slices of other axes that were drawn on, (axis, index).
    """

    own: tuple[int, ...]
    lines: tuple[int, ...]
    planes: tuple[tuple[int, int], ...]


def drawn_elsewhere(drawn: Segmentation, axis: int) -> dict[int, OtherPlanes]:
    """{label: its drawings in other planes} of the segments that have any.

    Args:
        drawn: the segments, non-zero on annotated slices only.
        axis: the array axis that slices run along.
    """
    boxes = [_boxes(np.moveaxis(layer, axis, 0)) for layer in drawn.layers]
    found = {}
    for segment in drawn.segments:
        drawing = boxes[segment.layer].get(segment.stored)
        if drawing is not None and len(drawing.slices) >= LEAST:
            layer = np.moveaxis(drawn.layers[segment.layer], axis, 0)
            planes = _of_drawing(layer, segment.stored, drawing, axis)
            if planes is not None:
                found[segment.label] = planes
    return found


@dataclass
class _Drawing:
    """Where a label is on the slices of a map: which they are, and the box on them."""

    slices: list[int]
    low: np.ndarray
    high: np.ndarray


def _boxes(layer: np.ndarray) -> dict[int, _Drawing]:
    """{value: where it is} of an (N, H, W) label map; slice by slice, most of which have none."""
    found: dict[int, _Drawing] = {}
    for index, part in enumerate(layer):
        if not part.any():
            continue
        for number, box in enumerate(find_objects(np.asarray(part, np.int32)), 1):
            if box is not None:
                low = np.array([side.start for side in box])
                high = np.array([side.stop for side in box])
                own = found.setdefault(number, _Drawing([], low, high))
                own.slices.append(index)
                own.low = np.minimum(own.low, low)
                own.high = np.maximum(own.high, high)
    return found


def _of_drawing(
    layer: np.ndarray,
    value: int,
    drawing: _Drawing,
    axis: int,
) -> OtherPlanes | None:
    """As `other_planes`, looking only at the slices that show the label."""
    rows, columns = map(slice, drawing.low, drawing.high)
    mask = np.stack([layer[index, rows, columns] == value for index in drawing.slices])
    first = drawing.low.tolist()
    first.insert(axis, 0)
    planes = other_planes(np.moveaxis(mask, 0, axis), axis, first)
    if planes is None:
        return None
    own, lines = (
        tuple(drawing.slices[place] for place in places) for places in (planes.own, planes.lines)
    )
    return OtherPlanes(own, lines, planes.planes)


def other_planes(
    mask: np.ndarray,
    axis: int,
    first: Sequence[int] = (0, 0, 0),
) -> OtherPlanes | None:
    """The drawings in other planes that a mask holds, or None where it holds none.

    Args:
        mask: (K, J, I) bool of one segment.
        axis: the array axis that its slices run along.
        first: where in the volume the mask's first voxel lies.
    """
    found = _planes_up_to(mask, axis, first, 1)
    for width in range(2, WIDEST + 1):
        wider = _planes_up_to(mask, axis, first, width)
        if found is None and wider is not None and _has_larger_own(mask, axis, first, wider):
            found = wider
    return found


def _has_larger_own(
    mask: np.ndarray,
    axis: int,
    first: Sequence[int],
    planes: OtherPlanes,
) -> bool:
    """Whether slices were drawn along the axis that are plainly larger than the lines on others.

    Without them, wide lines may be a thin structure.
    """
    areas = np.moveaxis(mask, axis, 0).sum(axis=(1, 2))
    own = areas[np.array(planes.own, int) - first[axis]]
    lines = areas[np.array(planes.lines, int) - first[axis]]
    return len(own) > 0 and bool(np.median(own) >= OWN_TO_LINE * np.median(lines))


def _planes_up_to(
    mask: np.ndarray,
    axis: int,
    first: Sequence[int],
    width: int,
) -> OtherPlanes | None:
    """The drawings in other planes whose lines are at most so wide; as `other_planes`."""
    rest = np.moveaxis(mask, axis, 0).copy()  # slices along the axis first
    others = [other for other in range(3) if other != axis]
    planes = []
    for place, other in enumerate(others, 1):
        found = _planes_of_lines(np.moveaxis(mask, (axis, other), (0, 1)), width)
        np.moveaxis(rest, place, 0)[found] = False
        planes += [(other, int(index) + first[other]) for index in found]
    shown = np.flatnonzero(mask.any(axis=tuple(others)))
    left = np.flatnonzero(rest.any(axis=(1, 2))).tolist()
    lines = [int(index) + first[axis] for index in shown if index not in left]
    if len(lines) < LEAST:
        return None
    own = [int(index) + first[axis] for index in shown if index in left]
    return OtherPlanes(tuple(own), tuple(lines), tuple(planes))


def _planes_of_lines(mask: np.ndarray, widest: int) -> list[int]:
    """Indices along the second axis at which enough slices along the first show a line."""
    lengths = np.pad(mask.sum(axis=2), ((0, 0), (1, 1)))  # of each row, with empty ones beside
    found: set[int] = set()
    for width in range(1, min(widest, mask.shape[1]) + 1):
        shortest = sliding_window_view(lengths[:, 1:-1], width, axis=1).min(axis=2)
        beside = np.maximum(lengths[:, : shortest.shape[1]], lengths[:, width + 1 :])
        least = LINE_PIXELS if width == 1 else LONG_TO_WIDE * width
        starts = np.flatnonzero(((shortest >= least) & (beside <= 1)).sum(axis=0) >= LEAST)
        for start in starts.tolist():
            found.update(range(start, start + width))
    return sorted(found)


def two_planes_error(name: str, found: OtherPlanes, axis: int) -> InputError:
    """The error that names the planes that a segment was drawn on.

    Args:
        name: the segment, as the sentence begins.
        found: its planes.
        axis: the array axis that slices would run along.
    """
    where = _named_planes(found)
    if not found.own:
        return InputError(
            f"{name} is drawn on no slice of axis {AXES[axis]}, but on {where}; propagation walks"
            " along one axis, so draw all segments in one plane, or give each a seed of its own."
        )
    letters = sorted({AXES[other] for other, _ in found.planes})
    choices = " or ".join(f"--axis {letter}" for letter in [AXES[axis], *letters])
    return InputError(
        f"{name} is drawn in more than one plane: on {_named(found.own, axis)} and on {where};"
        f" propagation walks along one axis. Give {choices}, and the other outline is left out."
    )


def left_out(name: str, found: OtherPlanes) -> str:
    """What to say where drawings in other planes do not count."""
    return (
        f"{name} is also drawn on {_named_planes(found)}; that is left out on the"
        f" {len(found.lines)} slices on which it is only a line."
    )


def _named_planes(found: OtherPlanes) -> str:
    axes = sorted({axis for axis, _ in found.planes})
    of_axes = [[index for own, index in found.planes if own == axis] for axis in axes]
    return " and ".join(map(_named, of_axes, axes))


def _named(indices: Sequence[int], axis: int) -> str:
    """Slices in words: "slice 20 of axis k"."""
    word = "slice" if len(indices) == 1 else "slices"
    return f"{word} {', '.join(map(str, indices))} of axis {AXES[axis]}"
