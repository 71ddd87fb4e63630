"""Values between the pixels of a small image, linearly; the border goes on outside.

What `scipy.ndimage.map_coordinates` gives with order 1 and mode "nearest", with its sums in their
order and in double precision, but without its cost for each call, which is most of the time on
images of a few thousand pixels.
"""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.arrays import Map, Points


def read_points(values: Map, points: Points) -> Map:
    """Values at any points.

    Args:
        values: (h, w).
        points: (2, ...) rows and columns, in units of the values' own.

    Returns:
        float32 of the shape of the points.
    """
    above, below, down = _neighbours(points[0], values.shape[0])
    before, behind, across = _neighbours(points[1], values.shape[1])
    width = values.shape[1]
    flat = np.ascontiguousarray(values, dtype=float).ravel()
    above *= width
    below *= width
    up = 1 - down
    back = 1 - across
    found = flat[above + before] * up * back
    found += flat[above + behind] * up * across
    found += flat[below + before] * down * back
    found += flat[below + behind] * down * across
    return found.astype(np.float32)


def read_lines(values: Map, rows: np.ndarray, columns: np.ndarray) -> Map:
    """Values where lines cross, for much less than `read_points` costs.

    Args:
        values: (h, w).
        rows: of the lines, in units of the values' own,
        columns: and likewise.

    Returns:
        (rows, columns) float32.
    """
    above, below, share = _neighbours(rows, values.shape[0])
    values = values.astype(float)
    values = values[above] + share[:, None] * (values[below] - values[above])
    before, behind, share = _neighbours(columns, values.shape[1])
    values = values[:, before] + share * (values[:, behind] - values[:, before])
    return values.astype(np.float32)


def _neighbours(positions: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two of `length` pixels that each position lies between, and its distance to the first.

    A position beyond an end lies on it.
    """
    clamped = np.clip(positions.astype(float), 0, length - 1)
    first = clamped.astype(np.intp)
    return first, np.minimum(first + 1, length - 1), clamped - first
