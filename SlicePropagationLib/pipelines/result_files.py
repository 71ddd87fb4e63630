"""What a propagation leaves behind: the label map, the per-slice table and the record.

All three or none.
"""

import platform
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib import __version__
from SlicePropagationLib.engines import model_hash, weights_record
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import (
    PICTURE,
    RECORD,
    TABLE,
    check_places,
    check_whole,
    not_a_record,
    read_record,
    write_record,
)
from SlicePropagationLib.files.segmentation_file import (
    Segmentation,
    plain_segments,
    read_segmentation,
    write_labels,
)
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.sequence import Sequence, write_sequence
from SlicePropagationLib.files.volume import AXES, Volume
from SlicePropagationLib.pipelines.history_text import encode_history
from SlicePropagationLib.pipelines.result_layers import write_session_labels
from SlicePropagationLib.pipelines.slice_record import (
    TAG,
    Grid,
    encode_slices,
    encode_states,
    grid_values,
)
from SlicePropagationLib.pipelines.slices_table import (
    number_text,
    read_states,
    slice_rows,
    volume_ml,
    write_rows,
)
from SlicePropagationLib.propagation import Engine
from SlicePropagationLib.session import AnnotationSession


def write_result(
    path: Path | str,
    volume: Volume,
    session: AnnotationSession,
    segments: Collection[Segment],
    engine: Engine,
    seconds: float,
    *,
    has_picture: bool = False,
    **record: Any,
) -> Path:
    """Write O (full label map), O.slices.csv and O.json beside each other, atomically.

    The record O.json comes last and holds the hashes of the others.

    Args:
        path: O; its ending says the format.
        volume: the Volume that was annotated.
        session: the finished AnnotationSession.
        segments: the Segments, for names and colours.
        engine: the engine.
        seconds: how long the runs took.
        has_picture: whether O.png is written, too.
        record: further entries of O.json.

    Raises:
        OutputError: the folder cannot be written, or a file beside O is not of this program.
    """
    path = Path(path)
    check_places(path, result_suffixes(has_picture))
    table = companion(path, TABLE)
    sidecar = companion(path, RECORD)
    written = [segment for segment in segments if segment.label in session.labels]
    tags = segment_tags(session, engine, volume)
    values = describe(session, segments, engine, seconds) | record
    with atomic_folder(path.parent) as partial:
        write_session_labels(partial / path.name, session, volume, written, tags)
        write_rows(partial / table.name, slice_rows(session, segments))
        if has_picture:
            # what draws is imported on use: Slicer's panel starts without it
            from SlicePropagationLib.pipelines.result_picture import result_picture

            picture = result_picture(session, written, volume)
            write_png(partial / companion(path, PICTURE).name, picture)
        write_record(partial, sidecar.name, values)
    return path


def result_suffixes(has_picture: bool) -> tuple[str, ...]:
    """Of the files that stand beside a result."""
    return (TABLE, RECORD, PICTURE) if has_picture else (TABLE, RECORD)


def read_result(path: Path | str, volume: Volume) -> Segmentation:
    """Read a segmentation to go on with.

    What `write_result` wrote, or any other label map or segmentation. Beside a label map stand its
    table and record; from them its segments get the names and tags that a `.seg.nrrd` has inside.

    Raises:
        InputError: one of the files cannot be read.
        GeometryMismatchError: the grids differ.
    """
    found = read_segmentation(path, volume)
    table = companion(path, TABLE)
    sidecar = companion(path, RECORD)
    if found.is_described or not (table.is_file() and sidecar.is_file()):
        return found
    record = read_record(sidecar)
    try:
        origin = {
            "axis": 2 - AXES.index(record["axis"]),
            "engine": record["engine"],
            "model_hash": record["model_sha256"],
            "is_left_handed": is_left_handed(volume),
            "grid": grid_of(volume),
        }
        described = {entry["label"]: recorded_segment(entry) for entry in record["segments"]}
    except (ValueError, KeyError, TypeError) as error:
        remedy = f"take it away to open {Path(path).name} without it"
        raise not_a_record(sidecar, error, "the record of a result", remedy) from error
    states = read_states(table)
    check_whole(path, table)
    plain = {segment.label: segment for segment in found.segments}
    segments = []
    for label, segment in sorted((plain | described).items()):
        slices = encode_states(states.get(label, {}), **origin)
        segments.append(replace(segment, tags=f"{TAG}:{slices}|"))
    return Segmentation(found.layers, tuple(segments))


def recorded_segment(entry: Mapping[str, Any]) -> Segment:
    """A segment as a record has it.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    if type(entry["label"]) is not int or type(entry["name"]) is not str:
        raise TypeError(f"a segment is {entry!r}")
    plain = Segment.plain(entry["label"])
    return replace(
        plain,
        name=entry["name"],
        id=str(entry.get("id", plain.id)),
        layer=int(entry.get("layer", 0)),
        value=int(entry.get("value", 0)),
    )


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


def describe(
    session: AnnotationSession,
    segments: Collection[Segment],
    engine: Engine,
    seconds: float,
    first_event: int = 0,
) -> dict[str, Any]:
    """What O.json says: enough to know how the labels came about, and to make them again.

    Args:
        session: what was annotated.
        segments: for names and numbers.
        engine: what walked last.
        seconds: how long the runs took.
        first_event: of the history; those before it are kept elsewhere.
    """
    return {
        "engine": engine.name,
        **weights_record(engine),
        "versions": versions(),
        "seconds": round(seconds, 3),
        "axis": AXES[2 - session.stack.axis],
        "segments": [_describe_segment(session, segment) for segment in segments],
        "anchors": {str(label): _anchors(session, label) for label in session.labels},
        "history": encode_history(session.history[first_event:]),
    }


def _describe_segment(session: AnnotationSession, segment: Segment) -> dict[str, Any]:
    entry = {
        "label": segment.label,
        "name": segment.name,
        "id": segment.id,
    }
    if segment.label in session.labels:  # a label map may hold more than was walked
        entry["volume_ml"] = float(number_text(volume_ml(session, segment.label)))
    if segment.layer or segment.stored != segment.label:
        entry |= {"layer": segment.layer, "value": segment.stored}
    return entry


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
