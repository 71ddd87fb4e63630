"""What `unet2d` and `cine_unet` share: a network that segments frames each for itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from SlicePropagationLib.training.cine.frames import (
    FrameDataset,
    WindowDataset,
    frame_dice,
    load_series,
    to_learn,
    vary_frames,
    weighted_cross_entropy,
)
from SlicePropagationLib.training.cine.series import check_classes
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.with_weights import with_weights


class FrameTask(nn.Module):
    """Weighted cross-entropy and Dice of a network on batches of `FrameDataset`.

    Args:
        config: with `network`, `frames` and `augmentation`; stored in the checkpoint.
    """

    family = ""
    score = "dice"
    make_network: Callable[[Any], nn.Module]

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.network = self.make_network(config.network)

    def forward(self, batch: Batch) -> Losses:
        """{"total"} and its parts, of a batch, varied at random."""
        windows = batch["image"][:, None]
        wanted = to_learn(batch)[:, None]
        images, truth = vary_frames(windows, wanted, self.config.augmentation)
        return self.losses(self.network(images[:, 0]), truth[:, 0], batch["weight"])

    def losses(self, logits: Tensor, truth: Tensor, weights: Tensor) -> Losses:
        """{"total"} and its parts, as `weighted_cross_entropy` takes them."""
        return {"total": weighted_cross_entropy(logits, truth, weights)}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "count"} of annotated frames."""
        return frame_dice(self.network(batch["image"]), batch["truth"], batch["weight"])


@dataclass(frozen=True)
class FrameTraining:
    """A training on single frames; subclasses say of which task.

    Attributes:
        task: the network, the frames and how they are varied.
        loop: how long and how fast.
    """

    task: Any = None
    loop: LoopConfig = field(default_factory=LoopConfig)

    task_class: ClassVar[type[nn.Module]] = FrameTask
    dataset_class: ClassVar[type[FrameDataset | WindowDataset]] = FrameDataset

    def new_task(self, init: Path | str | None = None) -> Any:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(self.task_class(self.task), init)

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
        task = self.new_task(init)
        frames = self.task.frames
        train_series = load_series(train_cases, frames)
        val_series = load_series(val_cases, frames)
        check_classes(train_series + val_series, self.num_classes())
        soft_classes = self.num_classes() if frames.uses_soft_labels else 0
        train_data = self.dataset_class(train_series, frames.window, soft_classes=soft_classes)
        val_data = self.dataset_class(val_series, frames.window, is_random=False)
        return fit(
            task,
            train_data,
            val_data,
            self.loop,
            out,
            device=device,
            report=report,
        )

    def num_classes(self) -> int:
        """Classes that the network can say, background included."""
        return self.task.network.out_channels
