"""`train pnet_msa`: a network of single slices, unit after unit (preset `default`) or all units at once (`joint`); the paper's other networks as presets.

Preset `paper` is the paper's procedure: unit after unit, SGD, then a final fine-tune on the
validation cases too.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.pnet.config import PNetConfig
from SlicePropagationLib.networks.pnet.unet import build_pnet
from SlicePropagationLib.training.loop import LoopConfig, fit
from SlicePropagationLib.training.pnet.slice_runs import SliceRuns, vary_runs
from SlicePropagationLib.training.pnet.slice_task import SliceTaskConfig, mean_slice_dice

FIRST = "first"  # folder of what is trained before the fine-tune
FINETUNE_RATE = 0.1  # of the learning rate


@dataclass(frozen=True)
class PNetTaskConfig(SliceTaskConfig):
    """What is trained; the loss is that of every output and of their weighted sum.

    Attributes:
        is_layerwise: begin with one unit; the next joins when the loss of the last one has
            converged.
        plateau, plateau_epochs: a loss has converged when it falls by no more than that share over
            that many epochs.
    """

    is_layerwise: bool = True
    plateau: float = 0.001
    plateau_epochs: int = 2

    def __post_init__(self):
        super().__post_init__()
        if self.is_layerwise and self.network.architecture not in ("pnet_msa", "pnet"):
            raise ConfigError(
                "Only pnet_msa and pnet are trained unit after unit; set is_layerwise to false for"
                f" {self.network.architecture}."
            )
        if self.plateau_epochs < 1 or not self.plateau >= 0:
            raise ConfigError(
                f"plateau_epochs must be positive and plateau at least 0, got {self.plateau_epochs}"
                f" and {self.plateau}."
            )


class PNetTask(nn.Module):
    """Loss, metric and curriculum on batches of runs of one slice.

    See `slice_runs.SliceRuns` for a batch.

    Args:
        config: a PNetTaskConfig.
    """

    family = "pnet"
    score = "dice"

    def __init__(self, config):
        super().__init__()
        self.config, self.loss = config, find_loss(config.loss)
        self.network = build_pnet(config.network)
        if config.is_layerwise:
            self.network.num_active.fill_(1)
        self.register_buffer(
            "lowest_loss",
            torch.tensor(float("inf")),
        )  # of the last unit; with the training's state, so that it goes on
        self.register_buffer("epochs_since", torch.tensor(0))

    def forward(self, batch):
        """{"total": loss of the weighted sum and of every output, "unit1": of the first output, ...} of a batch, varied at random."""
        images, truth = vary_runs(batch["image"], batch["truth"], self.config.augmentation)
        logits = self.network(images.flatten(0, 1))
        truth = truth.flatten(0, 1)  # (B, T, ...) -> (B*T, ...)
        with torch.autocast(truth.device.type, enabled=False):
            outputs = [
                self.loss(single.float().sigmoid(), truth) for single in logits.unbind(dim=1)
            ]
            total = self.loss(self.network.fuse(logits), truth) + (
                sum(outputs) if len(outputs) > 1 or self.config.is_layerwise else 0
            )
        return {"total": total} | {
            f"unit{number}": value for number, value in enumerate(outputs, 1)
        }

    def after_epoch(self, losses):
        """Let the next unit join where the loss of the last one has converged.

        Args:
            losses: {name: mean over the epoch} of `forward`.
        """
        number = (
            int(self.network.num_active)
            if self.config.is_layerwise
            else self.config.network.num_units
        )
        if number == self.config.network.num_units:
            return
        latest = losses[f"unit{number}"]
        is_better = latest < (1 - self.config.plateau) * float(self.lowest_loss)
        self.epochs_since.fill_(0 if is_better else int(self.epochs_since) + 1)
        self.lowest_loss.fill_(min(latest, float(self.lowest_loss)))
        if self.epochs_since >= self.config.plateau_epochs:
            self.network.num_active.fill_(number + 1)
            self.lowest_loss.fill_(float("inf"))
            self.epochs_since.fill_(0)

    @torch.no_grad()
    def metrics(self, batch):
        """{"dice": mean over slices where there is something or something was found, "units": that have joined, "count": slices}."""
        images = batch["image"].flatten(0, 1)
        truth = batch["truth"].flatten(0, 1)
        logits = self.network(images)
        return mean_slice_dice(self.network.fuse(logits), truth) | {"units": float(logits.shape[1])}


@dataclass(frozen=True)
class PNetTraining:
    """Training of a network of single slices.

    Attributes:
        task: the network, what it sees and how it learns.
        loop: how long and how fast.
        finetune_epochs: most epochs of a final fine-tune on training and validation cases together,
            `FINETUNE_RATE` times as fast; it ends when the
            validation cases are segmented as well as the training cases were before. 0: none, the
            validation cases only judge.
    """

    task: PNetTaskConfig = field(default_factory=PNetTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=100,
            batch_size=8,
            learning_rate=1e-3,
            schedule="constant",
        )
    )
    finetune_epochs: int = 0

    def __post_init__(self):
        if self.finetune_epochs < 0:
            raise ConfigError(f"finetune_epochs must be at least 0, got {self.finetune_epochs}.")
        if self.task.is_layerwise and self.loop.devices * self.loop.nodes > 1:
            raise ConfigError(
                "Units that have yet to join get no gradient, which training on several devices"
                " does not allow; use one device, or the preset joint."
            )

    def new_task(self, init=None):
        """The task at its beginning, with the weights of the model file `init` where one is given; CheckpointError where they do not fit."""
        torch.manual_seed(self.loop.seed)
        task = PNetTask(self.task)
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

        def read(cases, is_random):
            return SliceRuns(
                cases,
                self.task.slices,
                self.task.network.in_channels,
                is_random=is_random,
            )

        task = self.new_task(init)
        val_data = read(val_cases, False)
        if not self.finetune_epochs:
            return fit(
                task,
                read(train_cases, True),
                val_data,
                self.loop,
                out,
                device=device,
                report=report,
            )
        first = fit(
            task,
            read(train_cases, True),
            val_data,
            self.loop,
            Path(out) / FIRST,
            device=device,
            report=report,
        )
        task = self.new_task(first)
        reached = mean_score(task, read(train_cases, False), self.loop.batch_size, device)
        loop = replace(
            self.loop,
            epochs=self.finetune_epochs,
            max_hours=0.0,
            learning_rate=FINETUNE_RATE * self.loop.learning_rate,
            schedule="constant",
        )
        if report:
            report(
                f"fine-tuning on all cases until the validation cases reach a Dice of {reached:.4f}"
            )
        return fit(
            task,
            read([*train_cases, *val_cases], True),
            val_data,
            loop,
            out,
            device=device,
            report=report,
            target=reached,
        )

    @property
    def learns_from_val(self):
        """Whether the validation cases are learnt from in the end, so that they cannot be the held-out cases of a fold."""
        return self.finetune_epochs > 0


@torch.no_grad()
def mean_score(task, data, batch_size, device):
    """Mean of a task's score over a Dataset of its batches.

    Args:
        task: as in `loop.fit`, with its weights.
        device: "auto", "cpu" or "cuda".
    """
    place = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    task = task.to(place).eval()
    total = count = 0
    for batch in torch.utils.data.DataLoader(data, batch_size):
        values = task.metrics({name: value.to(place) for name, value in batch.items()})
        total = total + values["count"] * float(values[task.score])
        count = count + values["count"]
    return total / max(count, 1)


def _joint(**network):
    loop = LoopConfig(epochs=100, batch_size=8, learning_rate=1e-3, schedule="cosine")
    return PNetTraining(PNetTaskConfig(network=PNetConfig(**network), is_layerwise=False), loop)


def make_small(training):
    """The same on a CPU's scale: width 16, slices of 64 x 64 pixels."""
    task = training.task
    return replace(
        training,
        task=replace(
            task,
            network=replace(task.network, channels=16),
            slices=replace(task.slices, size=64),
        ),
    )


PRESETS = {
    "default": PNetTraining(),
    "paper": PNetTraining(
        loop=LoopConfig(
            epochs=100,
            batch_size=8,
            optimizer="sgd",
            learning_rate=0.1,
            schedule="constant",
        ),
        finetune_epochs=20,
    ),
    "joint": _joint(),
    "direct": _joint(wiring="direct"),
    "pnet": _joint(architecture="pnet"),
    "pnet-128": _joint(architecture="pnet", channels=128),
    "hnn": _joint(architecture="hnn"),
    "unet": _joint(architecture="unet"),
}
PRESETS |= {
    f"{name}-small": make_small(PRESETS[name])
    for name in ("default", "paper", "joint", "direct", "pnet", "hnn", "unet")
}
