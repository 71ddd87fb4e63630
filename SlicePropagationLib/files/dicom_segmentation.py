"""A DICOM Segmentation object of segments on the slices of a DICOM series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.dicom_source import EXTRA, SourceSlice
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segments import Segment

if TYPE_CHECKING:
    import SimpleITK as sitk

MANUFACTURER = "SlicePropagation"
TISSUE = ("85756007", "SCT", "Tissue")  # what Slicer calls a segment that nobody described
ALGORITHM_FAMILY = ("123111", "DCM", "Deformable Models")  # of CID 7162, Algorithm Family


def import_highdicom() -> ModuleType:
    """highdicom, where it is installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import highdicom
    except ImportError:
        raise ConfigError(
            f"DICOM SEG is written with highdicom, which is not installed; install {EXTRA}."
        ) from None
    return highdicom


def write_dicom_segmentation(
    path: Path | str,
    drawn: Segmentation,
    image: sitk.Image,
    sources: Mapping[int, SourceSlice],
    engine: str,
) -> None:
    """Write segments as DICOM SEG; those that overlap stay so.

    Segment n of the object is the n-th that shows anything; its label and ID are the tracking ID.

    Args:
        path: the file.
        drawn: the segments, on the volume's grid.
        image: the SimpleITK image that has the volume's geometry.
        sources: {slice along K: where it came from}.
        engine: what predicted, for the identification of the algorithm.

    Raises:
        ConfigError: highdicom is not installed.
        InputError: no segment shows anything.
    """
    highdicom = import_highdicom()
    segments = [segment for segment in drawn.segments if drawn.mask(segment).any()]
    if not segments:
        raise InputError("No segment shows anything, so there is no DICOM SEG to write.")
    shown = np.any([layer.any(axis=(1, 2)) for layer in drawn.layers], axis=0)
    indices = [int(index) for index in np.flatnonzero(shown)]
    datasets = _unique_datasets(sources)
    found = highdicom.seg.Segmentation(
        source_images=datasets,
        pixel_array=_pixels(drawn, segments, indices),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(highdicom, number, segment, engine)
            for number, segment in enumerate(segments, 1)
        ],
        series_instance_uid=highdicom.UID(),
        series_number=_series_number(datasets, 100),
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name="slice-propagation",
        software_versions=__version__,
        device_serial_number="0",
        content_label="SEGMENTATION",
        series_description="Slice propagation",
        **_planes(highdicom, image, indices),
    )
    found.save_as(path)


def _unique_datasets(sources: Mapping[int, SourceSlice]) -> list[Any]:
    by_uid = {str(each.dataset.SOPInstanceUID): each.dataset for _, each in sorted(sources.items())}
    return list(by_uid.values())


def _series_number(datasets: Sequence[Any], step: int) -> int:
    """A series number that the images do not have."""
    return step + int(datasets[0].get("SeriesNumber") or 0)


def _pixels(
    drawn: Segmentation,
    segments: Sequence[Segment],
    indices: Sequence[int],
) -> np.ndarray:
    """(frames, rows, columns) numbers of segments, or a mask a segment where they overlap."""
    masks = [drawn.mask(segment)[indices] for segment in segments]
    if drawn.num_shared:
        return np.stack(masks, axis=-1).astype(np.uint8)
    pixels = np.zeros(masks[0].shape, np.uint16)
    for number, mask in enumerate(masks, 1):
        pixels[mask] = number
    return pixels


def _planes(
    highdicom: ModuleType,
    image: sitk.Image,
    indices: Sequence[int],
) -> dict[str, Any]:
    """Where the frames lie: the volume's own slices, also where no file has one."""
    column_mm, row_mm, slice_mm = image.GetSpacing()
    directions = np.reshape(image.GetDirection(), (3, 3))
    patient = highdicom.CoordinateSystemNames.PATIENT
    positions = [image.TransformIndexToPhysicalPoint((0, 0, index)) for index in indices]
    return {
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=(row_mm, column_mm),
            slice_thickness=slice_mm,
            spacing_between_slices=slice_mm,
        ),
        "plane_orientation": highdicom.PlaneOrientationSequence(
            patient,
            directions[:, :2].T.ravel().tolist(),
        ),
        "plane_positions": [highdicom.PlanePositionSequence(patient, at) for at in positions],
    }


def _description(
    highdicom: ModuleType,
    number: int,
    segment: Segment,
    engine: str,
) -> Any:
    category, kind = _terminology(segment)
    code = highdicom.sr.CodedConcept
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64] or f"Segment_{segment.label}",
        segmented_property_category=code(*category),
        segmented_property_type=code(*kind),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=f"slice-propagation {engine}",
            family=code(*ALGORITHM_FAMILY),
            version=__version__,
        ),
        tracking_uid=highdicom.UID(),
        tracking_id=f"{segment.label} {segment.id}"[:64],
        display_color=_color(highdicom, segment),
    )


def _color(highdicom: ModuleType, segment: Segment) -> Any:
    red, green, blue = (min(max(round(255 * part), 0), 255) for part in segment.color)
    return highdicom.color.CIELabColor.from_rgb(red, green, blue)


def _terminology(segment: Segment) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """(category, type) of a segment, each (value, scheme, meaning), from Slicer's tag."""
    tags = dict(part.split(":", 1) for part in segment.tags.split("|") if ":" in part)
    parts = tags.get("TerminologyEntry", "").split("~")
    codes = [tuple(part.split("^")) for part in parts[1:3]]
    if len(codes) == 2 and all(len(code) == 3 and all(code) for code in codes):
        category, kind = [(value, scheme, meaning) for scheme, value, meaning in codes]
        return category, kind
    return TISSUE, TISSUE
