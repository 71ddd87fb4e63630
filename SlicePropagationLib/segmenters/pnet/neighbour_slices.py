"""Slices as the PNets see them: each with its neighbours as channels, intensities in [0, 1], on a square grid."""

import numpy as np
import torch
from torch.nn import functional as F

CT_BELOW = -500.0  # a volume that reaches below is taken for CT
PERCENTILES = (1, 99)  # of images without units


def rescale_volume(array, window):
    """Intensities in [0, 1]: those of a CT between the Hounsfield units of `window`, others between their 1st and 99th percentiles.

    Args:
        array: any shape.
        window: (lowest, highest).

    Returns:
        float32 of the same shape.
    """
    values = np.asarray(array, np.float32)
    low, high = window if values.min() < CT_BELOW else np.percentile(values, PERCENTILES)
    return np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)


def resize_slices(array, size, mode="bilinear"):
    """(N, H, W) numbers on a grid of `size` (rows, columns); float32 tensor."""
    maps = torch.from_numpy(np.ascontiguousarray(array, np.float32))[:, None]
    return F.interpolate(
        maps,
        size,
        mode=mode,
        **({} if mode == "nearest" else {"align_corners": False}),
    )[:, 0]


def neighbour_indices(indices, num_channels, count):
    """(len(indices), num_channels) slices that the network sees with each of `indices`.

    Beyond the volume, its last slice again.

    Args:
        indices: (T,) int64 tensor.
        num_channels: odd.
        count: slices of the volume.
    """
    around = torch.arange(num_channels) - num_channels // 2
    return (indices[:, None] + around).clamp(0, count - 1)
