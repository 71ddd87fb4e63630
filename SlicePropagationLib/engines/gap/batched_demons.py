"""Dense registration of many pairs of small images at once: symmetric-force demons in torch.

The method of `engines.demons` (Vercauteren et al., NeuroImage 45, 2009), on one level, for a batch
on any device.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.engines.demons import DemonsConfig

TRUNCATE = 3.0  # sigmas of the Gaussian, as `engines.demons` has it


def register_pairs(
    fixed: Tensor,
    moving: Tensor,
    config: DemonsConfig,
) -> Tensor:
    """Displacements that make the moving images look like the fixed ones.

    Args:
        fixed: (B, H, W) float32.
        moving: the same, normalised together with it to about [0, 1].
        config: how they are registered; `iterations` of one level.

    Returns:
        (B, 2, H, W) float32 along rows and columns in pixels: `fixed[p]` corresponds to
        `moving[p + displacement[p]]`.
    """
    count, height, width = fixed.shape
    displacement = fixed.new_zeros(count, 2, height, width)
    rows = _smoothing(config.smoothing_pixels, height, fixed.device)
    columns = _smoothing(config.smoothing_pixels, width, fixed.device).T
    fixed_gradient = gradient(fixed)
    longest = config.max_step_pixels
    limit = 4 * longest**2
    for _ in range(config.iterations[0]):
        warped = warp(moving[:, None], displacement)[:, 0]
        total = fixed_gradient + gradient(warped)
        difference = fixed - warped
        steepness = total.square().sum(dim=1) + 4 * difference.square() / limit + 1e-6
        update = (2 * difference / steepness)[:, None] * total
        displacement = rows @ (displacement + update.clamp(-longest, longest)) @ columns
    return displacement


def warp(values: Tensor, displacement: Tensor) -> Tensor:
    """Values read linearly at every pixel moved by a displacement; the border goes on outside.

    Args:
        values: (B, C, H, W).
        displacement: (B, 2, H, W) along rows and columns in pixels.

    Returns:
        (B, C, H, W).
    """
    height, width = displacement.shape[-2:]
    rows = torch.arange(height, device=values.device, dtype=values.dtype)
    columns = torch.arange(width, device=values.device, dtype=values.dtype)
    row = (displacement[:, 0] + rows[:, None]) * (2 / (height - 1)) - 1
    column = (displacement[:, 1] + columns) * (2 / (width - 1)) - 1
    grid = torch.stack([column, row], dim=3)
    return F.grid_sample(values, grid, padding_mode="border", align_corners=True)


def gradient(images: Tensor) -> Tensor:
    """(B, 2, H, W) slopes along rows and columns, one-sided at the border."""
    return torch.stack(torch.gradient(images, dim=(1, 2)), dim=1)


def _smoothing(sigma: float, length: int, device: torch.device) -> Tensor:
    """(length, length) matrix that smooths a row by a Gaussian; its border goes on outside.

    On grids as small as these a product of matrices is faster than a convolution.
    """
    reach = int(TRUNCATE * sigma + 0.5)
    offsets = torch.arange(-reach, reach + 1, device=device)
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    weights = weights / weights.sum()
    positions = torch.arange(length, device=device)
    read = (positions[:, None] + offsets).clamp(0, length - 1)
    matrix = torch.zeros(length, length, device=device)
    return matrix.scatter_add(1, read, weights.expand(length, -1))
