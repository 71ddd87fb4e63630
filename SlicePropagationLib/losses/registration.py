"""What a learned registration is judged by.

Likeness of the images, smoothness of the velocity, overlap of warped masks.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def local_ncc_loss(
    first: Tensor,
    second: Tensor,
    window: int = 9,
    eps: float = 1e-5,
) -> Tensor:
    """1 - mean squared local correlation coefficient of images.

    Args:
        first: (B, 1, H, W).
        second: the same shape.
        window: odd side of the squares that correlation is computed in, in pixels.
        eps: added to the product of the variances.

    Returns:
        Scalar in [0, 1]; 0 for images that are linear functions of each other in every square; a
        constant square counts as unlike.

    Source: Balakrishnan et al., IEEE TMI 38 (2019), equation 6, with 1 added.
    """

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, window, stride=1)

    first_mean = mean(first)
    second_mean = mean(second)
    covariance = mean(first * second) - first_mean * second_mean
    first_variance = (mean(first**2) - first_mean**2).clamp_min(0)
    second_variance = (mean(second**2) - second_mean**2).clamp_min(0)
    return 1 - (covariance**2 / (first_variance * second_variance + eps)).clamp_max(1).mean()


def gradient_penalty(velocity: Tensor) -> Tensor:
    """Mean squared difference of neighbouring vectors of (B, 2, H, W), over both axes."""
    rows = (velocity[:, :, 1:] - velocity[:, :, :-1]).square().mean()
    columns = (velocity[:, :, :, 1:] - velocity[:, :, :, :-1]).square().mean()
    return (rows + columns) / 2


def mask_dice(
    first: Tensor,
    second: Tensor,
    eps: float = 1e-5,
) -> Tensor:
    """(B,) Dice of soft masks (B, 1, H, W); 1 for two empty ones."""
    overlap = (first * second).sum(dim=(1, 2, 3))
    total = (first + second).sum(dim=(1, 2, 3))
    return (2 * overlap + eps) / (total + eps)


def image_loss(
    name: str,
    first: Tensor,
    second: Tensor,
    window: int,
) -> Tensor:
    """The likeness term by name: "mse" or "ncc"."""
    if name == "ncc":
        return local_ncc_loss(first, second, window)
    return torch.mean((first - second) ** 2)
