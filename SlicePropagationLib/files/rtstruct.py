"""A DICOM RT Structure Set: the outlines of segments on the slices of a DICOM series."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.contours import outlines
from SlicePropagationLib.files.dicom_source import SourceSlice, import_pydicom
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segments import Segment

if TYPE_CHECKING:
    import SimpleITK as sitk

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"  # what RT objects call the study that they refer to
# What the structure set has of the images' patient and study.
OF_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID")
OF_STUDY = ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")
DIGITS = 9  # of a coordinate, which has at most 16 characters


def write_rtstruct(
    path: Path | str,
    drawn: Segmentation,
    image: sitk.Image,
    sources: Mapping[int, SourceSlice],
) -> None:
    """Write the outlines of segments as an RT Structure Set.

    ROI numbers are the labels. Filled, an outline gives the mask again; where it has a hole, a
    channel without width leads to it.

    Args:
        path: the file.
        drawn: the segments, on the volume's grid.
        image: the SimpleITK image that has the volume's geometry.
        sources: {slice along K: where it came from}.

    Raises:
        ConfigError: pydicom is not installed.
        InputError: the images have no frame of reference.
    """
    pydicom = import_pydicom()
    first = sources[min(sources)].dataset
    if "FrameOfReferenceUID" not in first:
        raise InputError(
            "The DICOM images have no frame of reference, and RTSTRUCT needs one; leave rtstruct"
            " out."
        )
    found = _header(pydicom, first)
    found.ReferencedFrameOfReferenceSequence = [_references(pydicom, sources)]
    found.StructureSetROISequence = [_roi(pydicom, each, first) for each in drawn.segments]
    found.ROIContourSequence = [
        _contours(pydicom, segment, drawn.mask(segment), image, sources)
        for segment in drawn.segments
    ]
    found.RTROIObservationsSequence = [_observation(pydicom, each) for each in drawn.segments]
    found.save_as(path, enforce_file_format=True)


def _header(pydicom: ModuleType, first: Any) -> Any:
    found = _item(
        pydicom,
        SOPClassUID=RT_STRUCTURE_SET,
        SOPInstanceUID=pydicom.uid.generate_uid(),
        SeriesInstanceUID=pydicom.uid.generate_uid(),
        Modality="RTSTRUCT",
        Manufacturer="SlicePropagation",
        ManufacturerModelName="slice-propagation",
        SoftwareVersions=__version__,
        SeriesNumber=200 + int(first.get("SeriesNumber") or 0),
        InstanceNumber=1,
        OperatorsName="",
        StructureSetLabel="SlicePropagation",
        ApprovalStatus="UNAPPROVED",
        FrameOfReferenceUID=first.FrameOfReferenceUID,
        PositionReferenceIndicator="",
    )
    for name in (*OF_PATIENT, *OF_STUDY):
        setattr(found, name, first.get(name, ""))
    if "SpecificCharacterSet" in first:  # names of the images may need it; ours are in UTF-8
        found.PatientName = str(first.get("PatientName", ""))
    found.SpecificCharacterSet = "ISO_IR 192"
    now = datetime.datetime.now()
    found.StructureSetDate = now.strftime("%Y%m%d")
    found.StructureSetTime = now.strftime("%H%M%S")
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE_ENDIAN
    return found


def _item(pydicom: ModuleType, **elements: Any) -> Any:
    dataset = pydicom.Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _references(pydicom: ModuleType, sources: Mapping[int, SourceSlice]) -> Any:
    """The frame of reference, the study, the series, and every image of it."""
    first = sources[min(sources)].dataset
    images = {str(each.dataset.SOPInstanceUID): each for _, each in sorted(sources.items())}
    series = _item(
        pydicom,
        SeriesInstanceUID=first.SeriesInstanceUID,
        ContourImageSequence=[_image(pydicom, each.dataset) for each in images.values()],
    )
    study = _item(
        pydicom,
        ReferencedSOPClassUID=DETACHED_STUDY,
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(
        pydicom,
        FrameOfReferenceUID=first.FrameOfReferenceUID,
        RTReferencedStudySequence=[study],
    )


def _image(
    pydicom: ModuleType,
    dataset: Any,
    frame: int | None = None,
) -> Any:
    found = _item(
        pydicom,
        ReferencedSOPClassUID=dataset.SOPClassUID,
        ReferencedSOPInstanceUID=dataset.SOPInstanceUID,
    )
    if frame is not None:
        found.ReferencedFrameNumber = frame
    return found


def _roi(
    pydicom: ModuleType,
    segment: Segment,
    first: Any,
) -> Any:
    return _item(
        pydicom,
        ROINumber=segment.label,
        ReferencedFrameOfReferenceUID=first.FrameOfReferenceUID,
        ROIName=segment.name[:64],
        ROIDescription=segment.id[:64],
        ROIGenerationAlgorithm="SEMIAUTOMATIC",
    )


def _observation(pydicom: ModuleType, segment: Segment) -> Any:
    return _item(
        pydicom,
        ObservationNumber=segment.label,
        ReferencedROINumber=segment.label,
        RTROIInterpretedType="",
        ROIInterpreter="",
    )


def _contours(
    pydicom: ModuleType,
    segment: Segment,
    mask: np.ndarray,
    image: sitk.Image,
    sources: Mapping[int, SourceSlice],
) -> Any:
    color = [min(max(round(255 * part), 0), 255) for part in segment.color]
    found = _item(pydicom, ReferencedROINumber=segment.label, ROIDisplayColor=color)
    items = []
    for index, points in _polygons(mask, image):
        item = _item(
            pydicom,
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(points),
            ContourData=[f"{value:.{DIGITS}g}" for value in points.ravel()],
            ContourNumber=len(items) + 1,
        )
        if index in sources:
            source = sources[index]
            item.ContourImageSequence = [_image(pydicom, source.dataset, source.frame)]
        items.append(item)
    if items:
        found.ContourSequence = items
    return found


def _polygons(
    mask: np.ndarray,
    image: sitk.Image,
) -> Iterator[tuple[int, np.ndarray]]:
    """(slice along K, (n, 3) points in mm, LPS) of every outline."""
    steps = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        for polygon in outlines(mask[index]):
            places = np.column_stack([polygon[:, ::-1], np.full(len(polygon), index)])
            yield int(index), places @ steps.T + image.GetOrigin()
