"""The one reader of images: the header first, then the voxels, with remarks on what it did."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files import dicom, mgh, nifti, ome_zarr, slice_pictures
from SlicePropagationLib.files.axes_check import check_axes
from SlicePropagationLib.files.mapped_file import MappedFile, map_file, map_ome_zarr
from SlicePropagationLib.files.nifti_forms import Placement, seconds_between_frames
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.reading import tell_path
from SlicePropagationLib.files.text_header import check_header

log = logging.getLogger(__name__)
# What results are written as, and what else is read.
SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".seq.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd")
READ_SUFFIXES = (
    *SUFFIXES,
    *mgh.SUFFIXES,
    ".dcm",
    *slice_pictures.SUFFIXES,
    *ome_zarr.SUFFIXES,
)


@dataclass(frozen=True)
class ImageFile:
    """What was read.

    Attributes:
        image: voxels and geometry; 4D where it has times.
        remarks: sentences about how it was read.
        nifti: the header of a NIfTI file, which results have again.
    """

    image: sitk.Image
    remarks: tuple[str, ...] = ()
    nifti: NiftiHeader | None = None


def load_image(
    path: Path | str,
    frame: int | None = None,
    series: str | None = None,
    spacing_mm: Sequence[float] | None = None,
) -> ImageFile:
    """Read a file, a folder of DICOM files or pictures, or OME-Zarr.

    Args:
        path: of the file or folder; of OME-Zarr it may be a URL.
        frame: the one time of a DICOM series or of OME-Zarr that is wanted, from 0; None for a
            volume.
        series: which volume of a DICOM folder, as `choose_dicom` takes it, or channel of OME-Zarr.
        spacing_mm: of pictures, along I, J, K.

    Raises:
        InputError: it does not exist, is of an unknown kind, or cannot be read.
    """
    _check_name(path)
    if ome_zarr.is_ome_zarr(path):
        return _whole_zarr(ome_zarr.open_ome_zarr(path, frame, series))
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path}; check the name.")
    if _is_stack_of_pictures(path):
        return _pictures(path, spacing_mm)
    if path.is_dir() or (not _has_suffix(path, SUFFIXES) and dicom.is_dicom(path)):
        return _dicom(path, frame, series)
    if nifti.is_nifti(path):
        found = nifti.read_nifti(path)
        step = seconds_between_frames(found.header) if found.array.ndim == 4 else 1.0
        image = placed_image(found.array, found.placement, step)
        return ImageFile(image, found.remarks, found.header)
    if mgh.is_mgh(path):
        array, placement = mgh.read_mgh(path)
        return ImageFile(placed_image(array, placement), placement.remarks)
    if not _has_suffix(path, SUFFIXES):
        raise InputError(
            f"{path} is not a kind of image that is read here; use one of"
            f" {', '.join(READ_SUFFIXES)}, or a folder of DICOM files or pictures."
        )
    image = _with_itk(path)
    return ImageFile(image, check_axes(image, path))


def map_image(
    path: Path | str,
    frame: int | None = None,
    series: str | None = None,
) -> MappedFile | None:
    """A large 3D volume whose voxels stay where they are; None of all others.

    Args:
        path: as `load_image`.
        frame: of OME-Zarr.
        series: of OME-Zarr.

    Raises:
        InputError: as `load_image`.
    """
    _check_name(path)
    if ome_zarr.is_ome_zarr(path):
        return map_ome_zarr(ome_zarr.open_ome_zarr(path, frame, series))
    path = Path(path)
    is_mappable = path.is_file() and _has_suffix(path, SUFFIXES)
    found = map_file(path) if is_mappable else None
    if found is None or found.nifti is not None:
        return found
    return replace(found, remarks=(*found.remarks, *check_axes(found.image, path)))


def placed_image(
    array: np.ndarray,
    placement: Placement,
    step: float = 1.0,
) -> sitk.Image:
    """A SimpleITK image of (K, J, I) or (T, K, J, I) voxels, where they lie.

    Args:
        array: the voxels.
        placement: of the grid.
        step: between times; 1 where it is 0.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(array), isVector=False)
    direction = np.eye(array.ndim)
    direction[:3, :3] = placement.direction
    is_timed = array.ndim == 4
    image.SetSpacing([*placement.spacing_mm, *([step or 1.0] if is_timed else [])])
    image.SetOrigin([*placement.origin_mm, *([0.0] if is_timed else [])])
    image.SetDirection(direction.ravel().tolist())
    return image


def _has_suffix(path: Path, suffixes: Sequence[str]) -> bool:
    return path.name.lower().endswith(tuple(suffixes))


def _check_name(path: Path | str) -> None:
    """Refuse a name that other programs' files cannot have: it is no UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"The name {shown} is not UTF-8, so that results cannot name it; rename the file."
        ) from error


def _whole_zarr(found: ome_zarr.ZarrImage) -> ImageFile:
    image = placed_image(found.read(), found.placement)
    for name, text in found.fields.items():
        image.SetMetaData(name, text)
    return ImageFile(image, found.remarks)


def _is_stack_of_pictures(path: Path) -> bool:
    """Whether a path is a picture, or a folder of pictures and of no DICOM file."""
    if not path.is_dir():
        return slice_pictures.is_picture(path)
    return bool(slice_pictures.pictures_in(path)) and not any(
        dicom.has_dicom_start(one) for one in path.iterdir() if one.is_file()
    )


def _pictures(path: Path, spacing_mm: Sequence[float] | None) -> ImageFile:
    array, placement, remarks = slice_pictures.read_pictures(path, spacing_mm)
    return ImageFile(placed_image(array, placement), remarks)


def _dicom(
    path: Path,
    frame: int | None,
    series: str | None,
) -> ImageFile:
    """One volume of a DICOM series."""
    choice = dicom.choose_dicom(path, series)
    count = choice.stack.num_times
    if frame is None and count > 1:
        raise InputError(
            f"{choice.name} is a sequence of {count} frames (times) with {len(choice.stack.places)}"
            f" slice(s) each, a volume has one; name one of its frames with --frame 0 to"
            f" {count - 1}, or go along time with --axis t."
        )
    if not 0 <= (frame or 0) < count:
        last = f"frames 0 to {count - 1}" if count > 1 else "one frame, 0"
        raise InputError(
            f"{choice.name} has {last}, and frame {frame} was asked for; choose one of these, or"
            " leave --frame out."
        )
    found = dicom.read_dicom(choice, [frame or 0])
    return ImageFile(placed_image(found.array[0], found.placement), found.remarks)


def _with_itk(path: Path) -> sitk.Image:
    check_header(path)
    tell_path(path, "Reading the file")
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(
            f"{path} cannot be read as an image; it may be truncated or of another kind. ({reason})"
        ) from error
