"""Values between the pixels of a small image, linearly; the border goes on outside.

What `scipy.ndimage.map_coordinates` gives with order 1 and mode "nearest", with its sums in their
order and in double precision, but without its cost for each call, which is most of the time on
images of a few thousand pixels.
"""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.arrays import Map, Points


class Places:
    """Where points lie between the pixels of an image, found once for all images of its shape.

    Args:
        points: (2, ...) rows and columns, in units of the pixels.
        shape: (h, w) of the images.
    """

    def __init__(self, points: Points, shape: tuple[int, ...]) -> None:
        above, below, down = _neighbours(points[0], shape[0])
        before, behind, across = _neighbours(points[1], shape[1])
        above *= shape[1]
        below *= shape[1]
        self._shape = down.shape
        up = 1 - down
        back = 1 - across
        self._corners = (
            (above + before, up, back),
            (above + behind, up, across),
            (below + before, down, back),
            (below + behind, down, across),
        )

    def read(self, values: Map) -> Map:
        """Values at the points, float32 of their shape, from an (h, w) image."""
        flat = np.ascontiguousarray(values, dtype=float).ravel()
        found = np.zeros(self._shape)
        for pixels, vertical, horizontal in self._corners:
            part = flat.take(pixels)
            part *= vertical
            part *= horizontal
            found += part
        return found.astype(np.float32)


def read_points(values: Map, points: Points) -> Map:
    """Values at any points.

    Args:
        values: (h, w).
        points: (2, ...) rows and columns, in units of the values' own.

    Returns:
        float32 of the shape of the points.
    """
    return Places(points, values.shape).read(values)


def read_lines(values: Map, rows: np.ndarray, columns: np.ndarray) -> Map:
    """Values where lines cross, for much less than `read_points` costs.

    Args:
        values: (h, w).
        rows: of the lines, in units of the values' own,
        columns: and likewise.

    Returns:
        (rows, columns) float32.
    """
    # Whole rows are copied at a time, those of the small image turned first.
    turned = _read_rows(np.asarray(values, np.float32).T, columns)
    return _read_rows(np.ascontiguousarray(turned.T), rows)


def _read_rows(values: Map, rows: np.ndarray) -> Map:
    """(rows, w) float32: an image between its rows."""
    above, below, share = _neighbours(rows, values.shape[0])
    found = values.take(below, axis=0)
    start = values.take(above, axis=0)
    found -= start
    found *= share[:, None].astype(np.float32)
    found += start
    return found


def _neighbours(positions: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two of `length` pixels that each position lies between, and its distance to the first.

    A position beyond an end lies on it.
    """
    clamped = np.clip(positions.astype(float), 0, length - 1)
    first = clamped.astype(np.intp)
    return first, np.minimum(first + 1, length - 1), clamped - first
