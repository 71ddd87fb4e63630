"""Losses and metrics of the network that looks at an outline at the resolution of the image."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.outline.config import OutlineUNetConfig
from SlicePropagationLib.networks.outline.outline_unet import OutlineUNet
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics

DICE_SMOOTHING = 10.0  # pixels
NEAR = 3.0  # log odds, within which a pixel lies near the outline


@dataclass(frozen=True)
class OutlineTaskConfig:
    """What is trained, and what counts how much.

    Attributes:
        network: shape of the network.
        edge_weight: how much more a pixel near the outline, before or after, counts in the
            cross-entropy.
    """

    network: OutlineUNetConfig = field(default_factory=OutlineUNetConfig)
    edge_weight: float = 4.0


class OutlineTask(nn.Module):
    """Loss and metrics of an OutlineUNet.

    A batch: what `OutlineWindows` gives.

    Args:
        config: what is trained.
    """

    family = "outline_unet"
    score = "dice"

    def __init__(self, config: OutlineTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = OutlineUNet(config.network)
        # torch's types leave `memory_format` out.
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, batch: Batch) -> Losses:
        """{"total": cross-entropy and Dice loss, which are the others}."""
        odds = self.network(batch["maps"], batch["facts"])
        truth, weight = batch["truth"], batch["weight"]
        before = self.network.before(batch["maps"])
        is_near = (odds.detach().abs() < NEAR) | (before.abs() < NEAR)
        counts = weight * (1 + self.config.edge_weight * is_near)
        entropy = F.binary_cross_entropy_with_logits(odds, truth, reduction="none")
        entropy = (entropy * counts).sum() / counts.sum().clamp_min(1)
        overlap = 1 - _dice(torch.sigmoid(odds), truth, weight, DICE_SMOOTHING).mean()
        total = entropy + overlap
        return {
            "total": total,
            "cross_entropy": entropy.detach(),
            "dice_loss": overlap.detach(),
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "dice_before", "count": number of windows}, as the network is asked later."""
        odds = self.network.limited(batch["maps"], batch["facts"])
        truth = (batch["truth"] > 0.5).float()
        before = (self.network.before(batch["maps"]) > 0).float()
        return {
            "dice": float(_dice((odds > 0).float(), truth, batch["weight"], 1e-6).mean()),
            "dice_before": float(_dice(before, truth, batch["weight"], 1e-6).mean()),
            "count": len(truth),
        }


def _dice(found: Tensor, truth: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """(B,) Dice of windows."""
    both = (found * truth * weight).sum(dim=(1, 2))
    total = (found * weight).sum(dim=(1, 2)) + (truth * weight).sum(dim=(1, 2))
    return (2 * both + smoothing) / (total + smoothing)
