"""The experiments of the pancreas paper on other organs: losses, architectures, BiRNN or not.

Each is a cross-validation by patient. Every column is one training for each fold, which chooses its
weights by a fifth of its own patients and never sees those held out; what was trained is not
trained again, and a training that was interrupted goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.evaluation.statistics import select
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import (
    TrainingCase,
    make_folds,
    read_training_cases,
    split_cases,
)
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.studies.first_page import write_first_page
from SlicePropagationLib.studies.pnet import schedule
from SlicePropagationLib.studies.pnet.columns import EXPERIMENTS, Column, Experiment
from SlicePropagationLib.studies.pnet.examples import Segmentations, chosen_cases, draw_examples
from SlicePropagationLib.studies.pnet.held_out import held_out_cases, segmented
from SlicePropagationLib.studies.pnet.plots import draw_sorted, draw_thresholds, draw_volumes
from SlicePropagationLib.studies.pnet.report import RowsOf, first_page, results_text
from SlicePropagationLib.studies.pnet.scores import (
    THRESHOLDS,
    score_volume,
    threshold_curve,
    volume_fit,
)
from SlicePropagationLib.studies.request import Report, Settings, StudyRequest
from SlicePropagationLib.studies.tables import Row, write_cases, write_rows
from SlicePropagationLib.studies.updates import updates_text
from SlicePropagationLib.training.pnet.msa import reached_units
from SlicePropagationLib.training.settings import merged
from SlicePropagationLib.training.train import TrainRequest, train


@dataclass(frozen=True)
class Folds:
    """The cross-validation on one data set.

    Attributes:
        request: the experiment.
        dataset: name of the data set.
        place: folder of what is trained on it.
        tables: a table of cases for each fold.
        report: takes lines about the progress, or None.
    """

    request: StudyRequest
    dataset: str
    place: Path
    tables: list[Path]
    report: Report | None


@dataclass(frozen=True)
class Training:
    """What every fold of a column is trained with.

    Attributes:
        task: of `train`.
        preset: of the task.
        settings: that differ from the preset's.
    """

    task: str
    preset: str
    settings: Settings


def run(request: StudyRequest, report: Report | None = None) -> str:
    """Train what is missing, segment every held-out case, write results.md, scores.csv and plots.

    Args:
        request: the experiment and its cases.
        report: called with a line of text now and then; None to be silent.

    Returns:
        The reports of all data sets as Markdown.

    Raises:
        SlicePropagationError: something about the request, the cases or the folder.
    """
    if request.name not in EXPERIMENTS:
        raise ConfigError(
            f"There is no experiment '{request.name}'; choose one of {', '.join(EXPERIMENTS)}."
        )
    request = replace(request, folds=request.folds or schedule.FOLDS)
    experiment = EXPERIMENTS[request.name]
    columns = _chosen_columns(request, experiment)
    texts = []
    for dataset in request.known_datasets():
        place = Path(request.out) / f"{dataset}-{request.label}"
        tables = _write_tables(request, dataset, place)
        folds = Folds(request, dataset, place, tables, report)
        rows = []
        weights_of = {}
        for name, column in columns.items():
            weights_of[name] = _trained(folds, column)
            rows += [row | {"column": name} for row in _scored(folds, column, weights_of[name])]
        rows_of = {name: select(rows, column=name) for name in columns}
        updates = updates_text(weights_of)
        page = first_page(request, experiment, dataset, rows_of, updates)
        text = page.text() + "\n" + results_text(experiment, dataset, columns, rows_of)
        text += _units_text(columns, weights_of)
        _write(place / request.name, dataset, rows, rows_of, text)
        with atomic_folder(place / request.name) as partial:
            write_first_page(partial, page)
        draw_examples(
            place / request.name,
            Segmentations(tables, request.label, request.device),
            columns,
            weights_of,
            chosen_cases(rows_of[experiment.reference]),
            experiment.reference,
        )
        texts.append(text)
    return "\n".join(texts)


def _chosen_columns(request: StudyRequest, experiment: Experiment) -> dict[str, Column]:
    """The columns of an experiment without those that `--without` names.

    Raises:
        ConfigError: it has none of that name, or the others are compared with it.
    """
    columns = dict(experiment.columns)
    others = [name for name in columns if name != experiment.reference]
    for name in request.without:
        if name not in others:
            raise ConfigError(
                f"{request.name} cannot leave out '{name}'; choose one of {'; '.join(others)}."
            )
        columns.pop(name, None)
    return columns


def _write_tables(
    request: StudyRequest,
    dataset: str,
    place: Path,
) -> list[Path]:
    """Paths of a table for every fold: the cases of a data set that show the label.

    Split into "train", "val" (a fifth of the other patients) and "test" (held out).
    """
    cases = [
        replace(case, split="")
        for case in read_training_cases(request.cases, [dataset])
        if case.split in ("", "train", "val")
    ]
    shown = [case for case in cases if _shows(case, request.label)]
    shown = shown[: request.max_cases]
    if not shown:
        raise InputError(
            f"No case of {dataset} shows label {request.label}; choose another with --label."
        )
    tables = []
    folds = make_folds(shown, request.folds or schedule.FOLDS)
    for number, (rest, held_out) in enumerate(folds, 1):
        path = place / f"fold_{number}.csv"
        train_cases, val_cases = split_cases(rest)
        chosen = [
            *_of_split("train", train_cases),
            *_of_split("val", val_cases),
            *_of_split("test", held_out),
        ]
        with atomic_folder(place) as partial:
            write_cases(partial / path.name, chosen)
        tables.append(path)
    return tables


def _of_split(split: str, cases: list[TrainingCase]) -> list[TrainingCase]:
    return [replace(case, split=split) for case in cases]


def _shows(case: TrainingCase, label: int) -> bool:
    """Whether a case has a voxel of a label; of any for 0."""
    labels, _ = read_labels(case.label_map, read_volume(case.image))
    shown = labels == label if label else labels
    return bool(shown.any())


def _units_text(columns: dict[str, Column], weights_of: dict[str, list[Path]]) -> str:
    """How many units had joined in the weights of each fold; nothing without a curriculum."""
    lines = []
    for name, paths in weights_of.items():
        if columns[name].is_layerwise:
            units = ", ".join(str(reached_units(path)) for path in paths)
            lines.append(f"Units that had joined in the weights of each fold, {name}: {units}.\n")
    return "\n" + "\n".join(lines) if lines else ""


def _trained(folds: Folds, column: Column) -> list[Path]:
    """Paths of the best weights of every fold."""
    request = folds.request
    changes = request.changes()
    if column.has_birnn:
        inits = _trained(folds, Column(column.preset, column.loss))
        return _train(folds, column, _birnn(column, changes), inits)
    settings = {
        "task": {
            "loss": column.loss,
            "slices": {"label": request.label},
        }
    }
    training = Training(
        task="pnet_msa",
        preset=column.preset + ("-small" if request.is_small else ""),
        settings=merged(settings, changes),
    )
    return _train(folds, column, training, [None] * len(folds.tables))


def _birnn(column: Column, changes: Settings) -> Training:
    """As many updates as the network below; its rate is its own."""
    loop = changes.get("loop", {})
    batches = {name: loop[name] for name in ("batches_per_epoch",) if name in loop}
    settings = {
        "task": {"loss": column.loss},
        "loop": batches,
    }
    return Training("pnet_birnn", "default", settings)


def _train(
    folds: Folds,
    column: Column,
    training: Training,
    inits: Sequence[Path | None],
) -> list[Path]:
    """Train every fold, each beginning with weights of its own where there are some."""
    request = folds.request
    folder = folds.place / column.folder
    loop = {"batches_per_epoch": schedule.SMALL_BATCHES} if request.is_small else {}
    settings = merged({"loop": loop}, training.settings)
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    weights = []
    count = len(folds.tables)
    for number, (init, table) in enumerate(zip(inits, folds.tables, strict=True), 1):
        if folds.report:
            folds.report(
                f"training {folder.name} of {folder.parent.name}, fold {number} of {count}"
            )
        fold = TrainRequest(
            task=training.task,
            cases=table,
            out=folder / f"fold_{number}",
            preset=training.preset,
            config=folder / "settings.json",
            init=init,
            epochs=request.epochs,
            max_hours=schedule.hours_of(request),
            seed=request.seed,
            device=request.device,
        )
        weights += train(fold, folds.report)
    return weights


def _scored(
    folds: Folds,
    column: Column,
    weights: list[Path],
) -> list[Row]:
    """A row for every case, segmented by the network of the fold that did not see its patient."""
    rows = []
    for path, table in zip(weights, folds.tables, strict=True):
        segmenter = load_segmenter(path, folds.request.device)
        held_out = held_out_cases(table)
        for case in held_out:
            rows.append(_score(case, segmenter, column, folds.request.label))
        if folds.report:
            folds.report(f"{path.parent.name}: {len(held_out)} cases segmented")
    return rows


def _score(
    case: TrainingCase,
    segmenter: Any,
    column: Column,
    label: int,
) -> Row:
    found = segmented(case, segmenter, column, label)
    spacing_mm = found.volume.spacing_mm
    known = {
        "case": case.name,
        "patient": case.patient,
        "thickness_mm": spacing_mm[0],
    }
    return known | score_volume(found.probability, found.truth, spacing_mm)


def _write(
    folder: Path,
    dataset: str,
    rows: list[Row],
    rows_of: RowsOf,
    text: str,
) -> None:
    """Write the table of all cases, the plots and results.md."""
    curves = {name: threshold_curve(own) for name, own in rows_of.items()}
    fits = {name: volume_fit(own) for name, own in rows_of.items()}
    dice = {}
    for name, own in rows_of.items():
        dice[name] = [row["dice"] for row in own]
    with atomic_folder(folder) as partial:
        write_rows(partial / "scores.csv", rows)
        draw_thresholds(partial / "thresholds.png", dataset, THRESHOLDS, curves)
        draw_volumes(partial / "volumes.png", dataset, rows_of, fits)
        draw_sorted(partial / "sorted.png", dataset, dice)
        (partial / "results.md").write_text(text, encoding="utf-8")
