"""`train cine_bilstm`: the second stage of Bai et al.

U-Net and bidirectional ConvLSTM learn on windows about annotated frames. It begins with the U-Net
of the first stage (`--init best.pt` of cine_unet). Presets: `default` (joint, the released model),
`frozen` (the U-Net stays as it is), `small`.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import torch
from torch import nn

from SlicePropagationLib.config import check_halves, config_from_dict
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig, CineUNetConfig
from SlicePropagationLib.networks.cine.unet import CineUNet
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.training.cine.frame_task import FrameTraining
from SlicePropagationLib.training.cine.frames import (
    TRANSLATED,
    FrameAugmentationConfig,
    FramesConfig,
    WindowDataset,
    frame_dice,
    to_learn,
    vary_frames,
    weighted_cross_entropy,
)
from SlicePropagationLib.training.cine.unet import SMALL_GRID
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics
from SlicePropagationLib.training.loop_config import LoopConfig


@dataclass(frozen=True)
class CineBiLSTMTaskConfig:
    """What is trained.

    Attributes:
        network: shape of the network; its U-Net is that of the first stage.
        frames: what the network sees, pseudo-labels included, and the window.
        augmentation: how windows are varied.
        updates_unet: train the U-Net along; its batch normalisation keeps the statistics of the
            first stage either way.
    """

    network: CineBiLSTMConfig = field(default_factory=CineBiLSTMConfig)
    frames: FramesConfig = field(
        default_factory=lambda: FramesConfig(FrameGridConfig(256, 1.6, "zscore"))
    )
    augmentation: FrameAugmentationConfig = TRANSLATED
    updates_unet: bool = True

    def __post_init__(self) -> None:
        check_halves(self.frames.grid.size, self.network.unet.divisor)


class CineBiLSTMTask(nn.Module):
    """Weighted cross-entropy and Dice on batches of `WindowDataset`."""

    family = "cine_bilstm"
    score = "dice"

    def __init__(self, config: CineBiLSTMTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = CineBiLSTM(config.network)
        self.network.unet.requires_grad_(config.updates_unet)
        # its place is taken by the fusion of both directions
        self.network.unet.head.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As any module, but the U-Net's batch normalisation stays in inference mode.

        So it does in the authors' code.
        """
        super().train(mode)
        self.network.unet.eval()
        return self

    def forward(self, batch: Batch) -> Losses:
        """{"total": weighted cross-entropy} of windows, varied at random.

        The frames of a window are varied alike.
        """
        images, truth = vary_frames(batch["image"], to_learn(batch), self.config.augmentation)
        return {"total": weighted_cross_entropy(self.network(images), truth, batch["weight"])}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "count"} of annotated frames."""
        return frame_dice(self.network(batch["image"]), batch["truth"], batch["weight"])


@dataclass(frozen=True)
class CineBiLSTMTraining(FrameTraining):
    """20,000 batches of the two windows of a subject, Adam, 1e-3, divided by ten after 5,000."""

    task: CineBiLSTMTaskConfig = field(default_factory=CineBiLSTMTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=40,
            batches_per_epoch=500,
            batch_size=2,
            learning_rate=1e-3,
            schedule="steps",
            milestones=(10,),
        )
    )

    task_class = CineBiLSTMTask
    dataset_class = WindowDataset

    def new_task(self, init: Path | str | None = None) -> CineBiLSTMTask:
        """The task with the U-Net of the first stage, or with all weights of a second stage.

        Raises:
            ConfigError: there is no model to begin with.
            CheckpointError: it is of another family or shape.
        """
        if not init:
            raise ConfigError(
                "cine_bilstm begins with a trained U-Net; run `train cine_unet` first and give its"
                " best.pt as --init."
            )
        torch.manual_seed(self.loop.seed)
        task = CineBiLSTMTask(self.task)
        checkpoint = load_checkpoint(init, {"cine_unet", "cine_bilstm"})
        if checkpoint.family == "cine_bilstm":
            fill_network(task.network, checkpoint, init)
            return task
        first = config_from_dict(CineUNetConfig, checkpoint.config["network"])
        if first != self.task.network.unet:
            raise CheckpointError(
                f"The U-Net in {init} is {first}, this training needs {self.task.network.unet}; use"
                " the same preset for both stages, or state it with --config."
            )
        trained = fill_network(CineUNet(first), checkpoint, init)
        task.network.unet.load_state_dict(trained.state_dict())
        return task

    def num_classes(self) -> int:
        """Classes that the network can say, background included."""
        return self.task.network.unet.out_channels


PRESETS = {"default": CineBiLSTMTraining()}
PRESETS["frozen"] = replace(PRESETS["default"], task=CineBiLSTMTaskConfig(updates_unet=False))
PRESETS["small"] = CineBiLSTMTraining(
    CineBiLSTMTaskConfig(
        CineBiLSTMConfig(CineUNetConfig(widths=(8, 16, 32, 64)), 8),
        FramesConfig(SMALL_GRID),
    ),
    LoopConfig(
        epochs=20,
        batches_per_epoch=50,
        batch_size=2,
        learning_rate=2e-3,
        schedule="cosine",
        warmup_batches=20,
        clip_norm=1.0,
    ),
)
