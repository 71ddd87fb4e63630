"""What thick-slice imaging does to a fine volume.

Blur through-plane, fewer slices, slices that moved between breath-holds, noise.

Oktay et al. 2018 (section III-B) after Greenspan, The Computer Journal 52(1), 2009: Gaussian
through-plane (standard deviation 4 mm for slices 10 mm apart), every fifth slice, and for training
independent in-plane rigid motion of the slices of the input alone.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.arrays import Spacing
from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class DegradationConfig:
    """How thick slices are made of a fine volume.

    Attributes:
        blur: standard deviation of the Gaussian through-plane, as a share of the distance of thick
            slices.
        noise: standard deviation of the noise, in units of the normalised intensity (1st percentile
            0, 99th 1).
        shift_mm, turn: largest in-plane shift of a slice in millimetres, and turn in degrees; 0 for
            slices that do not move.
    """

    blur: float = 0.4
    noise: float = 0.02
    shift_mm: float = 0.0
    turn: float = 0.0

    def __post_init__(self) -> None:
        for name in ("blur", "noise", "shift_mm", "turn"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}.")


@dataclass(frozen=True)
class AffineConfig:
    """How volumes are varied, image and labels together.

    Attributes:
        turn, tilt: largest rotation in degrees about the through-plane axis, and about the two
            others.
        scale: largest relative change of size, for each axis on its own.
        shift: largest shift, as a share of the grid.
    """

    turn: float = 15.0
    tilt: float = 5.0
    scale: float = 0.1
    shift: float = 0.05


def thick_slices(
    fine: Tensor,
    factor: int,
    blur: float,
) -> Tensor:
    """Thick slices of fine volumes: Gaussian through-plane, then every `factor`-th slice.

    Args:
        fine: (B, C, D, H, W), D divisible by `factor`.
        factor: fine slices for a thick one; thick slice j lies at fine slice j * factor + factor //
            2.
        blur: standard deviation of the Gaussian, as a share of `factor` slices.

    Returns:
        (B, C, D / factor, H, W).
    """
    sigma = blur * factor
    if sigma > 0:
        reach = math.ceil(3 * sigma)
        offsets = torch.arange(
            -reach,
            reach + 1,
            dtype=fine.dtype,
            device=fine.device,
        )
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        kernel = (kernel / kernel.sum())[None, None, :, None, None]
        padded = F.pad(fine, (0, 0, 0, 0, reach, reach), mode="replicate")
        blurred = F.conv3d(padded.flatten(0, 1)[:, None], kernel)
        fine = blurred[:, 0].unflatten(0, fine.shape[:2])  # (B*C, D, H, W) -> (B, C, D, H, W)
    return fine[:, :, factor // 2 :: factor]


def move_slices(
    thick: Tensor,
    config: DegradationConfig,
    spacing_mm: tuple[float, float],
) -> Tensor:
    """Move every slice in its plane by a rigid motion of its own.

    Args:
        thick: (B, C, N, H, W); channels move together.
        config: a DegradationConfig.
        spacing_mm: distance of rows and of columns.
    """
    if not config.shift_mm and not config.turn:
        return thick
    B, C, N, H, W = thick.shape
    angle = _even((B * N,), config.turn * math.pi / 180, thick)
    shift = torch.stack([_even((B * N,), config.shift_mm, thick) for _ in range(2)], dim=1)
    # x before y
    half = thick.new_tensor([W * spacing_mm[1] / 2, H * spacing_mm[0] / 2])
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    turn = rotation.view(-1, 2, 2) * half[None, None, :] / half[None, :, None]
    theta = torch.cat([turn, (shift / half)[:, :, None]], dim=2)
    slices = thick.transpose(1, 2).reshape(B * N, C, H, W)
    grid = F.affine_grid(theta, [B * N, C, H, W], align_corners=False)
    moved = F.grid_sample(
        slices,
        grid,
        padding_mode="border",
        align_corners=False,
    )
    return moved.view(B, N, C, H, W).transpose(1, 2)


def vary_volumes(
    image: Tensor,
    labels: Tensor,
    num_classes: int,
    config: AffineConfig,
    spacing_mm: Spacing,
) -> tuple[Tensor, Tensor]:
    """Vary a batch of volumes at random by affine transformations.

    Args:
        image: (B, 1, D, H, W).
        labels: (B, D, H, W) int64 classes.
        num_classes: background included.
        config: an AffineConfig.
        spacing_mm: of the grid, along D, H, W.

    Returns:
        (image, labels), of the same shapes.
    """
    grid = _draw_grid(labels, config, spacing_mm)
    moved = F.grid_sample(
        image,
        grid,
        padding_mode="border",
        align_corners=False,
    )
    return moved, _moved_labels(labels, num_classes, grid)


def vary_labels(
    labels: Tensor,
    num_classes: int,
    config: AffineConfig,
    spacing_mm: Spacing,
) -> Tensor:
    """As `vary_volumes`, of label maps alone."""
    return _moved_labels(labels, num_classes, _draw_grid(labels, config, spacing_mm))


def _draw_grid(
    labels: Tensor,
    config: AffineConfig,
    spacing_mm: Spacing,
) -> Tensor:
    """Where each voxel of varied volumes is read, for `grid_sample`."""
    shape = labels.shape[1:]
    like = torch.zeros((), device=labels.device)
    theta = _affine(len(labels), shape, config, spacing_mm, like)
    return F.affine_grid(theta, [len(labels), 1, *shape], align_corners=False)


def _moved_labels(
    labels: Tensor,
    num_classes: int,
    grid: Tensor,
) -> Tensor:
    one_hot = F.one_hot(labels, num_classes).movedim(-1, 1).float()
    one_hot[:, 0] -= 1  # so that zeros, which come in from outside, are background
    moved = F.grid_sample(
        one_hot,
        grid,
        padding_mode="zeros",
        align_corners=False,
    )
    moved[:, 0] += 1
    return moved.argmax(dim=1)


def _affine(
    count: int,
    shape: tuple[int, ...],
    config: AffineConfig,
    spacing_mm: Spacing,
    like: Tensor,
) -> Tensor:
    """(B, 3, 4) matrices in grid_sample's coordinates: x, y, z in [-1, 1]."""
    sizes = zip(shape, spacing_mm, strict=True)
    half = like.new_tensor([size * spacing / 2 for size, spacing in sizes][::-1])
    matrix = torch.eye(3, dtype=like.dtype, device=like.device).expand(count, 3, 3)
    for first, second, degrees in ((0, 1, config.turn), (0, 2, config.tilt), (1, 2, config.tilt)):
        angle = _even((count,), degrees * math.pi / 180, like)
        matrix = matrix @ _rotation(count, first, second, angle)
    matrix = matrix / (1 + _even((count, 1, 3), config.scale, like))
    matrix = matrix * half[None, None, :] / half[None, :, None]
    return torch.cat([matrix, 2 * _even((count, 3, 1), config.shift, like)], dim=2)


def _rotation(
    count: int,
    first: int,
    second: int,
    angle: Tensor,
) -> Tensor:
    rotation = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(count, 1, 1)
    rotation[:, first, first] = angle.cos()
    rotation[:, second, second] = angle.cos()
    rotation[:, first, second] = -angle.sin()
    rotation[:, second, first] = angle.sin()
    return rotation


def _even(
    shape: tuple[int, ...],
    width: float,
    like: Tensor,
) -> Tensor:
    """Evenly distributed between -width and width."""
    return width * (2 * torch.rand(shape, dtype=like.dtype, device=like.device) - 1)
