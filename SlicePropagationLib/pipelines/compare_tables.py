"""The tables of a comparison: a row for each structure, a row for each slice, and both as JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from SlicePropagationLib.files.record import write_record
from SlicePropagationLib.pipelines.agreement import Agreement
from SlicePropagationLib.pipelines.result_files import versions
from SlicePropagationLib.pipelines.slices_table import number_text, write_rows

NAME = "compare.json"
TABLE = "compare.csv"
SLICES = "compare.slices.csv"
MEASURES = ("dice", "mean_mm", "hd95_mm", "surface_dice", "volume_a_ml", "volume_b_ml")
COLUMNS = (
    *("case", "segment", "label_a", "label_b"),
    *MEASURES,
    *("slices", "slices_that_differ", "most_on_slice"),
)
SLICE_COLUMNS = (
    *("case", "segment", "slice", "dice", "area_a_mm2", "area_b_mm2", "differ_mm2"),
    "pixels_that_differ",
)


@dataclass(frozen=True)
class ComparedSegment:
    """A structure in both results of a case.

    Attributes:
        case: its name.
        name: of the structure, as the first annotator calls it.
        labels: its number in each result; None where it is not there.
        agreement: of the two.
    """

    case: str
    name: str
    labels: tuple[int | None, int | None]
    agreement: Agreement


@dataclass(frozen=True)
class Comparison:
    """What `compare_results` found.

    Attributes:
        segments: of all cases, in their order.
        failures: (case, why) of those that could not be compared.
        only_first, only_second: names of cases that one of two folders has.
    """

    segments: list[ComparedSegment] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    only_first: Sequence[str] = ()
    only_second: Sequence[str] = ()

    @property
    def mean_dice(self) -> float:
        """Mean over all structures of all cases; NaN where there is none."""
        found = [each.agreement.dice for each in self.segments]
        return float(np.mean(found)) if found else float("nan")


def write_tables(partial: Path, found: Comparison, **record: object) -> None:
    """Write both tables and the record into a temporary folder.

    Args:
        partial: the folder that `atomic_folder` gave.
        found: what they say.
        record: further entries of the record.
    """
    write_rows(partial / TABLE, map(_row, found.segments), COLUMNS)
    rows = [row for segment in found.segments for row in _slice_rows(segment)]
    write_rows(partial / SLICES, rows, SLICE_COLUMNS)
    write_record(partial, NAME, _record(found) | record)


def _row(segment: ComparedSegment) -> tuple[object, ...]:
    found = segment.agreement
    differing = found.differing
    measures = (found.dice, found.mean_mm, found.hd95_mm, found.surface_dice, *found.volume_ml)
    labels = ("" if label is None else label for label in segment.labels)
    most = differing[0].index if differing else ""
    counts = (len(found.slices), len(differing), most)
    return (segment.case, segment.name, *labels, *map(cell, measures), *counts)


def cell(value: float) -> str:
    """A measure as the tables have it; empty where it cannot be measured."""
    return "" if np.isnan(value) else number_text(value)


def _slice_rows(segment: ComparedSegment) -> list[tuple[object, ...]]:
    return [
        (
            segment.case,
            segment.name,
            each.index,
            *map(cell, (each.dice, *each.area_mm2, each.differ_mm2)),
            each.num_differing,
        )
        for each in segment.agreement.slices
    ]


def _record(found: Comparison) -> dict[str, object]:
    mean = found.mean_dice
    return {
        "versions": versions(),
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "mean_dice": None if np.isnan(mean) else round(mean, 6),
        "segments": [_entry(segment) for segment in found.segments],
        "not_compared": [{"case": case, "why": why} for case, why in found.failures],
        "only_a": list(found.only_first),
        "only_b": list(found.only_second),
    }


def _entry(segment: ComparedSegment) -> dict[str, object]:
    """A structure as the record has it: the row of the table, numbers as numbers."""
    values = dict(zip(COLUMNS, _row(segment), strict=True))
    numbers = {name: float(str(values[name])) for name in MEASURES if values[name] != ""}
    blanks = {name: None for name, value in values.items() if value == ""}
    slices = {str(each.index): each.num_differing for each in segment.agreement.differing}
    return values | blanks | numbers | {"pixels_that_differ": slices}
