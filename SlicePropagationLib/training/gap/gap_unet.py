"""`train gap_unet`: the network that fills a whole gap at once.

Presets: `default`, `small` for trying things out, and ablations of `default`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from SlicePropagationLib.engines.gap.square import CELLS
from SlicePropagationLib.engines.gap.window import MAPS, SCALAR_FEATURES
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training.contracts import Cases, Report
from SlicePropagationLib.training.gap.samples import GapDataset, SamplesConfig
from SlicePropagationLib.training.gap.task import GapTask, GapTaskConfig
from SlicePropagationLib.training.gap.volumes import (
    PHANTOMS,
    PSEUDO_OBJECTS,
    prepare_volumes,
)
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.spread import spread
from SlicePropagationLib.training.with_weights import with_weights


@dataclass(frozen=True)
class GapTraining:
    """Training of the network that fills a whole gap at once.

    Attributes:
        task: the network and its losses.
        samples: how windows are drawn and varied.
        pseudo_objects: supervoxels per case beside its structures, pseudo_share: how often one of
            them is drawn.
        phantoms: synthetic volumes beside the real ones, phantom_share: how often one is drawn.
        most_judged: structures of each data set that validation looks at, spread over its cases.
        loop: how long and how fast; a batch of the loop is a batch of windows already.
    """

    task: GapTaskConfig = field(default_factory=GapTaskConfig)
    samples: SamplesConfig = field(default_factory=SamplesConfig)
    pseudo_objects: int = 8
    pseudo_share: float = 0.2
    phantoms: int = 200
    phantom_share: float = 0.1
    most_judged: int = 5
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=200,
            batches_per_epoch=150,
            batch_size=1,
            optimizer="adamw",
            learning_rate=1.5e-3,
            weight_decay=1e-3,
            schedule="cosine",
            warmup_batches=300,
            clip_norm=1.0,
            averaging=0.998,
            precision="bf16-mixed",
        )
    )

    def __post_init__(self) -> None:
        network = self.task.network
        wanted = (len(MAPS), len(SCALAR_FEATURES), CELLS)
        if (network.num_maps, network.num_scalars, network.cells) != wanted:
            raise ConfigError(
                f"num_maps, num_scalars and cells are {wanted[0]}, {wanted[1]} and {wanted[2]}, got"
                f" {network.num_maps}, {network.num_scalars} and {network.cells}."
            )
        if self.loop.batch_size != 1:
            raise ConfigError(
                f"batch_size must be 1, got {self.loop.batch_size}; set samples.slices_per_batch."
            )
        shares = (self.pseudo_share, self.phantom_share)
        if min(shares) < 0 or sum(shares) >= 1:
            raise ConfigError(
                "phantom_share and pseudo_share must be at least 0 and leave something to the real"
                f" structures, got {self.phantom_share} and {self.pseudo_share}."
            )

    def new_task(self, init: Path | str | None = None) -> GapTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(GapTask(self.task), init)

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
        """Unpack the volumes in `walks`, train, return the path of the best weights.

        Without `walks` they are unpacked in `out`.
        """
        folder = walks or out / "volumes"
        structures = prepare_volumes(
            train_cases,
            folder,
            num_pseudo=self.pseudo_objects,
            num_phantoms=self.phantoms,
            scheduler=scheduler,
            report=report,
        )
        judged = prepare_volumes(val_cases, folder, scheduler=scheduler, report=report)
        judged = spread(judged, self.most_judged)
        shares = {PHANTOMS: self.phantom_share, PSEUDO_OBJECTS: self.pseudo_share}
        samples = replace(self.samples, shares={**shares, **self.samples.shares})
        return fit(
            self.new_task(init),
            GapDataset(structures, folder, samples),
            GapDataset(judged, folder, samples, is_varied=False),
            self.loop,
            out,
            device=device,
            report=report,
        )


DEFAULT = GapTraining()
SMALL = replace(
    DEFAULT,
    task=replace(DEFAULT.task, network=replace(DEFAULT.task.network, widths=(8, 16, 32, 48))),
    loop=replace(DEFAULT.loop, epochs=60),
)
WITHOUT_READING = replace(
    DEFAULT,
    task=replace(DEFAULT.task, network=replace(DEFAULT.task.network, reads_annotations=False)),
)
PRESETS = {"default": DEFAULT, "small": SMALL, "without-reading": WITHOUT_READING}
