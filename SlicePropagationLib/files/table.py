"""Tables that people write, such as lists of cases."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from SlicePropagationLib.errors import ConfigError, InputError

SEPARATORS = ",;\t"
LONGEST_HEADING = 1 << 16
LARGEST_BYTES = 32 * 2**20  # 100,000 cases with long paths


def read_table(path: Path | str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table as dicts of text.

    "" where a cell is absent. Rows without any text are left out.

    Cells are separated by commas, or by semicolons or tabs where the heading has them and no comma:
    spreadsheets write these where the comma is the decimal mark.

    Args:
        path: the table.
        columns: those that every row must have something in.

    Raises:
        InputError: the table cannot be read, lacks a column or has no row, or a row lacks a cell or
            has one too many.
    """
    rows, known, separator = _read(path, columns)
    numbered = [(number, row) for number, row in enumerate(rows, 1) if _has_text(row)]
    if not numbered or not set(columns) <= set(known):
        raise InputError(
            f"{path} has {len(numbered)} rows with the columns {', '.join(known) or 'none'}; it"
            f" needs at least one row and the columns {_listed(columns)}, separated by commas."
        )
    for number, row in numbered:
        empty = [column for column in columns if not row[column]]
        if empty:
            raise InputError(
                f"{path} has no {empty[0]} in row {number}; fill the cell or take the row out."
            )
        if any("\0" in cell for cell in row.values() if isinstance(cell, str)):
            raise InputError(
                f"{path} has a NUL in row {number}, which no name can have; save the table as text."
            )
        if any(row.get(None, ())):
            raise InputError(
                f"{path} has {len(known) + len(row[None])} cells in row {number}, for {len(known)}"
                f" columns; put a name with a {separator!r} in quotation marks."
            )
    return [row for _, row in numbered]


def _read(
    path: Path | str, columns: Sequence[str]
) -> tuple[list[dict[Any, Any]], Sequence[str], str]:
    """The rows, the names in the heading, and what separates the cells.

    Cells beyond the heading are a list under the key None.
    """
    try:
        # With the mark that Excel begins a file with, or without.
        with open(path, newline="", encoding="utf-8-sig") as file:
            heading = first_line(file)
            separator = next((mark for mark in SEPARATORS if mark in heading), ",")
            reader = csv.DictReader(file, restval="", delimiter=separator)
            return list(reader), reader.fieldnames or (), separator
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a table ({error}); give one with the columns"
            f" {_listed(columns)}, separated by commas."
        ) from error


def first_line(file: TextIO, most_bytes: int = LARGEST_BYTES) -> str:
    """The heading of a table, which is at its beginning again afterwards.

    Args:
        file: the table.
        most_bytes: that such a table may have; rows take many times the room of their text.

    Raises:
        ValueError: it is longer than any heading, or the table than any table.
    """
    if os.fstat(file.fileno()).st_size > most_bytes:
        raise ValueError(f"it has more than {most_bytes // 2**20} MiB")
    heading = file.readline(LONGEST_HEADING)
    if len(heading) == LONGEST_HEADING:
        raise ValueError(f"its first line has {LONGEST_HEADING} signs or more")
    file.seek(0)
    return heading


def _has_text(row: dict[Any, Any]) -> bool:
    extra = row.get(None, [])
    return any(extra) or any(cell for column, cell in row.items() if column is not None)


def parse_span(text: str) -> tuple[int, int]:
    """(first, last) from "A:B", as in the column `range`.

    Raises:
        ConfigError: it is something else.
    """
    try:
        first, last = (int(part) for part in text.split(":"))
    except ValueError:
        raise ConfigError(
            f"'{text}' is not a slice range; write first:last, as in 10:42."
        ) from None
    return first, last


def parse_spacing(text: str) -> tuple[float, float, float]:
    """(I, J, K) in mm from "I,J,K", as in the column `spacing`.

    Raises:
        ConfigError: it is something else, or a size is not above 0.
    """
    try:
        column_mm, row_mm, slice_mm = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"'{text}' is no spacing; write the three sizes of a voxel in mm, as in 0.5,0.5,2."
        ) from None
    sizes = (column_mm, row_mm, slice_mm)
    if not all(0 < size < float("inf") for size in sizes):
        raise ConfigError(f"'{text}' is no spacing; the three sizes of a voxel are above 0 mm.")
    return sizes


def _listed(columns: Sequence[str]) -> str:
    return " and ".join((", ".join(columns[:-1]), columns[-1]))
