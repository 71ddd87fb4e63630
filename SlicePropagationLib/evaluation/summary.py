"""The short table of an evaluation: what a person reads before the report."""

from __future__ import annotations

from collections.abc import Sequence

from SlicePropagationLib.evaluation.protocol import EvaluationProtocol, Row
from SlicePropagationLib.evaluation.report import user_title
from SlicePropagationLib.evaluation.statistics import FAILURE, by_dataset, means_of, select
from SlicePropagationLib.evaluation.tables import Tables

HEADER = ("engine", "K", "objects", "Dice", "95 % interval", "failures")
GAP = "  "
TERMS = (
    "K: number of annotated slices. Dice: of the whole volume, annotated slices excluded, mean over"
    " data sets; the interval is over patients. Objects: structures that reach over at least 3 K"
    f" slices. Failures: objects below Dice {FAILURE:g}."
)


def summary_text(tables: Tables, protocol: EvaluationProtocol) -> str:
    """A table for each simulated annotator and mean over data sets, and what its terms mean.

    Where no data set enters a mean, there is a table for each.

    Args:
        tables: what was found.
        protocol: what was asked for.
    """
    parts = []
    titles = list(means_of(tables.rows, protocol) or by_dataset(tables.rows))
    for pick, correct in protocol.users:
        own = select(tables.results, pick=pick, correct=correct)
        for title in titles:
            lines = [_line(row) for row in select(own, dataset=title)]
            if lines:
                parts.append(f"{user_title(pick, correct)}; {title}:\n{aligned(HEADER, lines)}\n")
    return "\n".join([*parts, TERMS])


def _line(row: Row) -> tuple[str, ...]:
    interval = ""
    if row["dice_low"] != "":
        interval = f"{row['dice_low']:.3f} to {row['dice_high']:.3f}"
    counts = (str(row["shots"]), str(row["objects"]))
    return (row["engine"], *counts, f"{row['dice']:.3f}", interval, str(row["failures"]))


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: numbers end below their heading, words begin below it.

    Args:
        header: name of each column.
        rows: the cells, as many as columns.
    """
    columns = zip(header, *rows, strict=True)
    lines = zip(*map(_aligned_column, columns), strict=True)
    return "\n".join(GAP.join(cells).rstrip() for cells in lines)


def _aligned_column(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    _, *cells = column
    side = ">" if all(map(_is_number, cells)) else "<"
    return [f"{cell:{side}{width}}" for cell in column]


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, or nothing."""
    try:
        float(text or 0)
    except ValueError:
        return False
    return True
