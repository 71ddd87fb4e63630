"""`Grid`: the points of a slice where an engine computes, at most a few thousand however large the structure is."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates


@dataclass(frozen=True)
class Grid:
    """A regular grid of points on a slice.

    Attributes:
        top, left: row and column of the first point.
        pitch: distance between neighbouring points in pixels, >= 1.
        shape: number of points down and across.
    """

    top: float
    left: float
    pitch: float
    shape: tuple[int, int]

    @classmethod
    def over(cls, window, max_points):
        """A grid over a `Window` with at most `max_points` points along its longer side."""
        longer = max(window.shape)
        pitch = max(1.0, (longer - 1) / (max_points - 1)) if longer > 1 else 1.0
        shape = tuple(int((size - 1) / pitch + 1e-6) + 1 for size in window.shape)
        return cls(float(window.top), float(window.left), pitch, shape)

    def points(self):
        """(2, h, w) float32 rows and columns of the points, in pixels of the slice."""
        rows = self.top + self.pitch * np.arange(self.shape[0], dtype=np.float32)
        columns = self.left + self.pitch * np.arange(self.shape[1], dtype=np.float32)
        return np.stack(np.meshgrid(rows, columns, indexing="ij"))

    def sample(self, image):
        """(h, w) float32: an (H, W) image at the points, averaged over one pitch."""
        top = int(self.top)
        left = int(self.left)
        bottom, right = (
            int(np.ceil(first + self.pitch * (count - 1))) + 1
            for first, count in zip((self.top, self.left), self.shape)
        )
        part = np.asarray(image[top:bottom, left:right], np.float32)
        if self.pitch == 1:
            return part.copy()
        blurred = gaussian_filter(part, 0.4 * self.pitch, mode="nearest")
        return self._read(blurred, self.points() - np.array([top, left], np.float32)[:, None, None])

    def read(self, values, points):
        """Values of this grid, (h, w), read linearly at (2, ...) points of the slice.

        The border goes on outside.
        """
        origin = np.array([self.top, self.left], np.float32)[:, None, None]
        return self._read(values, (points - origin) / np.float32(self.pitch))

    def spread(self, values, window):
        """(height, width) float32: values of this grid on every pixel of a `Window`."""
        if self.pitch == 1 and (self.top, self.left, *self.shape) == (
            window.top,
            window.left,
            *window.shape,
        ):
            return np.asarray(values, np.float32)
        return self.read(values, Grid(window.top, window.left, 1.0, window.shape).points())

    @staticmethod
    def _read(values, points):
        return map_coordinates(values, points, order=1, mode="nearest", output=np.float32)
