"""`Patch`: a mask on a slice, kept as its bounding box.

What sessions store, undo and write to files.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patch:
    """The part of an (H, W) array that is not zero, and where it lies.

    Attributes:
        top, left: position of the crop on the slice.
        crop: (h, w) bool mask, or float16 probabilities; (0, 0) when the slice is empty.
    """

    top: int
    left: int
    crop: np.ndarray

    @classmethod
    def cut(cls, array, present=None):
        """Crop an (H, W) array to where `present` (default: the array itself) is true; a copy."""
        present = array if present is None else present
        rows = np.flatnonzero(present.any(axis=1))
        if rows.size == 0:
            return cls(0, 0, np.zeros((0, 0), array.dtype))
        columns = np.flatnonzero(present.any(axis=0))
        return cls(
            int(rows[0]),
            int(columns[0]),
            array[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy(),
        )

    @classmethod
    def of(cls, mask):
        """A mask as a patch: an (H, W) bool array is cropped, a patch is what it is."""
        return mask if isinstance(mask, cls) else cls.cut(np.asarray(mask, bool))

    @property
    def window(self):
        """Slices of rows and columns that the crop covers."""
        height, width = self.crop.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def is_empty(self):
        """Whether nothing of the slice is set."""
        return self.crop.size == 0

    @property
    def area(self):
        """Number of pixels set."""
        return int(np.count_nonzero(self.crop))

    def paste(self, shape):
        """The whole (H, W) array again."""
        array = np.zeros(shape, self.crop.dtype)
        array[self.window] = self.crop
        return array

    def moved(self, rows, columns):
        """The same crop further down and to the right."""
        return self if self.is_empty else Patch(self.top + rows, self.left + columns, self.crop)

    def without(self, other):
        """What of this mask lies outside another one."""
        top = max(self.top, other.top)
        left = max(self.left, other.left)
        bottom, right = (
            min(mine + mine_size, its + its_size)
            for mine, mine_size, its, its_size in zip(
                (self.top, self.left),
                self.crop.shape,
                (other.top, other.left),
                other.crop.shape,
            )
        )
        if bottom <= top or right <= left:
            return self
        crop = self.crop.copy()
        crop[
            top - self.top : bottom - self.top, left - self.left : right - self.left
        ] &= ~other.crop[
            top - other.top : bottom - other.top, left - other.left : right - other.left
        ]
        return Patch.cut(crop).moved(self.top, self.left)

    def equals(self, other):
        """Whether both patches describe the same slice."""
        if self.is_empty or other.is_empty:
            return self.is_empty and other.is_empty
        return (self.top, self.left) == (other.top, other.left) and np.array_equal(
            self.crop,
            other.crop,
        )


EMPTY_MASK = Patch(0, 0, np.zeros((0, 0), bool))


def encode_patch(patch):
    """A mask patch as JSON-ready numbers: position, size, and run lengths starting with zeros, row by row."""
    flat = patch.crop.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist() if flat.size else []
    if flat.size and flat[0]:
        lengths = [0, *lengths]
    return {
        "top": patch.top,
        "left": patch.left,
        "height": patch.crop.shape[0],
        "width": patch.crop.shape[1],
        "runs": lengths,
    }


def decode_patch(values):
    """The patch that `encode_patch` wrote.

    Raises:
        ValueError: the run lengths do not add up to the size.
    """
    shape = (int(values["height"]), int(values["width"]))
    lengths = np.asarray(values["runs"], dtype=np.int64)
    if lengths.sum() != shape[0] * shape[1]:
        raise ValueError(
            f"Run lengths add up to {lengths.sum()}, a {shape[0]}x{shape[1]} patch needs"
            f" {shape[0] * shape[1]}."
        )
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return Patch(int(values["top"]), int(values["left"]), flat.reshape(shape))
