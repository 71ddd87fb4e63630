"""`train registration`: VoxelMorph on neighbouring slices or on frames of one patient, with Dice on warped masks where there are labels."""

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.registration import gradient_penalty, image_loss, mask_dice
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph, warp
from SlicePropagationLib.training.loop import LoopConfig, fit
from SlicePropagationLib.training.registration.pairs import (
    RegistrationPairs,
    RegistrationPairsConfig,
)


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

    network: VoxelMorphConfig = field(default_factory=VoxelMorphConfig)
    likeness: str = "mse"
    ncc_window: int = 9
    smoothness: float = 0.01
    overlap: float = 0.01
    gain: float = 0.1

    def __post_init__(self):
        if self.likeness not in ("mse", "ncc") or self.ncc_window % 2 == 0:
            raise ConfigError(
                f"likeness must be mse or ncc and ncc_window odd, got {self.likeness} and"
                f" {self.ncc_window}."
            )


class RegistrationTask(nn.Module):
    """Losses and metrics of a registration network on batches of `RegistrationPairs`."""

    family = "voxelmorph"
    score = "dice"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.network = VoxelMorph(config.network)

    def forward(self, batch):
        """{"total", "likeness", "smoothness", "overlap"}, all unweighted but the total."""
        config = self.config
        moving, fixed = (batch[name] * self._gains(batch[name]) for name in ("moving", "fixed"))
        displacement, velocity = self.network(moving, fixed)
        displacement = displacement.float()
        likeness = image_loss(config.likeness, warp(moving, displacement), fixed, config.ncc_window)
        smoothness = gradient_penalty(velocity.float())
        overlap = (
            1 - mask_dice(warp(batch["moving_mask"], displacement), batch["fixed_mask"]).mean()
        )
        total = (
            likeness
            + config.smoothness * config.network.velocity_divisor * smoothness
            + config.overlap * overlap
        )
        return {"total": total, "likeness": likeness, "smoothness": smoothness, "overlap": overlap}

    @torch.no_grad()
    def metrics(self, batch):
        """{"dice": of warped masks, "dice_unmoved": had nothing been moved, "folded": share of pixels where the map folds, "count"}."""
        displacement = self.network(batch["moving"], batch["fixed"])[0].float()
        carried = (warp(batch["moving_mask"], displacement) >= 0.5).float()
        return {
            "dice": mask_dice(carried, batch["fixed_mask"]).mean(),
            "dice_unmoved": mask_dice(batch["moving_mask"], batch["fixed_mask"]).mean(),
            "folded": folded_share(displacement),
            "count": len(carried),
        }

    def _gains(self, images):
        return 1 + self.config.gain * (
            2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1
        )


def folded_share(displacement):
    """Share of the pixels of (B, 2, H, W) displacements whose Jacobian determinant is not positive."""
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

    def __post_init__(self):
        check_halves(self.pairs.size, 2 ** len(self.task.network.encoder))
        if self.task.likeness == "ncc" and not 1 <= self.task.ncc_window <= self.pairs.size:
            raise ConfigError(
                f"ncc_window must be from 1 to the size of {self.pairs.size}, got"
                f" {self.task.ncc_window}."
            )

    def new_task(self, init=None):
        """The task at its beginning, with the weights of the model file `init` where one is given; CheckpointError where they do not fit."""
        torch.manual_seed(self.loop.seed)
        task = RegistrationTask(self.task)
        if init:
            fill_network(task.network, load_checkpoint(init, {task.family}), init)
        return task

    def train(
        self,
        train_cases,
        val_cases,
        out,
        *,
        init=None,
        device="auto",
        workers=1,
        report=None,
    ):
        """Read the cases, train, return the path of the best weights."""
        train_data = RegistrationPairs(train_cases, self.pairs)
        val_data = RegistrationPairs(val_cases, self.pairs, is_random=False)
        return fit(
            self.new_task(init),
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
        task=RegistrationTaskConfig(likeness="ncc", smoothness=1.0, overlap=0.1),
        loop=FAST,
    ),
}
PRESETS["unsupervised"] = replace(PRESETS["default"], task=RegistrationTaskConfig(overlap=0.0))
