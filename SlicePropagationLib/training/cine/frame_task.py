"""What `unet2d` and `cine_unet` share: a network that segments frames each for itself."""

from dataclasses import dataclass, field

import torch
from torch import nn

from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.training.cine.frames import (
    FrameDataset,
    frame_dice,
    load_series,
    to_learn,
    vary_frames,
    weighted_cross_entropy,
)
from SlicePropagationLib.training.cine.series import check_classes
from SlicePropagationLib.training.loop import LoopConfig, fit


class FrameTask(nn.Module):
    """Weighted cross-entropy and Dice of a network on batches of `FrameDataset`.

    Args:
        config: with `network`, `frames` and `augmentation`; stored in the checkpoint.
    """

    family = ""
    score = "dice"

    def __init__(self, config):
        super().__init__()
        self.config, self.network = config, self.make_network(config.network)

    def forward(self, batch):
        """{"total": weighted cross-entropy} of a batch, varied at random."""
        images, truth = vary_frames(
            batch["image"][:, None],
            to_learn(batch)[:, None],
            self.config.augmentation,
        )
        return {
            "total": weighted_cross_entropy(
                self.network(images[:, 0]),
                truth[:, 0],
                batch["weight"],
            )
        }

    @torch.no_grad()
    def metrics(self, batch):
        """{"dice", "count"} of annotated frames."""
        return frame_dice(self.network(batch["image"]), batch["truth"], batch["weight"])


@dataclass(frozen=True)
class FrameTraining:
    """A training on single frames; subclasses say of which task.

    Attributes:
        task: the network, the frames and how they are varied.
        loop: how long and how fast.
    """

    task: object = None
    loop: LoopConfig = field(default_factory=LoopConfig)

    task_class = FrameTask
    dataset_class = FrameDataset

    def new_task(self, init=None):
        """The task at its beginning, with the weights of the model file `init` where one is given; CheckpointError where they do not fit."""
        torch.manual_seed(self.loop.seed)
        task = self.task_class(self.task)
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
        task, frames = self.new_task(init), self.task.frames
        train_series, val_series = (
            load_series(cases, frames) for cases in (train_cases, val_cases)
        )
        check_classes(train_series + val_series, self.num_classes())
        train_data = self.dataset_class(
            train_series,
            frames.window,
            soft_classes=self.num_classes() if frames.uses_soft_labels else 0,
        )
        val_data = self.dataset_class(val_series, frames.window, is_random=False)
        return fit(task, train_data, val_data, self.loop, out, device=device, report=report)

    def num_classes(self):
        """Classes that the network can say, background included."""
        return self.task.network.out_channels
