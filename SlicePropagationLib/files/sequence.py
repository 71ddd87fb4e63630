"""`Sequence`: volumes over time, read from 4D NIfTI, NRRD sequences and DICOM cine series, with every check that a person can act on."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom import is_cine_file, read_dicom_cine
from SlicePropagationLib.files.segmentation_file import checked_labels
from SlicePropagationLib.files.volume import check_same_grid, read_image
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sequence:
    """A series of volumes on one grid.

    Attributes:
        array: (T, K, J, I) voxels.
        image: a 3D SimpleITK image that has the geometry of every frame.
        frame_step: time between frames in the units of the file, 1 where it says none.
        path: where it came from.
    """

    array: np.ndarray
    image: sitk.Image
    frame_step: float
    path: Path

    @property
    def spacing_mm(self):
        """Spacing along K, J, I."""
        return tuple(reversed(self.image.GetSpacing()))

    def __len__(self):
        return len(self.array)


def read_sequence(path):
    """Read volumes over time: 4D NIfTI, an NRRD sequence, a multi-frame DICOM file, or a folder with a DICOM cine series.

    Raises:
        InputError: the file is a single volume, has one frame, is empty or constant.
    """
    if Path(path).is_dir() or _has_header(path, is_cine_file):
        array, frame, step = read_dicom_cine(path)
        return _checked(array, frame, step, path)
    image = read_image(path)
    is_listed = (
        image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() > 1
    )  # an NRRD sequence of Slicer: frames are components
    if not is_listed and (image.GetDimension() != 4 or image.GetNumberOfComponentsPerPixel() > 1):
        raise InputError(
            f"{path} has {image.GetDimension()} dimensions (size"
            f" {'x'.join(map(str, image.GetSize()))}), a sequence needs 4; give the volumes of all"
            " times in one file."
        )
    if is_listed:
        array = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)
        frame = sitk.VectorIndexSelectionCast(image, 0)
        step = 1.0
    else:
        array = sitk.GetArrayFromImage(image)
        frame = image[:, :, :, 0]
        step = float(image.GetSpacing()[3]) or 1.0
    return _checked(array, frame, step, path)


def _checked(array, frame, step, path):
    if array.size == 0:
        raise InputError(
            f"{path} is empty (size {'x'.join(map(str, array.shape[::-1]))}); give a sequence with"
            " voxels."
        )
    if len(array) < 2:
        raise InputError(
            f"{path} has {len(array)} frame, a sequence needs at least 2; use it as a volume with"
            " --frame 0."
        )
    return Sequence(_finite(array, path), frame, step, Path(path))


def time_stacks(sequence, axis=0, *, is_cyclic=True):
    """[(where in (T, K, J, I), SliceStack)]: the frames of every slice position.

    Args:
        axis: which of K, J, I the slices run along.
        is_cyclic: the last frame is followed by the first.
    """
    spacing = (
        sequence.frame_step,
        *(step for number, step in enumerate(sequence.spacing_mm) if number != axis),
    )
    places = [
        (slice(None),) * (1 + axis) + (index,) for index in range(sequence.array.shape[1 + axis])
    ]
    return [
        (place, SliceStack(sequence.array[place], spacing, is_cyclic=is_cyclic, is_time=True))
        for place in places
    ]


def is_sequence(path):
    """Whether a file holds volumes over time.

    Only its header is read, a file that cannot be read is none, a folder is taken for a DICOM
    series.
    """
    if Path(path).is_dir():
        return True
    return _has_header(
        path,
        lambda reader: (
            _is_listed(reader, path)
            or reader.GetDimension() == 4
            and reader.GetSize()[3] > 1
            or is_cine_file(reader)
        ),
    )


def _has_header(path, question):
    """What a question says of a file whose header can be read; False where it cannot."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return bool(question(reader))


def _is_listed(reader, path):
    return (
        reader.GetDimension() == 3
        and reader.GetNumberOfComponents() > 1
        and str(path).lower().endswith(".seq.nrrd")
    )


def write_sequence(path, array, like):
    """Write a (T, K, J, I) array on the grid of a Sequence.

    A name that ends in .seq.nrrd gives an NRRD sequence as Slicer writes it.

    Args:
        like: the Sequence that has the geometry.
    """
    frames = [_with_geometry(frame, like.image) for frame in array]
    if str(path).lower().endswith(".seq.nrrd"):
        sitk.WriteImage(sitk.Compose(frames), str(path), True)
        _say_list(path)
        return
    image = sitk.JoinSeries(frames, 0.0, like.frame_step)
    sitk.WriteImage(image, str(path), True)


def _with_geometry(array, image):
    frame = sitk.GetImageFromArray(np.ascontiguousarray(array))
    frame.CopyInformation(image)
    return frame


def _say_list(path):
    """Call the first axis of an NRRD file a list of frames, which Slicer needs, instead of the parts of a vector; the data stay."""
    header, mark, data = Path(path).read_bytes().partition(b"\n\n")
    kinds = [line for line in header.split(b"\n") if line.startswith(b"kinds:")]
    changed = header.replace(kinds[0], b"kinds: list domain domain domain")
    Path(path).write_bytes(changed + mark + data)


def _finite(array, path):
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        log.warning(
            "%s has %d NaN or infinite voxels; they count as 0.",
            path,
            int((~np.isfinite(array)).sum()),
        )
        array = np.nan_to_num(array, posinf=0, neginf=0)
    if array.min() == array.max():
        raise InputError(
            f"{path} is constant (every voxel is {array.flat[0]}); give the images, not an empty"
            " mask."
        )
    return array


def read_label_sequence(path, sequence):
    """(T, K, J, I) uint8 label maps of a sequence, 0 where a frame has no label.

    Raises:
        InputError: it is no label map, or has more frames than the sequence.
        GeometryMismatchError: the grids differ.
    """
    image = read_image(path)
    if image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() > 1:
        array = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)
        frame = sitk.VectorIndexSelectionCast(image, 0)
    elif image.GetDimension() == 4:
        array = sitk.GetArrayFromImage(image)
        frame = image[:, :, :, 0]
    else:
        raise InputError(
            f"{path} has {image.GetDimension()} dimensions, labels of a sequence need 4; give the"
            " label maps of all times in one file."
        )
    if len(array) != len(sequence):
        raise InputError(
            f"{path} has labels of {len(array)} frames, {sequence.path} has {len(sequence)};"
            " annotations outside the sequence belong to no frame. Give one label map per frame."
        )
    check_same_grid(sequence.image, frame, "the sequence", str(path))
    return checked_labels(array, path)
