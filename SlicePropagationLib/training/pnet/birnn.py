"""`train pnet_birnn --init PNET.pt`: the BiRNN on top of a trained network of slices.

Both learn together, over runs of slices.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.pnet.birnn import BiRNN, PNetBiRNN
from SlicePropagationLib.networks.pnet.config import (
    BiRNNConfig,
    PNetConfig,
    RefinementConfig,
    SlicesConfig,
)
from SlicePropagationLib.networks.pnet.unet import build_pnet
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.pnet.slice_runs import SliceRuns, vary_runs
from SlicePropagationLib.training.pnet.slice_task import SliceTaskConfig, mean_slice_dice


@dataclass(frozen=True)
class BiRNNTaskConfig(SliceTaskConfig):
    """What is trained.

    The loss is that of what the BiRNN says. `--init` brings `network` and `slices`, so that
    settings for them are ignored.

    Attributes:
        birnn: shape of the BiRNN.
        length: slices of a run.
        pnet_rate: learning rate of the network of slices, as a share of the BiRNN's; 0 leaves it as
            it is.
        refinement: which slices of a volume take what the BiRNN says; training looks at all.
    """

    birnn: BiRNNConfig = field(default_factory=BiRNNConfig)
    length: int = 7
    pnet_rate: float = 0.1
    refinement: RefinementConfig = field(default_factory=RefinementConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length < 2 or not self.pnet_rate >= 0:
            raise ConfigError(
                f"length must be at least 2 and pnet_rate at least 0, got {self.length} and"
                f" {self.pnet_rate}."
            )


class BiRNNTask(nn.Module):
    """Loss and metric on batches of runs; see `slice_runs.SliceRuns` for a batch.

    Args:
        config: a BiRNNTaskConfig.
    """

    family = "pnet_birnn"
    score = "dice"

    def __init__(self, config: BiRNNTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.loss = find_loss(config.loss)
        self.network = PNetBiRNN(build_pnet(config.network), BiRNN(config.birnn))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups: the network of slices learns more slowly than the BiRNN."""
        return [
            {"params": list(self.network.pnet.parameters()), "rate": self.config.pnet_rate},
            {"params": list(self.network.birnn.parameters()), "rate": 1.0},
        ]

    def train(self, mode: bool = True) -> Self:
        """As in `nn.Module.train`.

        The normalisation keeps what it learnt from single slices, because a batch of runs shows too
        few patients.
        """
        super().train(mode)
        for module in self.network.pnet.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, batch: Batch) -> Losses:
        """{"total": loss of a batch, varied at random}."""
        images, truth = vary_runs(batch["image"], batch["truth"], self.config.augmentation)
        _, found = self.network(images)
        with torch.autocast(truth.device.type, enabled=False):
            return {"total": self.loss(found.float(), truth)}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": as in PNetTask, "dice_before", "count": slices}.

        "dice_before" is the same of the network of slices alone.
        """
        single, smoothed = self.network(batch["image"])
        truth = batch["truth"].flatten(0, 1)
        before = mean_slice_dice(single.flatten(0, 1), truth)
        after = mean_slice_dice(smoothed.flatten(0, 1), truth)
        return {
            "dice": after["dice"],
            "dice_before": before["dice"],
            "count": after["count"],
        }


@dataclass(frozen=True)
class BiRNNTraining:
    """Training of a BiRNN with its network of slices.

    Attributes:
        task: the networks, what they see and how they learn.
        loop: how long and how fast.
    """

    task: BiRNNTaskConfig = field(default_factory=BiRNNTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=20,
            batch_size=2,
            learning_rate=1e-3,
            schedule="cosine",
            clip_norm=1.0,
        )
    )

    def new_task(self, init: Path | str | None = None) -> BiRNNTask:
        """The task at its beginning.

        Args:
            init: model file of `train pnet_msa`, or of an earlier `train pnet_birnn`.

        Raises:
            ConfigError: there is none.
            CheckpointError: its weights do not fit.
        """
        if not init:
            raise ConfigError(
                "A BiRNN is trained on top of a trained network of slices; train one with `train"
                " pnet_msa` and give it with --init."
            )
        torch.manual_seed(self.loop.seed)
        checkpoint = load_checkpoint(init, {"pnet", BiRNNTask.family})
        try:
            network = config_from_dict(PNetConfig, checkpoint.config["network"])
            slices = config_from_dict(SlicesConfig, checkpoint.config["slices"])
        except (ConfigError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"The configuration in {init} is not one of family {checkpoint.family} ({error});"
                " it is damaged or from another version."
            ) from error
        task = BiRNNTask(replace(self.task, network=network, slices=slices))
        filled = task.network.pnet if checkpoint.family == "pnet" else task.network
        fill_network(filled, checkpoint, init)
        return task

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
        slices = task.config.slices
        channels = task.config.network.in_channels
        train_data = SliceRuns(train_cases, slices, channels, self.task.length)
        val_data = SliceRuns(val_cases, slices, channels, self.task.length, is_random=False)
        return fit(
            task,
            train_data,
            val_data,
            self.loop,
            out,
            device=device,
            report=report,
        )


PRESETS = {
    "default": BiRNNTraining(),
    "paper": BiRNNTraining(
        task=BiRNNTaskConfig(
            loss="jaccard_printed",
            refinement=RefinementConfig(slices="abnormal"),
        ),
        loop=LoopConfig(
            epochs=20,
            batch_size=2,
            optimizer="sgd",
            learning_rate=1e-2,
            schedule="constant",
            clip_norm=1.0,
        ),
    ),
}
