"""`Sequence`: volumes over time, read from 4D NIfTI, NRRD sequences and DICOM cine series.

With every check that a person can act on.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom import choose_dicom, is_dicom, read_dicom
from SlicePropagationLib.files.image_file import SUFFIXES, load_image, placed_image
from SlicePropagationLib.files.label_values import checked_labels
from SlicePropagationLib.files.lattice import check_same_grid
from SlicePropagationLib.files.nifti import is_nifti, read_nifti_header, write_nifti
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.nrrd_header import say_list
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.remote import at_hand
from SlicePropagationLib.files.text_header import check_header
from SlicePropagationLib.files.volume import read_image
from SlicePropagationLib.orientation import letters_of, sliced
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)
SEQUENCE_SUFFIX = ".seq.nrrd"
Place = tuple[slice | int, ...]  # an index of one slice position into (T, K, J, I)


@dataclass(frozen=True)
class Sequence:
    """A series of volumes on one grid.

    Attributes:
        array: (T, K, J, I) voxels.
        image: a 3D SimpleITK image that has the geometry of every frame.
        frame_step: time between frames in the units of the file, 1 where it says none.
        path: where it came from.
        nifti: the header of a NIfTI file; results have its forms and codes.
    """

    array: np.ndarray
    image: sitk.Image
    frame_step: float
    path: Path
    nifti: NiftiHeader | None = None

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Spacing along K, J, I."""
        return tuple(reversed(self.image.GetSpacing()))

    @property
    def directions(self) -> np.ndarray:
        """(3, 3); its columns are unit vectors of I, J, K in LPS."""
        return np.reshape(self.image.GetDirection(), (3, 3))

    def __len__(self) -> int:
        return len(self.array)


def read_sequence(path: Path | str, series: str | None = None) -> Sequence:
    """Read volumes over time.

    4D NIfTI or MGZ, an NRRD sequence, a DICOM file with many frames, or a folder with a DICOM
    series over time.

    Args:
        path: of the file or folder.
        series: which series of a DICOM folder, as `--series` takes it.

    Raises:
        SeriesChoiceError: a DICOM folder holds several volumes.
        InputError: the file is a single volume, has one frame, is empty or constant.
    """
    if _is_dicom(path):
        return _read_dicom(Path(path), series)
    with at_hand(path) as place:
        loaded = load_image(place)
    _tell(loaded.remarks)
    image = loaded.image
    found = _frames(image)
    if found is None:
        size = "x".join(map(str, image.GetSize()))
        raise InputError(
            f"{path} has {image.GetDimension()} dimensions (size {size}), a sequence needs 4; give"
            " the volumes of all times in one file."
        )
    array, frame = found
    is_spaced = image.GetDimension() == 4
    step = float(image.GetSpacing()[3]) if is_spaced else 1.0
    return replace(_checked(array, frame, step or 1.0, path), nifti=loaded.nifti)


def _read_dicom(path: Path, series: str | None) -> Sequence:
    """All times of a DICOM series."""
    choice = choose_dicom(path, series)
    if choice.stack.num_times < 2:
        raise InputError(
            f"{choice.name} has 1 frame of {len(choice.stack.places)} slices, a sequence needs at"
            f" least 2; use it as a volume, without --axis t, or if its {len(choice.stack.places)}"
            " frames are times, convert it to a 4D NIfTI file."
        )
    found = read_dicom(choice)
    _tell(found.remarks)
    frame = placed_image(np.zeros(found.array.shape[1:], np.uint8), found.placement)
    return _checked(found.array, frame, found.step_ms, path)


def _is_dicom(path: Path | str) -> bool:
    is_named_otherwise = str(path).lower().endswith(SUFFIXES) or is_ome_zarr(path)
    return Path(path).exists() and not is_named_otherwise and is_dicom(Path(path))


def _tell(remarks: Iterable[str]) -> None:
    for remark in remarks:
        log.warning("%s", remark)


def _frames(image: sitk.Image) -> tuple[np.ndarray, sitk.Image] | None:
    """(T, K, J, I) voxels, and one frame that has their geometry; None of an image without time."""
    has_components = image.GetNumberOfComponentsPerPixel() > 1
    if image.GetDimension() == 3 and has_components:
        # An NRRD sequence of Slicer: frames are components.
        array = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)
        return array, sitk.VectorIndexSelectionCast(image, 0)
    if image.GetDimension() == 4 and not has_components:
        return sitk.GetArrayFromImage(image), image[:, :, :, 0]
    return None


def _checked(
    array: np.ndarray,
    frame: sitk.Image,
    step: float,
    path: Path | str,
) -> Sequence:
    if array.size == 0:
        size = "x".join(map(str, array.shape[::-1]))
        raise InputError(f"{path} is empty (size {size}); give a sequence with voxels.")
    if len(array) < 2:
        raise InputError(
            f"{path} has {len(array)} frame, a sequence needs at least 2; use it as a volume with"
            " --frame 0."
        )
    return Sequence(_finite(array, path), frame, step, Path(path))


def time_stacks(
    sequence: Sequence, axis: int = 0, *, is_cyclic: bool = True
) -> list[tuple[Place, SliceStack]]:
    """[(where in (T, K, J, I), SliceStack)]: the frames of every slice position.

    Args:
        sequence: the volumes over time.
        axis: which of K, J, I the slices run along.
        is_cyclic: the last frame is followed by the first.
    """
    high, wide = (step for number, step in enumerate(sequence.spacing_mm) if number != axis)
    spacing = (sequence.frame_step, high, wide)
    towards = sliced(letters_of(sequence.directions), axis)
    whole = (slice(None),) * (1 + axis)
    places = [(*whole, index) for index in range(sequence.array.shape[1 + axis])]
    return [
        (
            place,
            SliceStack(
                sequence.array[place],
                spacing,
                is_cyclic=is_cyclic,
                is_time=True,
                towards=towards,
            ),
        )
        for place in places
    ]


def is_sequence(path: Path | str, series: str | None = None) -> bool:
    """Whether a file or a DICOM folder holds volumes over time.

    Only headers are read; what cannot be read is no sequence.

    Args:
        path: of the file or folder.
        series: which series of a DICOM folder, as `--series` takes it.
    """
    if is_ome_zarr(path):
        return False  # one of its times is chosen by --frame
    if _is_dicom(path):
        try:
            return choose_dicom(Path(path), series).stack.num_times > 1
        except InputError:
            return False
    if is_nifti(path) and Path(path).is_file():
        try:
            return len(read_nifti_header(Path(path)).sizes) > 3
        except InputError:
            return False

    def has_times(reader: sitk.ImageFileReader) -> bool:
        is_long = reader.GetDimension() == 4 and reader.GetSize()[3] > 1
        return is_long or _is_listed(reader, path)

    return _has_header(path, has_times)


def _has_header(path: Path | str, question: Callable[[sitk.ImageFileReader], bool]) -> bool:
    """What a question says of a file whose header can be read; False where it cannot."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        check_header(path)
        reader.ReadImageInformation()
    except (InputError, RuntimeError):
        return False
    return bool(question(reader))


def _is_listed(reader: sitk.ImageFileReader, path: Path | str) -> bool:
    return (
        reader.GetDimension() == 3
        and reader.GetNumberOfComponents() > 1
        and _is_named_sequence(path)
    )


def _is_named_sequence(path: Path | str) -> bool:
    return str(path).lower().endswith(SEQUENCE_SUFFIX)


def write_sequence(
    path: Path | str,
    array: np.ndarray,
    like: Sequence,
) -> None:
    """Write a (T, K, J, I) array on the grid of a Sequence.

    A name that ends in .seq.nrrd gives an NRRD sequence as Slicer writes it.

    Args:
        path: the file.
        array: (T, K, J, I) values.
        like: the Sequence that has the geometry.
    """
    if like.nifti is not None and is_nifti(path):
        write_nifti(path, array, like.nifti)
        return
    frames = [_with_geometry(frame, like.image) for frame in array]
    if _is_named_sequence(path):
        sitk.WriteImage(sitk.Compose(frames), str(path), True)
        say_list(path)
        return
    image = sitk.JoinSeries(frames, 0.0, like.frame_step)
    sitk.WriteImage(image, str(path), True)


def _with_geometry(array: np.ndarray, image: sitk.Image) -> sitk.Image:
    frame = sitk.GetImageFromArray(np.ascontiguousarray(array))
    frame.CopyInformation(image)
    return frame


def _finite(array: np.ndarray, path: Path | str) -> np.ndarray:
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        log.warning("%s has %d NaN or infinite voxels; they count as 0.", path, count)
        array = np.nan_to_num(array, posinf=0, neginf=0)
    if array.min() == array.max():
        raise InputError(
            f"{path} is constant (every voxel is {array.flat[0]}); give the images, not an empty"
            " mask."
        )
    return array


def read_label_sequence(path: Path | str, sequence: Sequence) -> np.ndarray:
    """(T, K, J, I) label maps of a sequence, 0 where a frame has no label.

    Raises:
        InputError: it is no label map, or has more frames than the sequence.
        GeometryMismatchError: the grids differ.
    """
    image = read_image(path)
    found = _frames(image)
    if found is None:
        raise InputError(
            f"{path} has {image.GetDimension()} dimensions, labels of a sequence need 4; give the"
            " label maps of all times in one file."
        )
    array, frame = found
    if len(array) != len(sequence):
        raise InputError(
            f"{path} has labels of {len(array)} frames, {sequence.path} has {len(sequence)};"
            " annotations outside the sequence belong to no frame. Give one label map per frame."
        )
    check_same_grid(sequence.image, frame, "the sequence", str(path))
    return checked_labels(array, path)
