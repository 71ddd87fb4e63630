"""`Roi`: a square of a slice, seen as a fixed number of cells whatever the structure's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from SlicePropagationLib.arrays import Map
from SlicePropagationLib.engines.bilinear import read_lines
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
        return self.sample_all([values], top, left, [outside])[0]

    def sample_all(
        self,
        parts: Sequence[Map],
        top: int,
        left: int,
        outside: Sequence[float],
    ) -> Map:
        """The cells of several arrays of the same part of the slice, for less than one by one.

        Args:
            parts: (h, w) each.
            top: row of their first pixel.
            left: column of their first pixel.
            outside: what cells beyond are, for each of them.

        Returns:
            (parts, size, size) float32.
        """
        height, width = parts[0].shape
        rows = _reader(self.row - top, self.pitch, self.size, height)
        columns = _reader(self.column - left, self.pitch, self.size, width)
        read = np.stack(
            [part[rows.reach, columns.reach] for part in parts], axis=1, dtype=np.float32
        )
        down = rows.weights @ read.reshape(len(read), -1)
        across = columns.weights @ down.reshape(self.size * len(parts), -1).T
        cells = np.ascontiguousarray(across.reshape(self.size, self.size, -1).T)
        is_inside = np.logical_and.outer(rows.is_inside, columns.is_inside)
        if not is_inside.all():
            cells[:, ~is_inside] = np.array(outside, np.float32)[:, None]
        return cells

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
        top, rows = self._written(self.row, slice_shape[0])
        left, columns = self._written(self.column, slice_shape[1])
        return read_lines(cells, rows, columns), top, left

    def _written(
        self,
        centre: float,
        length: int,
    ) -> tuple[int, np.ndarray]:
        """(first pixel that is covered, where it and the next ones lie between the cells)."""
        half = self.pitch * self.size / 2
        first = max(0, int(np.ceil(centre - half)))
        last = min(length - 1, int(np.floor(centre + half)))
        return first, (np.arange(first, last + 1) - centre) / self.pitch + (self.size - 1) / 2


@dataclass(frozen=True)
class _Reader:
    """How a row of pixels is read at the cells.

    Attributes:
        reach: the pixels that any cell reads.
        weights: (size, pixels in reach) float32; sparse, as each cell reads few pixels, and as
            products with it are the same on any number of threads.
        is_inside: (size,) bool, whether a cell lies on the row.
    """

    reach: slice
    weights: csr_array
    is_inside: np.ndarray


@lru_cache(maxsize=64)
def _reader(
    centre: float,
    pitch: float,
    size: int,
    length: int,
) -> _Reader:
    """The _Reader of a row; it averages over a cell where cells are larger than pixels.

    By a triangle; a cell beyond the end reads the end.
    """
    positions = centre + (np.arange(size) - (size - 1) / 2) * pitch
    is_inside = (positions >= -0.5) & (positions <= length - 0.5)
    width = max(1.0, pitch)
    positions = np.clip(positions, 0, length - 1)[:, None]
    pixels = np.ceil(positions - width).astype(np.int32) + np.arange(int(2 * width) + 1)
    weights = np.maximum(0, 1 - np.abs(positions - pixels) / width)
    weights[(pixels < 0) | (pixels >= length)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    first = max(0, int(pixels[0, 0]))
    last = min(length, int(pixels[-1, -1]) + 1)
    pixels = np.clip(pixels, first, last - 1) - first
    ends = np.arange(0, pixels.size + 1, pixels.shape[1])
    entries = (weights.astype(np.float32).ravel(), pixels.ravel(), ends)
    return _Reader(slice(first, last), csr_array(entries, (size, last - first)), is_inside)
