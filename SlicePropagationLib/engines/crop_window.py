"""`CropWindow`: the rectangle of a slice that an engine works in.

Its cost follows the structure and not the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Map, Mask

Corner = Sequence[float] | np.ndarray  # (row, column) in pixels of a slice


@dataclass(frozen=True)
class CropWindow:
    """A rectangle of rows and columns of a slice.

    Attributes:
        top, left: first row and column.
        height, width: size in pixels, at least 1.
    """

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def around(
        cls,
        mask: Mask,
        margin: tuple[int, int],
        slice_shape: tuple[int, ...],
    ) -> CropWindow:
        """The box around the pixels of a mask, grown by a margin, inside the slice.

        Args:
            mask: (H, W) bool, not empty.
            margin: pixels (rows, columns) on each side.
            slice_shape: (H, W).
        """
        return cls.between(*corners_of(mask), margin, slice_shape)

    @classmethod
    def around_any(
        cls,
        masks: Sequence[Mask],
        margin: tuple[int, int],
        slice_shape: tuple[int, ...],
    ) -> CropWindow | None:
        """The box around the pixels of several masks, as `around`; None when all are empty."""
        present = np.logical_or.reduce(masks)
        return cls.around(present, margin, slice_shape) if present.any() else None

    @classmethod
    def between(
        cls,
        first: Corner,
        last: Corner,
        margin: tuple[int, int],
        slice_shape: tuple[int, ...],
    ) -> CropWindow:
        """The box from one pixel to another, grown by a margin, inside the slice.

        Args:
            first: (row, column) of the top left corner,
            last: and of the bottom right one, both included.
            margin: pixels (rows, columns) on each side.
            slice_shape: (H, W).
        """
        top = max(0, int(first[0] - margin[0]))
        left = max(0, int(first[1] - margin[1]))
        bottom = min(slice_shape[0], int(last[0] + margin[0]) + 1)
        right = min(slice_shape[1], int(last[1] + margin[1]) + 1)
        return cls(top, left, bottom - top, right - left)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    def crop(self, image: Map) -> Map:
        """The part of an (H, W) array inside the window; a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def paste(
        self,
        values: Map,
        slice_shape: tuple[int, ...],
    ) -> Map:
        """An (H, W) float32 array that is zero outside the window."""
        image = np.zeros(slice_shape, np.float32)
        self.crop(image)[...] = values
        return image


def corners_of(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last (row, column) of the box around a mask that is not empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (rows[0], columns[0]), (rows[-1], columns[-1])
