"""Tables of what is wrong with the masks: ends that were missed, and where the lost Dice went."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from SlicePropagationLib.evaluation.lost_dice import PARTS
from SlicePropagationLib.evaluation.protocol import LOST_COLUMNS, EvaluationProtocol, Row
from SlicePropagationLib.evaluation.statistics import means_of, select
from SlicePropagationLib.evaluation.tables import Measure, formatted, markdown

ENDS_TITLE = (
    "Ends within one slice or 3 mm (ended early, ran past), share of both ends of every object"
)
LOST_TITLE = "Where the lost Dice went: points of 100, in the sum 100 (1 - Dice)"
LOST_HEADER = ("data set", "engine", "K", "objects", "lost", *PARTS.values())


def _share_found(rows: list[Row]) -> float:
    return _mean(rows, "ends_found")


def _ends_cell(rows: list[Row]) -> str:
    early = _mean(rows, "ends_early")
    past = _mean(rows, "ends_past")
    return f"{_share_found(rows):.0%} ({early:.0%}, {past:.0%})"


def _mean(rows: list[Row], column: str) -> float:
    return float(np.mean([row[column] for row in rows]))


ENDS = Measure(
    title=ENDS_TITLE,
    cell=_ends_cell,
    average=_share_found,
    style=".0%",
)


def lost_table(
    results: list[Row],
    rows: list[Row],
    protocol: EvaluationProtocol,
) -> str:
    """The parts of the lost Dice.

    Of every engine in the means, and of the last one, which is compared, in every data set.

    Args:
        results: summaries of one simulated annotator.
        rows: the scores that they are of.
        protocol: what was asked for.
    """
    titles = list(means_of(rows, protocol))
    of_means = [_ordered(select(results, dataset=title), protocol) for title in titles]
    lines = [_lost_line(row) for own in of_means for row in own]
    for row in select(results, engine=protocol.names[-1]):
        if row["dataset"] not in titles:
            lines.append(_lost_line(row))
    return markdown(LOST_TITLE, LOST_HEADER, lines)


def _ordered(results: list[Row], protocol: EvaluationProtocol) -> Iterable[Row]:
    """By number of slices, then by engine, so that engines stand below each other."""
    place = {name: number for number, name in enumerate(protocol.names)}
    return sorted(results, key=lambda row: (row["shots"], place[row["engine"]]))


def _lost_line(row: Row) -> list[object]:
    parts = [row[column] for column in LOST_COLUMNS]
    points = [formatted(100 * part, ".1f") for part in (1 - row["dice"], *parts)]
    return [row["dataset"], row["engine"], row["shots"], row["objects"], *points]
