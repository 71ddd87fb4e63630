"""Signed distance maps of masks, in millimetres, and how they become probabilities."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

from SlicePropagationLib.arrays import Map, Mask

FAR_MM = 1e4  # distance of every pixel to the edge of a mask that is empty


def signed_distance(mask: Mask, spacing_mm: Sequence[float]) -> Map:
    """Distance of every pixel to the edge of a mask, positive inside.

    The edge lies halfway between a pixel inside and its neighbour outside; the border of the slice
    is no edge, so a mask that touches it goes on beyond it.

    Args:
        mask: (H, W) bool.
        spacing_mm: distance between rows and between columns in millimetres.

    Returns:
        (H, W) float32 in millimetres; -FAR_MM everywhere when the mask is empty, the size of the
        slice when it is full.
    """
    if not mask.any():
        return np.full(mask.shape, -FAR_MM, np.float32)
    if mask.all():
        diagonal_mm = np.hypot(*np.multiply(mask.shape, spacing_mm))
        return np.full(mask.shape, diagonal_mm, np.float32)
    half = 0.5 * min(spacing_mm)
    inside = np.asarray(distance_transform_edt(mask, sampling=spacing_mm))
    outside = np.asarray(distance_transform_edt(~mask, sampling=spacing_mm))
    return np.where(mask, inside - half, half - outside).astype(np.float32)


def probability_of(distance_mm: Map, softness_mm: float) -> Map:
    """Probability of lying inside at a signed distance: 0.5 on the edge, a sigmoid across it.

    Args:
        distance_mm: array of signed distances, positive inside.
        softness_mm: distance over which the odds change by a factor e.

    Returns:
        float32 array of the same shape in [0, 1].
    """
    scaled = np.clip(np.asarray(distance_mm, np.float32) / np.float32(softness_mm), -30, 30)
    return 1 / (1 + np.exp(-scaled))


def equivalent_radius(area_mm2: float) -> float:
    """Radius in millimetres of the disc with this area."""
    return float(np.sqrt(area_mm2 / np.pi))
