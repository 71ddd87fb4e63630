"""The report of an experiment of the pancreas paper: six tables of its columns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from SlicePropagationLib.evaluation.statistics import (
    FEWEST_PATIENTS,
    interval_of_mean,
    values_by_patient,
)
from SlicePropagationLib.studies.first_page import FirstPage, Score, findings_of
from SlicePropagationLib.studies.pnet.columns import PAPER, Column, Experiment
from SlicePropagationLib.studies.pnet.schedule import hours_of
from SlicePropagationLib.studies.pnet.scores import (
    PLATEAU,
    SCORES,
    mean_of,
    plateau_width,
    volume_fit,
)
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import Row, markdown_table

SHOWN_THRESHOLDS = (0.05, 0.25, 0.5, 0.75, 0.95)

RowsOf = dict[str, list[Row]]  # {column: a row for each case}


def first_page(
    request: StudyRequest,
    experiment: Experiment,
    dataset: str,
    rows_of: RowsOf,
    updates: dict[str, str],
) -> FirstPage:
    """The first page of results.md.

    Args:
        request: the experiment and its cases; with its number of folds.
        experiment: what is compared.
        dataset: whose cases were segmented.
        rows_of: {column: a row of scores for each case}.
        updates: {column: updates of its networks, as text}.
    """

    def scores_of(column: str, measure: str) -> list[Score]:
        return [
            Score(dataset, row["patient"], row["case"], row[measure]) for row in rows_of[column]
        ]

    findings = findings_of(experiment.claims, scores_of, rows_of)
    title, how = _head(request, experiment, dataset, rows_of)
    return FirstPage(title, experiment.asked, how, findings, updates)


def results_text(
    experiment: Experiment,
    dataset: str,
    columns: dict[str, Column],
    rows_of: RowsOf,
) -> str:
    """The tables of results.md.

    Args:
        experiment: what is compared.
        dataset: whose cases were segmented.
        columns: those that were not left out.
        rows_of: {column: a row of scores for each case}.
    """
    parts = [
        _spread_table(columns, rows_of),
        _means_table(dataset, rows_of),
        _changes_table(dataset, experiment.reference, rows_of),
        experiment.note,
        _thresholds_table(rows_of),
        _volumes_table(rows_of),
    ]
    return "\n".join(parts)


def _head(
    request: StudyRequest,
    experiment: Experiment,
    dataset: str,
    rows_of: RowsOf,
) -> tuple[str, str]:
    """(what was compared, how it was measured)."""
    what = "all labels as one structure"
    if request.label:
        what = f"label {request.label}"
    every_row = [row for rows in rows_of.values() for row in rows]
    thickness = np.median([row["thickness_mm"] for row in every_row])
    num_cases = len(next(iter(rows_of.values())))
    title = f"{experiment.title}: {dataset}, {what}"
    how = (
        f"{request.folds}-fold cross-validation by patient, {num_cases}"
        f" cases, slices of {thickness:g} mm, {request.scale} scale{_length(request)} a fold, seed"
        f" {request.seed}. Weights are chosen by a fifth of the training patients. Dice,"
        f" Jaccard, precision and recall in percent; the paper's figures are of the {PAPER}."
    )
    return title, how


def _length(request: StudyRequest) -> str:
    if request.epochs:
        return f", {request.epochs} epochs"
    hours = hours_of(request)
    return f", {hours:g} h" if hours else ""


def _spread_table(columns: dict[str, Column], rows_of: RowsOf) -> str:
    """Over cases, with the paper's Dice beside it."""
    header = [
        "mean±standard deviation [lowest, highest] over cases",
        *SCORES.values(),
        f"paper: Dice, {PAPER}",
    ]
    lines = []
    for name, rows in rows_of.items():
        cells = [_spread(rows, score) for score in SCORES]
        lines.append([name, *cells, columns[name].paper])
    return markdown_table(header, lines)


def _means_table(dataset: str, rows_of: RowsOf) -> str:
    """With intervals over patients."""
    lines = []
    for name, rows in rows_of.items():
        cells = [_mean(dataset, rows, score) for score in SCORES]
        lines.append([name, *cells])
    return markdown_table(["mean (95 % interval over patients)", *SCORES.values()], lines)


def _changes_table(
    dataset: str,
    reference: str,
    rows_of: RowsOf,
) -> str:
    """Paired differences to the reference."""
    lines = []
    for name, rows in rows_of.items():
        if name == reference:
            continue
        cells = []
        for score in SCORES:
            changes = _changes(rows_of[reference], rows, score)
            cells.append(_mean(dataset, changes, score, "+"))
        lines.append([name, *cells])
    title = f"minus {reference}, same cases (95 % interval)"
    return markdown_table([title, *SCORES.values()], lines)


def _thresholds_table(rows_of: RowsOf) -> str:
    """Dice at some thresholds, and how many of them do."""
    lines = []
    for name, rows in rows_of.items():
        means = [100 * mean_of(rows, f"dice_{threshold}") for threshold in SHOWN_THRESHOLDS]
        cells = [f"{mean:.1f}" for mean in means]
        lines.append([name, *cells, f"{100 * plateau_width(rows):.0f} %"])
    width = f"thresholds within {100 * PLATEAU:.0f} point of the best"
    return markdown_table(["Dice at threshold", *SHOWN_THRESHOLDS, width], lines)


def _volumes_table(rows_of: RowsOf) -> str:
    lines = []
    for name, rows in rows_of.items():
        fit, variance = volume_fit(rows)
        cell = "unknown" if np.isnan(fit) else f"{fit:.3f}"
        lines.append([name, cell, f"{variance:.3g}"])
    return markdown_table(["volume", "R²", "variance of the error, ml²"], lines)


def _spread(rows: list[Row], score: str) -> str:
    factor, digits = _form(score)
    values = factor * np.array([row[score] for row in rows])
    values = values[~np.isnan(values)]
    if not values.size:
        return "nothing was found"
    numbers = (values.mean(), values.std(), values.min(), values.max())
    mean, deviation, lowest, highest = _written(numbers, f".{digits}f")
    return f"{mean}±{deviation} [{lowest}, {highest}]"


def _mean(
    dataset: str,
    rows: list[Row],
    score: str,
    sign: str = "",
) -> str:
    """Mean of a score with its interval over patients; cases without the score are left out."""
    factor, digits = _form(score)
    known = [row for row in rows if not np.isnan(row[score])]
    by_patient = values_by_patient(known, score)
    if len(by_patient) < FEWEST_PATIENTS:
        return "too few patients"
    bounds = interval_of_mean({dataset: by_patient})
    numbers = [factor * number for number in (mean_of(known, score), *bounds)]
    mean, low, high = _written(numbers, f"{sign}.{digits}f")
    return f"{mean} ({low} to {high})"


def _written(numbers: Iterable[float], form: str) -> list[str]:
    return [format(number, form) for number in numbers]


def _changes(
    reference: list[Row],
    rows: list[Row],
    score: str,
) -> list[Row]:
    """The rows with a score minus that of the same case in `reference`."""
    before = {row["case"]: row[score] for row in reference}
    changes = []
    for row in rows:
        change = row[score] - before[row["case"]]
        changes.append(row | {score: change})
    return changes


def _form(score: str) -> tuple[int, int]:
    """(factor, digits) that a score is written with."""
    return (1, 2) if score == "surface_mm" else (100, 1)
