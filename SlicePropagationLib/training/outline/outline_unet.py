"""`train outline_unet`: where an outline lies, at the resolution of the image. Preset: `default`.

It learns from what the shipped slice-propagation network finds of the cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from SlicePropagationLib.engines.outline.view import FACTS, MAPS, ODDS, ODDS_SCALE
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training.contracts import Cases, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.outline.results import OutlineResultsConfig, outline_arrays
from SlicePropagationLib.training.outline.task import OutlineTask, OutlineTaskConfig
from SlicePropagationLib.training.outline.windows import (
    OutlineWindows,
    OutlineWindowsConfig,
    Result,
    read_results,
)
from SlicePropagationLib.training.slice.walk_files import Source, prepare_walks
from SlicePropagationLib.training.slice.walk_names import source_name
from SlicePropagationLib.training.spread import spread
from SlicePropagationLib.training.with_weights import with_weights


@dataclass(frozen=True)
class OutlineTraining:
    """Training of the outline network.

    Attributes:
        task: the network and its losses.
        results: which results are recorded of every structure.
        windows: how windows of them are cut and varied.
        most_judged: results of each data set that validation looks at, spread over its cases.
        loop: how long and how fast.
    """

    task: OutlineTaskConfig = field(default_factory=OutlineTaskConfig)
    results: OutlineResultsConfig = field(default_factory=OutlineResultsConfig)
    windows: OutlineWindowsConfig = field(default_factory=OutlineWindowsConfig)
    most_judged: int = 12
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=60,
            batches_per_epoch=200,
            batch_size=32,
            optimizer="adamw",
            learning_rate=2e-3,
            weight_decay=1e-4,
            schedule="cosine",
            warmup_batches=200,
            clip_norm=1.0,
            averaging=0.998,
            precision="32-true",
        )
    )

    def __post_init__(self) -> None:
        network = self.task.network
        wanted = (len(MAPS), len(FACTS), ODDS, ODDS_SCALE)
        given = (network.num_maps, network.num_facts, network.odds_map, network.odds_scale)
        if given != wanted:
            raise ConfigError(
                "num_maps, num_facts, odds_map and odds_scale are"
                f" {', '.join(map(str, wanted))}, got {', '.join(map(str, given))}."
            )
        if self.windows.side % network.multiple:
            raise ConfigError(
                f"windows.side must be a multiple of {network.multiple}, got {self.windows.side}."
            )

    def new_task(self, init: Path | str | None = None) -> OutlineTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        torch.manual_seed(self.loop.seed)
        return with_weights(OutlineTask(self.task), init)

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
        """Record the results in `walks`, train, return the path of the best weights.

        Without `walks` they are recorded in `out`.
        """
        folder = walks or out / "walks"
        plain = replace(self.results, is_random=False)

        def recorded(cases: Cases, kind: str, config: OutlineResultsConfig) -> list[Result]:
            sources = [
                Source(
                    f"outline-{source_name(kind, case)}",
                    case.dataset,
                    case.image,
                    case.label_map,
                    config,
                )
                for case in cases
            ]
            paths = prepare_walks(
                sources,
                folder,
                workers=workers,
                scheduler=scheduler,
                report=report,
                record=outline_arrays,
            )
            return [result for path, group in paths for result in read_results(path, group)]

        learnt = recorded(train_cases, "train", self.results)
        judged = spread(recorded(val_cases, "val", plain), self.most_judged)
        return fit(
            self.new_task(init),
            OutlineWindows(learnt, self.windows),
            OutlineWindows(judged, self.windows, is_varied=False),
            self.loop,
            out,
            device=device,
            report=report,
        )


PRESETS = {"default": OutlineTraining()}
