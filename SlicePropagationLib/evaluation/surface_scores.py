"""Surface scores by the field's definition: surface elements with their areas, as MONAI finds them.

from SlicePropagationLib.evaluation.surface_scores import surface_scores
print(surface_scores(prediction, truth, spacing_mm).surface_dice)
"""

from __future__ import annotations

import warnings
from importlib import util

import numpy as np
from scipy import ndimage

from SlicePropagationLib.arrays import Masks, Spacing
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.metrics import SurfaceDistances

NEEDED = ("torch", "monai")
MISSING = (
    "Surface scores need MONAI, which is not installed; install slice-propagation[train]."
    " Without it they are blank."
)


def has_surface_scores() -> bool:
    """Whether the packages for them are installed."""
    return all(util.find_spec(package) is not None for package in NEEDED)


def surface_scores(
    prediction: Masks,
    truth: Masks,
    spacing_mm: Spacing,
    tolerance_mm: float = 2.0,
) -> SurfaceDistances:
    """Distances between two surfaces, each surface element weighing by its area.

    Args:
        prediction: (N, H, W) bool.
        truth: (N, H, W) bool.
        spacing_mm: voxel size along N, H, W.
        tolerance_mm: what `surface_dice` forgives.

    Returns:
        `mean` is the average of both directions' means, `hd95` the larger of both directions'
        95th percentiles, and `surface_dice` the share of both areas within the tolerance; NaN
        where one of the masks is empty.

    Raises:
        ConfigError: MONAI is not installed.

    Source: Nikolov et al., JMIR 23(7), 2021; elements and areas by MONAI with `use_subvoxels`.
    """
    if not has_surface_scores():
        raise ConfigError(MISSING)
    if not prediction.any() or not truth.any():
        return SurfaceDistances(np.nan, np.nan, np.nan)
    distances, areas = _elements(prediction, truth, spacing_mm)
    pairs = list(zip(distances, areas, strict=True))
    means = [float(np.average(distance, weights=area)) for distance, area in pairs]
    farthest = [_percentile(distance, area, 0.95) for distance, area in pairs]
    near = sum(float(area[distance <= tolerance_mm].sum()) for distance, area in pairs)
    return SurfaceDistances(
        mean=sum(means) / 2,
        hd95=max(farthest),
        surface_dice=near / sum(float(area.sum()) for area in areas),
    )


def _elements(
    prediction: Masks,
    truth: Masks,
    spacing_mm: Spacing,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(distances, areas) of the elements of the prediction's surface and of the truth's."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's imports tell of what will change in others
        from monai.metrics.utils import get_mask_edges

        masks = [torch.from_numpy(np.ascontiguousarray(mask)) for mask in (prediction, truth)]
        spacing = [float(size) for size in spacing_mm]
        own, other, own_areas, other_areas = get_mask_edges(*masks, spacing=spacing)
    edges = [own.numpy().astype(bool), other.numpy().astype(bool)]
    areas = [own_areas.numpy()[edges[0]], other_areas.numpy()[edges[1]]]
    # Not by MONAI's tree of points: SciPy's crashes in a process that ITK was imported in.
    distances = [
        _distance_to(edges[1], spacing_mm)[edges[0]],
        _distance_to(edges[0], spacing_mm)[edges[1]],
    ]
    return distances, areas


def _distance_to(edges: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Millimetres from every place to the nearest element."""
    return np.asarray(ndimage.distance_transform_edt(~edges, sampling=spacing_mm))


def _percentile(distances: np.ndarray, areas: np.ndarray, share: float) -> float:
    """The distance that so large a share of the area does not exceed."""
    order = np.argsort(distances)
    covered = np.cumsum(areas[order]) / areas.sum()
    place = min(int(np.searchsorted(covered, share)), len(order) - 1)
    return float(distances[order[place]])
