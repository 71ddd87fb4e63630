"""`Roi`: a square of a slice, seen as a fixed number of cells whatever the structure's size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from SlicePropagationLib.arrays import Map
from SlicePropagationLib.engines.crop_window import Corner


@dataclass(frozen=True)
class Roi:
    """A square region of a slice, seen as `size` x `size` cells.

    Attributes:
        row, column: centre, in pixels of the slice.
        pitch: side of a cell in pixels.
        size: number of cells along a side.
    """

    row: float
    column: float
    pitch: float
    size: int

    @classmethod
    def around(
        cls,
        first: Corner,
        last: Corner,
        size: int,
        share: float = 1.0,
        min_margin_pixels: float = 8.0,
    ) -> Roi:
        """The square around a box.

        Args:
            first: pixel (row, column) at the top left corner of the box,
            last: and at the bottom right one, both included.
            size: number of cells along a side.
            share: how far the square reaches beyond the box on each side together, as a share of
                the box's longer side,
            min_margin_pixels: and at least this far on each side.
        """
        longer = float(max(np.subtract(last, first)) + 1)
        side = longer + 2 * max(0.5 * share * longer, min_margin_pixels)
        row, column = (np.asarray(first, float) + last) / 2
        return cls(float(row), float(column), side / size, size)

    def sample(
        self,
        values: Map,
        top: int = 0,
        left: int = 0,
        outside: float = 0.0,
    ) -> Map:
        """The cells of an array.

        Args:
            values: (h, w), a part of the slice.
            top: row of its first pixel.
            left: column of its first pixel.
            outside: what cells beyond it are.

        Returns:
            (size, size) float32.
        """
        height, width = values.shape
        rows = _reader(self.row - top, self.pitch, self.size, height)
        columns = _reader(self.column - left, self.pitch, self.size, width)
        read = np.asarray(values[rows.reach, columns.reach], np.float32)
        cells = rows.weights @ read @ columns.weights.T
        is_inside = np.logical_and.outer(rows.is_inside, columns.is_inside)
        return np.where(is_inside, cells, np.float32(outside))

    def spread(
        self,
        cells: Map,
        slice_shape: tuple[int, ...],
    ) -> tuple[np.ndarray, int, int]:
        """The cells on the pixels of the slice that the square covers.

        Args:
            cells: (size, size).
            slice_shape: (H, W).

        Returns:
            ((height, width) float32, top, left).
        """
        top, rows = self._writer(self.row, slice_shape[0])
        left, columns = self._writer(self.column, slice_shape[1])
        return rows @ cells @ columns.T, top, left

    def _writer(
        self,
        centre: float,
        length: int,
    ) -> tuple[int, np.ndarray]:
        """(first pixel that is covered, (pixels, size) weights) of a row of `length` pixels."""
        half = self.pitch * self.size / 2
        first = max(0, int(np.ceil(centre - half)))
        last = min(length - 1, int(np.floor(centre + half)))
        position = (np.arange(first, last + 1) - centre) / self.pitch + (self.size - 1) / 2
        return first, _weights(position, 1.0, self.size)


@dataclass(frozen=True)
class _Reader:
    """How a row of pixels is read at the cells.

    Attributes:
        reach: the pixels that any cell reads.
        weights: (size, pixels in reach) float32.
        is_inside: (size,) bool, whether a cell lies on the row.
    """

    reach: slice
    weights: Map
    is_inside: Map


@lru_cache(maxsize=64)
def _reader(
    centre: float,
    pitch: float,
    size: int,
    length: int,
) -> _Reader:
    """The _Reader of a row; it averages over a cell where cells are larger than pixels."""
    positions = centre + (np.arange(size) - (size - 1) / 2) * pitch
    is_inside = (positions >= -0.5) & (positions <= length - 0.5)
    weights = _weights(positions, max(1.0, pitch), length)
    read = np.flatnonzero(weights.any(axis=0))
    reach = slice(int(read[0]), int(read[-1]) + 1)
    return _Reader(reach, np.ascontiguousarray(weights[:, reach]), is_inside)


def _weights(
    positions: Map,
    width: float,
    length: int,
) -> Map:
    """(positions, length) float32 triangle weights of that half width.

    A position beyond the end reads the end.
    """
    clamped = np.clip(positions, 0, length - 1)
    weights = np.maximum(0, 1 - np.abs(clamped[:, None] - np.arange(length)) / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
