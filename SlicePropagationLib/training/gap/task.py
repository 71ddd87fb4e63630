"""The task of `train gap_unet`: all slices of a window at once, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.networks.gap.gap_unet import GapPrediction, GapUNet
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics

DICE_SMOOTHING = 64.0  # cells of a window; keeps a few wrong ones on empty slices from counting all
LEAST_AREA = 1.0  # cells
SCALE_RANGE = (-3.0, 1.5)  # natural logarithm of the mean error of an area's log2


@dataclass(frozen=True)
class GapTaskConfig:
    """What is trained, and what counts how much.

    Attributes:
        network: shape of the network.
        entropy_weight, dice_weight: of the masks,
        presence_weight: of whether a slice shows the structure,
        area_weight: of its area with its uncertainty,
        quality_weight: and of the Dice that its mask has.
    """

    network: GapUNetConfig = field(default_factory=GapUNetConfig)
    entropy_weight: float = 4.0
    dice_weight: float = 0.5
    presence_weight: float = 0.1
    area_weight: float = 0.05
    quality_weight: float = 0.05


class GapTask(nn.Module):
    """Losses and metrics of a GapUNet on batches of windows.

    A batch, behind a first axis of one: maps (B, T, maps, C, C), scalars (B, T, features), memory
    (B, A, 4, C, C), truth (B, T, C, C) share of each cell that is inside the structure, inside
    (B, C, C) 1 for cells on the slices, weight (B, T) 0 where nothing is judged, largest (B,)
    radius of the largest annotated outline in cells.

    Args:
        config: what is trained.
    """

    family = "gap_unet"
    score = "dice"

    def __init__(self, config: GapTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = GapUNet(config.network)
        # torch's types leave `memory_format` out.
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.dice_loss = DiceLoss(
            sigmoid=True, reduction="mean", smooth_nr=DICE_SMOOTHING, smooth_dr=DICE_SMOOTHING
        )

    def forward(self, batch: Batch) -> Losses:
        """{"total": loss, and its parts} of a batch of windows."""
        batch = {name: values[0] for name, values in batch.items()}
        found = self.network(batch["maps"], batch["scalars"], batch["memory"])
        truth = batch["truth"]
        weight = batch["weight"]
        entropy = F.binary_cross_entropy_with_logits(found.log_odds, truth, reduction="none")
        inside = batch["inside"][:, None]
        entropy = (entropy * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp_min(1)
        entropy = _weighted(entropy, weight)
        kept = _judged_cells(batch)
        judged = torch.where(kept, found.log_odds, torch.full_like(found.log_odds, -20.0))
        overlap = self.dice_loss(judged[:, None], (truth * kept)[:, None])
        area = truth.sum(dim=(2, 3))
        presence = _presence_loss(found, area, weight)
        size = _area_loss(found, area, batch["largest"], weight)
        quality = _quality_loss(found, truth, inside, weight)
        config = self.config
        return {
            "total": config.entropy_weight * entropy
            + config.dice_weight * overlap
            + config.presence_weight * presence
            + config.area_weight * size
            + config.quality_weight * quality,
            "cross_entropy": entropy.detach(),
            "dice_loss": overlap.detach(),
            "presence": presence.detach(),
            "area": size.detach(),
            "quality": quality.detach(),
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "prior_dice", "count": number of windows}, annotated slices left out."""
        batch = {name: values[0] for name, values in batch.items()}
        found = self.network(batch["maps"], batch["scalars"], batch["memory"])
        prior = batch["maps"][:, :, self.config.network.prior_map]
        return {
            "dice": _volume_dice(found.log_odds, batch).mean(),
            "prior_dice": _volume_dice(prior, batch).mean(),
            "count": len(prior),
        }


def _weighted(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1)


def _judged_cells(batch: Batch) -> Tensor:
    """(B, T, C, C) bool."""
    return (batch["weight"][:, :, None, None] * batch["inside"][:, None]) > 0


def _presence_loss(found: GapPrediction, area: Tensor, weight: Tensor) -> Tensor:
    target = (area >= LEAST_AREA).float()
    loss = F.binary_cross_entropy_with_logits(found.presence, target, reduction="none")
    return _weighted(loss, weight)


def _area_loss(found: GapPrediction, area: Tensor, largest: Tensor, weight: Tensor) -> Tensor:
    """Negative log likelihood of the areas under a Laplace distribution of their log2."""
    whole = torch.pi * largest.square()
    target = torch.log2(area.clamp_min(LEAST_AREA) / whole[:, None])
    scale = found.log_area_scale.clamp(*SCALE_RANGE)
    loss = (found.log_area - target).abs() * torch.exp(-scale) + scale
    return _weighted(loss, weight * (area >= LEAST_AREA))


def _quality_loss(found: GapPrediction, truth: Tensor, inside: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the expected Dice of every slice where something is or was found."""
    mask = (found.log_odds.detach() > 0).float() * inside
    both = (mask * truth).sum(dim=(2, 3))
    total = mask.sum(dim=(2, 3)) + truth.sum(dim=(2, 3))
    dice = (2 * both / total.clamp_min(1e-6)).clamp(0, 1)
    loss = F.binary_cross_entropy_with_logits(found.quality, dice, reduction="none")
    return _weighted(loss, weight * (total >= LEAST_AREA))


def _volume_dice(log_odds: Tensor, batch: Batch) -> Tensor:
    """(B,) Dice of the windows."""
    kept = _judged_cells(batch)
    mask = (log_odds > 0) & kept
    truth = (batch["truth"] > 0.5) & kept
    both = (mask & truth).sum(dim=(1, 2, 3))
    total = mask.sum(dim=(1, 2, 3)) + truth.sum(dim=(1, 2, 3))
    return torch.where(total > 0, 2 * both / total.clamp_min(1), torch.ones_like(both).float())
