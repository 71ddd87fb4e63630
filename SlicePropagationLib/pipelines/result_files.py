"""What a propagation leaves behind: the label map, the per-slice table and the record, all three or none."""

import csv
import json
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib import __version__
from SlicePropagationLib.engines import model_hash, weights_record
from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segmentation_file import (
    Segment,
    is_segmentation,
    read_labels,
    write_labels,
)
from SlicePropagationLib.files.sequence import Sequence, write_sequence
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.pipelines.replay import encode_history
from SlicePropagationLib.pipelines.slice_record import (
    TAG,
    encode_slices,
    encode_states,
    grid_values,
)
from SlicePropagationLib.session import Provenance, SliceState

COLUMNS = ("slice", "segment", "provenance", "confidence", "area_mm2", "label")


def write_result(path, volume, session, segments, engine, seconds, **record):
    """Write O (full label map), O.slices.csv and O.json beside each other, atomically.

    Args:
        path: O; its ending says the format.
        volume: the Volume that was annotated.
        session: the finished AnnotationSession.
        segments: the Segments, for names and colours.
        engine: the engine.
        seconds: how long the runs took.
        record: further entries of O.json.
    """
    path = Path(path)
    table = companion(path, ".slices.csv")
    sidecar = companion(path, ".json")
    rows = slice_rows(session, segments)
    known = {segment.label: segment for segment in segments}
    with atomic_folder(path.parent) as partial:
        labels = session.stack.to_volume(session.label_map())
        write_labels(
            partial / path.name,
            labels,
            volume,
            [known[label] for label in session.labels],
            segment_tags(session, engine, volume),
        )
        write_rows(partial / table.name, rows)
        (partial / sidecar.name).write_text(
            json.dumps(describe(session, segments, engine, seconds) | record, indent=1),
            encoding="utf-8",
        )
    return path


def read_result(path, volume):
    """Read a segmentation to go on with: what `write_result` wrote, or any other label map or segmentation.

    Beside a label map stand its table and record; from them its segments get the names and tags
    that a `.seg.nrrd` has inside.

    Returns:
        ((K, J, I) uint8 label map, [Segment]), as `read_labels`.

    Raises:
        InputError: one of the files cannot be read.
        GeometryMismatchError: the grids differ.
    """
    labels, segments = read_labels(path, volume)
    table = companion(path, ".slices.csv")
    sidecar = companion(path, ".json")
    if is_segmentation(path) or not (table.is_file() and sidecar.is_file()):
        return labels, segments
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
        axis = 2 - AXES.index(record["axis"])
        names = {entry["label"]: entry["name"] for entry in record["segments"]}
        engine = record["engine"]
        model = record["model_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{sidecar} is not the record of a result ({in_one_line(error)}); take it away to open"
            f" {Path(path).name} without it."
        ) from error
    states = _read_states(table)
    described = [
        Segment.plain(label) for label in sorted({*names, *(segment.label for segment in segments)})
    ]
    place = {"is_left_handed": is_left_handed(volume), "grid": grid_of(volume)}
    return labels, [
        replace(
            segment,
            name=names.get(segment.label, segment.name),
            tags=(
                f"{TAG}:{encode_states(states.get(segment.label, {}), axis, engine, model, **place)}|"
            ),
        )
        for segment in described
    ]


def _read_states(path):
    """{label: {slice: SliceState without a mask}} of a per-slice table."""
    states = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                confidence = float(row["confidence"] or "nan")
                states.setdefault(int(row["label"]), {})[int(row["slice"])] = SliceState(
                    provenance=Provenance[row["provenance"].upper()],
                    confidence=confidence,
                )
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} is not a per-slice table ({in_one_line(error)}); it needs the columns slice,"
            " segment, provenance, confidence and label."
        ) from error
    return states


def write_label_map(path, labels, source):
    """Write labels of a Volume, (K, J, I), or of a Sequence, (T, K, J, I), with plain segments."""
    if isinstance(source, Sequence):
        write_sequence(path, labels, source)
    else:
        write_labels(
            path,
            labels,
            source,
            [Segment.plain(int(label)) for label in np.unique(labels[labels > 0])],
        )


def slice_rows(session, segments):
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


def write_rows(path, rows):
    """Write the per-slice table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_anchors(path):
    """{(segment name or label as text, slice index): Provenance} of a per-slice table.

    Raises:
        InputError: it is not such a table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = {
            (key, int(row["slice"])): Provenance[row["provenance"].upper()]
            for row in rows
            for key in {row["segment"], row.get("label") or row["segment"]}
        }
    except (OSError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a per-slice table ({in_one_line(error)}); it needs the columns slice,"
            " segment and provenance."
        ) from error
    return found


def describe(session, segments, engine, seconds):
    """What O.json says: enough to know how the labels came about, and to make them again."""
    return {
        "engine": engine.name,
        **weights_record(engine),
        "versions": versions(),
        "seconds": round(seconds, 3),
        "axis": AXES[2 - session.stack.axis],
        "segments": [{"label": segment.label, "name": segment.name} for segment in segments],
        "anchors": {
            str(label): {
                str(index): session.state(label, index).provenance.name.lower()
                for index in session.anchors(label)
            }
            for label in session.labels
        },
        "history": encode_history(session.history),
    }


def versions():
    """Versions of what computed a result."""
    return {
        "slice-propagation": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "SimpleITK": sitk.Version_VersionString(),
    }


def segment_tags(session, engine, volume):
    """{label: {tag: value}} that keeps drawn and propagated slices distinguishable inside a segmentation file, as Slicer's module writes it."""
    place = {"is_left_handed": is_left_handed(volume), "grid": grid_of(volume)}
    return {
        label: {TAG: encode_slices(session, label, engine.name, model_hash(engine), **place)}
        for label in session.labels
    }


def grid_of(volume):
    """The voxels of a Volume in the coordinates of Slicer (R, A, S), as `grid_values` says it."""
    image = volume.image
    matrix = np.column_stack(
        [np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing(), image.GetOrigin()]
    )
    return grid_values(
        image.GetSize(),
        matrix * [[-1], [-1], [1]],
        is_left_handed=is_left_handed(volume),
    )


def is_left_handed(volume):
    """Whether the voxel axes of a Volume are a left-handed system."""
    return bool(np.linalg.det(np.reshape(volume.image.GetDirection(), (3, 3))) < 0)
