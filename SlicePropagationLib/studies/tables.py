"""Tables that the studies write: Markdown for people, comma-separated values for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from SlicePropagationLib.files.training_cases import TrainingCase

Row = dict[str, Any]  # a line of a table: {column: number or text}

CASE_COLUMNS = ("image", "label", "split", "dataset", "case")


def markdown_table(header: Sequence[object], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, with a line end behind its last line.

    Args:
        header: what stands above each column.
        lines: the cells of each line.
    """
    rule = ["---"] * len(header)
    return "\n".join(markdown_line(cells) for cells in [header, rule, *lines]) + "\n"


def markdown_line(cells: Iterable[object]) -> str:
    """One line of a table in Markdown."""
    return "| " + " | ".join(map(str, cells)) + " |"


def write_rows(
    path: Path,
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str] | None = None,
) -> None:
    """Write rows as comma-separated values.

    Args:
        path: of the table.
        rows: {column: value} for each line.
        columns: their order; that of the first row where it is None.
    """
    names = list(columns or rows[0])
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)


def write_cases(path: Path, cases: Iterable[TrainingCase]) -> None:
    """Write the table of cases that `read_training_cases` reads.

    Args:
        path: of the table.
        cases: with the split that the table shall say.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(CASE_COLUMNS)
        for case in cases:
            table.writerow(
                [
                    Path(case.image).resolve(),
                    Path(case.label_map).resolve(),
                    case.split,
                    case.dataset,
                    case.name,
                ]
            )
