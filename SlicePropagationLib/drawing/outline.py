"""The pixels inside an outline that a person drew."""

import numpy as np

from SlicePropagationLib.arrays import Mask


def filled_outline(outline: np.ndarray, shape: tuple[int, int]) -> Mask:
    """Which pixels have their centre inside a closed line.

    Where the line crosses itself, what it goes around twice is outside, as in Slicer.

    Args:
        outline: (P, 2) rows and columns of the corners, in pixels; the last one leads to the first.
            They may lie off the slice.
        shape: (H, W) of the slice.

    Returns:
        (H, W) bool; empty for fewer than three corners.
    """
    height, width = shape
    # one more column, for what a line to the right of the slice turns
    turns = np.zeros((height, width + 1), np.int32)
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        rows = _rows_between(start[0], end[0], height)
        if rows.size:
            share = (rows - start[0]) / (end[0] - start[0])
            crossed = start[1] + share * (end[1] - start[1])
            columns = np.clip(np.ceil(crossed), 0, width).astype(int)
            turns[rows, columns] += 1
    # a pixel is inside where an odd number of lines lies to the right of it
    to_the_right = turns[:, ::-1].cumsum(axis=1)[:, ::-1]
    return to_the_right[:, 1:] % 2 == 1


def _rows_between(start: float, end: float, height: int) -> np.ndarray:
    """The rows of pixels that a line crosses; a row at its lower end counts, one at its upper not."""
    low, high = sorted((start, end))
    first = int(np.clip(np.ceil(low), 0, height))
    last = int(np.clip(np.ceil(high), 0, height))
    return np.arange(first, last)
