"""`train pnet_msa`: a network of single slices.

It learns unit after unit (preset `default`) or all units at once (`joint`); the paper's other
networks are presets. Preset `paper` is the paper's procedure: unit after unit, SGD, then a final
fine-tune on the validation cases too.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.networks.pnet.config import PNetConfig
from SlicePropagationLib.networks.pnet.pnet import SideOutputs
from SlicePropagationLib.networks.pnet.unet import build_pnet
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.pnet.slice_runs import SliceRuns, vary_runs
from SlicePropagationLib.training.pnet.slice_task import SliceTaskConfig, mean_slice_dice
from SlicePropagationLib.training.with_weights import with_weights

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

    def __post_init__(self) -> None:
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

    def __init__(self, config: PNetTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.loss = find_loss(config.loss)
        self.network = build_pnet(config.network)
        if config.is_layerwise:
            self._set_active(1)
        # of the last unit; with the training's state, so that it goes on
        self.lowest_loss: Tensor
        self.epochs_since: Tensor
        self.register_buffer("lowest_loss", torch.tensor(float("inf")))
        self.register_buffer("epochs_since", torch.tensor(0))

    def forward(self, batch: Batch) -> Losses:
        """{"total", "unit1": loss of the first output, ...} of a batch, varied at random.

        "total" is the loss of the weighted sum and of every output.
        """
        images, truth = vary_runs(batch["image"], batch["truth"], self.config.augmentation)
        logits = self.network(images.flatten(0, 1))
        truth = truth.flatten(0, 1)  # (B, T, ...) -> (B*T, ...)
        with torch.autocast(truth.device.type, enabled=False):
            probabilities = logits.float().sigmoid().unbind(dim=1)
            outputs = [self.loss(single, truth) for single in probabilities]
            total = self.loss(self.network.fuse(logits), truth)
            if len(outputs) > 1 or self.config.is_layerwise:
                total = total + sum(outputs)
        units = {f"unit{number}": value for number, value in enumerate(outputs, 1)}
        return {"total": total, **units}

    def after_epoch(self, losses: dict[str, float]) -> None:
        """Let the next unit join where the loss of the last one has converged.

        Args:
            losses: {name: mean over the epoch} of `forward`.
        """
        if not isinstance(self.network, SideOutputs) or not self.config.is_layerwise:
            return
        number = int(self.network.num_active)
        if number == self.config.network.num_units:
            return
        latest = losses[f"unit{number}"]
        is_better = latest < (1 - self.config.plateau) * float(self.lowest_loss)
        since = 0 if is_better else int(self.epochs_since) + 1
        self.epochs_since.fill_(since)
        self.lowest_loss.fill_(min(latest, float(self.lowest_loss)))
        if self.epochs_since >= self.config.plateau_epochs:
            self._set_active(number + 1)
            self.lowest_loss.fill_(float("inf"))
            self.epochs_since.fill_(0)

    def _set_active(self, number: int) -> None:
        """Let so many units take part."""
        if isinstance(self.network, SideOutputs):
            self.network.num_active.fill_(number)

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "units": that have joined, "count"}, as in `mean_slice_dice`."""
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
            `FINETUNE_RATE` times as fast; it ends when the validation cases are segmented as well
            as the training cases were before. 0: none, the validation cases only judge.
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

    def __post_init__(self) -> None:
        if self.finetune_epochs < 0:
            raise ConfigError(f"finetune_epochs must be at least 0, got {self.finetune_epochs}.")
        if self.task.is_layerwise and self.loop.num_processes > 1:
            raise ConfigError(
                "Units that have yet to join get no gradient, which training on several devices"
                " does not allow; use one device, or the preset joint."
            )

    def new_task(self, init: Path | str | None = None) -> PNetTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(PNetTask(self.task), init)

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
        train_data = self._read(train_cases, is_random=True)
        val_data = self._read(val_cases, is_random=False)
        place = Path(out) / FIRST if self.finetune_epochs else out
        best = fit(
            task,
            train_data,
            val_data,
            self.loop,
            place,
            device=device,
            report=report,
        )
        self._warn_of_units(best, report)
        if not self.finetune_epochs:
            return best
        task = self.new_task(best)
        judged = self._read(train_cases, is_random=False)
        reached = mean_score(task, judged, self.loop.batch_size, device)
        if report:
            report(
                f"fine-tuning on all cases until the validation cases reach a Dice of {reached:.4f}"
            )
        return fit(
            task,
            self._read([*train_cases, *val_cases], is_random=True),
            val_data,
            self._finetune_loop(),
            out,
            device=device,
            report=report,
            target=reached,
        )

    def _warn_of_units(self, best: Path, report: Report) -> None:
        """Say where the curriculum ended before every unit had joined."""
        wanted = self.task.network.num_units
        reached = reached_units(best)
        if report and reached is not None and reached < wanted:
            report(
                f"Warning: only {reached} of {wanted} units joined before the best epoch, because"
                " the loss of the last one still fell; train longer, raise task.plateau, or take"
                " the preset joint."
            )

    def _read(
        self,
        cases: Cases,
        *,
        is_random: bool,
    ) -> SliceRuns:
        channels = self.task.network.in_channels
        return SliceRuns(cases, self.task.slices, channels, is_random=is_random)

    def _finetune_loop(self) -> LoopConfig:
        """How long and how fast the fine-tune learns."""
        return replace(
            self.loop,
            epochs=self.finetune_epochs,
            max_hours=0.0,
            learning_rate=FINETUNE_RATE * self.loop.learning_rate,
            schedule="constant",
        )

    @property
    def learns_from_val(self) -> bool:
        """Whether the validation cases are learnt from in the end.

        They cannot be the held-out cases of a fold then.
        """
        return self.finetune_epochs > 0


def reached_units(weights: Path | str) -> int | None:
    """How many units of a network had joined; None for one without a curriculum."""
    number = load_checkpoint(weights).weights.get("num_active")
    return None if number is None else int(number)


@torch.no_grad()
def mean_score(
    task: Any,
    data: Dataset,
    batch_size: int,
    device: str,
) -> float:
    """Mean of a task's score over a Dataset of its batches.

    Args:
        task: as in `loop.fit`, with its weights.
        data: a Dataset.
        batch_size: how many samples at a time.
        device: "auto", "cpu" or "cuda".
    """
    is_gpu = device != "cpu" and torch.cuda.is_available()
    place = torch.device("cuda" if is_gpu else "cpu")
    task = task.to(place).eval()
    total = 0.0
    count = 0
    for batch in DataLoader(data, batch_size):
        values = task.metrics({name: value.to(place) for name, value in batch.items()})
        total = total + values["count"] * float(values[task.score])
        count = count + values["count"]
    return total / max(count, 1)


def _joint(**network: Any) -> PNetTraining:
    loop = LoopConfig(
        epochs=100,
        batch_size=8,
        learning_rate=1e-3,
        schedule="cosine",
    )
    return PNetTraining(PNetTaskConfig(network=PNetConfig(**network), is_layerwise=False), loop)


def make_small(training: PNetTraining) -> PNetTraining:
    """The same on a CPU's scale: a quarter of the width, slices of 64 x 64 pixels."""
    network = replace(training.task.network, channels=training.task.network.channels // 4)
    slices = replace(training.task.slices, size=64)
    return replace(training, task=replace(training.task, network=network, slices=slices))


PRESETS = {
    "default": PNetTraining(),
    "paper": PNetTraining(
        task=PNetTaskConfig(loss="jaccard_printed"),
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
    for name in ("default", "paper", "joint", "direct", "pnet", "pnet-128", "hnn", "unet")
}
