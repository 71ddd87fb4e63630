"""`train presence_rnn`: whether a structure is on the slices of a walk. Preset: `default`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from SlicePropagationLib.engines.presence.facts import FACTS
from SlicePropagationLib.engines.presence.network import MODEL
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.networks.presence.config import PresenceRNNConfig
from SlicePropagationLib.networks.presence.presence_rnn import PresenceRNN
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.presence.walks import (
    PresenceDataset,
    PresenceWalksConfig,
    presence_arrays,
)
from SlicePropagationLib.training.release_weights import write_weights
from SlicePropagationLib.training.slice.walk_files import Source, prepare_walks
from SlicePropagationLib.training.slice.walk_names import source_name
from SlicePropagationLib.training.with_weights import with_weights


@dataclass(frozen=True)
class PresenceTaskConfig:
    """What is trained and how it is varied.

    Attributes:
        network: shape of the network.
        noise: standard deviation of the noise on the facts, in their own spread, of half of the
            walks.
    """

    network: PresenceRNNConfig = field(default_factory=PresenceRNNConfig)
    noise: float = 0.1


class PresenceTask(nn.Module):
    """Loss and metrics of a PresenceRNN.

    A batch: facts (B, T, F), present (B, T) 1 where the structure is there, weight (B, T) 0 beyond
    the end of a walk.

    Args:
        config: what is trained.
    """

    family = "presence_rnn"
    score = "dice"

    def __init__(self, config: PresenceTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = PresenceRNN(config.network)

    def forward(self, batch: Batch) -> Losses:
        """{"total": mean cross-entropy of the slices}."""
        facts = batch["facts"]
        is_noisy = (torch.rand(len(facts), 1, 1, device=facts.device) < 0.5).float()
        noise = self.config.noise * self.network.scale * torch.randn_like(facts)
        odds = self.network(facts + is_noisy * noise).float()
        entropy = F.binary_cross_entropy_with_logits(odds, batch["present"], reduction="none")
        return {"total": (entropy * batch["weight"]).sum() / batch["weight"].sum()}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "count": number of walks}: Dice of the slices believed in with the true ones.

        1 for a walk on which the structure neither is nor is believed to be.
        """
        weight = batch["weight"]
        believed = (self.network(batch["facts"]) > 0).float() * weight
        present = batch["present"] * weight
        both = 2 * (believed * present).sum(dim=1)
        size = believed.sum(dim=1) + present.sum(dim=1)
        dice = torch.where(size > 0, both / size.clamp(min=1), torch.ones_like(size))
        return {"dice": float(dice.mean()), "count": len(dice)}


@dataclass(frozen=True)
class PresenceTraining:
    """Training of the presence network.

    Attributes:
        task: the network and how facts are varied.
        walks: which walks are recorded of every structure.
        balance: how the data sets share the samples: by their number of walks to the power of it.
        loop: how long and how fast.
    """

    task: PresenceTaskConfig = field(default_factory=PresenceTaskConfig)
    walks: PresenceWalksConfig = field(default_factory=PresenceWalksConfig)
    balance: float = 0.5
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=40,
            batches_per_epoch=100,
            batch_size=64,
            optimizer="adamw",
            learning_rate=3e-3,
            weight_decay=1e-3,
            schedule="cosine",
            clip_norm=1.0,
            precision="32-true",
        )
    )

    def __post_init__(self) -> None:
        if self.task.network.num_facts != len(FACTS):
            raise ConfigError(f"num_facts must be {len(FACTS)}, got {self.task.network.num_facts}.")
        if not 0 <= self.balance <= 1:
            raise ConfigError(f"balance must be from 0 to 1, got {self.balance}.")

    def new_task(self, init: Path | str | None = None) -> PresenceTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(PresenceTask(self.task), init)

    def train(
        self,
        train_cases: Cases,
        val_cases: Cases,
        out: Path,
        *,
        init: Path | str | None = None,
        device: str = "auto",
        workers: int = 1,
        scheduler: str | None = None,
        report: Report = None,
        walks: Path | None = None,
    ) -> Path:
        """Record the walks in `walks`, train, return the path of the best weights.

        Without `walks` they are recorded in `out`. What NumPy reads is written beside the weights.
        """
        folder = walks or out / "walks"
        plain = replace(self.walks, is_random=False, empty_share=0.0)
        prepare = partial(
            prepare_walks,
            folder=folder,
            workers=workers,
            scheduler=scheduler,
            report=report,
            record=presence_arrays,
        )
        train_data = self._recorded(train_cases, "train", self.walks, prepare)
        val_data = self._recorded(val_cases, "val", plain, prepare)
        task = self.new_task(init)
        if not init:
            task.network.calibrate(train_data.all_facts())
        best = fit(task, train_data, val_data, self.loop, out, device=device, report=report)
        write_weights(out / f"{MODEL}.npz", load_checkpoint(best))
        return best

    def _recorded(
        self,
        cases: Cases,
        kind: str,
        config: PresenceWalksConfig,
        prepare: Callable[[list[Source]], list[tuple[Path, str]]],
    ) -> PresenceDataset:
        sources = [
            Source(
                f"presence-{source_name(kind, case)}",
                case.dataset,
                case.image,
                case.label_map,
                config,
            )
            for case in cases
        ]
        return PresenceDataset(prepare(sources), config.max_steps, self.balance)


PRESETS = {"default": PresenceTraining()}
