"""How well a mask agrees with the truth.

Overlap, surface distances, and how far it runs past the structure's ends.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces in millimetres; NaN when one of the masks is empty.

    Attributes:
        mean: average of both directions.
        hd95: 95th percentile of both directions together.
        surface_dice: share of both surfaces within the tolerance of the other, in [0, 1].
    """

    mean: float
    hd95: float
    surface_dice: float


def dice(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Dice overlap of two bool masks of the same shape, in [0, 1]; 1 when both are empty.

    Source: Dice, Ecology 26(3), 1945.
    """
    if truth.ndim > 2:
        return _dice_on(prediction, truth, range(len(truth)))
    total = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 1.0 if total == 0 else 2.0 * np.count_nonzero(prediction & truth) / total


def _dice_on(prediction: np.ndarray, truth: np.ndarray, indices: Iterable[int]) -> float:
    """Dice of some slices, one after the other: no array of the size of a large volume is made."""
    shared = total = 0
    for index in indices:
        shared += np.count_nonzero(prediction[index] & truth[index])
        total += np.count_nonzero(prediction[index]) + np.count_nonzero(truth[index])
    return 1.0 if total == 0 else 2.0 * shared / total


def dice_without(
    prediction: np.ndarray,
    truth: np.ndarray,
    annotated: Iterable[int],
) -> float:
    """Dice of two (N, H, W) masks over the slices that were not annotated (the primary score)."""
    kept = np.ones(len(truth), bool)
    kept[list(annotated)] = False
    return _dice_on(prediction, truth, np.flatnonzero(kept))


def dice_within(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Dice over the structure's true extent, annotated slices included (the thesis's score)."""
    shown = truth.any(axis=(1, 2))
    return _dice_on(prediction, truth, np.flatnonzero(shown))


def dice_per_slice(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) Dice of each slice; NaN where both are empty."""
    axes = (1, 2)
    total = prediction.sum(axis=axes) + truth.sum(axis=axes)
    shared = (prediction & truth).sum(axis=axes)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, 2.0 * shared / np.maximum(total, 1), np.nan)


def slices_past_ends(prediction: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """How many slices the prediction reaches beyond the first and the last slice of the truth.

    (before, after); 0 when it stops short.
    """
    predicted = np.flatnonzero(prediction.any(axis=(1, 2)))
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    if not predicted.size or not shown.size:
        return 0, 0
    before = int(max(shown[0] - predicted[0], 0))
    after = int(max(predicted[-1] - shown[-1], 0))
    return before, after


def surface_distances(
    prediction: np.ndarray,
    truth: np.ndarray,
    spacing_mm: tuple[float, ...],
    tolerance_mm: float = 2.0,
) -> SurfaceDistances:
    """Distances between the surfaces of two masks, by the surface voxels' centres.

    Args:
        prediction: (N, H, W) bool.
        truth: (N, H, W) bool.
        spacing_mm: voxel size along N, H, W.
        tolerance_mm: what `surface_dice` forgives.

    Source: Nikolov et al., JMIR 23(7), 2021, with voxel surfaces instead of surface elements.
    """
    if not prediction.any() or not truth.any():
        return SurfaceDistances(np.nan, np.nan, np.nan)
    box = _box(prediction | truth)
    prediction = prediction[box]
    truth = truth[box]
    first = _surface(prediction)
    second = _surface(truth)
    to_truth = _distance_to(second, spacing_mm)[first]
    to_prediction = _distance_to(first, spacing_mm)[second]
    distances = np.concatenate([to_truth, to_prediction])
    mean = (to_truth.mean() + to_prediction.mean()) / 2
    return SurfaceDistances(
        float(mean),
        float(np.percentile(distances, 95)),
        float((distances <= tolerance_mm).mean()),
    )


def neighbour_distances(masks: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Mean distance between the outlines of each slice and the slice before it.

    In the plane of the slices.

    Args:
        masks: (N, H, W) bool.
        spacing_mm: along N, H, W.

    Returns:
        (N,) millimetres; NaN for the first slice and where either slice is empty.

    Source: Cai et al., pancreas segmentation with PNet-MSA and BiRNN, 2018: "AVD" between
        neighbouring slices.
    """
    distances = [
        surface_distances(before, mask, spacing_mm[1:]).mean
        for before, mask in itertools.pairwise(masks)
    ]
    return np.array([np.nan, *distances])[: len(masks)]


def jumps(masks: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """By how much a slice lies further from a neighbour than these slices lie in the median.

    Args:
        masks: (N, H, W) bool, one structure.
        spacing_mm: along N, H, W.

    Returns:
        (N,) millimetres >= 0, the larger of both neighbours; 0 where there is no neighbour to
        compare with.
    """
    distances = neighbour_distances(masks, spacing_mm)
    if np.isnan(distances).all():
        return np.zeros(len(masks))
    excess = np.nan_to_num(np.maximum(distances - np.nanmedian(distances), 0.0))
    return np.maximum(excess, np.append(excess[1:], 0.0))


def hausdorff(
    prediction: np.ndarray,
    truth: np.ndarray,
    spacing_mm: tuple[float, ...],
) -> float:
    """Largest distance from the surface of one (N, H, W) bool mask to the other's.

    In millimetres; NaN when one of them is empty.
    """
    if not prediction.any() or not truth.any():
        return float("nan")
    box = _box(prediction | truth)
    first = _surface(prediction[box])
    second = _surface(truth[box])
    to_second = _distance_to(second, spacing_mm)[first]
    to_first = _distance_to(first, spacing_mm)[second]
    return float(max(to_second.max(), to_first.max()))


def ssim(
    first: np.ndarray, second: np.ndarray, data_range: float = 1.0, sigma: float = 1.5
) -> float:
    """Mean structural similarity of two images, slice by slice, in [-1, 1]; 1 when they are equal.

    Args:
        first: (N, H, W) intensities.
        second: (N, H, W) intensities.
        data_range: distance between the darkest and the brightest intensity.
        sigma: of the Gaussian window in pixels.

    Source: Wang et al., IEEE Transactions on Image Processing 13(4), 2004, equation 13.
    """
    from scipy import ndimage

    def smoothed(array: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(array, (0, sigma, sigma), truncate=3.5)

    first = np.asarray(first, np.float64)
    second = np.asarray(second, np.float64)
    mean = smoothed(first)
    other = smoothed(second)
    variance = smoothed(first**2) - mean**2
    variance_other = smoothed(second**2) - other**2
    covariance = smoothed(first * second) - mean * other
    small = (0.01 * data_range) ** 2
    small_other = (0.03 * data_range) ** 2
    alike = (2 * mean * other + small) * (2 * covariance + small_other)
    most = (mean**2 + other**2 + small) * (variance + variance_other + small_other)
    return float((alike / most).mean())


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """Slices of the box around a mask's voxels.

    Every surface lies in it, so that no distance changes and little is computed.
    """
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        side = np.flatnonzero(mask.any(axis=others))
        box.append(slice(side[0], side[-1] + 1))
    return tuple(box)


def _distance_to(surface: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Distance of every voxel to the nearest voxel of a surface, in millimetres."""
    from scipy import ndimage  # 0.1 s that opening the panel in Slicer need not wait for

    return np.asarray(ndimage.distance_transform_edt(~surface, sampling=spacing_mm))


def _surface(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask that touch what is outside it."""
    from scipy import ndimage

    return mask & ~ndimage.binary_erosion(mask, border_value=0)
