"""Where the lost Dice went: an exact partition of it into kinds of error.

from SlicePropagationLib.evaluation.lost_dice import lost_dice
print(lost_dice(prediction, truth, annotated=[12]))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import ndimage

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.engines.crop_window import CropWindow

PARTS = {
    "edge": "contour within 1 px of the true edge",
    "grown": "further off, grown",
    "shrunk": "further off, shrunk",
    "early": "ended early",
    "past": "ran past",
    "components": "2D components missed or invented",
}
NEIGHBOURS = np.ones((3, 3), bool)  # of a pixel, those at its corners included


def lost_dice(
    prediction: Masks,
    truth: Masks,
    annotated: Iterable[int] = (),
) -> dict[str, float]:
    """The share of the Dice that each kind of error costs.

    Every wrong voxel counts for one part. Of a slice beyond the true extent it ran past; of one
    beyond the predicted extent it ended early. In between it belongs to a 2D component that is
    missed or invented as a whole, or it touches the true edge, with a side or a corner, or it is
    further off.

    Args:
        prediction: (N, H, W) bool.
        truth: (N, H, W) bool.
        annotated: slices that do not count, as in the primary score.

    Returns:
        {part of PARTS: share}, in the sum 1 - Dice of the slices that count.
    """
    counts = dict.fromkeys(PARTS, 0)
    prediction, truth = _cropped(prediction, truth)
    shown = _extent(truth)
    predicted = _extent(prediction)
    size = 0
    for index in sorted(set(range(len(truth))) - set(annotated)):
        size += int(prediction[index].sum()) + int(truth[index].sum())
        if index not in shown:
            counts["past"] += int(prediction[index].sum())
        elif index not in predicted:
            counts["early"] += int(truth[index].sum())
        else:
            for part, count in _of_slice(prediction[index], truth[index]):
                counts[part] += count
    return {part: count / max(size, 1) for part, count in counts.items()}


def _cropped(prediction: Masks, truth: Masks) -> tuple[Masks, Masks]:
    """Both without the rows and columns that show neither, but for one around them."""
    either = np.logical_or.reduce([*prediction, *truth])
    if not either.any():
        return prediction, truth
    window = CropWindow.around(either, (1, 1), either.shape)
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    return prediction[:, rows, columns], truth[:, rows, columns]


def _extent(masks: Masks) -> range:
    """The slices from the first to the last that show something."""
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    return range(int(shown[0]), int(shown[-1]) + 1) if shown.size else range(0)


def _of_slice(prediction: np.ndarray, truth: np.ndarray) -> Iterator[tuple[str, int]]:
    """(part, wrong voxels) of one slice inside both extents."""
    invented = _apart(prediction, truth)
    missed = _apart(truth, prediction)
    yield "components", int(invented.sum() + missed.sum())
    grown = prediction & ~truth & ~invented
    shrunk = truth & ~prediction & ~missed
    beside = np.asarray(ndimage.binary_dilation(truth, NEIGHBOURS), bool)
    inside = np.asarray(ndimage.binary_erosion(truth, NEIGHBOURS, border_value=1), bool)
    yield "edge", int((grown & beside).sum() + (shrunk & ~inside).sum())
    yield "grown", int((grown & ~beside).sum())
    yield "shrunk", int((shrunk & inside).sum())


def _apart(mask: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The components of a mask that share no pixel with another mask."""
    components = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, NEIGHBOURS, output=components)
    return mask & ~np.isin(components, components[other])
