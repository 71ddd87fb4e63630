"""Reading images and label maps from files, with every check that a person can act on."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.arrays import Spacing
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom import is_dicom
from SlicePropagationLib.files.file_names import check_name
from SlicePropagationLib.files.image_file import SUFFIXES as SUFFIXES
from SlicePropagationLib.files.image_file import ImageFile, load_image, map_image
from SlicePropagationLib.files.mapped_file import Image, MappedFile, voxels_of
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.reading import tell_stage
from SlicePropagationLib.files.remote import at_hand
from SlicePropagationLib.files.unpacked import finite_map
from SlicePropagationLib.lazy_voxels import LazyVoxels, stays_in_file
from SlicePropagationLib.orientation import letters_of
from SlicePropagationLib.stack import SliceStack, check_outline, finite_values

log = logging.getLogger(__name__)
AXES = ("i", "j", "k")


@dataclass(frozen=True)
class Volume:
    """A 3D image from a file.

    Attributes:
        array: (K, J, I) voxels; a read-only memory map where it is large and was to be mapped, and
            `LazyVoxels` of a large OME-Zarr image.
        image: the SimpleITK image that has its geometry; a MappedImage where the voxels are mapped.
        path: where it came from.
        nifti: the header of a NIfTI file; results have its forms and codes.
        remarks: sentences about how it was read.
        series: which volume of a DICOM folder it is, where that was said.
    """

    array: np.ndarray
    image: Image
    path: Path
    nifti: NiftiHeader | None = None
    remarks: tuple[str, ...] = ()
    series: str | None = None

    @property
    def spacing_mm(self) -> Spacing:
        """Spacing along K, J, I."""
        column_mm, row_mm, slice_mm = self.image.GetSpacing()
        return slice_mm, row_mm, column_mm

    @property
    def itk_image(self) -> sitk.Image:
        """The image with its voxels, which all have been read."""
        assert isinstance(self.image, sitk.Image), "the voxels of a mapped volume stay in its file"
        return self.image

    @property
    def directions(self) -> np.ndarray:
        """(3, 3); its columns are unit vectors of I, J, K in LPS."""
        return np.reshape(self.image.GetDirection(), (3, 3))

    def stack(self, axis: int = 0) -> SliceStack:
        """The SliceStack along an axis (0, 1, 2 for K, J, I), which knows how it lies in a patient."""
        towards = letters_of(self.directions)
        return SliceStack.from_volume(self.array, self.spacing_mm, axis, towards=towards)


def read_image(
    path: Path | str,
    frame: int | None = None,
    series: str | None = None,
    spacing_mm: Sequence[float] | None = None,
) -> sitk.Image:
    """Read a file, or a folder of DICOM files or pictures; remarks on it are logged as warnings.

    NaN of a NIfTI file counts as 0.

    Args:
        path: of the file or folder.
        frame: the one time of a DICOM series that is wanted; other images keep all theirs.
        series: which volume of a DICOM folder, as `--series` takes it.
        spacing_mm: of pictures, along I, J, K.

    Raises:
        InputError: it does not exist, is of an unknown kind, or cannot be read.
    """
    with at_hand(path) as place:
        loaded = _load(place, frame, series, spacing_mm)
    if loaded.nifti is None:
        return loaded.image
    array = sitk.GetArrayViewFromImage(loaded.image)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return loaded.image
    count = int(np.count_nonzero(~np.isfinite(array)))
    log.warning("%s has %d NaN or infinite voxels; NaN counts as 0.", path, count)
    is_number = ~np.isnan(array)
    filled = sitk.GetImageFromArray(np.where(is_number, array, 0), isVector=False)
    filled.CopyInformation(loaded.image)
    return filled


def _load(
    path: Path | str,
    frame: int | None,
    series: str | None,
    spacing_mm: Sequence[float] | None,
) -> ImageFile:
    """Read an image, and log the remarks on it."""
    check_name(path)
    loaded = load_image(path, frame, series, spacing_mm)
    _tell(loaded)
    return loaded


def _tell(loaded: ImageFile | MappedFile) -> None:
    for remark in loaded.remarks:
        log.warning("%s", remark)


def _map(
    path: Path | str,
    frame: int | None = None,
    series: str | None = None,
) -> MappedFile | None:
    """A large volume whose voxels stay in its file, with the remarks on it; None of others."""
    check_name(path)
    found = map_image(path, frame, series)
    if found is not None:
        _tell(found)
    return found


def read_or_map(path: Path | str) -> Image:
    """As `read_image`; the voxels of a large volume of whole numbers stay in its file."""
    with at_hand(path) as place:
        found = _map(place)
        if found is None or found.image.array.dtype.kind not in "ui":
            return read_image(place)
    array = found.image.array
    return (
        replace(found.image, array=array.whole()) if isinstance(array, LazyVoxels) else found.image
    )


def read_volume(
    path: Path | str,
    frame: int | None = None,
    series: str | None = None,
    spacing_mm: Sequence[float] | None = None,
    *,
    may_map: bool = False,
) -> Volume:
    """Read a grey-value volume; NaN and infinite voxels are replaced with a warning.

    Args:
        path: an image file, a folder or disc with a DICOM series, a folder of pictures, or OME-Zarr,
            or a URL of one.
        frame: which time point of an image with times, from 0; None for a 3D image.
        series: which volume of a DICOM folder, or channel of OME-Zarr, that holds several, as
            `--series` takes it.
        spacing_mm: of pictures, along I, J, K.
        may_map: whether the voxels of a large volume may stay in its file.

    Raises:
        SeriesChoiceError: a DICOM folder holds several volumes, or OME-Zarr several channels.
        InputError: the image is 2D, has times and no frame is named, is in colour, empty or
            constant, or cannot be read.
    """
    with at_hand(path) as place:
        loaded = (may_map and _map(place, frame, series)) or _load(place, frame, series, spacing_mm)
        is_chosen = frame and (is_ome_zarr(place) or is_dicom(Path(place)))
    image = loaded.image
    tell_stage("Checking the values")
    _check_single_channel(image, path)
    if isinstance(image, sitk.Image) and image.GetDimension() == 4:
        image = _one_frame(image, frame, path)
    elif frame and not is_chosen:
        raise InputError(
            f"{path} has one frame, 0, and frame {frame} was asked for; leave --frame out, or give"
            " the 4D image."
        )
    if image.GetDimension() != 3:
        raise InputError(
            f"{path} has {image.GetDimension()} dimensions (size {_times(image.GetSize())}), a"
            " volume needs 3; stack the slices first."
        )
    array = voxels_of(image)
    if array.size == 0:
        raise InputError(
            f"{path} is empty (size {_times(image.GetSize())}); pick a volume with voxels."
        )
    array = finite_map(array, path) if stays_in_file(array) else finite_values(array, path)
    _check_not_constant(array, path)
    return Volume(array, image, Path(path), loaded.nifti, loaded.remarks, series)


def choose_axis(
    annotated: np.ndarray, axis: str = "auto", spacing_mm: Sequence[float] = (1.0, 1.0, 1.0)
) -> int:
    """The array axis (0, 1, 2 for K, J, I) along which slices were annotated.

    Args:
        annotated: (K, J, I) bool, where anything is annotated.
        axis: "auto", or "i", "j", "k" to say it.
        spacing_mm: along K, J, I; decides between axes that fit equally well.

    Raises:
        InputError: nothing is annotated, or what is annotated lies on no slice of the axis asked
            for.
    """
    shown = [_annotated_slices(annotated, a) for a in range(3)]
    return choose_among(shown, axis, spacing_mm)


def choose_among(
    shown: Sequence[np.ndarray], axis: str = "auto", spacing_mm: Sequence[float] = (1.0, 1.0, 1.0)
) -> int:
    """As `choose_axis`, of the indices of annotated slices along each of K, J, I."""
    if not len(shown[0]):
        raise InputError(
            "The seed has no annotated pixel; draw the structure on at least one slice."
        )
    counts = [len(slices) for slices in shown]
    fitting = min(range(3), key=lambda a: (counts[a], -spacing_mm[a], a))
    if axis == "auto":
        return fitting
    chosen = 2 - AXES.index(axis)
    if counts[chosen] > 1 and counts[fitting] * 3 <= counts[chosen]:
        where = ", ".join(str(index) for index in shown[fitting][:5])
        raise InputError(
            f"The seed lies on no slice of axis {axis}, but on slice {where} of axis"
            f" {AXES[2 - fitting]}; use --axis {AXES[2 - fitting]}."
        )
    return chosen


def _annotated_slices(annotated: np.ndarray, axis: int) -> np.ndarray:
    """Indices of the slices along an array axis on which anything is annotated."""
    others = tuple(other for other in range(3) if other != axis)
    return np.flatnonzero(annotated.any(axis=others))


def annotated_slices(layers: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Indices of the slices along K, J and I on which a label map has anything, one map at a time."""
    shown = [np.zeros(count, bool) for count in layers[0].shape]
    for layer in layers:
        for index, part in enumerate(layer):
            if part.any():
                shown[0][index] = True
                shown[1] |= part.any(axis=1)
                shown[2] |= part.any(axis=0)
    return [np.flatnonzero(each) for each in shown]


def check_seed(labels: np.ndarray) -> None:
    """Refuse seeds that no propagation can start from.

    Args:
        labels: (N, H, W) label map that is non-zero only on annotated slices.

    Raises:
        InputError: a single slice, a label of one pixel, or one that fills its slice.
    """
    if len(labels) < 2:
        raise InputError(
            f"The volume has {len(labels)} slice along this axis, propagation needs at least 2;"
            " choose another axis."
        )
    largest: dict[int, tuple[int, int]] = {}  # {label: (its area, slice)}
    for index, part in enumerate(labels):
        if part.any():
            for label, area in zip(*np.unique(part, return_counts=True), strict=True):
                if label and area > largest.get(int(label), (0, 0))[0]:
                    largest[int(label)] = (int(area), index)
    for label, (area, index) in sorted(largest.items()):
        check_outline(f"Label {label}", index, area, labels[index].size)


def _one_frame(
    image: sitk.Image,
    frame: int | None,
    path: Path | str,
) -> sitk.Image:
    count = image.GetSize()[3]
    if frame is None and count > 1:
        raise InputError(
            f"{path} has 4 dimensions (size {_times(image.GetSize())}), a volume needs 3; name one"
            f" of its {count} frames with --frame 0 to {count - 1}."
        )
    if not 0 <= (frame or 0) < count:
        raise InputError(
            f"{path} has frames 0 to {count - 1}, frame {frame} was asked for; choose one of these."
        )
    return image[:, :, :, frame or 0]


def _check_single_channel(image: Image, path: Path | str) -> None:
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            f"{path} has {image.GetNumberOfComponentsPerPixel()} values per voxel (a colour or"
            " vector image), a volume has 1; convert it to grey values."
        )


def _check_not_constant(array: np.ndarray, path: Path | str) -> None:
    """Refuse an image of one value; no more slices are looked at than show two values.

    The one in the middle is looked at first, as others may show nothing but air.
    """
    order = np.roll(np.arange(len(array)), -(len(array) // 2))
    first = array[int(order[0])].flat[0]
    if all((array[int(index)] == first).all() for index in order):
        raise InputError(
            f"{path} is constant (every voxel is {first}), so there is nothing to follow;"
            " pick the image, not an empty mask."
        )


def _times(size: Sequence[int]) -> str:
    return "x".join(str(number) for number in size)
