"""What thick-slice imaging does to a fine volume: blur through-plane, fewer slices, slices that moved between breath-holds, noise.

Oktay et al. 2018 (section III-B) after Greenspan, The Computer Journal 52(1), 2009: Gaussian
through-plane (standard deviation 4 mm for slices
10 mm apart), every fifth slice, and for training independent in-plane rigid motion of the slices of
the input alone.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

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

    def __post_init__(self):
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


def thick_slices(fine, factor, blur):
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
        offsets = torch.arange(-reach, reach + 1, dtype=fine.dtype, device=fine.device)
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        padded = F.pad(fine, (0, 0, 0, 0, reach, reach), mode="replicate")
        shape = padded.shape
        blurred = F.conv3d(
            padded.flatten(0, 1)[:, None],
            (kernel / kernel.sum())[None, None, :, None, None],
        )
        fine = blurred[:, 0].unflatten(0, shape[:2])  # (B*C, D, H, W) -> (B, C, D, H, W)
    return fine[:, :, factor // 2 :: factor]


def move_slices(thick, config, spacing_mm):
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
    half = torch.tensor(
        [W * spacing_mm[1] / 2, H * spacing_mm[0] / 2],
        dtype=thick.dtype,
        device=thick.device,
    )  # x before y
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)
    theta = torch.cat(
        [turn * half[None, None, :] / half[None, :, None], (shift / half)[:, :, None]],
        dim=2,
    )
    slices = thick.transpose(1, 2).reshape(B * N, C, H, W)
    moved = F.grid_sample(
        slices,
        F.affine_grid(theta, slices.shape, align_corners=False),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return moved.view(B, N, C, H, W).transpose(1, 2)


def vary_volumes(image, labels, num_classes, config, spacing_mm):
    """Vary a batch of volumes at random by affine transformations.

    Args:
        image: (B, 1, D, H, W), or None.
        labels: (B, D, H, W) int64 classes.
        num_classes: background included.
        config: an AffineConfig.
        spacing_mm: of the grid, along D, H, W.

    Returns:
        (image or None, labels), of the same shapes.
    """
    count = len(labels)
    shape = labels.shape[1:]
    one_hot = F.one_hot(labels, num_classes).movedim(-1, 1).float()
    theta = _affine(count, shape, config, spacing_mm, one_hot)
    grid = F.affine_grid(theta, (count, 1, *shape), align_corners=False)
    one_hot[:, 0] -= 1  # so that zeros, which come in from outside, are background
    moved = F.grid_sample(one_hot, grid, padding_mode="zeros", align_corners=False)
    moved[:, 0] += 1
    image = (
        image
        if image is None
        else F.grid_sample(image, grid, padding_mode="border", align_corners=False)
    )
    return image, moved.argmax(dim=1)


def _affine(count, shape, config, spacing_mm, like):
    """(B, 3, 4) matrices in grid_sample's coordinates: x, y, z in [-1, 1]."""
    half = torch.tensor(
        [size * spacing / 2 for size, spacing in zip(shape, spacing_mm)][::-1],
        dtype=like.dtype,
        device=like.device,
    )
    matrix = torch.eye(3, dtype=like.dtype, device=like.device).expand(count, 3, 3)
    for first, second, degrees in ((0, 1, config.turn), (0, 2, config.tilt), (1, 2, config.tilt)):
        matrix = matrix @ _rotation(
            count,
            first,
            second,
            _even((count,), degrees * math.pi / 180, like),
        )
    matrix = matrix / (1 + _even((count, 1, 3), config.scale, like))
    matrix = matrix * half[None, None, :] / half[None, :, None]
    return torch.cat([matrix, 2 * _even((count, 3, 1), config.shift, like)], dim=2)


def _rotation(count, first, second, angle):
    rotation = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(count, 1, 1)
    rotation[:, first, first] = rotation[:, second, second] = angle.cos()
    rotation[:, first, second], rotation[:, second, first] = -angle.sin(), angle.sin()
    return rotation


def _even(shape, width, like):
    """Evenly distributed between -width and width."""
    return width * (2 * torch.rand(shape, dtype=like.dtype, device=like.device) - 1)
