"""What the tables of an evaluation share: Markdown, columns, lines of data sets, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.evaluation.protocol import EvaluationProtocol, Row, scored_rows
from SlicePropagationLib.evaluation.statistics import (
    FEWEST_PATIENTS,
    by_dataset,
    is_pooled,
    means_of,
    select,
)


class Tables(NamedTuple):
    """What an evaluation found.

    Attributes:
        rows: the scores that `score_case` returned, of all cases.
        drift: the drift that it returned.
        results: what `aggregate` made of the rows.
    """

    rows: list[Row]
    drift: list[Row]
    results: list[Row]


class Setting(NamedTuple):
    """A column of a table: an engine and a number of annotated slices."""

    engine: str
    shots: int

    def of(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that are about it, of structures where that number is scored."""
        return scored_rows(select(rows, engine=self.engine, shots=self.shots))

    def __str__(self) -> str:
        return f"{self.engine} K={self.shots}"


class Measure(NamedTuple):
    """How the cells of a table of data sets are made.

    Attributes:
        title: of the table.
        cell: the text for the rows of a data set.
        average: the number for these rows, whose mean over data sets is given.
        style: how that mean is written.
    """

    title: str
    cell: Callable[[list[Row]], str]
    average: Callable[[list[Row]], float]
    style: str


def settings_of(protocol: EvaluationProtocol) -> list[Setting]:
    """The columns of a table: every engine at each number of annotated slices."""
    return [Setting(name, shots) for shots in protocol.shots for name in protocol.names]


def sets_table(
    measure: Measure,
    rows: list[Row],
    protocol: EvaluationProtocol,
) -> str:
    """A line for each data set and each mean over them, a column for each setting."""
    settings = settings_of(protocol)
    lines = []
    for dataset, own in real_ones_first(rows).items():
        title = dataset + marks(dataset, own)
        cells = [_cell(measure, setting.of(own)) for setting in settings]
        lines.append([title, count_objects(own, protocol), count_patients(own), *cells])
    for title, datasets in means_of(rows, protocol).items():
        own = of_sets(rows, datasets)
        cells = []
        for setting in settings:
            mean = mean_over_sets(setting.of(own), datasets, measure.average)
            cells.append(bold(mean, measure.style))
        lines.append([f"**{title}**", count_objects(own, protocol), count_patients(own), *cells])
    header = ["data set", objects_header(protocol), "patients", *settings]
    return markdown(measure.title, header, lines)


def _cell(measure: Measure, rows: list[Row]) -> str:
    return measure.cell(rows) if rows else ""


def markdown(
    title: str,
    header: Sequence[object],
    lines: Iterable[Iterable[object]],
) -> str:
    """A table under a heading."""
    table = [
        f"### {title}\n",
        _line(header),
        "|" + "---|" * len(header),
    ]
    table += [_line(cells) for cells in lines]
    return "\n".join(table) + "\n"


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def bold(value: float, style: str) -> str:
    """A number in bold; nothing where it is none."""
    return "" if np.isnan(value) else f"**{value:{style}}**"


def formatted(value: float | str, style: str) -> str:
    """A number of a table of results; nothing where it is blank."""
    return value if isinstance(value, str) else f"{value:{style}}"


def real_ones_first(rows: list[Row]) -> dict[str, list[Row]]:
    """{data set: its rows}, those that enter a mean ahead of the others."""
    sets = by_dataset(rows)
    names = sorted(sets, key=lambda name: not is_pooled(name))
    return {name: sets[name] for name in names}


def marks(dataset: str, rows: list[Row]) -> str:
    """What is to be known of a data set: `*`, `(n)`, `†`."""
    found = ""
    if not is_pooled(dataset):
        found += " *"
    if rows[0]["is_nominal"]:
        found += " (n)"
    if count_patients(rows) < FEWEST_PATIENTS:
        found += " †"
    return found


def objects_header(protocol: EvaluationProtocol) -> str:
    """The heading of what `count_objects` gives."""
    return f"objects K={'/'.join(map(str, protocol.shots))}"


def count_objects(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """How many objects are behind each number of annotated slices."""
    counts = []
    for shots in protocol.shots:
        scored = scored_rows(select(rows, shots=shots))
        counts.append(len({(row["dataset"], row["case"], row["label"]) for row in scored}))
    return "/".join(map(str, counts))


def count_patients(rows: list[Row]) -> int:
    """How many patients the objects are of."""
    return len({(row["dataset"], row["patient"]) for row in rows})


def of_sets(rows: Iterable[Row], datasets: Iterable[str]) -> list[Row]:
    """The rows of some data sets."""
    wanted = set(datasets)
    return [row for row in rows if row["dataset"] in wanted]


def mean_over_sets(
    rows: list[Row],
    datasets: Iterable[str],
    average: Callable[[list[Row]], float],
) -> float:
    """The mean of the averages of those data sets that have rows; NaN where none has."""
    sets = by_dataset(rows)
    averages = [average(sets[dataset]) for dataset in datasets if dataset in sets]
    return float(np.mean(averages or [np.nan]))
