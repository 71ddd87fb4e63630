"""A case of a batch as its overview shows it: read again from the files of its result."""

from __future__ import annotations

import csv
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import (
    PICTURE,
    RECORD,
    TABLE,
    files_named,
    names_file,
    read_record,
)

log = logging.getLogger(__name__)
PREDICTED = "propagated"
DRAWN = ("seed", "correction", "confirmed")
LAST = 2.0  # in the place of a confidence: behind all that have one
JPEG_QUALITY = 82
Row = Mapping[str, str]  # of a table of slices


class Structure(NamedTuple):
    """A segment of a result.

    Attributes:
        name: of the segment.
        volume_ml: its volume; None where the record does not say it.
    """

    name: str
    volume_ml: float | None


@dataclass(frozen=True)
class Trust:
    """How far the predicted slices of a result can be trusted: those of its least trusted segment.

    Attributes:
        mean: confidence of the segment's slices, each weighted by its area: about the Dice that is
            to be expected of them together.
        lowest: the lowest confidence of one of them,
        slice_number: and which one that is.
        segment: the segment.
    """

    mean: float
    lowest: float
    slice_number: int
    segment: str


@dataclass(frozen=True)
class BatchCase:
    """One case.

    Attributes:
        out: the label map.
        image: what it is of.
        error: why it failed, or None.
        is_skipped: whether it had been done before.
        trust: of its predicted slices; None where there are none, or it failed.
        num_drawn: slices that a person vouches for.
        engine: what walked.
        structures: what it shows.
        found: what a model found that needs no seed, in words; "" of what was propagated.
        has_picture: whether a picture was written with it.
        thumbnail: that, smaller, as JPEG; None where it was not asked for.
    """

    out: Path
    image: str
    error: str | None = None
    is_skipped: bool = False
    trust: Trust | None = None
    num_drawn: int = 0
    engine: str = ""
    structures: tuple[Structure, ...] = ()
    found: str = ""
    has_picture: bool = False
    thumbnail: bytes | None = None


def read_case(
    out: Path | str,
    image: Path | str,
    *,
    is_skipped: bool,
    has_thumbnail: bool = True,
) -> BatchCase:
    """A finished case; without what its files do not say, as those of earlier versions.

    Args:
        out: its label map.
        image: what it is of.
        is_skipped: whether it had been done before.
        has_thumbnail: whether its picture is read, too, which takes longest.
    """
    try:
        return _read_case(Path(out), str(image), is_skipped, has_thumbnail)
    except (ValueError, KeyError, TypeError, AttributeError):  # changed by hand since
        log.debug("The files beside %s cannot be read", out, exc_info=True)
        return BatchCase(Path(out), str(image), is_skipped=is_skipped)


def _read_case(out: Path, image: str, is_skipped: bool, has_thumbnail: bool) -> BatchCase:
    record = _record_of(out)
    rows = _rows_of(out)
    thumbnail = _thumbnail(out, record) if has_thumbnail else None
    drawn = {row.get("slice") for row in rows if row.get("provenance") in DRAWN}
    return BatchCase(
        out,
        image,
        is_skipped=is_skipped,
        trust=trust_of(rows),
        num_drawn=len(drawn),
        engine=str(record.get("engine", "")),
        structures=_structures(record),
        found=_found(record),
        has_picture=thumbnail is not None if has_thumbnail else names_picture(record, out),
        thumbnail=thumbnail,
    )


def doubt(trust: Trust | None) -> float:
    """What sorts the least trusted results to the front, and those that nothing is known of behind."""
    return trust.mean if trust else LAST


def trust_of(rows: Sequence[Row]) -> Trust | None:
    """What the rows of an `O.slices.csv` say of predicted slices that show a structure."""
    by_segment: dict[str, list[Row]] = {}
    for row in rows:
        if row.get("provenance") == PREDICTED and row.get("confidence"):
            by_segment.setdefault(row.get("segment_id") or row["segment"], []).append(row)
    found = [_trust_of_segment(own) for own in by_segment.values()]
    return min(filter(None, found), key=lambda trust: trust.mean, default=None)


def _trust_of_segment(rows: Sequence[Row]) -> Trust | None:
    shown = [row for row in rows if float(row["area_mm2"]) > 0]
    if not shown:
        return None
    confidences = [float(row["confidence"]) for row in shown]
    areas = [float(row["area_mm2"]) for row in shown]
    least = int(np.argmin(confidences))
    return Trust(
        mean=float(np.average(confidences, weights=areas)),
        lowest=confidences[least],
        slice_number=int(shown[least]["slice"]),
        segment=shown[least]["segment"],
    )


def _record_of(out: Path) -> dict[str, Any]:
    try:
        return read_record(companion(out, RECORD))
    except InputError:
        return {}


def _rows_of(out: Path) -> list[dict[str, str]]:
    try:
        with open(companion(out, TABLE), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []


def _structures(record: Mapping[str, Any]) -> tuple[Structure, ...]:
    segments = record.get("segments", ())
    return tuple(Structure(str(each["name"]), each.get("volume_ml")) for each in segments)


def _found(record: Mapping[str, Any]) -> str:
    """What the record of a segmented image says was found."""
    if "voxels" not in record:
        return ""
    counts = (f"label {label}: {count} voxels" for label, count in record["voxels"].items())
    return f"found by {Path(record['model']).name}: {', '.join(counts) or 'nothing'}"


def names_picture(record: Mapping[str, Any], out: Path) -> bool:
    """Whether a picture was written with a result; the file itself is not looked at."""
    return companion(out, PICTURE).name in files_named(record)


def _thumbnail(out: Path, record: Mapping[str, Any]) -> bytes | None:
    """The picture that was written with a result, at half its size."""
    path = companion(out, PICTURE)
    if not names_file(record, path):
        return None
    try:
        picture = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        return jpeg_of(halved(picture))
    except RuntimeError:
        log.debug("%s cannot be read", path, exc_info=True)
        return None


def halved(picture: np.ndarray) -> np.ndarray:
    """(H // 2, W // 2, 3) uint8: means of four pixels of a (H, W, 3) picture."""
    height, width = (2 * (count // 2) for count in picture.shape[:2])
    parts = [picture[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
    return np.mean(parts, axis=0).round().astype(np.uint8)


def jpeg_of(picture: np.ndarray) -> bytes:
    """A (H, W, 3) uint8 picture as the content of a JPEG file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thumbnail.jpg"
        image = sitk.GetImageFromArray(picture, isVector=True)
        sitk.WriteImage(image, str(path), True, JPEG_QUALITY)
        return path.read_bytes()
