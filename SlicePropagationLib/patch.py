"""`Patch`: a mask on a slice, kept as its bounding box.

What sessions store, undo and write to files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    def cut(
        cls,
        array: np.ndarray,
        present: np.ndarray | None = None,
    ) -> Patch:
        """Crop an (H, W) array to where `present` (default: the array itself) is true; a copy."""
        present = array if present is None else present
        rows = np.flatnonzero(present.any(axis=1))
        if rows.size == 0:
            return cls(0, 0, np.zeros((0, 0), array.dtype))
        columns = np.flatnonzero(present.any(axis=0))
        crop = array[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(int(rows[0]), int(columns[0]), crop.copy())

    @classmethod
    def of(cls, mask: np.ndarray | Patch) -> Patch:
        """A mask as a patch: an (H, W) bool array is cropped, a patch is what it is."""
        return mask if isinstance(mask, cls) else cls.cut(np.asarray(mask, bool))

    @property
    def window(self) -> tuple[slice, slice]:
        """Slices of rows and columns that the crop covers."""
        height, width = self.crop.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the slice is set."""
        return self.crop.size == 0

    @property
    def area(self) -> int:
        """Number of pixels set."""
        return int(np.count_nonzero(self.crop))

    def paste(self, shape: tuple[int, ...]) -> np.ndarray:
        """The whole (H, W) array again."""
        array = np.zeros(shape, self.crop.dtype)
        array[self.window] = self.crop
        return array

    def moved(
        self,
        rows: int,
        columns: int,
    ) -> Patch:
        """The same crop further down and to the right."""
        return self if self.is_empty else Patch(self.top + rows, self.left + columns, self.crop)

    def without(self, other: Patch) -> Patch:
        """What of this mask lies outside another one."""
        rows, columns = self._common(other)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return self
        crop = self.crop.copy()
        crop[self._within(rows, columns)] &= ~other.crop[other._within(rows, columns)]
        return Patch.cut(crop).moved(self.top, self.left)

    def dice(self, other: Patch) -> float:
        """Dice overlap with another mask, in [0, 1]; 1 when both are empty."""
        total = self.area + other.area
        rows, columns = self._common(other)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return 1.0 if total == 0 else 0.0
        mine = self.crop[self._within(rows, columns)]
        its = other.crop[other._within(rows, columns)]
        return 2.0 * np.count_nonzero(mine & its) / total

    def joined(self, other: Patch) -> Patch:
        """The pixels of both masks."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        rows, columns = (
            slice(min(mine.start, its.start), max(mine.stop, its.stop))
            for mine, its in zip(self.window, other.window, strict=True)
        )
        crop = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        for patch in (self, other):
            crop[patch.moved(-rows.start, -columns.start).window] |= patch.crop
        return Patch(rows.start, columns.start, crop)

    def within(self, other: Patch) -> Patch:
        """What of this mask lies inside another one."""
        return self.without(self.without(other))

    def _common(self, other: Patch) -> tuple[slice, slice]:
        """Rows and columns of the slice that both crops cover; a stop before its start for none."""
        mine, its = self.window, other.window
        return (
            slice(max(mine[0].start, its[0].start), min(mine[0].stop, its[0].stop)),
            slice(max(mine[1].start, its[1].start), min(mine[1].stop, its[1].stop)),
        )

    def _within(
        self,
        rows: slice,
        columns: slice,
    ) -> tuple[slice, slice]:
        """Rows and columns of the slice, counted in the crop."""
        return (
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )

    def equals(self, other: Patch) -> bool:
        """Whether both patches describe the same slice."""
        if self.is_empty or other.is_empty:
            return self.is_empty and other.is_empty
        is_in_place = (self.top, self.left) == (other.top, other.left)
        return is_in_place and np.array_equal(self.crop, other.crop)


EMPTY_MASK = Patch(0, 0, np.zeros((0, 0), bool))


def encode_patch(patch: Patch) -> dict[str, Any]:
    """A mask patch as JSON-ready numbers.

    Position, size, and run lengths starting with zeros, row by row.
    """
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


def decode_patch(values: Mapping[str, Any], shape: tuple[int, ...] | None = None) -> Patch:
    """The patch that `encode_patch` wrote.

    Args:
        values: as it wrote them.
        shape: (H, W) of the slice that it has to fit into; None where that is not known.

    Raises:
        ValueError: a number is none that it writes, the run lengths do not add up to the size, or
            the patch reaches beyond the slice.
    """
    top, left, height, width = (whole(values, name) for name in ("top", "left", "height", "width"))
    if shape is not None and (top + height > shape[0] or left + width > shape[1]):
        raise ValueError(
            f"A patch of {height}x{width} at ({top}, {left}) is not on a {shape[0]}x{shape[1]}"
            " slice."
        )
    lengths = values["runs"]
    if not isinstance(lengths, list) or not all(is_whole(length) for length in lengths):
        raise ValueError("Run lengths are whole numbers.")
    if sum(lengths) != height * width:
        raise ValueError(
            f"Run lengths add up to {sum(lengths)}, a {height}x{width} patch needs"
            f" {height * width}."
        )
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, np.asarray(lengths, np.int64))
    return Patch(top, left, flat.reshape(height, width))


def whole(values: Mapping[str, Any], name: str) -> int:
    """A number from 0 on, as JSON has it; a ValueError where it is something else."""
    if not is_whole(values[name]):
        raise ValueError(f"{name} is {values[name]!r}")
    return values[name]


def is_whole(value: Any) -> bool:
    """Whether a value of JSON is a number from 0 on."""
    return type(value) is int and value >= 0
