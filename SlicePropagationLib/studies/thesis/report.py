"""The report of an experiment of the thesis: a line for each structure, and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from SlicePropagationLib.evaluation.statistics import is_pooled, select
from SlicePropagationLib.studies.first_page import FirstPage, Score, findings_of
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import Row, markdown_table
from SlicePropagationLib.studies.thesis.schedule import budget_text
from SlicePropagationLib.studies.thesis.variants import VARIANTS, Experiment

WORKING_DEPTH = "depth 4"

MEANS = {
    "mean over real data sets": "dice_thesis",
    "the same, whole volume without annotated slices": "dice",
}  # {title of the line: score}


def first_page(
    request: StudyRequest,
    experiment: Experiment,
    rows: list[Row],
    updates: dict[str, str],
) -> FirstPage:
    """The first page of results.md.

    Args:
        request: the experiment and its cases.
        experiment: what is compared.
        rows: of the evaluations, with "column".
        updates: {column: updates of its networks, as text}.
    """
    known = {row["dataset"] for row in rows}
    pooled = {dataset for dataset in known if is_pooled(dataset)} or known

    def scores_of(column: str, measure: str) -> list[Score]:
        own = select(rows, column=column)
        return [
            Score(row["dataset"], row["patient"], _pair(row), row[measure])
            for row in own
            if row["dataset"] in pooled
        ]

    findings = findings_of(experiment.claims, scores_of, experiment.columns)
    how = _how(request, experiment)
    return FirstPage(experiment.title, experiment.asked, how, findings, updates)


def _pair(row: Row) -> tuple[object, ...]:
    """What the rows of two columns have in common."""
    return row["case"], row["label"], row["shots"]


def results_text(experiment: Experiment, rows: list[Row]) -> str:
    """The tables of results.md.

    Args:
        experiment: what is compared.
        rows: of the evaluations, with "column".
    """
    columns = list(experiment.columns)
    if len(experiment.shots) == 1:
        return _structures_table(rows, columns)
    table = _corrections_table(rows, columns, experiment.shots)
    organs = organ_rows(rows)
    names = sorted({row["column"] for row in organs})
    table += f"\nBy structure, {WORKING_DEPTH} (thesis, Figure 4):\n\n"
    return table + _corrections_table(organs, names, experiment.shots)


def _how(request: StudyRequest, experiment: Experiment) -> str:
    """On what it was measured, and how long networks were trained."""
    judged = "Split `val`"
    spread = "over objects"
    if request.folds:
        judged = f"{request.folds} folds by patient"
        spread = "over folds"
    trained_on = "all data sets"
    if request.datasets:
        trained_on = ",".join(request.datasets)
    return (
        f"{judged}, seed on the middle slice. Dice inside the structure's extent, annotated"
        f" slices included (the thesis's score): mean ± standard deviation {spread}."
        f"{_automatic_text(experiment)}"
        f" Trained on {trained_on}, {request.scale} scale,"
        f" {budget_text(request)}seed {request.seed}."
    )


def _automatic_text(experiment: Experiment) -> str:
    """What is different about a column that is given no slice."""
    for column, name in experiment.columns.items():
        if VARIANTS[name].is_automatic:
            return f" `{column}` is given no slice; every slice of its score is its own."
    return ""


def organ_rows(rows: list[Row]) -> list[Row]:
    """The rows of the thesis's working depth, whose column is the structure (Figure 4).

    Of an experiment without that column, those of its first.
    """
    names = {row["column"] for row in rows}
    chosen = WORKING_DEPTH if WORKING_DEPTH in names else rows[0]["column"]
    return [
        row | {"column": f"{row['dataset']} {row['label']}"}
        for row in rows
        if row["column"] == chosen
    ]


def _corrections_table(
    rows: list[Row],
    columns: list[str],
    shots: Sequence[int],
) -> str:
    """A line for each number of annotated slices."""
    lines = []
    for count in shots:
        own = select(rows, shots=count)
        means = [_mean_over_sets(select(own, column=name), "dice_thesis") for name in columns]
        lines.append([count, *(f"{mean:.3f}" for mean in means)])
    return markdown_table(["annotated slices", *columns], lines)


def _structures_table(rows: list[Row], columns: list[str]) -> str:
    """A line for each structure, and the means over data sets."""
    lines = []
    for (dataset, label), own in _by_structure(rows).items():
        cells = [_mean_and_deviation(select(own, column=name)) for name in columns]
        lines.append([f"{dataset} {label}", len(own) // len(columns), *cells])
    for title, score in MEANS.items():
        means = [_mean_of_folds(select(rows, column=name), score) for name in columns]
        lines.append([f"**{title}**", "", *(f"**{mean}**" for mean in means)])
    return markdown_table(["structure", "objects", *columns], lines)


def _by_structure(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """{(data set, label): its rows}, sorted."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["dataset"], int(row["label"]))):
        groups.setdefault((row["dataset"], row["label"]), []).append(row)
    return groups


def _mean_and_deviation(rows: list[Row]) -> str:
    """Over objects, or over the means of folds where there are several."""
    folds = _by_fold(rows)
    scores = [row["dice_thesis"] for row in rows]
    if len(folds) > 1:
        scores = [float(np.mean([row["dice_thesis"] for row in own])) for own in folds]
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def _mean_of_folds(rows: list[Row], score: str) -> str:
    """The mean over data sets, with its deviation over folds where there are several."""
    means = [_mean_over_sets(own, score) for own in _by_fold(rows)]
    deviation = f" ± {np.std(means):.3f}" if len(means) > 1 else ""
    return f"{np.mean(means):.3f}{deviation}"


def _by_fold(rows: list[Row]) -> list[list[Row]]:
    folds: dict[int, list[Row]] = {}
    for row in rows:
        folds.setdefault(row.get("fold", 1), []).append(row)
    return list(folds.values())


def _mean_over_sets(rows: list[Row], score: str) -> float:
    """Structures weigh the same within a data set, data sets among each other.

    Simulated and automatic labels are left out where there are others.
    """
    sets: dict[str, list[float]] = {}
    for (dataset, _), own in _by_structure(rows).items():
        mean = float(np.mean([row[score] for row in own]))
        sets.setdefault(dataset, []).append(mean)
    real = {dataset: scores for dataset, scores in sets.items() if is_pooled(dataset)}
    means = [np.mean(scores) for scores in (real or sets).values()]
    return float(np.mean(means))
