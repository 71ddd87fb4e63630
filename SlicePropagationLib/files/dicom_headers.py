"""Headers of DICOM files read with pydicom, which 3D Slicer bundles."""

import contextlib
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.files.dicom_facts import ABOUT, CLASSIC, ENHANCED
from SlicePropagationLib.files.dicom_frames import DicomFrame

log = logging.getLogger(__name__)
# Objects with rows and columns that are no images: segmentations.
NO_IMAGES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
LEAST_FRAME_BYTES = 8  # of a file, for each frame: a pixel, or the head of a packed one
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
CENTIMETRES = 3  # the code of a unit in a region of an ultrasound image
UNKNOWN_AXES = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def frames_of(path: Path) -> list[DicomFrame]:
    """The frames of one file; none of a file that holds no image.

    Raises:
        Exception: of whatever kind pydicom raises at a damaged file.
    """
    header = read_header(path, stop_before_pixels=True)
    is_image = "Rows" in header and "Columns" in header
    if not is_image or header.get("SOPClassUID") in NO_IMAGES:
        return []
    count = int(header.get("NumberOfFrames") or 1)
    if count * LEAST_FRAME_BYTES > path.stat().st_size:
        raise ValueError(f"it promises {count} frames, more than it can hold")
    own = header.get("PerFrameFunctionalGroupsSequence")
    if own and not _is_timed_by_file(header, own):
        shared = header.get("SharedFunctionalGroupsSequence") or [None]
        return [
            _enhanced(path, header, number, [item, shared[0]]) for number, item in enumerate(own)
        ]
    if count > 1:
        return _in_one_file(path, header, count)
    return [_classic(path, header)]


def files_of_index(path: Path) -> list[list[str]]:
    """The files that the index of a disc lists, each as the parts of its path."""
    records = read_header(path).get("DirectoryRecordSequence") or []
    names = [record.get("ReferencedFileID") for record in records]
    return [[name] if isinstance(name, str) else [*map(str, name)] for name in names if name]


def read_header(path: Path, **options: Any) -> Any:
    """A pydicom data set, of a file with or without preamble."""
    from pydicom import config, dcmread

    # What a file has that the standard does not allow is no news to a person; it is read.
    with config.disable_value_validation(), _silence():
        return dcmread(path, force=True, **options)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what pydicom warns of from the person, who can do nothing about it."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _classic(path: Path, header: Any) -> DicomFrame:
    """The one frame of a file."""
    axes = _axes(header)
    return DicomFrame(
        path=path,
        number=0,
        position=_numbers(header, "ImagePositionPatient", 3),
        axes=axes,
        is_oriented=axes is not UNKNOWN_AXES,
        pixel_mm=_pixel_mm(header),
        slope=_slope(header),
        intercept=_number(header, "RescaleIntercept", 0.0),
        facts=_facts(header),
        **_common(header),
    )


def _common(header: Any, number: int = 0) -> dict[str, Any]:
    """What is said of the file, for a frame of it."""
    about = {name: str(header.get(keyword, "")) for name, keyword in ABOUT.items()}
    return {
        "series": str(header.get("SeriesInstanceUID", "")),
        "uid": str(header.get("SOPInstanceUID", "")),
        "size": (int(header.Rows), int(header.Columns)),
        "instance": _number(header, "InstanceNumber", 0.0) + number / 1e6,
        "about": about,
        "num_values": int(header.get("SamplesPerPixel") or 1),
        "thickness_mm": _thickness_mm(header),
    }


def _slope(header: Any) -> float:
    """The slope of the values; that of a dose has a name of its own."""
    if header.get("SOPClassUID") == DOSE:
        return _number(header, "DoseGridScaling", 1.0)
    return _number(header, "RescaleSlope", 1.0) or 1.0


def _thickness_mm(header: Any) -> float:
    spacing = abs(_number(header, "SpacingBetweenSlices", 0.0))
    return spacing or _number(header, "SliceThickness", 0.0)


def _facts(header: Any) -> dict[str, Any]:
    found = {}
    for name, keywords in CLASSIC.items():
        values = [_plain(header.get(keyword)) for keyword in keywords if keyword in header]
        if values and values[0] is not None:
            found[name] = values[0]
    return found


def _plain(value: Any) -> Any:
    """A value that can be compared and counted."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return tuple(_plain(part) for part in value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _number(header: Any, keyword: str, default: float) -> float:
    """The number of an element; what is no number counts as not said."""
    try:
        value = float(header.get(keyword))
    except (TypeError, ValueError):
        return default
    return value if np.isfinite(value) else default


def _numbers(header: Any, keyword: str, count: int) -> np.ndarray | None:
    """The numbers of an element; None where it has not so many."""
    try:
        values = np.array([float(part) for part in header.get(keyword)])
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and np.isfinite(values).all() else None


def _axes(header: Any) -> np.ndarray:
    found = _numbers(header, "ImageOrientationPatient", 6)
    if found is None:
        return UNKNOWN_AXES
    axes = found.reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    return axes / lengths if lengths.all() else UNKNOWN_AXES


def _pixel_mm(header: Any) -> tuple[float, float]:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = _numbers(header, keyword, 2)
        if found is not None:
            return float(found[0]), float(found[1])
    for region in header.get("SequenceOfUltrasoundRegions") or ():
        across = abs(_number(region, "PhysicalDeltaX", 0.0))
        down = abs(_number(region, "PhysicalDeltaY", 0.0))
        units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
        if units == (CENTIMETRES, CENTIMETRES) and across and down:
            return 10 * down, 10 * across
    return 0.0, 0.0


def _enhanced(path: Path, header: Any, number: int, groups: list[Any]) -> DicomFrame:
    """A frame of an enhanced file; what its own items do not say, the shared ones do."""

    def item(sequence: str) -> Any:
        found = [group[sequence] for group in groups if group and sequence in group]
        return found[0].value[0] if found and found[0].value else {}

    facts = _facts(header)
    for name, places in ENHANCED.items():
        values = [_plain(item(sequence).get(keyword)) for sequence, keyword in places]
        told = [value for value in values if value is not None]
        if told:
            facts[name] = told[0]
    gradient = item("MRDiffusionSequence").get("DiffusionGradientDirectionSequence")
    if gradient:
        facts["gradient"] = _plain(gradient[0].get("DiffusionGradientOrientation"))
    values = item("PixelValueTransformationSequence") or header
    axes = _axes(item("PlaneOrientationSequence"))
    return DicomFrame(
        path=path,
        number=number,
        position=_numbers(item("PlanePositionSequence"), "ImagePositionPatient", 3),
        axes=axes,
        is_oriented=axes is not UNKNOWN_AXES,
        pixel_mm=_pixel_mm(item("PixelMeasuresSequence")),
        slope=_slope(values),
        intercept=_number(values, "RescaleIntercept", 0.0),
        facts=facts,
        **_common(header, number),
    )


def _is_timed_by_file(header: Any, items: Sequence[Any]) -> bool:
    """Whether a file says one time between its frames, and its items nothing but made-up places.

    ITK writes such files.
    """
    return bool(_frame_ms(header)) and not any("FrameContentSequence" in item for item in items)


def _in_one_file(path: Path, header: Any, count: int) -> list[DicomFrame]:
    """The frames of a file that has many, and no items for each: times, or slices of one step."""
    items = header.get("PerFrameFunctionalGroupsSequence")
    if items:
        shared = header.get("SharedFunctionalGroupsSequence") or [None]
        first = _enhanced(path, header, 0, [items[0], shared[0]])
    else:
        first = _classic(path, _with_detector(header))
    offsets = _offsets(header, count)
    step_ms = _frame_ms(header)
    frames = []
    for number in range(count):
        facts = dict(first.facts)
        position = first.position
        if offsets is not None and position is not None:
            position = position + offsets[number] * first.normal
        elif step_ms:
            facts["trigger time"] = step_ms * number
        frames.append(
            replace(first, number=number, position=position, facts=facts, instance=number)
        )
    return frames


def _with_detector(header: Any) -> Any:
    """The part of a header that has the place of the slices; of nuclear medicine, the detector's."""
    detectors = header.get("DetectorInformationSequence")
    if detectors and "ImagePositionPatient" not in header:
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
            if keyword in detectors[0]:
                setattr(header, keyword, detectors[0].get(keyword))
    return header


def _offsets(header: Any, count: int) -> np.ndarray | None:
    """(count,) mm of each frame along the normal; None where frames are no slices."""
    listed = _numbers(header, "GridFrameOffsetVector", count)
    if listed is not None and not _frame_ms(header):
        return listed - listed[0]
    is_tomogram = header.get("Modality") in ("NM", "PT") and not _frame_ms(header)
    step = _number(header, "SpacingBetweenSlices", 0.0)
    if is_tomogram and step:
        return step * np.arange(count)
    return None


def _frame_ms(header: Any) -> float:
    """Milliseconds between the frames of a file, 0 where it does not say."""
    step = _number(header, "FrameTime", 0.0)
    count = int(header.get("NumberOfFrames") or 1)
    steps = _numbers(header, "FrameTimeVector", count)
    if not step and steps is not None and count > 1:
        step = float(steps[1:].mean())
    rate = _number(header, "CineRate", 0.0) or _number(header, "RecommendedDisplayFrameRate", 0.0)
    return step or (1000 / rate if rate else 0.0)
