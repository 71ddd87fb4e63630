"""`O.slices.csv`, the per-slice table beside a result: its columns, writing it, reading it again.

A row says where one segment on one slice came from. Segments are told apart by their label and
their ID; names are for people, and may repeat.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.files.table import first_line
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.files.segments import Segment

LARGEST_BYTES = 128 * 2**20  # of a table: 2000 slices of 1000 segments
COLUMNS = (
    "slice",
    "segment",
    "provenance",
    "confidence",
    "area_mm2",
    "label",
    "segment_id",
    "volume_ml",
)
MM3_PER_ML = 1000


def slice_rows(session: AnnotationSession, segments: Collection[Segment]) -> list[tuple[Any, ...]]:
    """The per-slice table: one row for each label on each slice, slices ascending."""
    known = {segment.label: segment for segment in segments}
    rows = []
    for label in session.labels:
        areas = session.areas(label) * session.stack.pixel_area_mm2
        for index in range(len(session.stack)):
            state = session.state(label, index)
            rows.append(slice_row(index, known[label], state, areas[index], session))
    return rows


def slice_row(
    slice_number: int,
    segment: Segment,
    state: SliceState,
    area_mm2: float,
    session: AnnotationSession,
) -> tuple[Any, ...]:
    """One row, in the order of `COLUMNS`."""
    thickness_mm = 0.0 if session.stack.is_time else session.stack.spacing_mm[0]
    volume = number_text(area_mm2 * thickness_mm / MM3_PER_ML)
    return (
        slice_number,
        segment.name,
        state.provenance.name.lower(),
        confidence_text(state),
        number_text(area_mm2),
        segment.label,
        segment.id,
        "" if session.stack.is_time else volume,
    )


def number_text(value: float) -> str:
    """A measure with six significant digits, so that it says something in any unit."""
    return f"{value:.6g}"


def volume_ml(session: AnnotationSession, label: int) -> float:
    """The volume of a label: areas of its slices times the distance between slices."""
    voxel_mm3 = session.stack.pixel_area_mm2 * session.stack.spacing_mm[0]
    return float(session.areas(label).sum() * voxel_mm3 / MM3_PER_ML)


def confidence_text(state: SliceState) -> str:
    """A confidence as tables of slices have it; empty where nothing was predicted."""
    return "" if np.isnan(state.confidence) else f"{state.confidence:.3f}"


def write_rows(
    path: Path | str,
    rows: Iterable[tuple[Any, ...]],
    columns: Sequence[str] = COLUMNS,
) -> None:
    """Write the per-slice table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@dataclass(frozen=True)
class AnchorTable:
    """What a per-slice table says of the segments in it.

    Attributes:
        path: the table.
        by_id, by_label, by_name: {slice: Provenance} of each segment, by what the table calls it;
            empty where it lacks the column.
    """

    path: Path | str
    by_id: Mapping[str, dict[int, Provenance]]
    by_label: Mapping[int, dict[int, Provenance]]
    by_name: Mapping[str, dict[int, Provenance]]

    @property
    def num_slices(self) -> int:
        """One more than the highest slice in it."""
        groups = (self.by_label, self.by_id, self.by_name)
        indices = [index for group in groups for rows in group.values() for index in rows]
        return 1 + max(indices, default=-1)

    def of_segments(
        self,
        segments: Sequence[Segment],
        *,
        has_ids: bool,
    ) -> dict[int, dict[int, Provenance]]:
        """{label: {slice: Provenance}} of segments; empty for those that the table does not know.

        By ID where both have IDs, as those stay when a program gives out other numbers; by label
        otherwise; by name only in tables that have nothing else.

        Args:
            segments: to be found in the table.
            has_ids: whether their file stated the IDs.

        Raises:
            InputError: the table has names only, and two segments share one.
        """
        if not self.by_label and not self.by_id:
            return self._of_names(segments)
        found = {}
        own_ids = {segment.id for segment in segments}
        for segment in segments:
            if has_ids and segment.id in self.by_id:
                found[segment.label] = self.by_id[segment.id]
            elif not (has_ids and self._id_of_label(segment.label) in own_ids):
                found[segment.label] = self.by_label.get(segment.label, {})
        return {segment.label: found.get(segment.label, {}) for segment in segments}

    def _id_of_label(self, label: int) -> str | None:
        rows = self.by_label.get(label)
        return next((name for name, own in self.by_id.items() if own is rows), None)

    def _of_names(self, segments: Sequence[Segment]) -> dict[int, dict[int, Provenance]]:
        names = [segment.name for segment in segments]
        twice = sorted({name for name in names if names.count(name) > 1 and name in self.by_name})
        if twice:
            raise InputError(
                f"{self.path} tells segments apart by their names, and {names.count(twice[0])} of"
                f" the seed are called '{twice[0]}'; add a column label with their numbers."
            )
        found = {}
        for segment in segments:
            by_number = self.by_name.get(str(segment.label), {})
            is_other = str(segment.label) in names
            fallback = {} if is_other else by_number
            found[segment.label] = self.by_name.get(segment.name, fallback)
        return found


def read_anchors(path: Path | str) -> AnchorTable:
    """Read which slices of which segments are anchors from a per-slice table.

    Raises:
        InputError: it is not such a table.
    """
    by_id: dict[str, dict[int, Provenance]] = {}
    by_label: dict[int, dict[int, Provenance]] = {}
    by_name: dict[str, dict[int, Provenance]] = {}
    for row in _read_rows(path, ("slice", "segment", "provenance")):
        index, label, provenance = _numbers(row, path)
        name = row["segment"]
        if label is None:
            slices = by_name.setdefault(name, {})
        else:
            slices = by_label.setdefault(label, {})
            if row.get("segment_id"):
                by_id.setdefault(row["segment_id"], slices)
        slices[index] = provenance
    return AnchorTable(path, by_id, by_label, by_name)


def read_states(path: Path | str) -> dict[int, dict[int, SliceState]]:
    """{label: {slice: SliceState without a mask}} of a per-slice table.

    Raises:
        InputError: it is not such a table, or has no labels.
    """
    states: dict[int, dict[int, SliceState]] = {}
    columns = ("slice", "segment", "provenance", "confidence", "label")
    for row in _read_rows(path, columns):
        index, label, provenance = _numbers(row, path)
        if label is None:
            raise _no_table(path, "a row has no label", columns)
        try:
            confidence = float(row["confidence"] or "nan")
        except (ValueError, TypeError) as error:
            raise _no_table(path, in_one_line(error), columns) from error
        states.setdefault(label, {})[index] = SliceState(
            provenance=provenance,
            confidence=confidence,
        )
    return states


def _read_rows(path: Path | str, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Rows while they are read, so that the first wrong one ends it, however many follow."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first_line(file, LARGEST_BYTES)
            reader = csv.DictReader(file)
            missing = set(columns) - set(reader.fieldnames or ())
            if missing:
                raise ValueError(f"it lacks {', '.join(sorted(missing))}")
            for number, row in enumerate(reader, 1):
                if None in row.values():
                    raise ValueError(f"row {number} is cut off")
                yield row
    except (OSError, ValueError, csv.Error) as error:
        raise _no_table(path, in_one_line(error), columns) from error


def _numbers(
    row: Mapping[str, str],
    path: Path | str,
) -> tuple[int, int | None, Provenance]:
    """(slice, label or None, provenance) of a row."""
    try:
        label = row.get("label")
        number = int(label) if label else None
        return int(row["slice"]), number, Provenance[row["provenance"].upper()]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _no_table(path, in_one_line(error), ("slice", "segment", "provenance")) from error


def _no_table(path: Path | str, reason: str, columns: Sequence[str]) -> InputError:
    listed = ", ".join(columns[:-1])
    return InputError(
        f"{path} is not a per-slice table ({reason}); it needs the columns {listed} and"
        f" {columns[-1]}."
    )
