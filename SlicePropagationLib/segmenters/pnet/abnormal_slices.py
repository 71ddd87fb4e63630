"""Slices whose shape changes abnormally, which the pancreas paper has refined by its BiRNN."""

import numpy as np

from SlicePropagationLib.arrays import Masks, Spacing
from SlicePropagationLib.metrics import neighbour_distances
from SlicePropagationLib.networks.pnet.config import RefinementConfig


def abnormal_slices(
    masks: Masks,
    spacing_mm: Spacing,
    config: RefinementConfig,
) -> np.ndarray:
    """(N,) bool: both slices of every pair of neighbours that differ abnormally.

    Args:
        masks: (N, H, W) bool, what the network of slices says.
        spacing_mm: along N, H, W.
        config: what is abnormal.

    Source: Cai et al., 2018, AVD(Y_t, Y_t-1) > 0.5 mm; which slice of the pair is refined it does
        not say.
    """
    if config.slices == "all":
        return np.ones(len(masks), bool)
    distances = np.nan_to_num(neighbour_distances(masks, spacing_mm))
    is_abnormal = (distances > config.most_mm) | (area_changes(masks) >= config.most_area)
    return is_abnormal | np.append(is_abnormal[1:], False)


def area_changes(masks: Masks) -> np.ndarray:
    """(N,) share of the larger area by which a slice differs from the one before it.

    0 for the first slice and where both are empty, 1 where one of them is.
    """
    areas = masks.sum(axis=(1, 2)).astype(float)
    larger = np.maximum(areas[1:], areas[:-1])
    changes = np.abs(np.diff(areas)) / np.maximum(larger, 1)
    return np.concatenate([[0.0], changes])[: len(masks)]
