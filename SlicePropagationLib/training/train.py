"""Train a network on labelled cases: one training, or one per fold of a cross-validation.

For example: `train(TrainRequest("slice_unet", "cases.csv", out="trained"), report=print)`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import ConfigError, DeviceError, InputError, SlicePropagationError
from SlicePropagationLib.files.atomic import check_writable
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.files.training_cases import (
    TrainingCase,
    check_cases,
    make_folds,
    read_training_cases,
    split_cases,
    without_sets,
)
from SlicePropagationLib.training import TASKS
from SlicePropagationLib.training.fold_table import write_fold_table
from SlicePropagationLib.training.record import RECORD, claim, give_up
from SlicePropagationLib.training.settings import read_training

if TYPE_CHECKING:
    from SlicePropagationLib.training.contracts import Report, Training

DEVICES = ("auto", "cpu", "cuda")
SHIPPED = "shipped"  # in the place of a model file: the weights that come with the program
SHIPPED_WEIGHTS = {"slice_unet": "slice_unet", "registration": "voxelmorph"}  # of each task
NOT_HELD_OUT = ("", "train", "val")  # splits that a cross-validation deals out anew
Part = tuple[list[TrainingCase], list[TrainingCase]]  # training and validation


@dataclass(frozen=True)
class TrainRequest:
    """What is trained, on which cases, and where the weights go.

    The same request again goes on where an earlier training in `out` ended.

    Attributes:
        task: one of `training.TASKS`.
        cases: table with columns image, label and optionally split, dataset, case.
        out: folder of the weights and logs.
        preset: settings to begin with.
        config: JSON file with settings that differ from the preset's.
        init: weights to begin with, or the folder of the training that made them; with `folds`,
            each fold begins with its own. "shipped" for those that come with the program.
        prior: weights of the shape model that guides the training (acnn tasks).
        labels: the labels that the model is about (acnn tasks).
        walks: folder of recorded walks that several trainings share (guided presets of
            slice_unet; outline_unet), or of unpacked volumes (gap_unet); a folder in `out` without
            it.
        datasets: the only data sets of the table that are used; all without it.
        leave_out: data sets of the table that are not used, so that they can be judged as unseen.
        max_cases: only the first so many cases of each split of each data set.
        folds: parts of a cross-validation by patient instead of the table's splits, 0 for none.
        epochs: number of epochs in place of the preset's.
        max_hours: end after that much time; the learning rate falls over that time.
        seed: of everything random, in place of the preset's.
        workers: processes that prepare the data.
        scheduler: address of a Dask scheduler whose workers prepare what is prepared beforehand: the
            recorded walks or the unpacked volumes of `walks`.
        devices, nodes: GPUs (or CPU processes) of how many machines that learn together, in place
            of the preset's.
        device: "auto", "cpu" or "cuda".
        resume: only go on with a training that is in `out` already.
    """

    task: str
    cases: Path | str
    out: Path | str
    preset: str = "default"
    config: Path | str | None = None
    init: Path | str | None = None
    prior: Path | str | None = None
    labels: tuple[int, ...] | None = None
    walks: Path | str | None = None
    datasets: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] | None = None
    max_cases: int | None = None
    folds: int = 0
    epochs: int | None = None
    max_hours: float | None = None
    seed: int | None = None
    workers: int = 1
    scheduler: str | None = None
    devices: int | None = None
    nodes: int | None = None
    device: str = "auto"
    resume: bool = False

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ConfigError(
                f"There is no training task '{self.task}'; choose one of"
                f" {', '.join(sorted(TASKS))}."
            )
        if self.device not in DEVICES:
            raise ConfigError(f"device must be one of {', '.join(DEVICES)}, got '{self.device}'.")
        if self.max_hours == 0:
            raise ConfigError(
                "--max-hours must be above 0, got 0; leave it out for the preset's number of"
                " epochs."
            )
        for name in ("datasets", "leave_out", "labels"):
            if isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a tuple, got '{getattr(self, name)}'.")
        self._check_counts()

    def _check_counts(self) -> None:
        for name in ("folds", "workers", "epochs", "max_cases", "devices", "nodes"):
            least = 0 if name == "folds" else 1
            count = getattr(self, name)
            if count is not None and count < least:
                raise ConfigError(f"{name} must be at least {least}, got {count}.")


def train(request: TrainRequest, report: Report = None) -> list[Path]:
    """Train as a request says.

    Args:
        request: what is trained, on what.
        report: called with a line of text now and then; None to be silent.

    Returns:
        Paths of the best weights: one, or one for each fold.

    Raises:
        SlicePropagationError: something about the request, the cases or the output folder;
            nothing was trained.
    """
    _check_resumes(request)
    check_writable(request.out)
    training = read_training(request)
    _check_fits(training, request)
    parts = _parts_of(request)
    if report:
        report(f"checking {sum(len(part) for part in parts[0])} cases")
    check_cases([case for part in parts[0] for case in part])
    folders = _folders_of(request, len(parts))
    inits = [_init_of(request, folder) for folder in folders]
    for init in inits:
        training.new_task(init)  # weights that do not fit are refused before anything is written
    _check_devices(training.loop.devices, request.device)
    out = Path(request.out)
    is_new = claim(out, training, request)
    options = {
        "device": request.device,
        "workers": request.workers,
        "report": report,
    }
    if request.walks:
        options["walks"] = Path(request.walks)
    if request.scheduler:
        options["scheduler"] = request.scheduler
    try:
        best = [
            training.train(*part, folder, init=init, **options)
            for part, folder, init in zip(parts, folders, inits, strict=True)
        ]
    except SlicePropagationError:
        if is_new:
            give_up(out, folders)
        raise
    if request.folds:
        write_fold_table(out, folders)
    return best


def _check_resumes(request: TrainRequest) -> None:
    """Refuse to resume where there is nothing."""
    if request.resume and not (Path(request.out) / RECORD).is_file():
        raise InputError(
            f"There is no training to resume in {request.out}; leave --resume out to begin one."
        )


def _check_fits(training: Training, request: TrainRequest) -> None:
    """Refuse walks and folds where a training cannot have them."""
    if request.walks and "walks" not in signature(training.train).parameters:
        raise ConfigError(
            f"Preset {request.preset} of task {request.task} learns from no recorded walks;"
            " leave --walks out."
        )
    if request.scheduler and "scheduler" not in signature(training.train).parameters:
        raise ConfigError(
            f"Preset {request.preset} of task {request.task} prepares nothing beforehand; leave"
            " --scheduler out."
        )
    if request.folds and getattr(training, "learns_from_val", False):
        raise ConfigError(
            "This training learns from its validation cases in the end, so that no held-out fold is"
            " left; leave --folds out, or set finetune_epochs to 0."
        )


def _parts_of(request: TrainRequest) -> list[Part]:
    """The cases to learn from and those to choose by: once, or for each fold."""
    cases = read_training_cases(request.cases, request.datasets)
    cases = without_sets(cases, request.leave_out or ())
    cases = list(_first_cases(cases, request.max_cases))
    if not request.folds:
        return [split_cases(cases)]
    return make_folds([case for case in cases if case.split in NOT_HELD_OUT], request.folds)


def _first_cases(cases: Sequence[TrainingCase], count: int | None) -> Iterator[TrainingCase]:
    """The first cases of each split of each data set; all where `count` is None."""
    numbers = {}
    for case in cases:
        key = (case.dataset, case.split)
        numbers[key] = numbers.get(key, 0) + 1
        if count is None or numbers[key] <= count:
            yield case


def _folders_of(request: TrainRequest, count: int) -> list[Path]:
    """A folder for each of `count` trainings."""
    out = Path(request.out)
    return [out / f"fold_{number}" for number in range(1, count + 1)] if request.folds else [out]


def _init_of(request: TrainRequest, folder: Path) -> Path | str | None:
    """The model file that the training in `folder` begins with.

    `init` itself, or the best weights in it where it is the folder of a training, of the same fold.
    """
    if request.init == SHIPPED:
        return str(_shipped_weights(request.task))
    if not request.init or not Path(request.init).is_dir():
        return request.init
    trained = Path(request.init) / folder.name if request.folds else Path(request.init)
    return str(trained / "best.pt")


def _shipped_weights(task: str) -> Path:
    """The model file that comes with the program for a task."""
    if task not in SHIPPED_WEIGHTS:
        raise ConfigError(
            f"No weights of {task} come with the program; '{SHIPPED}' is for"
            f" {', '.join(SHIPPED_WEIGHTS)}, otherwise name a model file."
        )
    return find_model(SHIPPED_WEIGHTS[task])


def _check_devices(count: int, device: str) -> None:
    """Refuse more processes than there are GPUs, or cores where none is used.

    They would only hold one another up.
    """
    import torch  # here, as its tasks are: the command line knows them where torch is absent

    gpus = torch.cuda.device_count() if device != "cpu" else 0
    kind = "GPUs" if gpus else "cores"
    most = gpus or os.cpu_count() or 1
    if count > most:
        raise DeviceError(
            f"devices must be at most {most}, the {kind} of this machine, got {count}; give"
            " fewer --devices."
        )
