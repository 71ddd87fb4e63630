"""What a propagation leaves behind: the label map, the per-slice table and the record, all three or none."""

import csv
import json
import platform
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib import __version__
from SlicePropagationLib.atomic import atomic_folder
from SlicePropagationLib.engines import model_hash
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.history import encode_history
from SlicePropagationLib.segmentation_file import Segment, write_labels
from SlicePropagationLib.sequence import Sequence, write_sequence
from SlicePropagationLib.session import Provenance
from SlicePropagationLib.slice_record import TAG, encode_slices
from SlicePropagationLib.volume import AXES, SUFFIXES

COLUMNS = ("slice", "segment", "provenance", "confidence", "area_mm2", "label")


def companion(path, suffix):
    """The file beside an output: `out.nii.gz` and ".slices.csv" give `out.slices.csv`.

    Raises:
        InputError: the output's name has no known ending.
    """
    path = Path(path)
    for known in SUFFIXES:
        if path.name.lower().endswith(known):
            return path.with_name(path.name[:-len(known)] + suffix)
    raise InputError(f"{path} does not end in a kind of image that is written here; use one of {', '.join(SUFFIXES)}.")


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
    table, sidecar = companion(path, ".slices.csv"), companion(path, ".json")
    rows = slice_rows(session, segments)
    known = {segment.label: segment for segment in segments}
    with atomic_folder(path.parent) as partial:
        labels = session.stack.to_volume(session.label_map())
        write_labels(partial / path.name, labels, volume, [known[label] for label in session.labels], segment_tags(session, engine, volume))
        write_rows(partial / table.name, rows)
        (partial / sidecar.name).write_text(json.dumps(describe(session, segments, engine, seconds) | record, indent=1), encoding="utf-8")
    return path


def soft_label_path(path, label):
    """Where the probabilities of a label stand beside a label file: `labels.nii.gz` -> `labels.soft-1.nii.gz`."""
    stem = companion(path, "").name
    return Path(path).with_name(f"{stem}.soft-{label}{Path(path).name[len(stem):]}")


def soft_label_paths(path):
    """{label: file} of the probabilities that stand beside a label file."""
    return {label: soft_label_path(path, label) for label in range(1, 256) if soft_label_path(path, label).is_file()}


def write_label_map(path, labels, source):
    """Write labels of a Volume, (K, J, I), or of a Sequence, (T, K, J, I), with plain segments."""
    if isinstance(source, Sequence):
        write_sequence(path, labels, source)
    else:
        write_labels(path, labels, source, [Segment.plain(int(label)) for label in np.unique(labels[labels > 0])])


def slice_rows(session, segments):
    """The per-slice table: one row for each label on each slice, slices ascending."""
    names = {segment.label: segment.name for segment in segments}
    rows = []
    for label in session.labels:
        areas = session.areas(label) * session.stack.pixel_area_mm2
        for index in range(len(session.stack)):
            state = session.state(label, index)
            confidence = "" if np.isnan(state.confidence) else f"{state.confidence:.3f}"
            rows.append((index, names[label], state.provenance.name.lower(), confidence, f"{areas[index]:.2f}", label))
    return rows


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
        found = {(key, int(row["slice"])): Provenance[row["provenance"].upper()] for row in rows for key in {row["segment"], row.get("label") or row["segment"]}}
    except (OSError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a per-slice table ({error!r}); it needs the columns slice, segment and provenance.") from error
    return found


def describe(session, segments, engine, seconds):
    """What O.json says: enough to know how the labels came about, and to make them again."""
    return {
        "engine": engine.name,
        "model_sha256": model_hash(engine),
        "versions": versions(),
        "seconds": round(seconds, 3),
        "axis": AXES[2 - session.stack.axis],
        "segments": [{"label": segment.label, "name": segment.name} for segment in segments],
        "anchors": {str(label): {str(index): session.state(label, index).provenance.name.lower() for index in session.anchors(label)} for label in session.labels},
        "history": encode_history(session.history),
    }


def versions():
    """Versions of what computed a result."""
    return {"slice-propagation": __version__, "python": platform.python_version(), "numpy": np.__version__, "SimpleITK": sitk.Version_VersionString()}


def segment_tags(session, engine, volume):
    """{label: {tag: value}} that keeps drawn and propagated slices distinguishable inside a segmentation file, as Slicer's module writes it."""
    is_left_handed = bool(np.linalg.det(np.reshape(volume.image.GetDirection(), (3, 3))) < 0)
    return {label: {TAG: encode_slices(session, label, engine.name, model_hash(engine), is_left_handed=is_left_handed)} for label in session.labels}
