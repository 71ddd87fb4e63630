"""The task of the `default` preset: walk as a person's tool would, and learn from every slice.

A walk is predicted on one's own predictions.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.engines.network_inputs import CELLS, IMAGES, MAPS, MAX_INTENSITY
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics
from SlicePropagationLib.training.slice.augmentation import (
    WalkAugmentationConfig,
    corrupt_masks,
    draw_affine,
    vary_intensity,
    warp_masks,
)
from SlicePropagationLib.training.slice.walks import FULL, STORED_CELLS

WARPED = MAPS.index("warped distance")
NEIGHBOURS = slice(1, 3)
PRIORS = slice(3, 8)  # maps that are hidden together
# cells; keeps a few wrong ones on an empty slice from counting as a total failure
DICE_SMOOTHING = 16.0


@dataclass(frozen=True)
class GuidedTaskConfig:
    """What is trained and how it is varied.

    Attributes:
        network: shape of the network.
        augmentation: how walks are varied; None-like switches are its probabilities at 0.
        dice_weight: weight of the soft Dice loss beside the cross-entropy.
        is_rolled_out: feed back the own prediction (True) or the true mask of the neighbour (False,
            as in the thesis).
    """

    network: GuidedUNetConfig = field(default_factory=lambda: GuidedUNetConfig(is_upright=True))
    augmentation: WalkAugmentationConfig = field(default_factory=WalkAugmentationConfig)
    dice_weight: float = 0.5
    is_rolled_out: bool = True


class Prepared(NamedTuple):
    """A batch of walks on the network's cells.

    Attributes:
        maps: (B, T, 8, G, G).
        truth: (B, T, G, G).
        mask: (B, 1, G, G), seen on the first square.
        affine: (B, 2, 3), how the walks were turned, scaled and shifted.
    """

    maps: Tensor
    truth: Tensor
    mask: Tensor
    affine: Tensor


class GuidedTask(nn.Module):
    """Losses and metrics of a GuidedUNet on batches of walks.

    A batch: maps (B, T, 8, S, S) int8, scalar_features (B, T, 5), squares (B, T, 3), truth (B, T, S, S)
    uint8, previous (B, S, S) uint8 on the first square, is_annotated (B,) whether `previous` is an
    anchor, weight (B, T) 0 beyond the end of a short walk.

    Args:
        config: what is trained.
    """

    family = "slice_unet.guided"
    score = "dice"

    def __init__(self, config: GuidedTaskConfig) -> None:
        from monai.losses.dice import DiceLoss  # takes seconds, and other presets do without

        super().__init__()
        self.config = config
        self.network = GuidedUNet(config.network)
        # a fifth faster on a CPU
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.dice_loss = DiceLoss(
            reduction="none",
            smooth_nr=DICE_SMOOTHING,
            smooth_dr=DICE_SMOOTHING,
        )

    def forward(self, batch: Batch) -> Losses:
        """{"total": loss, "cross_entropy", "dice"} of a batch of walks, varied at random."""
        maps, truth, mask, affine = self._prepare(batch, is_varied=True)
        weight = batch["weight"]
        drawn = torch.rand(len(maps), 1, 1, 1, device=maps.device)
        is_shown = (drawn >= self.config.augmentation.hide_mask).float()
        entropies = []
        overlaps = []
        for step in range(maps.shape[1]):
            if step > 0:
                before = mask if self.config.is_rolled_out else truth[:, step - 1, None]
                mask = _to_step(before, batch["squares"], step, affine)
            logits = self.network(
                maps[:, step], batch["scalar_features"][:, step], mask * is_shown
            ).float()
            log_odds = logits[:, 1:] - logits[:, :1]
            target = truth[:, step, None]
            entropy = F.binary_cross_entropy_with_logits(log_odds, target, reduction="none")
            entropies.append(entropy.mean(dim=(1, 2, 3)))
            mask = log_odds.sigmoid()
            overlaps.append(self.dice_loss(mask, target).flatten())
        entropy = (torch.stack(entropies, dim=1) * weight).sum() / weight.sum()
        overlap = (torch.stack(overlaps, dim=1) * weight).sum() / weight.sum()
        return {
            "total": 4 * entropy + self.config.dice_weight * overlap,
            "cross_entropy": entropy.detach(),
            "dice_loss": overlap.detach(),
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "count": number of walks}, unvaried, on own predictions.

        "dice" is the mean of each walk's slices together, 1 where nothing was there and nothing was
        found.
        """
        maps, truth, mask, affine = self._prepare(batch, is_varied=False)
        squares = batch["squares"]
        both = torch.zeros(len(maps), device=maps.device)
        total = torch.zeros(len(maps), device=maps.device)
        for step in range(maps.shape[1]):
            if step > 0:
                mask = _to_step(mask, squares, step, affine)
            logits = self.network(maps[:, step], batch["scalar_features"][:, step], mask).float()
            mask = logits.softmax(dim=1)[:, 1:]
            found = (mask > 0.5).float()
            wanted = (truth[:, step, None] > 0.5).float()
            area = squares[:, step, 2, None, None, None] ** 2
            keep = batch["weight"][:, step, None, None, None] * area
            both = both + (found * wanted * keep).sum(dim=(1, 2, 3))
            total = total + ((found + wanted) * keep).sum(dim=(1, 2, 3))
        dice = torch.where(total > 0, 2 * both / total.clamp_min(1e-6), 1.0)
        return {"dice": dice.mean(), "count": len(maps)}

    def _prepare(
        self,
        batch: Batch,
        *,
        is_varied: bool,
    ) -> Prepared:
        """A batch on the network's cells."""
        config = self.config.augmentation
        count, steps = batch["maps"].shape[:2]
        device = batch["maps"].device
        affine = torch.eye(2, 3, device=device).expand(count, 2, 3)
        if is_varied:
            affine = draw_affine(count, config, device)
        stored_maps = batch["maps"].float() / FULL
        stored_truth = batch["truth"][:, :, None].float() / 255
        stored = torch.cat([stored_maps, stored_truth], dim=2)
        read = _read_turned(stored.flatten(1, 2), affine).unflatten(1, (steps, -1))
        truth = read[:, :, -1]
        mask = _read_turned(batch["previous"][:, None].float() / 255, affine)
        images = MAX_INTENSITY * read[:, :, IMAGES]
        others = read[:, :, IMAGES.stop : -1]
        if not is_varied:
            return Prepared(torch.cat([images, others], dim=2), truth, mask, affine)
        images = vary_intensity(images, config)
        is_annotated = batch["is_annotated"]
        mask = warp_masks(mask, read[:, 0, WARPED, None], is_annotated, config)
        share = torch.where(is_annotated, config.spoil_first, config.spoil_later)
        mask = corrupt_masks(mask, share)
        maps = _hide(torch.cat([images, others], dim=2), config)
        return Prepared(maps, truth, mask, affine)


def _hide(maps: Tensor, config: WalkAugmentationConfig) -> Tensor:
    """Zero what registration says, or the neighbouring images, of some walks."""
    keep = torch.ones(len(maps), 1, maps.shape[2], 1, 1, device=maps.device)
    keep[torch.rand(len(maps), device=maps.device) < config.hide_prior, :, PRIORS] = 0
    keep[torch.rand(len(maps), device=maps.device) < config.hide_neighbours, :, NEIGHBOURS] = 0
    return maps * keep


def _read_turned(stored: Tensor, affine: Tensor) -> Tensor:
    """Read the middle of stored squares through affine maps (B, 2, 3).

    (B, C, S, S) -> (B, C, CELLS, CELLS).
    """
    theta = affine * (CELLS / STORED_CELLS)
    grid = F.affine_grid(theta, [len(stored), 1, CELLS, CELLS], align_corners=False)
    return F.grid_sample(
        stored,
        grid,
        padding_mode="border",
        align_corners=False,
    )


def _to_step(
    mask: Tensor,
    squares: Tensor,
    step: int,
    affine: Tensor,
) -> Tensor:
    """See a mask of the step before on the square of this one."""
    return _to_next_square(mask, squares[:, step - 1], squares[:, step], affine)


def _to_next_square(
    mask: Tensor,
    square: Tensor,
    following: Tensor,
    affine: Tensor,
) -> Tensor:
    """See a mask, (B, 1, H, W) on `square`, on the `following` square of the same walk.

    Squares (B, 3): row, column, pitch.
    """
    half = CELLS / 2
    turns = affine[:, :, :2]
    shift = affine[:, :, 2]
    zoom = (following[:, 2] / square[:, 2])[:, None]
    # x before y, as grid_sample has it
    moved = (following[:, [1, 0]] - square[:, [1, 0]]) / (half * square[:, 2:])
    moved = torch.linalg.solve(turns, (moved + (zoom - 1) * shift)[:, :, None])
    theta = torch.cat([zoom[:, :, None] * torch.eye(2, device=mask.device), moved], dim=2)
    grid = F.affine_grid(theta, list(mask.shape), align_corners=False)
    return F.grid_sample(mask, grid, align_corners=False)
