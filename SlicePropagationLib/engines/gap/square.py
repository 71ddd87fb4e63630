"""`Square`: the region of a stack in which a gap is filled, seen as cells that are square in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.engines.crop_window import corners_of

CELLS = 80  # along a side
REACH = 2.5  # side of the square in longer sides of what was annotated
MIN_MARGIN_PIXELS = 12.0
STEPS_PER_OCTAVE = 4  # sides are rounded up to a power of 2 ** (1 / STEPS_PER_OCTAVE)


@dataclass(frozen=True)
class Square:
    """A square of the slices, the same on all of them.

    Attributes:
        row_mm, column_mm: centre.
        pitch_mm: side of a cell.
        size: number of cells along a side.
    """

    row_mm: float
    column_mm: float
    pitch_mm: float
    size: int = CELLS

    @classmethod
    def around(
        cls,
        masks: Sequence[Mask],
        spacing_mm: Sequence[float],
    ) -> Square:
        """The square around annotated masks, at least one of which is not empty.

        Its side and centre are rounded, so that an annotation that grows a little is seen on the
        same cells as before.

        Args:
            masks: (H, W) bool each.
            spacing_mm: of rows and columns.
        """
        spacing = np.asarray(spacing_mm, float)
        first, last = corners_of(np.logical_or.reduce(masks))
        extent_mm = (np.subtract(last, first) + 1) * spacing
        least_mm = extent_mm.max() + 2 * MIN_MARGIN_PIXELS * spacing.min()
        side_mm = max(REACH * extent_mm.max(), least_mm)
        octaves = np.ceil(STEPS_PER_OCTAVE * np.log2(side_mm)) / STEPS_PER_OCTAVE
        side_mm = float(2**octaves)
        grain_mm = side_mm / 16
        centre_mm = np.round((np.add(first, last) / 2) * spacing / grain_mm) * grain_mm
        return cls(float(centre_mm[0]), float(centre_mm[1]), side_mm / CELLS)

    def sample(
        self,
        images: np.ndarray | Tensor,
        spacing_mm: Sequence[float],
        device: str = "cpu",
    ) -> Tensor:
        """The cells of slices, averaged where cells are larger than pixels.

        Args:
            images: (T, H, W).
            spacing_mm: of rows and columns.
            device: where.

        Returns:
            (T, size, size) float32; beyond the slices their border goes on.
        """
        rows = self._reader(self.row_mm, spacing_mm[0], images.shape[1])
        columns = self._reader(self.column_mm, spacing_mm[1], images.shape[2])
        part = images[:, rows.part, columns.part]
        values = torch.as_tensor(
            np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part
        )
        values = values.to(device, torch.float32)
        return rows.weights.to(device) @ values @ columns.weights.to(device).T

    def inside(
        self,
        slice_shape: tuple[int, int],
        spacing_mm: Sequence[float],
    ) -> Tensor:
        """(size, size) bool: whether a cell's centre lies on the slice."""
        rows = self._positions(self.row_mm, spacing_mm[0])
        columns = self._positions(self.column_mm, spacing_mm[1])
        is_row = (rows >= -0.5) & (rows <= slice_shape[0] - 0.5)
        is_column = (columns >= -0.5) & (columns <= slice_shape[1] - 0.5)
        return is_row[:, None] & is_column[None]

    def spread(
        self,
        cells: Tensor,
        slice_shape: tuple[int, int],
        spacing_mm: Sequence[float],
    ) -> tuple[Tensor, int, int]:
        """Cells on the pixels that the square covers.

        Args:
            cells: (T, size, size).
            slice_shape: (H, W).
            spacing_mm: of rows and columns.

        Returns:
            ((T, h, w) float32, top, left).
        """
        top, rows = self._writer(self.row_mm, spacing_mm[0], slice_shape[0])
        left, columns = self._writer(self.column_mm, spacing_mm[1], slice_shape[1])
        return rows.to(cells.device) @ cells @ columns.to(cells.device).T, top, left

    def _positions(self, centre_mm: float, spacing_mm: float) -> Tensor:
        """(size,) positions of the cells in pixels."""
        cells = torch.arange(self.size, dtype=torch.float64) - (self.size - 1) / 2
        return (centre_mm + cells * self.pitch_mm) / spacing_mm

    def _reader(self, centre_mm: float, spacing_mm: float, length: int) -> _Reader:
        positions = self._positions(centre_mm, spacing_mm).clamp(0, length - 1)
        width = max(1.0, self.pitch_mm / spacing_mm)
        first = max(0, int(positions[0] - width))
        last = min(length, int(positions[-1] + width) + 2)
        return _Reader(slice(first, last), _triangles(positions - first, width, last - first))

    def _writer(
        self,
        centre_mm: float,
        spacing_mm: float,
        length: int,
    ) -> tuple[int, Tensor]:
        half = self.pitch_mm * self.size / 2
        first = max(0, int(np.ceil((centre_mm - half) / spacing_mm)))
        last = min(length - 1, int(np.floor((centre_mm + half) / spacing_mm)))
        pixels = torch.arange(first, last + 1, dtype=torch.float64) * spacing_mm
        positions = (pixels - centre_mm) / self.pitch_mm + (self.size - 1) / 2
        return first, _triangles(positions.clamp(0, self.size - 1), 1.0, self.size)


@dataclass(frozen=True)
class _Reader:
    """How a row of pixels is read at the cells.

    Attributes:
        part: the pixels that are needed.
        weights: (size, number of these pixels) float32.
    """

    part: slice
    weights: Tensor


def _triangles(positions: Tensor, width: float, length: int) -> Tensor:
    """(positions, length) float32 weights that fall linearly over `width` and sum to 1."""
    distance = (positions[:, None] - torch.arange(length, dtype=torch.float64)).abs()
    weights = (1 - distance / width).clamp_min(0)
    return (weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-9)).float()
