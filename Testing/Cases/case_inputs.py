"""Writing files with exactly the header that a case asks for.

The same versions write the same bytes. Geometry is in LPS (DICOM, ITK, NRRD), but that of NIfTI
files in RAS.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

THICK = (1.0, 1.0, 3.0)  # mm along I, J, K


def scaled(*spacing: float) -> np.ndarray:
    """The 4 x 4 matrix of an axis-aligned grid; negative numbers turn an axis round."""
    return np.diag([*spacing, 1.0])


def write_nifti(
    path: Path,
    array: np.ndarray,
    sform: np.ndarray | None = None,
    *,
    dtype: type = np.int16,
    sform_code: int = 1,
    qform: np.ndarray | None = None,
    has_qform: bool = True,
) -> None:
    """NIfTI-1 with an sform (3 mm slices unless given) and a qform (the same unless given)."""
    sform = scaled(*THICK) if sform is None else sform
    voxels = np.ascontiguousarray(array.T).astype(dtype)
    image = nibabel.Nifti1Image(voxels, sform)
    image.set_sform(sform, sform_code)
    if has_qform:
        image.set_qform(sform if qform is None else qform, 1)
    else:
        image.set_qform(None, 0)
    nibabel.save(image, path)


def write_with_itk(
    path: Path,
    array: np.ndarray,
    spacing: Sequence[float] = THICK,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    axes: Sequence[float] = (1.0, 1.0, 1.0),
) -> None:
    """A compressed file with an axis-aligned grid; `axes` has -1 for one that is turned round."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(step) for step in spacing])
    image.SetOrigin([float(place) for place in origin])
    image.SetDirection(np.diag(axes).ravel().tolist())
    sitk.WriteImage(image, str(path), True)


def write_segmentation(
    path: Path,
    layers: Sequence[np.ndarray],
    segments: Sequence[dict[str, object]],
    spacing: Sequence[float] = THICK,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
) -> None:
    """A `.seg.nrrd` that says of its segments what is given, and no more.

    Args:
        layers: label maps; several become components in front, as Slicer writes overlaps.
        segments: the fields (ID, Name, LabelValue, Layer, ...) of each segment.
    """
    is_single = len(layers) == 1
    voxels = layers[0] if is_single else np.stack(layers, axis=-1)
    sizes = list(reversed(layers[0].shape))
    directions = [_vector(row) for row in np.diag(spacing)]
    kinds = ["domain"] * 3
    if not is_single:
        sizes.insert(0, len(layers))
        directions.insert(0, "none")
        kinds.insert(0, "list")
    lines = [
        "NRRD0004",
        "type: unsigned char",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(size) for size in sizes)}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        "encoding: gzip",
        f"space origin: {_vector(origin)}",
    ]
    for number, fields in enumerate(segments):
        lines += [f"Segment{number}_{field}:={value}" for field, value in fields.items()]
    header = "\n".join(lines) + "\n\n"
    data = np.ascontiguousarray(voxels, np.uint8).tobytes()
    path.write_bytes(header.encode() + gzip.compress(data, mtime=0))


def _vector(values: Sequence[float]) -> str:
    return f"({','.join(f'{value:g}' for value in values)})"


def dicom_image(
    pixels: np.ndarray,
    number: int,
    z: float,
    *,
    storage: UID = CTImageStorage,
    modality: str = "CT",
    **elements: object,
) -> Dataset:
    """One axial slice as a classic DICOM object, 1 x 1 mm pixels, uint16.

    Args:
        number: its instance number; makes its identifiers, too.
        z: its position in mm.
        elements: further elements by keyword.
    """
    instance = f"2.25.1000.{number}"
    known = {
        "SOPClassUID": storage,
        "SOPInstanceUID": instance,
        "StudyInstanceUID": "2.25.1",
        "SeriesInstanceUID": "2.25.2",
        "FrameOfReferenceUID": "2.25.3",
        "PatientID": "phantom",
        "PatientName": "phantom",
        "PatientBirthDate": "",
        "PatientSex": "",
        "AccessionNumber": "",
        "StudyID": "1",
        "StudyDate": "20200101",
        "StudyTime": "120000",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "Modality": modality,
        "ImagePositionPatient": [0, 0, z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
        "SliceThickness": 3,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
    }
    dataset = Dataset()
    for keyword, value in (known | elements).items():
        setattr(dataset, keyword, value)
    stored = np.rint(pixels).clip(0, 2**16 - 1).astype("<u2")
    dataset.PixelData = stored.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = storage
    dataset.file_meta.MediaStorageSOPInstanceUID = instance
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def save_dicom(
    folder: Path,
    dataset: Dataset,
    name: str | None = None,
) -> None:
    """Write it into a folder; its name is its instance number unless one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{dataset.InstanceNumber:03d}.dcm")
    dataset.save_as(path, enforce_file_format=True)
