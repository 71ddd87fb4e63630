"""What the voxels of a label file may be: whole numbers from 0 to 65535, or almost so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.arrays import label_type
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segments import MAX_LABEL

if TYPE_CHECKING:
    from pathlib import Path

ALMOST_WHOLE = 1e-3  # what other programs' arithmetic may add to a label


def checked_labels(array: np.ndarray, path: Path | str) -> np.ndarray:
    """The values of a label file as uint8, or uint16 beyond 255; InputError where they are none."""
    if isinstance(array, np.memmap):
        return _checked_map(array, path)
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    _check_range(low, high, path)
    if np.issubdtype(array.dtype, np.floating):
        whole = np.round(array)
        if not np.abs(array - whole).max(initial=0) <= ALMOST_WHOLE:
            raise InputError(
                f"{path} has fractional values between {low:g} and {high:g}, labels are whole"
                " numbers; is it an image?"
            )
        array = whole
    return array.astype(label_type(int(np.round(high))))


def values_of(labels: np.ndarray) -> list[int]:
    """The values of a label map beside 0, ascending; slice by slice, most of which have none."""
    found: set[int] = set()
    for part in labels:
        if part.any():
            found.update(np.unique(part).tolist())
    return sorted(found - {0})


def _checked_map(array: np.memmap, path: Path | str) -> np.ndarray:
    """As `checked_labels`, of whole numbers in a file; the map itself where its type is the right one.

    In an array of another type what is never written takes no memory.
    """
    low, high = array.min(), array.max()
    _check_range(low, high, path)
    kind = np.dtype(label_type(int(high)))
    if array.dtype == kind:
        return array
    labels = np.zeros(array.shape, kind)
    for part, stored in zip(labels, array, strict=True):
        if stored.any():
            part[...] = stored
    return labels


def _check_range(low: float, high: float, path: Path | str) -> None:
    if low <= -0.5 or high > MAX_LABEL:
        raise InputError(
            f"{path} has label values from {low:g} to {high:g}, labels must lie between 0 and"
            f" {MAX_LABEL}; renumber them."
        )
