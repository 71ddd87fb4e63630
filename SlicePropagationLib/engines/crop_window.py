"""`Window`: the rectangle of a slice that an engine works in, so that its cost follows the structure and not the image."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
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
    def around(cls, masks, margin, slice_shape):
        """The box around the pixels of (H, W) masks, grown by `margin` pixels (rows, columns), inside the slice.

        None when all masks are empty.
        """
        present = np.logical_or.reduce(masks)
        rows = np.flatnonzero(present.any(axis=1))
        if rows.size == 0:
            return None
        columns = np.flatnonzero(present.any(axis=0))
        return cls.between((rows[0], columns[0]), (rows[-1], columns[-1]), margin, slice_shape)

    @classmethod
    def between(cls, first, last, margin, slice_shape):
        """The box from pixel `first` to pixel `last` (row, column), both included, grown by `margin`, inside the slice."""
        top, left = (max(0, int(corner - extra)) for corner, extra in zip(first, margin))
        bottom, right = (
            min(size, int(corner + extra) + 1)
            for corner, extra, size in zip(last, margin, slice_shape)
        )
        return cls(top, left, bottom - top, right - left)

    @property
    def shape(self):
        """(height, width)."""
        return self.height, self.width

    def crop(self, image):
        """The part of an (H, W) array inside the window; a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def paste(self, values, slice_shape):
        """An (H, W) float32 array that is zero outside the window."""
        image = np.zeros(slice_shape, np.float32)
        self.crop(image)[...] = values
        return image
