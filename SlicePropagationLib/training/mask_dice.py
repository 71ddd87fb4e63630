"""The overlap of masks that judges trainings on slices."""

import torch
from torch import Tensor

from SlicePropagationLib.training.contracts import Metrics


def mean_mask_dice(found: Tensor, truth: Tensor) -> Metrics:
    """{"dice": mean, "count"} of slices where there is something or something was found.

    Args:
        found: (N, H, W) bool.
        truth: the same shape.
    """
    total = found.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    dice = 2 * (found & truth).sum(dim=(1, 2)) / total.clamp_min(1)
    shown = total > 0
    mean = dice[shown].mean() if shown.any() else torch.tensor(1.0)
    return {"dice": mean, "count": int(shown.sum())}
