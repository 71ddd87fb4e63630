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
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if low <= -0.5 or high > MAX_LABEL:
        raise InputError(
            f"{path} has label values from {low:g} to {high:g}, labels must lie between 0 and"
            f" {MAX_LABEL}; renumber them."
        )
    if np.issubdtype(array.dtype, np.floating):
        whole = np.round(array)
        if not np.abs(array - whole).max(initial=0) <= ALMOST_WHOLE:
            raise InputError(
                f"{path} has fractional values between {low:g} and {high:g}, labels are whole"
                " numbers; is it an image?"
            )
        array = whole
    return array.astype(label_type(int(np.round(high))))
