"""The task of the `default` preset: walk as a person's tool would, on one's own predictions, and learn from every slice of the walk."""

from dataclasses import dataclass, field

import torch
from monai.losses import DiceLoss
from torch import nn
from torch.nn import functional as F

from SlicePropagationLib.engines.network_inputs import CELLS, IMAGES, MAPS, MAX_INTENSITY
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.training.slice.augmentation import (
    WalkAugmentationConfig,
    carry_masks,
    draw_poses,
    spoil_masks,
    vary_intensity,
)
from SlicePropagationLib.training.slice.walks import FULL, STORED_CELLS

CARRIED = MAPS.index("warped distance")
NEIGHBOURS = slice(1, 3)
PRIORS = slice(3, 8)  # maps that are hidden together
DICE_SMOOTHING = (
    16.0  # cells; keeps a few wrong ones on an empty slice from counting as a total failure
)


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

    network: GuidedUNetConfig = field(default_factory=GuidedUNetConfig)
    augmentation: WalkAugmentationConfig = field(default_factory=WalkAugmentationConfig)
    dice_weight: float = 0.5
    is_rolled_out: bool = True


class GuidedTask(nn.Module):
    """Losses and metrics of a GuidedUNet on batches of walks.

    A batch: maps (B, T, 8, S, S) int8, facts (B, T, 5), squares (B, T, 3), truth (B, T, S, S)
        uint8, previous (B, S, S) uint8 on the first
    square, is_annotated (B,) whether `previous` is an anchor, weight (B, T) 0 beyond the end of a
    short walk.
    """

    family = "slice_unet.guided"
    score = "dice"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.network = GuidedUNet(config.network).to(
            memory_format=torch.channels_last
        )  # a fifth faster on a CPU
        self.dice_loss = DiceLoss(
            reduction="none",
            smooth_nr=DICE_SMOOTHING,
            smooth_dr=DICE_SMOOTHING,
        )

    def forward(self, batch):
        """{"total": loss, "cross_entropy", "dice"} of a batch of walks, varied at random."""
        maps, truth, mask, poses = self._prepare(batch, is_varied=True)
        weight = batch["weight"]
        is_shown = (
            torch.rand(len(maps), 1, 1, 1, device=maps.device) >= self.config.augmentation.hide_mask
        ).float()
        entropy = []
        overlap = []
        for step in range(maps.shape[1]):
            if step > 0:
                mask = mask if self.config.is_rolled_out else truth[:, step - 1, None]
                mask = _to_next_square(
                    mask,
                    batch["squares"][:, step - 1],
                    batch["squares"][:, step],
                    poses,
                )
            logits = self.network(maps[:, step], batch["facts"][:, step], mask * is_shown).float()
            log_odds = logits[:, 1:] - logits[:, :1]
            target = truth[:, step, None]
            entropy.append(
                F.binary_cross_entropy_with_logits(log_odds, target, reduction="none").mean(
                    dim=(1, 2, 3)
                )
            )
            mask = log_odds.sigmoid()
            overlap.append(self.dice_loss(mask, target).flatten())
        entropy = (torch.stack(entropy, dim=1) * weight).sum() / weight.sum()
        overlap = (torch.stack(overlap, dim=1) * weight).sum() / weight.sum()
        return {
            "total": 4 * entropy + self.config.dice_weight * overlap,
            "cross_entropy": entropy.detach(),
            "dice_loss": overlap.detach(),
        }

    @torch.no_grad()
    def metrics(self, batch):
        """{"dice": mean Dice of each walk's slices together, 1 where nothing was there and nothing was found, "count": number of walks}, unvaried, on own predictions."""
        maps, truth, mask, poses = self._prepare(batch, is_varied=False)
        both = total = 0
        for step in range(maps.shape[1]):
            if step > 0:
                mask = _to_next_square(
                    mask,
                    batch["squares"][:, step - 1],
                    batch["squares"][:, step],
                    poses,
                )
            mask = (
                self.network(maps[:, step], batch["facts"][:, step], mask)
                .float()
                .softmax(dim=1)[:, 1:]
            )
            found = (mask > 0.5).float()
            wanted = (truth[:, step, None] > 0.5).float()
            keep = (
                batch["weight"][:, step, None, None, None]
                * batch["squares"][:, step, 2, None, None, None] ** 2
            )
            both = both + (found * wanted * keep).sum(dim=(1, 2, 3))
            total = total + ((found + wanted) * keep).sum(dim=(1, 2, 3))
        return {
            "dice": torch.where(total > 0, 2 * both / total.clamp_min(1e-6), 1.0).mean(),
            "count": len(maps),
        }

    def _prepare(self, batch, is_varied):
        """(maps (B, T, 8, G, G), truth (B, T, G, G), first mask (B, 1, G, G), poses (B, 2, 3)) on the network's cells."""
        config = self.config.augmentation
        count, steps = batch["maps"].shape[:2]
        device = batch["maps"].device
        poses = (
            draw_poses(count, config, device)
            if is_varied
            else torch.eye(2, 3, device=device).expand(count, 2, 3)
        )
        stored = torch.cat(
            [batch["maps"].float() / FULL, batch["truth"][:, :, None].float() / 255],
            dim=2,
        )
        read = _read_posed(stored.flatten(1, 2), poses)
        read = read.unflatten(1, (steps, -1))
        maps = read[:, :, :-1]
        truth = read[:, :, -1]
        mask = _read_posed(batch["previous"][:, None].float() / 255, poses)
        images = MAX_INTENSITY * maps[:, :, IMAGES]
        if is_varied:
            images = vary_intensity(images, config)
            spoilt = torch.where(batch["is_annotated"], config.spoil_first, config.spoil_later)
            mask = spoil_masks(
                carry_masks(mask, maps[:, 0, CARRIED, None], batch["is_annotated"], config),
                spoilt,
            )
        maps = torch.cat([images, maps[:, :, IMAGES.stop :]], dim=2)
        return (_hide(maps, config) if is_varied else maps), truth, mask, poses


def _hide(maps, config):
    """Zero what registration says, or the neighbouring images, of some walks."""
    keep = torch.ones(len(maps), 1, maps.shape[2], 1, 1, device=maps.device)
    keep[torch.rand(len(maps), device=maps.device) < config.hide_prior, :, PRIORS] = 0
    keep[torch.rand(len(maps), device=maps.device) < config.hide_neighbours, :, NEIGHBOURS] = 0
    return maps * keep


def _read_posed(stored, poses):
    """Read the middle of stored squares through poses (B, 2, 3): (B, C, S, S) -> (B, C, CELLS, CELLS)."""
    grid = F.affine_grid(
        poses * (CELLS / STORED_CELLS),
        (len(stored), 1, CELLS, CELLS),
        align_corners=False,
    )
    return F.grid_sample(stored, grid, padding_mode="border", align_corners=False)


def _to_next_square(mask, square, following, poses):
    """See a mask, (B, 1, H, W) on `square`, on the `following` square of the same walk.

    Squares (B, 3): row, column, pitch.
    """
    half = CELLS / 2
    turns = poses[:, :, :2]
    shift = poses[:, :, 2]
    zoom = (following[:, 2] / square[:, 2])[:, None]
    moved = (following[:, [1, 0]] - square[:, [1, 0]]) / (
        half * square[:, 2:]
    )  # x before y, as grid_sample has it
    moved = torch.linalg.solve(turns, (moved + (zoom - 1) * shift)[:, :, None])
    theta = torch.cat([zoom[:, :, None] * torch.eye(2, device=mask.device), moved], dim=2)
    return F.grid_sample(
        mask,
        F.affine_grid(theta, mask.shape, align_corners=False),
        align_corners=False,
    )
