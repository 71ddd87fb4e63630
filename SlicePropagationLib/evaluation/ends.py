"""How far a mask stops short of the two ends of a structure, or runs past them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Masks

TOLERANCE_MM = 3.0  # an end within it, or within one slice, counts as found


class EndShares(NamedTuple):
    """Shares of the two ends of an object that were found, missed early, and run past."""

    found: float
    early: float
    past: float


def end_offsets(prediction: Masks, truth: Masks) -> tuple[int, int]:
    """Slices that a prediction runs past the first and the last slice of the truth.

    Args:
        prediction: (N, H, W) bool, not empty.
        truth: (N, H, W) bool, not empty.

    Returns:
        (before, after); negative where it ends early.
    """
    predicted = np.flatnonzero(prediction.any(axis=(1, 2)))
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    return int(shown[0] - predicted[0]), int(predicted[-1] - shown[-1])


def end_shares(offsets: tuple[int, int], tolerance: float) -> EndShares:
    """What became of the two ends.

    Args:
        offsets: as `end_offsets` gives them.
        tolerance: slices by which an end may be missed.
    """
    early = sum(offset < -tolerance for offset in offsets)
    past = sum(offset > tolerance for offset in offsets)
    return EndShares((2 - early - past) / 2, early / 2, past / 2)


def end_tolerance(slice_mm: float, *, is_nominal: bool) -> float:
    """Slices by which an end may be missed: one, or as many as lie within TOLERANCE_MM.

    Where the spacing is nominal, millimetres mean nothing, and it is one slice.

    Args:
        slice_mm: distance between two slices.
        is_nominal: whether that is a guess.
    """
    return 1.0 if is_nominal else max(1.0, TOLERANCE_MM / slice_mm)
