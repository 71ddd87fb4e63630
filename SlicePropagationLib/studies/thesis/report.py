"""The report of an experiment of the thesis: a line for each structure, and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from SlicePropagationLib.evaluation.statistics import is_pooled, select
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import Row, markdown_table
from SlicePropagationLib.studies.thesis.schedule import budget_text
from SlicePropagationLib.studies.thesis.variants import Experiment

MEANS = {
    "mean over real data sets": "dice_thesis",
    "the same, whole volume without annotated slices": "dice",
}  # {title of the line: score}


def results_text(
    request: StudyRequest,
    experiment: Experiment,
    rows: list[Row],
) -> str:
    """The text of results.md.

    Args:
        request: the experiment and its cases.
        experiment: what is compared.
        rows: of the evaluations, with "column".
    """
    trained_on = "all data sets"
    if request.datasets:
        trained_on = ",".join(request.datasets)
    head = (
        "Split `val`, seed on the middle slice. Dice inside the structure's extent, annotated"
        " slices included (the thesis's score): mean ± standard deviation over objects."
        f" Trained on {trained_on}, {request.scale} scale,"
        f" {budget_text(request)}seed {request.seed}.\n"
    )
    columns = list(experiment.columns)
    if len(experiment.shots) > 1:
        table = _corrections_table(rows, columns, experiment.shots)
    else:
        table = _structures_table(rows, columns)
    return "\n".join([f"## {experiment.title}\n", head, table])


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
        means = [_mean_over_sets(select(rows, column=name), score) for name in columns]
        lines.append([f"**{title}**", "", *(f"**{mean:.3f}**" for mean in means)])
    return markdown_table(["structure", "objects", *columns], lines)


def _by_structure(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """{(data set, label): its rows}, sorted."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["dataset"], int(row["label"]))):
        groups.setdefault((row["dataset"], row["label"]), []).append(row)
    return groups


def _mean_and_deviation(rows: list[Row]) -> str:
    scores = [row["dice_thesis"] for row in rows]
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


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
