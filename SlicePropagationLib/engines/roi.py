"""`Roi`: a square of a slice, resampled to a fixed number of cells whatever the size of the structure in it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


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
    def around(cls, first, last, size, share=1.0, min_margin_pixels=8.0):
        """The square around the box from pixel `first` to pixel `last` (row, column), both included.

        Args:
            share: how far the square reaches beyond the box on each side together, as a share of
                the box's longer side,
            min_margin_pixels: and at least this far on each side.
        """
        longer = float(max(np.subtract(last, first)) + 1)
        side = longer + 2 * max(0.5 * share * longer, min_margin_pixels)
        row, column = (np.asarray(first, float) + last) / 2
        return cls(float(row), float(column), side / size, size)

    def sample(self, values, top=0, left=0, outside=0.0):
        """(size, size) float32: the cells of an array whose first pixel is (top, left) of the slice; `outside` beyond it."""
        centre = (self.row - top, self.column - left)
        readers = [
            _reader(middle, self.pitch, self.size, length)
            for middle, length in zip(centre, values.shape)
        ]
        cells = readers[0].weights @ np.asarray(values, np.float32) @ readers[1].weights.T
        return np.where(
            np.logical_and.outer(readers[0].is_inside, readers[1].is_inside),
            cells,
            np.float32(outside),
        )

    def spread(self, cells, slice_shape):
        """((height, width) float32, top, left): the cells on the pixels of the slice that the square covers."""
        spans = []
        writers = []
        for centre, length in zip((self.row, self.column), slice_shape):
            half = self.pitch * self.size / 2
            first = max(0, int(np.ceil(centre - half)))
            last = min(length - 1, int(np.floor(centre + half)))
            position = (np.arange(first, last + 1) - centre) / self.pitch + (self.size - 1) / 2
            writers.append(_weights(position, 1.0, self.size))
            spans.append(first)
        return writers[0] @ cells @ writers[1].T, *spans


@dataclass(frozen=True)
class _Reader:
    """How a row of pixels is read at the cells: (size, length) weights, and (size,) whether a cell lies on the row."""

    weights: np.ndarray
    is_inside: np.ndarray


@lru_cache(maxsize=64)
def _reader(centre, pitch, size, length):
    """The _Reader of a row; it averages over a cell where cells are larger than pixels."""
    positions = centre + (np.arange(size) - (size - 1) / 2) * pitch
    return _Reader(
        _weights(positions, max(1.0, pitch), length),
        (positions >= -0.5) & (positions <= length - 0.5),
    )


def _weights(positions, width, length):
    """(positions, length) float32 triangle weights of that half width.

    A position beyond the end reads the end.
    """
    clamped = np.clip(positions, 0, length - 1)
    weights = np.maximum(0, 1 - np.abs(clamped[:, None] - np.arange(length)) / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
