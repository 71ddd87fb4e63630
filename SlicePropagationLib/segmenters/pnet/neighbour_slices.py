"""Slices as the PNets see them: each with its neighbours as channels, on a square grid.

Intensities are in [0, 1].
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

CT_BELOW = -500.0  # a volume that reaches below is taken for CT
PERCENTILES = (1, 99)  # of images without units


def rescale_volume(
    array: np.ndarray,
    window: Sequence[float],
) -> np.ndarray:
    """Intensities in [0, 1].

    Those of a CT between two Hounsfield units, others between their 1st and 99th percentiles.

    Args:
        array: any shape.
        window: (lowest, highest) Hounsfield unit.

    Returns:
        float32 of the same shape.
    """
    values = np.asarray(array, np.float32)
    low, high = window if values.min() < CT_BELOW else np.percentile(values, PERCENTILES)
    return np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)


def resize_slices(
    array: np.ndarray,
    size: tuple[int, int],
    mode: str = "bilinear",
) -> torch.Tensor:
    """Numbers on a grid of another size.

    Args:
        array: (N, H, W).
        size: (rows, columns).
        mode: as in `torch.nn.functional.interpolate`.

    Returns:
        (N, rows, columns) float32.
    """
    maps = torch.from_numpy(np.ascontiguousarray(array, np.float32))[:, None]
    corners = None if mode == "nearest" else False
    return F.interpolate(
        maps,
        size,
        mode=mode,
        align_corners=corners,
    )[:, 0]


def neighbour_indices(
    indices: torch.Tensor,
    num_channels: int,
    count: int,
) -> torch.Tensor:
    """(len(indices), num_channels) slices that the network sees with each of `indices`.

    Beyond the volume, its last slice again.

    Args:
        indices: (T,) int64 tensor.
        num_channels: odd.
        count: slices of the volume.
    """
    around = torch.arange(num_channels) - num_channels // 2
    return (indices[:, None] + around).clamp(0, count - 1)
