"""The experiments of the slice-propagation thesis, and an ablation of the `default` preset.

Each trains its variants on the same cases for the same time and tabulates how they walk. A variant
is one training and is shared by the experiments that need it; a training or an evaluation that was
interrupted goes on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError
from SlicePropagationLib.evaluation.evaluate import EvaluateRequest, evaluate
from SlicePropagationLib.evaluation.plots import draw_corrections
from SlicePropagationLib.evaluation.protocol import STEPS
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases, split_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.studies.first_page import write_first_page
from SlicePropagationLib.studies.request import Report, Settings, StudyRequest
from SlicePropagationLib.studies.tables import Row
from SlicePropagationLib.studies.thesis.automatic import automatic_rows
from SlicePropagationLib.studies.thesis.examples import draw_examples
from SlicePropagationLib.studies.thesis.parts import parts_of
from SlicePropagationLib.studies.thesis.report import first_page, organ_rows, results_text
from SlicePropagationLib.studies.thesis.schedule import (
    THESIS_EPOCHS,
    hours_of,
    loop_settings,
)
from SlicePropagationLib.studies.thesis.variants import (
    EXPERIMENTS,
    VARIANTS,
    Experiment,
    Variant,
)
from SlicePropagationLib.studies.updates import updates_text
from SlicePropagationLib.training.record import RECORD
from SlicePropagationLib.training.settings import merged
from SlicePropagationLib.training.train import TrainRequest, train

Structure = tuple[str | None, int | None]  # (data set, label); None for all of them


def run(request: StudyRequest, report: Report | None = None) -> str:
    """Train what is missing, walk the validation cases, write results.md.

    And a plot, where the experiment is about corrections.

    Args:
        request: the experiment and its cases.
        report: called with a line of text now and then; None to be silent.

    Returns:
        The report as Markdown.

    Raises:
        SlicePropagationError: something about the request, the cases or the folder.
    """
    if request.name not in EXPERIMENTS:
        raise ConfigError(
            f"There is no experiment '{request.name}'; choose one of {', '.join(EXPERIMENTS)}."
        )
    experiment = EXPERIMENTS[request.name]
    seen = request.known_datasets()
    walked = _unseen_sets(request, seen) if experiment.is_unseen else seen
    rows = []
    parts = parts_of(request, seen)
    trained: dict[str, list[Path]] = {}
    for number, part in enumerate(parts, 1):
        for row in _part_rows(part, experiment, walked, trained, report):
            rows.append(row | {"fold": number})
    page = first_page(request, experiment, rows, updates_text(trained))
    text = page.text() + "\n" + results_text(experiment, rows)
    with atomic_folder(request.folder) as partial:
        write_first_page(partial, page)
        (partial / "results.md").write_text(text, encoding="utf-8")
        if len(experiment.shots) > 1:
            _draw(partial, experiment, rows)
        of_first_part = [row for row in rows if row["fold"] == 1]
        weights = _walking(parts[0], experiment)
        draw_examples(partial / "examples.png", parts[0], of_first_part, weights, experiment.title)
    return text


def _walking(request: StudyRequest, experiment: Experiment) -> dict[str, Path]:
    """{column: weights} of the columns that walk from a slice, one network for all structures."""
    return {
        column: Path(request.out) / "variants" / name / "best.pt"
        for column, name in experiment.columns.items()
        if not VARIANTS[name].is_per_structure
    }


def _part_rows(
    request: StudyRequest,
    experiment: Experiment,
    walked: list[str],
    trained: dict[str, list[Path]],
    report: Report | None,
) -> Iterator[Row]:
    """The rows of every column, trained on one split; its weights are added to `trained`."""
    for column, name in experiment.columns.items():
        variant = VARIANTS[name]
        for structure in _structures(request, walked, variant):
            weights = _trained(request, name, structure, report)
            trained.setdefault(column, []).append(weights)
            dataset, label = structure
            if variant.is_automatic and dataset is not None and label is not None:
                found = automatic_rows(request, weights, dataset, label)
            else:
                walks = _walks(request, experiment, column, weights, walked, structure)
                found = _walked(walks, report)
            for row in found:
                yield row | {"column": column}


def _draw(
    folder: Path,
    experiment: Experiment,
    rows: list[Row],
) -> None:
    """Figure 5, a line for each depth, and Figure 4, a line for each organ at the working depth."""
    draw_corrections(folder / "corrections.png", rows, list(experiment.columns))
    organs = organ_rows(rows)
    names = sorted({row["column"] for row in organs})
    draw_corrections(folder / "organs.png", organs, names)


def _unseen_sets(request: StudyRequest, seen: list[str]) -> list[str]:
    """The data sets of the table that are not trained on."""
    cases = read_training_cases(request.cases)
    known = {case.dataset for case in cases if case.split in ("", "val")}
    rest = sorted(known - set(seen))
    if not rest:
        raise ConfigError(
            "Every data set of the table is trained on; name with --datasets those that are, so"
            " that others are left to walk."
        )
    return rest


def _structures(
    request: StudyRequest,
    datasets: list[str],
    variant: Variant,
) -> Iterator[Structure]:
    """The structures of the training cases that get a network of their own, or all at once."""
    if not variant.is_per_structure:
        yield None, None
        return
    train_cases, _ = split_cases(read_training_cases(request.cases, datasets))
    found = set()
    for case in train_cases:
        labels, _ = read_labels(case.label_map, read_volume(case.image))
        for label in np.unique(labels[labels > 0]):
            found.add((case.dataset, int(label)))
    yield from sorted(found)


def _trained(
    request: StudyRequest,
    name: str,
    structure: Structure,
    report: Report | None,
) -> Path:
    """Path of a variant's weights, trained unless that was done."""
    variant = VARIANTS[name]
    dataset, label = structure
    named = [str(part) for part in (name, dataset, label) if part is not None]
    folder = Path(request.out) / "variants" / "-".join(named)
    settings = _settings(request, variant, label)
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    if report:
        report(f"training {folder.name}{_for_how_long(request)}")
    try:
        return train(_training(request, variant, dataset, folder), report)[0]
    except SlicePropagationError:
        _clear_away(folder, Path(request.out))
        raise


def _settings(
    request: StudyRequest,
    variant: Variant,
    label: int | None,
) -> Settings:
    """What differs from the preset: length, the variant's own changes, those of --config."""
    loop = loop_settings(request, is_guided=variant.is_guided)
    settings = merged({"loop": loop}, variant.settings())
    if label is not None:
        settings = merged(settings, {"pairs": {"label": label}})
    return merged(settings, request.changes())


def _training(
    request: StudyRequest,
    variant: Variant,
    dataset: str | None,
    folder: Path,
) -> TrainRequest:
    hours = hours_of(request)
    preset = variant.preset
    if request.is_small and not variant.is_guided:
        preset = f"{preset}-small"
    walks = Path(request.out) / "walks" if variant.is_guided else None
    datasets = (dataset,) if dataset else request.datasets
    return TrainRequest(
        task="slice_unet",
        cases=request.cases,
        out=folder,
        preset=preset,
        config=folder / "settings.json",
        walks=walks,
        datasets=datasets,
        epochs=request.epochs or (THESIS_EPOCHS if hours else None),
        max_hours=hours,
        seed=request.seed,
        device=request.device,
    )


def _for_how_long(request: StudyRequest) -> str:
    hours = hours_of(request)
    if hours:
        return f" for {60 * hours:.0f} min"
    if request.epochs:
        return f" for {request.epochs} epochs"
    return ""


def _clear_away(folder: Path, out: Path) -> None:
    """Remove the settings of a training that was refused, and folders that are empty without."""
    if (folder / RECORD).is_file():
        return
    (folder / "settings.json").unlink()
    for place in (folder, folder.parent, out):
        if not any(place.iterdir()):
            place.rmdir()


def _walks(
    request: StudyRequest,
    experiment: Experiment,
    column: str,
    weights: Path,
    walked: list[str],
    structure: Structure,
) -> EvaluateRequest:
    """The evaluation of one network on whole volumes."""
    dataset, label = structure
    datasets = (dataset,) if dataset else tuple(walked)
    labels = (label,) if label else None
    return EvaluateRequest(
        cases=request.cases,
        out=request.folder / weights.parent.name,
        engines=(f"{column}={weights}",),
        shots=experiment.shots,
        datasets=datasets,
        labels=labels,
        max_cases=request.max_cases,
        pick=("middle",),
        correct=(STEPS,),
        workers=request.workers,
        device=request.device,
    )


def _walked(walks: EvaluateRequest, report: Report | None) -> list[Row]:
    """Rows of an evaluation; the thesis's own score stands in `dice_thesis`."""
    failures = evaluate(walks, report).failures
    if failures:
        raise InputError(
            f"An experiment compares the same cases everywhere, but {failures[0][0]} could not be"
            f" scored: {failures[0][1]}"
        )
    rows = []
    with open(Path(walks.out) / "rows.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers = {
                "shots": int(row["shots"]),
                "dice": float(row["dice"]),
                "dice_thesis": float(row["dice_thesis"]),
            }
            rows.append(row | numbers)
    return rows
