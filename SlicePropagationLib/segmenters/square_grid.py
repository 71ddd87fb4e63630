"""`SquareGrid`: a square piece of a slice on pixels of a given size, which networks of fixed resolution look at."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter


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
    def over(cls, slice_shape, spacing_mm, pixel_mm, size, centre=None):
        """The grid about a centre, by default that of the slice.

        Args:
            slice_shape: (H, W).
            spacing_mm: (rows, columns) of the slice.
            pixel_mm: distance of points; 0 for that of the rows of the slice.
            centre: (row, column).
        """
        pixel_mm = pixel_mm or spacing_mm[0]
        pitch = tuple(pixel_mm / spacing for spacing in spacing_mm)
        centre = centre or tuple((side - 1) / 2 for side in slice_shape)
        return cls(
            size,
            pitch,
            tuple(place - step * (size - 1) / 2 for place, step in zip(centre, pitch)),
        )

    def sample(self, slices):
        """(N, size, size) float32: slices (N, H, W) at the points, linearly; zeros outside."""
        sigma = [0.4 * step if step > 1.2 else 0.0 for step in self.pitch]
        smooth = (
            (
                gaussian_filter(np.asarray(image, np.float32), sigma, mode="nearest")
                if any(sigma)
                else np.asarray(image, np.float32)
            )
            for image in slices
        )
        return np.stack(
            [
                self._read(image, self.pitch, self.first, (self.size, self.size), order=1)
                for image in smooth
            ]
        )

    def sample_labels(self, labels):
        """(N, size, size): label maps (N, H, W) at the points, nearest; 0 outside."""
        return np.stack(
            [
                self._read(image, self.pitch, self.first, (self.size, self.size), order=0)
                for image in labels
            ]
        )

    def spread(self, maps, slice_shape):
        """(N, H, W) float32: maps (N, size, size) of the grid on every pixel of the slices, linearly; zeros outside."""
        pitch = tuple(1 / step for step in self.pitch)
        first = tuple(-place / step for place, step in zip(self.first, self.pitch))
        return np.stack(
            [
                self._read(np.asarray(values, np.float32), pitch, first, slice_shape, order=1)
                for values in maps
            ]
        )

    @staticmethod
    def _read(image, pitch, first, shape, order):
        return affine_transform(
            image,
            pitch,
            first,
            output_shape=shape,
            order=order,
            mode="constant",
            cval=0,
        )
