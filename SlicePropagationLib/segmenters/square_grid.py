"""`SquareGrid`: a square piece of a slice on pixels of a given size.

Networks of fixed resolution look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.arrays import Labels, Map, Slices
from SlicePropagationLib.segmenters.resample import read_at

COARSE = 1.2  # pixels; a grid of larger steps is low-passed before it is read


@dataclass(frozen=True)
class SquareGrid:
    """A square of size x size points, and where it lies on slices of one shape.

    Attributes:
        size: points along a side.
        pitch: distance of points in pixels of the slice, (rows, columns).
        first: row and column of the first point.
    """

    size: int
    pitch: tuple[float, float]
    first: tuple[float, float]

    @classmethod
    def over(
        cls,
        slice_shape: Sequence[int],
        spacing_mm: Sequence[float],
        pixel_mm: float,
        size: int,
        centre: tuple[float, float] | None = None,
    ) -> SquareGrid:
        """The grid about a centre, by default that of the slice.

        Args:
            slice_shape: (H, W).
            spacing_mm: (rows, columns) of the slice.
            pixel_mm: distance of points; 0 for that of the rows of the slice.
            size: points along a side.
            centre: (row, column).
        """
        pixel_mm = pixel_mm or spacing_mm[0]
        pitch = (pixel_mm / spacing_mm[0], pixel_mm / spacing_mm[1])
        row, column = centre or ((slice_shape[0] - 1) / 2, (slice_shape[1] - 1) / 2)
        top = row - pitch[0] * (size - 1) / 2
        left = column - pitch[1] * (size - 1) / 2
        return cls(size, pitch, (top, left))

    @property
    def shape(self) -> tuple[int, int]:
        """(size, size)."""
        return self.size, self.size

    def sample(self, slices: Iterable[Map]) -> Slices:
        """(N, size, size) float32: slices (N, H, W) at the points, linearly; zeros outside."""
        sigma = [0.4 * step if step > COARSE else 0.0 for step in self.pitch]
        sampled = []
        for image in slices:
            smooth = _low_passed(image, sigma)
            sampled.append(read_at(smooth, self.pitch, self.first, self.shape))
        return np.stack(sampled)

    def sample_labels(self, labels: Iterable[np.ndarray]) -> Labels:
        """(N, size, size): label maps (N, H, W) at the points, nearest; 0 outside."""
        sampled = [read_at(image, self.pitch, self.first, self.shape, order=0) for image in labels]
        return np.stack(sampled)

    def spread(
        self,
        maps: Iterable[Map],
        slice_shape: tuple[int, ...],
    ) -> Slices:
        """Maps of the grid on every pixel of the slices, linearly; zeros outside.

        Args:
            maps: (N, size, size).
            slice_shape: (H, W).

        Returns:
            (N, H, W) float32.
        """
        rows, columns = self.pitch
        pitch = (1 / rows, 1 / columns)
        first = (-self.first[0] / rows, -self.first[1] / columns)
        spread = []
        for values in maps:
            values = np.asarray(values, np.float32)
            spread.append(read_at(values, pitch, first, slice_shape))
        return np.stack(spread)


def _low_passed(image: np.ndarray, sigma: Sequence[float]) -> Map:
    image = np.asarray(image, np.float32)
    return gaussian_filter(image, sigma, mode="nearest") if any(sigma) else image
