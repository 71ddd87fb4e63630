"""The comparisons of the cine and of the label-propagation paper, on sequences with known truth.

What one experiment trained serves the others in the same folder: pseudo-labels, the U-Net of the
first stage, equal variants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.statistics import select
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.studies.cine.cases import SYNTHETIC_SET
from SlicePropagationLib.studies.cine.evaluation import evaluate_cine
from SlicePropagationLib.studies.cine.pseudo_labelled import pseudo_labelled
from SlicePropagationLib.studies.cine.unseen import evaluate_unseen
from SlicePropagationLib.studies.cine.variants import (
    EXPERIMENTS,
    UNSEEN,
    VARIANTS,
    CineExperiment,
    CineVariant,
)
from SlicePropagationLib.studies.first_page import (
    FirstPage,
    Score,
    findings_of,
    write_first_page,
)
from SlicePropagationLib.studies.request import Report, StudyRequest
from SlicePropagationLib.studies.updates import updates_text
from SlicePropagationLib.training.settings import merged
from SlicePropagationLib.training.train import TrainRequest, train

Models = dict[str, Path | str]  # {column: model file, or name of an engine}
Measure = Callable[[Models], str]  # writes tables and plots, gives the report as Markdown


def run(request: StudyRequest, report: Report | None = None) -> str:
    """Make pseudo-labels, train what is missing, measure, write report.md and plots.

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
            f"There is no cine experiment '{request.name}'; choose one of {', '.join(EXPERIMENTS)}."
        )
    experiment = EXPERIMENTS[request.name]
    columns = _chosen(experiment, request.only)
    measure = _measure_of(request, report)
    models: Models = {}
    for column, variant in columns.items():
        models[column] = _trained(request, variant, report) if variant else column
    tables = measure(models)
    page = _first_page(request, experiment, models)
    text = page.text() + "\n" + tables
    with atomic_folder(request.folder) as partial:
        write_first_page(partial, page)
        (partial / "report.md").write_text(text, encoding="utf-8")
    return text


def _first_page(
    request: StudyRequest,
    experiment: CineExperiment,
    models: Models,
) -> FirstPage:
    """The first page of report.md, of the rows that were measured."""
    rows = read_table(request.folder / "rows.csv", ("model", "dataset", "case", "label"))

    def scores_of(column: str, measure: str) -> list[Score]:
        own = select(rows, model=column)
        return [_score(row, measure) for row in own]

    findings = findings_of(experiment.claims, scores_of, models)
    length = f", at most {request.max_hours:g} h a training" if request.max_hours else ""
    how = f"Scale {request.scale}{length}, seed {request.seed}. Structures weigh alike."
    trained = {column: [model] for column, model in models.items() if isinstance(model, Path)}
    return FirstPage(experiment.title, experiment.asked, how, findings, updates_text(trained))


def _score(row: Mapping[str, str], measure: str) -> Score:
    group = f"{row['dataset']}, label {row['label']}"
    pair = row["case"], row.get("position", "")
    return Score(group, patient_of(row["case"]), pair, float(row[measure]))


def _chosen(
    experiment: CineExperiment,
    only: tuple[str, ...] | None,
) -> dict[str, str | None]:
    """The columns that are wanted, in their order."""
    columns = experiment.columns
    if not only:
        return columns
    for name in only:
        if name not in columns:
            raise ConfigError(f"There is no column '{name}'; choose among {', '.join(columns)}.")
    return {name: variant for name, variant in columns.items() if name in only}


def _measure_of(request: StudyRequest, report: Report | None) -> Measure:
    """How models are measured: on sequences with known truth, or for "unseen" on real volumes."""
    if request.name != UNSEEN:
        return lambda models: evaluate_cine(
            request.cases,
            models,
            request.folder,
            max_cases=request.max_cases,
            device=request.device,
            report=report,
        )
    unseen = request.unseen
    if not unseen or not (request.match or request.match_of):
        raise ConfigError(
            "The experiment unseen needs --unseen, a table of volumes that no model is trained on,"
            " and --match."
        )
    return lambda models: evaluate_unseen(
        unseen,
        models,
        request.folder,
        dict(request.match),
        datasets=request.datasets,
        match_of=_matches_of(request),
        seen=_sources(Path(request.cases)),
        max_cases=request.max_cases,
        device=request.device,
        report=report,
    )


def _matches_of(request: StudyRequest) -> dict[str, dict[int, int]]:
    """{data set: {label of the models: label of it}} of those that have labels of their own."""
    matches: dict[str, dict[int, int]] = {}
    for dataset, ours, theirs in request.match_of:
        matches.setdefault(dataset, {})[ours] = theirs
    return matches


def _sources(table: Path) -> set[str]:
    """The data sets whose patients the sequences of the split train are made of."""
    rows = read_table(table, ("image", "label"))
    trained = [row for row in rows if row.get("split") in (None, "", "train")]
    return {(row.get("dataset") or "").removeprefix(SYNTHETIC_SET) for row in trained}


def _trained(
    request: StudyRequest,
    name: str,
    report: Report | None,
) -> Path:
    """Path of the weights of a variant, trained now unless they are there.

    An interrupted training goes on.
    """
    variant = VARIANTS[name]
    out = Path(request.out)
    init = None
    if variant.starts_from:
        init = _trained(request, variant.starts_from, report)
    table = request.cases
    if variant.is_warped:
        table = pseudo_labelled(request, report, _trained(request, "voxelmorph", report))
    elif variant.sees_pseudo_labels:
        table = pseudo_labelled(request, report)
    settings = merged(variant.settings, request.changes().get(variant.task, {}))
    with atomic_folder(out / "settings") as partial:
        (partial / f"{name}.json").write_text(json.dumps(settings), encoding="utf-8")
    if report:
        report(f"training {name}")
    training = TrainRequest(
        task=variant.task,
        cases=str(table),
        out=out / "trained" / name,
        preset=_preset(request, variant),
        config=out / "settings" / f"{name}.json",
        init=init,
        max_hours=request.max_hours,
        seed=request.seed,
        device=request.device,
    )
    return train(training, report)[0]


def _preset(request: StudyRequest, variant: CineVariant) -> str:
    return "small" if request.is_small and variant.task != "registration" else "default"
