"""`ComputeGrid`: the points of a slice where an engine computes.

At most a few thousand, however large the structure is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from SlicePropagationLib.arrays import Map, Points
from SlicePropagationLib.engines.bilinear import Places, read_lines
from SlicePropagationLib.engines.crop_window import CropWindow

BLUR = 0.4  # standard deviation, in pitches, of the Gaussian that points are averaged with
CUT = 4  # standard deviations away it ends


@dataclass(frozen=True)
class ComputeGrid:
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
    def over(
        cls,
        window: CropWindow,
        max_points: int,
    ) -> ComputeGrid:
        """A grid over a window with at most `max_points` points along its longer side."""
        longer = max(window.shape)
        pitch = max(1.0, (longer - 1) / (max_points - 1)) if longer > 1 else 1.0
        num_rows = int((window.height - 1) / pitch + 1e-6) + 1
        num_columns = int((window.width - 1) / pitch + 1e-6) + 1
        return cls(float(window.top), float(window.left), pitch, (num_rows, num_columns))

    @classmethod
    def on_pixels(cls, window: CropWindow) -> ComputeGrid:
        """The grid whose points are the pixels of a window."""
        return cls(window.top, window.left, 1.0, window.shape)

    def points(self) -> Points:
        """(2, h, w) float32 rows and columns of the points, in pixels of the slice."""
        return np.stack(np.meshgrid(*self._lines(), indexing="ij"))

    def sample(self, image: Map) -> Map:
        """(h, w) float32: an (H, W) image at the points, averaged over one pitch."""
        top = int(self.top)
        left = int(self.left)
        bottom = self._end(self.top, self.shape[0])
        right = self._end(self.left, self.shape[1])
        part = np.asarray(image[top:bottom, left:right], np.float32)
        if self.pitch == 1:
            return part.copy()
        down = _blurring(self.top - top, self.pitch, self.shape[0], part.shape[0])
        across = _blurring(self.left - left, self.pitch, self.shape[1], part.shape[1])
        return np.ascontiguousarray((across @ (down @ part).T).T)

    def places(self, points: Points) -> Places:
        """Where (2, ...) points of the slice, in its pixels, lie between the points of the grid.

        Values of the grid, (h, w), are read there linearly; the border goes on outside.
        """
        origin = np.array([self.top, self.left], np.float32)[:, None, None]
        return Places((points - origin) / np.float32(self.pitch), self.shape)

    def spread(
        self,
        values: Map,
        window: CropWindow,
    ) -> Map:
        """(height, width) float32: values of this grid on every pixel of a window."""
        pixels = ComputeGrid.on_pixels(window)
        if self == pixels:
            return np.asarray(values, np.float32)
        rows, columns = pixels._lines()
        pitch = np.float32(self.pitch)
        down = (rows - np.float32(self.top)) / pitch
        return read_lines(values, down, (columns - np.float32(self.left)) / pitch)

    def _lines(self) -> tuple[np.ndarray, np.ndarray]:
        """(h,) rows and (w,) columns of the points, float32, in pixels of the slice."""
        rows = self.top + self.pitch * np.arange(self.shape[0], dtype=np.float32)
        columns = self.left + self.pitch * np.arange(self.shape[1], dtype=np.float32)
        return rows, columns

    def _end(
        self,
        first: float,
        count: int,
    ) -> int:
        """The row or column behind the last point of `count` points from `first` on."""
        return int(np.ceil(first + self.pitch * (count - 1))) + 1


@lru_cache(maxsize=64)
def _blurring(start: float, pitch: float, count: int, length: int) -> csr_array:
    """(count, length) float32: what reads a row of pixels, blurred, at points on it.

    A Gaussian, for which the first and the last pixel go on outside, and linear interpolation, in
    one product: where few points are read from many pixels it takes a fraction of a filter's time.
    It is sparse, as each point needs few pixels; and products with it are the same on any number of
    threads, which those of dense matrices are not.
    """
    sigma = BLUR * pitch
    reach = int(CUT * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    positions = start + pitch * np.arange(count)
    first = np.minimum(positions.astype(np.intp), length - 1)
    share = (positions - first)[:, None]
    values = (1 - share) * np.append(kernel, 0.0) + share * np.insert(kernel, 0, 0.0)
    pixels = np.clip(first[:, None] + np.arange(-reach, reach + 2), 0, length - 1)
    ends = np.arange(0, pixels.size + 1, pixels.shape[1])
    return csr_array((values.astype(np.float32).ravel(), pixels.ravel(), ends), (count, length))
