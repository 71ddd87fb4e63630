"""Labels of thick slices on finer ones, by the shapes of neighbouring slices alone.

Every thick slice stays as it is.
"""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.engines.distance import FAR_MM, signed_distance
from SlicePropagationLib.errors import InputError

# Slices that a cap reaches beyond the last one: it holds the half slice that the last one stands
# for.
CAP = 0.75
FEWEST_STEPS = 1.5  # a slice distance of fewer pixels has no stair steps to remove
MARGIN = 4  # pixels about the structure that are looked at
Spacing = tuple[float, float, float]


def thickest_axis(spacing_mm: Spacing) -> int:
    """The array axis (0, 1, 2 for K, J, I) along which voxels are the longest."""
    return int(np.argmax(spacing_mm))


def fine_factor(spacing_mm: Spacing) -> int:
    """How many fine slices make one thick slice as thin as pixels are wide.

    Args:
        spacing_mm: between slices, rows and columns.

    Raises:
        InputError: the slices are about as thin already.
    """
    pixel_mm = np.sqrt(spacing_mm[1] * spacing_mm[2])
    pixels = spacing_mm[0] / pixel_mm
    if pixels < FEWEST_STEPS:
        raise InputError(
            "The slices are {slice_mm:g} mm apart, the pixels {pixel_mm:g} mm wide: there are no"
            " stair steps to remove.",
            slice_mm=spacing_mm[0],
            pixel_mm=float(pixel_mm),
        )
    return max(2, int(round(pixels)))


def fine_labels(labels: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, int, int]:
    """A label map on slices as thin as pixels are wide, along its thickest axis.

    Args:
        labels: (K, J, I).
        spacing_mm: along K, J, I.

    Returns:
        (labels with factor times as many slices, that axis, factor); slice j * factor + factor // 2
        is slice j, unchanged.

    Raises:
        InputError: no voxel is longer than it is wide.
    """
    axis = thickest_axis(spacing_mm)
    order = (axis, *(other for other in range(3) if other != axis))
    between, high, wide = (spacing_mm[a] for a in order)
    factor = fine_factor((between, high, wide))
    thick = np.moveaxis(labels, axis, 0)
    if not labels.any():
        return np.moveaxis(np.repeat(thick, factor, axis=0), 0, axis), axis, factor
    fine = interpolate_labels(thick, (between, high, wide), factor)
    fine[factor // 2 :: factor] = thick
    return np.moveaxis(fine, 0, axis), axis, factor


def interpolate_labels(
    labels: np.ndarray, spacing_mm: tuple[float, float, float], factor: int
) -> np.ndarray:
    """Shape-based interpolation of signed distances, monotone cubic from slice to slice.

    Ends close on an elliptical cap.

    Args:
        labels: (N, H, W) uint8.
        spacing_mm: along N, H, W.
        factor: fine slices for a thick one.

    Returns:
        (N * factor, H, W) uint8.

    Source: Raya and Udupa, IEEE TMI 9(1), 1990, with cubic instead of linear interpolation (Fritsch
        and Carlson, 1980).
    """
    fine = np.zeros((len(labels) * factor, *labels.shape[1:]), labels.dtype)
    window = (slice(None), _window(labels, axis=1), _window(labels, axis=2))
    cropped = labels[window]
    best = np.full((len(fine), *cropped.shape[1:]), -np.inf, np.float32)
    chosen = np.zeros(best.shape, labels.dtype)
    for label in np.unique(labels[labels > 0]):
        distance = _fine_distance(cropped == label, spacing_mm, factor)
        chosen[distance > best] = label
        best = np.maximum(best, distance)
    # Of all together, so that no gap opens between labels.
    is_inside = _fine_distance(cropped > 0, spacing_mm, factor) > 0
    fine[window] = np.where(is_inside, chosen, 0)
    return fine


def _window(labels: np.ndarray, axis: int) -> slice:
    """The part of an axis that labels reach over, and a margin about it."""
    others = tuple(other for other in range(labels.ndim) if other != axis)
    shown = np.flatnonzero(labels.any(axis=others))
    return slice(max(0, shown[0] - MARGIN), shown[-1] + MARGIN + 1)


def _fine_distance(
    masks: np.ndarray, spacing_mm: tuple[float, float, float], factor: int
) -> np.ndarray:
    """(N * factor, H, W) float32 signed distance on fine slices.

    From one stretch of slices with the structure after the other.
    """
    positions = (np.arange(len(masks) * factor) - factor // 2) / factor
    distance = np.full((len(positions), *masks.shape[1:]), -FAR_MM, np.float32)
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    for stretch in np.split(shown, np.flatnonzero(np.diff(shown) > 1) + 1):
        maps = np.stack([signed_distance(masks[index], spacing_mm[1:]) for index in stretch])
        is_between = (positions >= stretch[0]) & (positions <= stretch[-1])
        distance[is_between] = _interpolate(stretch, maps, positions[is_between])
        _close(distance, stretch[0] - positions, maps[0])
        _close(distance, positions - stretch[-1], maps[-1])
    return distance


def _interpolate(
    stretch: np.ndarray,
    maps: np.ndarray,
    positions: np.ndarray,
) -> np.ndarray:
    """(P, H, W) signed distances at positions between the slices of a stretch."""
    if len(stretch) == 1:
        return maps
    from scipy.interpolate import PchipInterpolator  # a third of a second, at every start

    return PchipInterpolator(stretch, maps, axis=0)(positions)


def _close(
    distance: np.ndarray,
    beyond: np.ndarray,
    last: np.ndarray,
) -> None:
    """Close an end of a structure with an elliptical cap.

    Args:
        distance: (N * factor, H, W) signed distances, changed in place.
        beyond: how far each fine slice is beyond the end, in thick slices.
        last: (H, W) signed distance of the last slice that shows the structure.
    """
    height = float(last.max())
    for place in np.flatnonzero((beyond > 0) & (beyond < CAP)):
        sunk = last - height * (1 - np.sqrt(1 - (beyond[place] / CAP) ** 2))
        distance[place] = np.maximum(distance[place], sunk)
