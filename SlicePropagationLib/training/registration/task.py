"""`train registration`: VoxelMorph on neighbouring slices or on frames of one patient.

Where there are labels, it learns from the Dice of warped masks, too.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.registration import gradient_penalty, image_loss, mask_dice
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph, warp
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.registration.pairs import (
    RegistrationPairs,
    RegistrationPairsConfig,
)
from SlicePropagationLib.training.with_weights import with_weights


@dataclass(frozen=True)
class RegistrationTaskConfig:
    """What is trained; weights are those of the authors' semi-supervised script.

    Attributes:
        network: shape of the network.
        likeness: "mse" or "ncc", of warped and fixed image, with weight 1.
        ncc_window: odd side of the squares of "ncc", in pixels.
        smoothness: weight of the gradient penalty, times the divisor of the velocity's resolution.
        overlap: weight of 1 - Dice of warped and fixed mask; 0 leaves labels out.
        gain: largest relative change of contrast of either image in training, each for itself.
    """

    network: VoxelMorphConfig = field(default_factory=lambda: VoxelMorphConfig(is_upright=True))
    likeness: str = "mse"
    ncc_window: int = 9
    smoothness: float = 0.01
    overlap: float = 0.01
    gain: float = 0.1

    def __post_init__(self) -> None:
        if self.likeness not in ("mse", "ncc") or self.ncc_window % 2 == 0:
            raise ConfigError(
                f"likeness must be mse or ncc and ncc_window odd, got {self.likeness} and"
                f" {self.ncc_window}."
            )


class RegistrationTask(nn.Module):
    """Losses and metrics of a registration network on batches of `RegistrationPairs`."""

    family = "voxelmorph"
    score = "dice"

    def __init__(self, config: RegistrationTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = VoxelMorph(config.network)

    def forward(self, batch: Batch) -> Losses:
        """{"total", "likeness", "smoothness", "overlap"}, all unweighted but the total."""
        config = self.config
        moving = batch["moving"] * self._gains(batch["moving"])
        fixed = batch["fixed"] * self._gains(batch["fixed"])
        displacement, velocity = self.network(moving, fixed)
        displacement = displacement.float()
        likeness = image_loss(config.likeness, warp(moving, displacement), fixed, config.ncc_window)
        smoothness = gradient_penalty(velocity.float())
        warped_mask = warp(batch["moving_mask"], displacement)
        overlap = 1 - mask_dice(warped_mask, batch["fixed_mask"]).mean()
        smoothness_weight = config.smoothness * config.network.velocity_divisor
        total = likeness + smoothness_weight * smoothness + config.overlap * overlap
        return {
            "total": total,
            "likeness": likeness,
            "smoothness": smoothness,
            "overlap": overlap,
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": of warped masks, "dice_unmoved": had nothing been moved, "folded", "count"}.

        "folded" is the share of pixels where the map folds.
        """
        displacement = self.network(batch["moving"], batch["fixed"])[0].float()
        warped = (warp(batch["moving_mask"], displacement) >= 0.5).float()
        return {
            "dice": mask_dice(warped, batch["fixed_mask"]).mean(),
            "dice_unmoved": mask_dice(batch["moving_mask"], batch["fixed_mask"]).mean(),
            "folded": folded_share(displacement),
            "count": len(warped),
        }

    def _gains(self, images: Tensor) -> Tensor:
        drawn = 2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1
        return 1 + self.config.gain * drawn


def folded_share(displacement: Tensor) -> Tensor:
    """Share of the pixels of (B, 2, H, W) displacements where the map folds.

    There the Jacobian determinant is not positive.
    """
    rows = displacement[:, :, 1:, :-1] - displacement[:, :, :-1, :-1]
    columns = displacement[:, :, :-1, 1:] - displacement[:, :, :-1, :-1]
    determinant = (1 + rows[:, 0]) * (1 + columns[:, 1]) - rows[:, 1] * columns[:, 0]
    return (determinant <= 0).float().mean()


@dataclass(frozen=True)
class RegistrationTraining:
    """A training of the registration network.

    Attributes:
        task: the network and its losses.
        pairs: which pairs are made.
        loop: how long and how fast.
    """

    task: RegistrationTaskConfig = field(default_factory=RegistrationTaskConfig)
    pairs: RegistrationPairsConfig = field(default_factory=RegistrationPairsConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=1500,
            batches_per_epoch=100,
            batch_size=1,
            learning_rate=1e-4,
            schedule="constant",
        )
    )

    def __post_init__(self) -> None:
        check_halves(self.pairs.size, 2 ** len(self.task.network.encoder))
        if self.task.likeness == "ncc" and not 1 <= self.task.ncc_window <= self.pairs.size:
            raise ConfigError(
                f"ncc_window must be from 1 to the size of {self.pairs.size}, got"
                f" {self.task.ncc_window}."
            )

    def new_task(self, init: Path | str | None = None) -> RegistrationTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(RegistrationTask(self.task), init)

    def train(
        self,
        train_cases: Cases,
        val_cases: Cases,
        out: Path,
        *,
        init: Path | str | None = None,
        device: str = "auto",
        workers: int = 1,
        report: Report = None,
    ) -> Path:
        """Read the cases, train, return the path of the best weights."""
        is_upright = self.task.network.is_upright
        train_data = RegistrationPairs(train_cases, self.pairs, is_upright=is_upright)
        val_data = RegistrationPairs(val_cases, self.pairs, is_random=False, is_upright=is_upright)
        task = self.new_task(init)
        return fit(
            task,
            train_data,
            val_data,
            self.loop,
            out,
            device=device,
            report=report,
        )


FAST = LoopConfig(
    epochs=60,
    batches_per_epoch=100,
    batch_size=8,
    learning_rate=1e-3,
    schedule="cosine",
)
PRESETS = {
    "default": RegistrationTraining(task=RegistrationTaskConfig(overlap=0.1), loop=FAST),
    "paper": RegistrationTraining(pairs=RegistrationPairsConfig(kind="frames", size=192)),
    "frames": RegistrationTraining(
        task=RegistrationTaskConfig(overlap=0.1),
        pairs=RegistrationPairsConfig(kind="frames"),
        loop=FAST,
    ),
    "ncc": RegistrationTraining(
        task=RegistrationTaskConfig(
            likeness="ncc",
            smoothness=1.0,
            overlap=0.1,
        ),
        loop=FAST,
    ),
}
PRESETS["unsupervised"] = replace(PRESETS["default"], task=RegistrationTaskConfig(overlap=0.0))
