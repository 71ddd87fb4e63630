"""A finished result as a session again: masks, where each came from, how far it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import RECORD, TABLE, check_whole, not_a_record, read_record
from SlicePropagationLib.files.segmentation_file import read_segmentation
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.slices_table import read_states
from SlicePropagationLib.session import AnnotationSession

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.files.segments import Segment
    from SlicePropagationLib.files.volume import Volume


def read_finished(
    path: Path | str,
    volume: Volume,
) -> tuple[AnnotationSession, list[Segment], dict[str, Any]]:
    """Read what `write_result` wrote: (the session, its segments, the record).

    Args:
        path: of the segmentation; its table and record stand beside it.
        volume: that it is of.

    Raises:
        InputError: one of the files cannot be read, or is of another run.
        GeometryMismatchError: the grids differ.
    """
    record = read_record(companion(path, RECORD))
    states = read_states(companion(path, TABLE))
    check_whole(path, companion(path, TABLE))
    found = read_segmentation(path, volume)
    try:
        axis = 2 - AXES.index(record["axis"])
        segments = _numbered(found.segments, record["segments"])
    except (ValueError, KeyError, TypeError) as error:
        raise not_a_record(companion(path, RECORD), error, "the record of a result") from error
    stack = volume.stack(axis)
    session = AnnotationSession(stack, [segment.label for segment in segments])
    for own, segment in zip(found.segments, segments, strict=True):
        masks = stack.from_volume_array(found.mask(own))
        for index, state in states.get(segment.label, {}).items():
            if index >= len(stack):
                raise InputError(
                    f"{companion(path, TABLE)} has the slice {index}, and {path} has {len(stack)};"
                    " use the table that was written with it."
                )
            session.restore(segment.label, index, replace(state, patch=Patch.cut(masks[index])))
    return session, segments, record


def _numbered(
    found: Sequence[Segment],
    recorded: Sequence[Mapping[str, Any]],
) -> list[Segment]:
    """Segments of a file with the labels and names that its record has for their IDs."""
    by_id = {entry.get("id"): entry for entry in recorded}
    by_label = {entry["label"]: entry for entry in recorded}
    numbered = []
    for segment in found:
        entry = by_id.get(segment.id) or by_label.get(segment.label)
        if entry is None:
            numbered.append(segment)
        else:
            numbered.append(replace(segment, label=entry["label"], name=entry["name"]))
    return numbered
