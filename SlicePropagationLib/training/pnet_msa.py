"""`train pnet_msa`: a network of single slices, unit after unit (preset `default`) or all units at once (`joint`); the paper's other networks as presets."""

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from SlicePropagationLib.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.pnet_config import PNetConfig, SlicesConfig, check_size
from SlicePropagationLib.networks.pnet_unet import build_pnet
from SlicePropagationLib.training.loop import LoopConfig, fit
from SlicePropagationLib.training.slice_runs import RunAugmentationConfig, SliceRuns, vary_runs


@dataclass(frozen=True)
class PNetTaskConfig:
    """What is trained.

    Attributes:
        network: shape of the network.
        slices: what it sees.
        augmentation: how slices are varied.
        loss: "jaccard", "cross_entropy" or "balanced_cross_entropy", of every output and of their weighted sum.
        is_layerwise: begin with one unit; the next joins when the loss of the last one has converged.
        plateau, plateau_epochs: a loss has converged when it falls by no more than that share over that many epochs.
    """

    network: PNetConfig = field(default_factory=PNetConfig)
    slices: SlicesConfig = field(default_factory=SlicesConfig)
    augmentation: RunAugmentationConfig = field(default_factory=RunAugmentationConfig)
    loss: str = "jaccard"
    is_layerwise: bool = True
    plateau: float = 0.001
    plateau_epochs: int = 2

    def __post_init__(self):
        find_loss(self.loss)
        check_size(self.network, self.slices)
        if self.is_layerwise and self.network.architecture not in ("pnet_msa", "pnet"):
            raise ConfigError(f"Only pnet_msa and pnet are trained unit after unit; set is_layerwise to false for {self.network.architecture}.")
        if self.plateau_epochs < 1 or not self.plateau >= 0:
            raise ConfigError(f"plateau_epochs must be positive and plateau at least 0, got {self.plateau_epochs} and {self.plateau}.")


class PNetTask(nn.Module):
    """Loss, metric and curriculum on batches of runs of one slice; see `slice_runs.SliceRuns` for a batch.

    Args:
        config: a PNetTaskConfig.
    """

    family, score = "pnet", "dice"

    def __init__(self, config):
        super().__init__()
        self.config, self.loss = config, find_loss(config.loss)
        self.network = build_pnet(config.network)
        if config.is_layerwise:
            self.network.num_active.fill_(1)
        self.register_buffer("lowest_loss", torch.tensor(float("inf")))     # of the last unit; with the training's state, so that it goes on
        self.register_buffer("epochs_since", torch.tensor(0))

    def forward(self, batch):
        """{"total": loss of the weighted sum and of every output, "unit1": of the first output, ...} of a batch, varied at random."""
        images, truth = vary_runs(batch["image"], batch["truth"], self.config.augmentation)
        logits, truth = self.network(images.flatten(0, 1)), truth.flatten(0, 1)         # (B, T, ...) -> (B*T, ...)
        with torch.autocast(truth.device.type, enabled=False):
            outputs = [self.loss(single.float().sigmoid(), truth) for single in logits.unbind(dim=1)]
            total = self.loss(self.network.fuse(logits), truth) + (sum(outputs) if len(outputs) > 1 or self.config.is_layerwise else 0)
        return {"total": total} | {f"unit{number}": value for number, value in enumerate(outputs, 1)}

    def after_epoch(self, losses):
        """Let the next unit join where the loss of the last one has converged.

        Args:
            losses: {name: mean over the epoch} of `forward`.
        """
        number = int(self.network.num_active) if self.config.is_layerwise else self.config.network.num_units
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
        images, truth = batch["image"].flatten(0, 1), batch["truth"].flatten(0, 1)
        logits = self.network(images)
        return mean_slice_dice(self.network.fuse(logits), truth) | {"units": float(logits.shape[1])}


def mean_slice_dice(probability, truth):
    """{"dice": mean over slices where there is something or something was found, "count": their number}.

    Args:
        probability, truth: (N, H, W); the structure is where they are at least 0.5.
    """
    found, truth = probability >= 0.5, truth >= 0.5
    total = found.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    dice = 2 * (found & truth).sum(dim=(1, 2)) / total.clamp_min(1)
    shown = total > 0
    return {"dice": dice[shown].mean() if shown.any() else torch.tensor(1.0), "count": int(shown.sum())}


@dataclass(frozen=True)
class PNetTraining:
    """Training of a network of single slices.

    Attributes:
        task: the network, what it sees and how it learns.
        loop: how long and how fast.
    """

    task: PNetTaskConfig = field(default_factory=PNetTaskConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=100, batch_size=8, learning_rate=1e-3, schedule="constant"))

    def __post_init__(self):
        if self.task.is_layerwise and self.loop.devices * self.loop.nodes > 1:
            raise ConfigError("Units that have yet to join get no gradient, which training on several devices does not allow; use one device, or the preset joint.")

    def new_task(self, init=None):
        """The task at its beginning, with the weights of the model file `init` where one is given; CheckpointError where they do not fit."""
        torch.manual_seed(self.loop.seed)
        task = PNetTask(self.task)
        if init:
            fill_network(task.network, load_checkpoint(init, {task.family}), init)
        return task

    def train(self, train_cases, val_cases, out, *, init=None, device="auto", workers=1, report=None):
        """Read the cases, train, return the path of the best weights."""
        task, channels = self.new_task(init), self.task.network.in_channels
        train_data = SliceRuns(train_cases, self.task.slices, channels)
        val_data = SliceRuns(val_cases, self.task.slices, channels, is_random=False)
        return fit(task, train_data, val_data, self.loop, out, device=device, report=report)


def _joint(**network):
    loop = LoopConfig(epochs=100, batch_size=8, learning_rate=1e-3, schedule="cosine")
    return PNetTraining(PNetTaskConfig(network=PNetConfig(**network), is_layerwise=False), loop)


def make_small(training):
    """The same on a CPU's scale: width 16, slices of 64 x 64 pixels."""
    task = training.task
    return replace(training, task=replace(task, network=replace(task.network, channels=16), slices=replace(task.slices, size=64)))


PRESETS = {
    "default": PNetTraining(),
    "joint": _joint(),
    "direct": _joint(wiring="direct"),
    "pnet": _joint(architecture="pnet"),
    "pnet-128": _joint(architecture="pnet", channels=128),
    "hnn": _joint(architecture="hnn"),
    "unet": _joint(architecture="unet"),
}
PRESETS |= {f"{name}-small": make_small(PRESETS[name]) for name in ("default", "joint", "direct", "pnet", "hnn", "unet")}
