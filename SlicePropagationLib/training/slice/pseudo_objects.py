"""Pseudo-objects: supervoxels of a real image, in place of structures that nobody outlined.

They bring real texture and real borders of any tissue, so that the network learns to follow what
the person drew and not the few organs that it was shown (class-agnostic training from supervoxels:
Ouyang et al., "Self-supervision with superpixels", ECCV 2020).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from SlicePropagationLib.arrays import Masks

MM = (4.0, 14.0)  # distance between the seeds of supervoxels
LEAST_PIXELS = 4.0
MOST_PIXELS = 60.0
BLOCK = (64, 128, 128)  # voxels of the image that are looked at
ALIKE = 0.5  # merged neighbours differ by less than this many standard deviations of the block


def make_pseudo_objects(
    volume: np.ndarray,
    spacing_mm: Sequence[float],
    count: int,
    rng: np.random.Generator,
) -> Iterator[Masks]:
    """Yield up to `count` (K, J, I) bool masks.

    Each is one supervoxel, half of the time with a neighbour that looks like it.

    Args:
        volume: (K, J, I) intensities.
        spacing_mm: along K, J, I.
        count: how many; fewer where the image has no texture.
        rng: numpy Generator; the same state gives the same masks.
    """
    region = _draw_region(volume.shape, rng)
    block = ndimage.gaussian_filter(np.asarray(volume[region], np.float32), (0.0, 0.7, 0.7))
    low, high = np.percentile(block, [1, 99])
    if high <= low:
        return
    block = np.clip((block - low) / (high - low), 0, 1)
    parts = _supervoxels(block, spacing_mm, rng)
    counts = np.bincount(parts.ravel())
    means = np.bincount(parts.ravel(), block.ravel()) / np.maximum(counts, 1)
    shown = np.flatnonzero(counts)
    textured = shown[means[shown] > 0.08]  # not the air around the patient
    for label in rng.permutation(textured)[:count]:
        mask = parts == label
        if rng.random() < 0.5:
            mask |= parts == _neighbour_alike(parts, mask, means, label, ALIKE * block.std())
        whole = np.zeros(volume.shape, bool)
        whole[region] = ndimage.median_filter(mask, (1, 3, 3))  # a person draws a smooth outline
        yield whole


def _draw_region(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, ...]:
    """Where in a volume the block is that is looked at."""
    region = []
    for length, size in zip(shape, BLOCK, strict=True):
        first = int(rng.integers(max(1, length - size + 1)))
        region.append(slice(first, first + size))
    return tuple(region)


def _supervoxels(
    block: np.ndarray,
    spacing_mm: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """(K, J, I) labels of compact regions of about the same grey value."""
    wanted = np.exp(rng.uniform(*np.log(MM))) / np.asarray(spacing_mm)
    grid = np.clip(np.round(wanted * (1.5, 1, 1)), LEAST_PIXELS, MOST_PIXELS).astype(int)
    slic = sitk.SLICImageFilter()
    slic.SetSuperGridSize([int(size) for size in np.minimum(grid, block.shape)[::-1]])
    proximity = np.exp(rng.uniform(np.log(0.2), np.log(3)))
    slic.SetSpatialProximityWeight(float(proximity) / 10)
    slic.SetMaximumNumberOfIterations(5)
    slic.SetEnforceConnectivity(True)
    slic.SetNumberOfThreads(1)
    found = slic.Execute(sitk.GetImageFromArray(block))
    return sitk.GetArrayFromImage(found).astype(np.int64)


def _neighbour_alike(
    parts: np.ndarray,
    mask: np.ndarray,
    means: np.ndarray,
    label: int,
    tolerance: float,
) -> int:
    """The label of a touching supervoxel of about the same mean, or `label` itself."""
    near = np.unique(parts[ndimage.binary_dilation(mask) & ~mask])
    alike = near[np.abs(means[near] - means[label]) < tolerance]
    if not alike.size:
        return label
    return int(alike[np.abs(means[alike] - means[label]).argmin()])
