"""One measurement on one data set: its parts, its trainings, the cases that are judged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.training_cases import (
    TrainingCase,
    make_folds,
    read_training_cases,
    split_cases,
)
from SlicePropagationLib.networks.acnn.config import FineGridConfig, PlaceConfig, SubpixelConfig
from SlicePropagationLib.networks.acnn.subpixel import build_subpixel
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.segmenters.acnn.fine_grid import OutsideError
from SlicePropagationLib.studies.acnn.data_sets import hours_of, settings_of
from SlicePropagationLib.studies.request import Report, Settings, StudyRequest
from SlicePropagationLib.studies.tables import write_cases
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset, mean_place, read_sample
from SlicePropagationLib.training.acnn.task_configs import AutoencoderTaskConfig
from SlicePropagationLib.training.settings import merged
from SlicePropagationLib.training.train import TrainRequest, train

if TYPE_CHECKING:
    from SlicePropagationLib.studies.acnn.measures import Network


class Subpixel(NamedTuple):
    """A network from thick slices to a fine grid.

    Attributes:
        network: takes (1, 1, N, H, W) thick slices.
        grid: the fine grid.
        labels: those that its classes 1, 2, ... stand for.
    """

    network: Network
    grid: FineGridConfig
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Measurement:
    """A measurement on one data set, or one fold of it.

    Attributes:
        request: the experiment; of a fold with a table and a folder of its own, whose held-out
            patients are the split val.
        dataset: name of the data set.
        report: takes lines about the progress, or None.
        sees_images_only: place grids without labels, as where a network is used, unless --config
            says otherwise.
        trained: {name of a training: its model files}, of those that were needed.
    """

    request: StudyRequest
    dataset: str
    report: Report | None
    sees_images_only: bool = False
    trained: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where what is trained on the data set goes."""
        return Path(self.request.out) / "acnn" / self.dataset

    def cases(self) -> list[TrainingCase]:
        """The cases of the data set."""
        return read_training_cases(self.request.cases, (self.dataset,))

    def val_cases(self) -> list[TrainingCase]:
        """The cases that are judged."""
        _, val = split_cases(self.cases())
        return val

    @cached_property
    def place(self) -> PlaceConfig:
        """Where grids lie: as --config says, or about the mean place of the structures learnt."""
        task = self._autoencoder_task()
        settings = settings_of(self.request, self.dataset, "acnn_autoencoder")
        if not self.sees_images_only or "place" in settings["task"]:
            return task.place
        train_cases, _ = split_cases(self.cases())
        return mean_place(train_cases, task.labels)

    def placed(self) -> str:
        """Where grids lie, in words for a report."""
        if self.place.by == "structure":
            return "Grids lie about the true structures."
        slices, rows, columns = self.place.centre
        return (
            f"Grids lie without the truth: their middle at {slices:.3f} of the slices,"
            f" {rows:.3f} of the rows and {columns:.3f} of the columns."
        )

    def _autoencoder_task(self) -> AutoencoderTaskConfig:
        """Grid, labels and place as the settings of the auto-encoder have them."""
        settings = settings_of(self.request, self.dataset, "acnn_autoencoder")
        known = asdict(AutoencoderTaskConfig())
        return config_from_dict(AutoencoderTaskConfig, merged(known, settings["task"]))

    def parts(self) -> list[Measurement]:
        """Itself or, with --folds, one for each fold."""
        if not self.request.folds:
            return [self]
        cases = [case for case in self.cases() if case.split in ("", "train", "val")]
        parts = []
        for number, (rest, held_out) in enumerate(make_folds(cases, self.request.folds), 1):
            chosen = [replace(case, split="train") for case in rest]
            chosen += [replace(case, split="val") for case in held_out]
            parts.append(self.inside(f"fold_{number}", chosen))
        return parts

    def inside(
        self,
        name: str,
        cases: list[TrainingCase],
    ) -> Measurement:
        """The measurement with other cases, in a folder of its own.

        Args:
            name: of the folder.
            cases: with the split that each is of.
        """
        folder = self.folder / name
        table = _write_cases(folder, cases)
        return replace(self, request=replace(self.request, cases=table, out=folder))

    def that_fit(self) -> tuple[Measurement, list[str]]:
        """The measurement on cases whose structures the grid holds, and messages on the others.

        A spacing that is only nominal makes a few too large.
        """
        if self.place.by == "image":
            return self, []
        task = self._autoencoder_task()
        fitting = []
        messages = []
        for case in self.cases():
            try:
                read_sample(
                    case.image,
                    case.label_map,
                    task.network.grid,
                    task.labels,
                    case.name,
                    needs_fine_truth=False,
                )
                fitting.append(case)
            except OutsideError as error:
                messages.append(str(error))
        if not messages:
            return self, []
        table = _write_cases(self.folder / "cases", fitting)
        return replace(self, request=replace(self.request, cases=table)), messages

    def weights(
        self,
        task: str,
        preset: str = "default",
        prior: Path | None = None,
        *,
        changes: Settings | None = None,
        suffix: str = "",
    ) -> Path:
        """Path of the weights of a training, trained unless that was done.

        The best weights by the split val, or the last, where that is the held-out patients of a
        fold.

        Args:
            task: of `train`.
            preset: of the task at full scale.
            prior: weights of the shape model that guides it, or None.
            changes: of its settings; they need a `suffix`.
            suffix: of its folder's name.
        """
        request = self.request
        placed = "-placed" if self.place.by == "image" else ""
        folder = self.folder / f"{task}-{preset}{suffix}{placed}"
        settings = merged(settings_of(request, self.dataset, task), changes or {})
        if self.place.by == "image":
            settings["task"]["place"] = asdict(self.place)
        if not prior:
            settings["task"].pop("code_weight", None)
        labels = settings["task"].pop("labels", None)
        with atomic_folder(folder) as partial:
            text = json.dumps(settings, indent=1)
            (partial / "settings.json").write_text(text, encoding="utf-8")
        if self.report:
            self.report(f"training {self.dataset} {folder.name}")
        # Those of a shape model hold for what it guides.
        own_labels = tuple(labels) if labels and not prior else None
        training = TrainRequest(
            task=task,
            cases=request.cases,
            out=folder,
            preset=_scaled(preset, request),
            config=folder / "settings.json",
            prior=prior,
            labels=own_labels,
            datasets=(self.dataset,),
            max_hours=hours_of(request),
            seed=request.seed,
            device=request.device,
        )
        best = train(training, self.report)[0]
        files = self.trained.setdefault(f"{task}-{preset}{suffix}", [])
        if best not in files:
            files.append(best)
        return best.with_name("last.pt") if request.folds else best

    def tl_prior(self) -> Path:
        """Weights of the T-L network, whose encoder is the paper's prior (Figure 4)."""
        return self.weights("acnn_predictor", prior=self.weights("acnn_autoencoder"))

    def network(
        self,
        task: str,
        preset: str = "default",
        prior: Path | None = None,
        *,
        changes: Settings | None = None,
        suffix: str = "",
    ) -> Subpixel:
        """The network of a training, as `weights` finds it.

        Args:
            task: of `train`; one from thick slices to a fine grid.
            preset: of the task at full scale.
            prior: weights of the shape model that guides it, or None.
            changes: of its settings; they need a `suffix`.
            suffix: of its folder's name.
        """
        path = self.weights(
            task,
            preset,
            prior,
            changes=changes,
            suffix=suffix,
        )
        return load_subpixel(path)

    def val_data(self, subpixel: Subpixel) -> ShapeDataset:
        """The cases that are judged, on a network's grid."""
        return ShapeDataset(
            self.val_cases()[: self.request.max_cases],
            subpixel.grid,
            subpixel.labels,
            needs_fine_truth=True,
            place=self.place,
        )

    def judged(self, count: int) -> str:
        """The number of cases, and how they were held out where that was in folds."""
        folds = f" in {self.request.folds} folds by patient" if self.request.folds else ""
        return f"{count} cases{folds}"


def load_subpixel(weights: Path) -> Subpixel:
    """The network in a file of weights.

    Raises:
        CheckpointError: it holds none.
    """
    checkpoint = load_checkpoint(weights)
    config = config_from_dict(SubpixelConfig, checkpoint.config["network"])
    network = fill_network(build_subpixel(config), checkpoint, weights).eval()
    return Subpixel(network, config.grid, tuple(checkpoint.config["labels"]))


def _scaled(preset: str, request: StudyRequest) -> str:
    """The name of a preset at the scale of a request."""
    if not request.is_small:
        return preset
    return "small" if preset == "default" else f"{preset}-small"


def _write_cases(folder: Path, cases: list[TrainingCase]) -> Path:
    with atomic_folder(folder) as partial:
        write_cases(partial / "cases.csv", cases)
    return folder / "cases.csv"
