"""What a propagation leaves behind: the label map, the per-slice table and the record.

All three or none.
"""

import csv
import platform
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib import __version__
from SlicePropagationLib.engines import model_hash, weights_record
from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import (
    RECORD,
    TABLE,
    check_places,
    check_whole,
    not_a_record,
    read_record,
    write_record,
)
from SlicePropagationLib.files.segmentation_file import (
    Segment,
    is_segmentation,
    plain_segments,
    read_labels,
    write_labels,
)
from SlicePropagationLib.files.sequence import Sequence, write_sequence
from SlicePropagationLib.files.volume import AXES, Volume
from SlicePropagationLib.pipelines.history_text import encode_history
from SlicePropagationLib.pipelines.slice_record import (
    TAG,
    Grid,
    encode_slices,
    encode_states,
    grid_values,
)
from SlicePropagationLib.propagation import Engine
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState

# What reading a table of another kind, or one that is cut off, ends with.
BAD_TABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, csv.Error)
COLUMNS = ("slice", "segment", "provenance", "confidence", "area_mm2", "label")


def write_result(
    path: Path | str,
    volume: Volume,
    session: AnnotationSession,
    segments: Collection[Segment],
    engine: Engine,
    seconds: float,
    **record: Any,
) -> Path:
    """Write O (full label map), O.slices.csv and O.json beside each other, atomically.

    The record O.json comes last and holds the hashes of the other two.

    Args:
        path: O; its ending says the format.
        volume: the Volume that was annotated.
        session: the finished AnnotationSession.
        segments: the Segments, for names and colours.
        engine: the engine.
        seconds: how long the runs took.
        record: further entries of O.json.

    Raises:
        OutputError: the folder cannot be written, or a file beside O is not of this program.
    """
    path = Path(path)
    check_places(path)
    table = companion(path, TABLE)
    sidecar = companion(path, RECORD)
    known = {segment.label: segment for segment in segments}
    written = [known[label] for label in session.labels]
    labels = session.stack.to_volume(session.label_map())
    tags = segment_tags(session, engine, volume)
    values = describe(session, segments, engine, seconds) | record
    with atomic_folder(path.parent) as partial:
        write_labels(partial / path.name, labels, volume, written, tags)
        write_rows(partial / table.name, slice_rows(session, segments))
        write_record(partial, sidecar.name, values)
    return path


def read_result(path: Path | str, volume: Volume) -> tuple[np.ndarray, list[Segment]]:
    """Read a segmentation to go on with.

    What `write_result` wrote, or any other label map or segmentation. Beside a label map stand its
    table and record; from them its segments get the names and tags that a `.seg.nrrd` has inside.

    Returns:
        ((K, J, I) uint8 label map, [Segment]), as `read_labels`.

    Raises:
        InputError: one of the files cannot be read.
        GeometryMismatchError: the grids differ.
    """
    labels, segments = read_labels(path, volume)
    table = companion(path, TABLE)
    sidecar = companion(path, RECORD)
    if is_segmentation(path) or not (table.is_file() and sidecar.is_file()):
        return labels, segments
    record = read_record(sidecar)
    try:
        origin = {
            "axis": 2 - AXES.index(record["axis"]),
            "engine": record["engine"],
            "model_hash": record["model_sha256"],
            "is_left_handed": is_left_handed(volume),
            "grid": grid_of(volume),
        }
        names = {entry["label"]: entry["name"] for entry in record["segments"]}
    except (ValueError, KeyError, TypeError) as error:
        remedy = f"take it away to open {Path(path).name} without it"
        raise not_a_record(sidecar, error, "the record of a result", remedy) from error
    states = _read_states(table)
    check_whole(path, table)
    described = []
    for label in sorted({*names, *(segment.label for segment in segments)}):
        segment = Segment.plain(label)
        slices = encode_states(states.get(label, {}), **origin)
        name = names.get(label, segment.name)
        described.append(replace(segment, name=name, tags=f"{TAG}:{slices}|"))
    return labels, described


def _read_states(path: Path | str) -> dict[int, dict[int, SliceState]]:
    """{label: {slice: SliceState without a mask}} of a per-slice table."""
    states: dict[int, dict[int, SliceState]] = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                confidence = float(row["confidence"] or "nan")
                states.setdefault(int(row["label"]), {})[int(row["slice"])] = SliceState(
                    provenance=Provenance[row["provenance"].upper()],
                    confidence=confidence,
                )
    except BAD_TABLE as error:
        raise InputError(
            f"{path} is not a per-slice table ({in_one_line(error)}); it needs the columns slice,"
            " segment, provenance, confidence and label."
        ) from error
    return states


def write_label_map(
    path: Path | str,
    labels: np.ndarray,
    source: Volume | Sequence,
) -> None:
    """Write labels of a Volume, (K, J, I), or of a Sequence, (T, K, J, I), with plain segments."""
    if isinstance(source, Sequence):
        write_sequence(path, labels, source)
    else:
        write_labels(path, labels, source, plain_segments(labels))


def slice_rows(session: AnnotationSession, segments: Collection[Segment]) -> list[tuple[Any, ...]]:
    """The per-slice table: one row for each label on each slice, slices ascending."""
    names = {segment.label: segment.name for segment in segments}
    rows = []
    for label in session.labels:
        areas = session.areas(label) * session.stack.pixel_area_mm2
        for index in range(len(session.stack)):
            state = session.state(label, index)
            rows.append(
                (
                    index,
                    names[label],
                    state.provenance.name.lower(),
                    confidence_text(state),
                    f"{areas[index]:.2f}",
                    label,
                )
            )
    return rows


def confidence_text(state: SliceState) -> str:
    """A confidence as tables of slices have it; empty where nothing was predicted."""
    return "" if np.isnan(state.confidence) else f"{state.confidence:.3f}"


def write_rows(path: Path | str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write the per-slice table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_anchors(path: Path | str) -> dict[tuple[str, int], Provenance]:
    """{(segment name or label as text, slice index): Provenance} of a per-slice table.

    Raises:
        InputError: it is not such a table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = {}
        for row in rows:
            name = row["segment"]
            for key in (name, row.get("label") or name):
                found[key, int(row["slice"])] = Provenance[row["provenance"].upper()]
    except BAD_TABLE as error:
        raise InputError(
            f"{path} is not a per-slice table ({in_one_line(error)}); it needs the columns slice,"
            " segment and provenance."
        ) from error
    return found


def describe(
    session: AnnotationSession, segments: Collection[Segment], engine: Engine, seconds: float
) -> dict[str, Any]:
    """What O.json says: enough to know how the labels came about, and to make them again."""
    return {
        "engine": engine.name,
        **weights_record(engine),
        "versions": versions(),
        "seconds": round(seconds, 3),
        "axis": AXES[2 - session.stack.axis],
        "segments": [{"label": segment.label, "name": segment.name} for segment in segments],
        "anchors": {str(label): _anchors(session, label) for label in session.labels},
        "history": encode_history(session.history),
    }


def _anchors(session: AnnotationSession, label: int) -> dict[str, str]:
    """{slice as text: provenance} of the anchors of a label."""
    return {
        str(index): session.state(label, index).provenance.name.lower()
        for index in session.anchors(label)
    }


def versions() -> dict[str, str]:
    """Versions of what computed a result."""
    return {
        "slice-propagation": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "SimpleITK": sitk.Version_VersionString(),
    }


def segment_tags(
    session: AnnotationSession, engine: Engine, volume: Volume
) -> dict[int, dict[str, str]]:
    """{label: {tag: value}} that keeps drawn and propagated slices distinguishable in a file.

    As Slicer's module writes it.
    """
    origin: dict[str, Any] = {
        "engine": engine.name,
        "model_hash": model_hash(engine),
        "is_left_handed": is_left_handed(volume),
        "grid": grid_of(volume),
    }
    return {label: {TAG: encode_slices(session, label, **origin)} for label in session.labels}


def grid_of(volume: Volume) -> Grid:
    """The voxels of a Volume in the coordinates of Slicer (R, A, S), as `grid_values` says it."""
    image = volume.image
    axes = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix = np.column_stack([axes, image.GetOrigin()])
    return grid_values(
        image.GetSize(),
        matrix * [[-1], [-1], [1]],
        is_left_handed=is_left_handed(volume),
    )


def is_left_handed(volume: Volume) -> bool:
    """Whether the voxel axes of a Volume are a left-handed system."""
    return bool(np.linalg.det(np.reshape(volume.image.GetDirection(), (3, 3))) < 0)
