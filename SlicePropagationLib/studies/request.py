"""What is asked of a study: one request for the experiments of every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.training.settings import read_settings

SCALES = ("small", "full")

Report = Callable[[str], object]  # takes a line of text about the progress
Settings = dict[str, Any]  # nested settings of a training, as `train --config` reads them


@dataclass(frozen=True)
class StudyRequest:
    """One experiment: its cases, its folder, and how long its networks are trained.

    What an experiment has no use for it ignores; `studies.registry` says what that is.

    Attributes:
        name: of the experiment.
        cases: table with columns image, label and optionally split, dataset, case; for a cine
            experiment the cases.csv of `make-cine`.
        out: folder of all experiments; what was trained for one serves the others.
        datasets: data sets that are trained on, None for all; of the cine experiment "unseen"
            those of its table `unseen`.
        scale: "small" networks and grids for a CPU, or "full" as in the papers.
        config: JSON file with settings that differ from the presets'.
        max_hours: training time of a variant, or of a fold.
        epochs: of a variant, in place of a time.
        max_cases: only the first so many cases are measured.
        folds: of a cross-validation by patient; None for the experiment's own number.
        engine: whose slices are looked at, or what makes pseudo-labels.
        label: the structure of a pnet experiment, 0 for all labels as one.
        without: columns of a pnet experiment that are left out.
        only: columns of a cine experiment that are wanted, None for all.
        unseen: for the cine experiment "unseen": table of real volumes that no model is trained on.
        match: for the same: (label of the models, label of that table) pairs.
        match_of: for the same: (data set of that table, label of the models, label of it) of data
            sets whose labels differ from `match`.
        seed: of everything random.
        workers: processes that walk.
        device: "auto", "cpu" or "cuda".
    """

    name: str
    cases: Path | str
    out: Path | str
    datasets: tuple[str, ...] | None = None
    scale: str = "small"
    config: Path | str | None = None
    max_hours: float | None = None
    epochs: int | None = None
    max_cases: int | None = None
    folds: int | None = None
    engine: str = "registration"
    label: int = 0
    without: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    unseen: Path | str | None = None
    match: tuple[tuple[int, int], ...] = ()
    match_of: tuple[tuple[str, int, int], ...] = ()
    seed: int = 0
    workers: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, SCALES)
        check_choice("device", self.device, DEVICES)
        for name in ("datasets", "without", "only"):
            if isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a tuple, got '{getattr(self, name)}'.")
        for name in ("epochs", "max_cases", "folds", "workers"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ConfigError(f"{name} must be at least 1, got {count}.")

    @property
    def is_small(self) -> bool:
        """Whether networks and grids are those for a CPU."""
        return self.scale == "small"

    @property
    def folder(self) -> Path:
        """Where the results of this experiment go."""
        return Path(self.out) / self.name

    def known_datasets(self) -> list[str]:
        """The data sets that are asked for, or all of the table.

        Raises:
            InputError: the table cannot be read.
        """
        if self.datasets:
            return list(self.datasets)
        return sorted({case.dataset for case in read_training_cases(self.cases)})

    def changes(self) -> Settings:
        """The settings of the file `config`; none without it.

        Raises:
            ConfigError: the file holds none.
        """
        return read_settings(self.config) if self.config else {}
