"""Augmentation on the device, of whole walks at once.

What changes is the same on every slice of a walk, but for noise.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class WalkAugmentationConfig:
    """How walks are varied. Probabilities are per walk.

    Attributes:
        any_turn: how often a walk is turned by any angle and perhaps mirrored; otherwise by up to
            `small_turn` degrees only, so that the network can learn how structures lie in a
            patient, without relying on it.
        zoom: largest factor of scaling, both ways,
        stretch: and of stretching one direction against the other,
        shift: and largest shift, as a share of the square, along rows and columns.
        invert: probability of a negative, gamma: spread of the logarithm of the exponent, gain,
            offset: of contrast and brightness.
        slice_jitter: spread of brightness between slices, with probability one third.
        noise: largest standard deviation, blur: probability of blurring, texture: probability of a
            smooth additive field.
        hide_prior: probability of hiding all that registration says; hide_neighbours: the same for
            the neighbouring images, hide_mask: and for the mask of the neighbour.
        spoil_first: probability of corrupting a first mask that was annotated, spoil_later: that
            stands for a prediction.
        carry: probability that a mask which stands for a prediction is what registration warped
            there instead,
        carry_past: and the same beyond the end of the structure, where it teaches to let go of it.
    """

    any_turn: float = 0.35
    small_turn: float = 15.0
    zoom: float = 1.25
    stretch: float = 1.12
    shift: float = 0.06
    invert: float = 0.15
    gamma: float = 0.25
    gain: float = 0.2
    offset: float = 0.3
    slice_jitter: float = 0.25
    noise: float = 0.12
    blur: float = 0.2
    texture: float = 0.3
    hide_prior: float = 0.1
    hide_neighbours: float = 0.1
    hide_mask: float = 0.1
    spoil_first: float = 0.2
    spoil_later: float = 0.8
    carry: float = 0.25
    carry_past: float = 0.7


def draw_affine(
    count: int,
    config: WalkAugmentationConfig,
    device: torch.device | str,
) -> Tensor:
    """(count, 2, 3) affine maps drawn at random.

    Each is a turn, perhaps a reflection, zoom and stretch, and a shift in half squares.

    Args:
        count: how many.
        config: how large they are.
        device: where.
    """

    def even(width: float) -> Tensor:
        return width * (2 * torch.rand(count, device=device) - 1)

    is_any = torch.rand(count, device=device) < config.any_turn
    angle = torch.where(is_any, even(math.pi), even(math.radians(config.small_turn)))
    is_mirrored = is_any & (torch.rand(count, device=device) < 0.5)
    mirror = torch.where(is_mirrored, -1.0, 1.0)
    zoom = config.zoom ** even(1.0)
    stretch = config.stretch ** even(1.0)
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    scale = torch.stack([zoom * stretch * mirror, zoom / stretch], dim=1)
    turn = rotation.view(-1, 2, 2) * scale[:, None, :]
    shift = torch.stack([even(2 * config.shift), even(2 * config.shift)], dim=1)
    return torch.cat([turn, shift[:, :, None]], dim=2)


def vary_intensity(images: Tensor, config: WalkAugmentationConfig) -> Tensor:
    """Vary contrast, brightness, texture, noise and sharpness.

    Args:
        images: (B, T, C, H, W) in robust standard deviations; C images of the same walk.
        config: how much.

    Returns:
        The same shape.
    """
    count = len(images)
    device = images.device

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, 1, device=device) < probability).float()

    def spread(width: float) -> Tensor:
        return width * torch.randn(count, 1, 1, 1, 1, device=device)

    images = images * (1 - 2 * chance(config.invert))
    images = images.sign() * (images.abs() + 1e-3) ** spread(config.gamma).exp()
    images = images * spread(config.gain).exp() + spread(config.offset)
    has_jitter = chance(1 / 3)
    jitter = torch.randn(*images.shape[:3], 1, 1, device=device)
    images = images + has_jitter * config.slice_jitter * jitter
    coarse = torch.randn(count, 1, 5, 5, device=device)
    field = _smooth(coarse, images)
    images = images + 0.4 * chance(config.texture) * field[:, None]
    deviation = config.noise * torch.rand(count, 1, 1, 1, 1, device=device)
    images = images + deviation * torch.randn_like(images)
    blurred = F.avg_pool2d(images.flatten(0, 1), 3, 1, 1).view_as(images)
    return torch.lerp(images, blurred, chance(config.blur)).clamp(-4, 4)


def warp_masks(
    masks: Tensor,
    warped_distance: Tensor,
    is_annotated: Tensor,
    config: WalkAugmentationConfig,
) -> Tensor:
    """Replace some masks that stand for predictions by the warped shape.

    So a walk that follows registration alone would have them.

    Args:
        masks: (B, 1, H, W) in [0, 1], of the slice before.
        warped_distance: (B, 1, H, W) in radii of the structure, positive inside.
        is_annotated: (B,) bool; those stay.
        config: how often.
    """
    count = len(masks)
    device = masks.device
    is_past = masks.amax(dim=(1, 2, 3)) < 0.5
    share = torch.where(is_past, config.carry_past, config.carry)
    is_chosen = torch.rand(count, device=device) < share
    level = 0.3 * (2 * torch.rand(count, 1, 1, 1, device=device) - 1)
    warped = torch.sigmoid(12 * (warped_distance - level))
    is_replaced = (is_chosen & ~is_annotated).view(-1, 1, 1, 1)
    return torch.where(is_replaced, warped, masks)


def corrupt_masks(masks: Tensor, probability: Tensor) -> Tensor:
    """Shift, scale, thicken or thin masks, or take a bite out of them.

    Args:
        masks: (B, 1, H, W) in [0, 1].
        probability: (B,) of each mask being corrupted.
    """
    count = len(masks)
    device = masks.device
    is_chosen = torch.rand(count, device=device) < probability
    moved = _moved(masks)
    soft = F.avg_pool2d(F.avg_pool2d(moved, 5, 1, 2), 5, 1, 2)
    threshold = 0.5 + 0.25 * (2 * torch.rand(count, 1, 1, 1, device=device) - 1)
    changed = torch.sigmoid(12 * (soft - threshold))
    bites = _smooth(torch.randn(count, 1, 4, 4, device=device), masks) > 1.0
    is_bitten = torch.rand(count, 1, 1, 1, device=device) < 0.3
    changed = changed * (1 - bites.float() * is_bitten)
    return torch.lerp(masks, changed, is_chosen.float().view(-1, 1, 1, 1))


def _moved(masks: Tensor) -> Tensor:
    """Masks shifted and scaled a little, each by its own amounts."""
    count = len(masks)
    scale = 1 + 0.12 * torch.randn(count, 2, device=masks.device)
    shift = 0.06 * torch.randn(count, 2, 1, device=masks.device)
    theta = torch.cat([torch.diag_embed(scale), shift], dim=2)
    grid = F.affine_grid(theta, list(masks.shape), align_corners=False)
    return F.grid_sample(masks, grid, align_corners=False)


def _smooth(coarse: Tensor, like: Tensor) -> Tensor:
    """A coarse field (B, 1, h, w) on the pixels of another tensor (..., H, W)."""
    return F.interpolate(
        coarse,
        like.shape[-2:],
        mode="bicubic",
        align_corners=True,
    )
