"""The values of DICOM frames: what is stored, by the slope and intercept of each frame itself.

Stored numbers come from pydicom where they are not compressed; SimpleITK unpacks compressed ones and
reads all where pydicom is not installed. It scales what it reads by one slope a file.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.codecs import CodecError, read_pixels
from SlicePropagationLib.files.dicom_frames import DicomFrame
from SlicePropagationLib.files.reading import tell_count

log = logging.getLogger(__name__)
FLOATS = ("FloatPixelData", "DoubleFloatPixelData")
RUN_LENGTHS = "1.2.840.10008.1.2.5"


def values_of(frames: Sequence[DicomFrame]) -> np.ndarray:
    """(N, H, W) values of frames of one size, in their order.

    Whole numbers where all slopes and intercepts are whole, otherwise float32.

    Raises:
        InputError: a file is truncated or damaged, or compressed in a way that is not known here.
    """
    by_file: dict[Path, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        by_file[frame.path].append(index)
    rows, columns = frames[0].size
    is_whole = all(_is_whole(frame) for frame in frames)
    values: np.ndarray | None = None
    files = list(by_file.items())
    for path, indices in tell_count(files, "Reading slices") if len(files) > 1 else files:
        own = [frames[index] for index in indices]
        stored, is_scaled = _stored(path, own)
        scaled = _scaled(stored, own, is_scaled=is_scaled)
        if values is None:
            kind = scaled.dtype if is_whole else np.float32
            values = np.empty((len(frames), rows, columns), kind)
        values = _with_room(values, scaled)
        values[indices] = scaled
    assert values is not None
    return _compact(values)


def has_same_pixels(first: DicomFrame, other: DicomFrame) -> bool:
    """Whether two frames have the same values; False where one cannot be read."""
    if first.size != other.size:
        return False
    if (first.slope, first.intercept) != (other.slope, other.intercept):
        return False
    try:
        return bool(np.array_equal(values_of([first]), values_of([other])))
    except InputError:
        return False


def _is_whole(frame: DicomFrame) -> bool:
    return frame.slope.is_integer() and frame.intercept.is_integer()


def _with_room(values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """The values in a type that has room for others, too."""
    kind = np.result_type(values.dtype, scaled.dtype)
    if values.dtype == np.float32 or kind == values.dtype:
        return values
    return values.astype(kind)


def _compact(values: np.ndarray) -> np.ndarray:
    """Whole numbers in 16 bits where they have room there."""
    if values.dtype.kind in "iu" and values.dtype.itemsize > 2:
        for kind in (np.int16, np.uint16):
            limits = np.iinfo(kind)
            if limits.min <= values.min() and values.max() <= limits.max:
                return values.astype(kind)
        return values.astype(np.int32 if values.max() < 2**31 else np.float64)
    return values.astype(np.float32) if values.dtype == np.float64 else values


def _scaled(
    stored: np.ndarray,
    frames: Sequence[DicomFrame],
    *,
    is_scaled: bool,
) -> np.ndarray:
    """(N, H, W) values of the frames of one file."""
    chosen = stored[[frame.number for frame in frames]]
    if is_scaled or all(frame.is_stored_as_is for frame in frames):
        return chosen
    is_whole = chosen.dtype.kind in "iu" and all(_is_whole(frame) for frame in frames)
    kind = np.int64 if is_whole else np.float64
    slopes = np.array([frame.slope for frame in frames], kind)[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames], kind)[:, None, None]
    return chosen * slopes + intercepts


def _stored(path: Path, frames: Sequence[DicomFrame]) -> tuple[np.ndarray, bool]:
    """((frames of the file, H, W), whether slope and intercept are in them already)."""
    is_even = len({(frame.slope, frame.intercept) for frame in frames}) == 1
    try:
        found = _with_pydicom(path, unpacks=not is_even)
    except ImportError:
        found = None
    except Exception as error:  # pydicom raises many kinds at what is damaged
        raise _unreadable(path, error) from error
    if found is None and not is_even:
        slopes = sorted({frame.slope for frame in frames})
        raise InputError(
            f"{path} is compressed, and its frames have slopes of their own, {slopes[0]:g} to"
            f" {slopes[-1]:g}; unpack it first, such as with dcmdjpeg or gdcmconv --raw."
        )
    stored, is_scaled = (found, False) if found is not None else (_with_itk(path), True)
    rows, columns = frames[0].size
    if stored.shape[1:] != (rows, columns) or len(stored) <= max(one.number for one in frames):
        raise InputError(
            f"{path} has {len(stored)} pictures of {stored.shape[2]}x{stored.shape[1]}, its header"
            f" promises {1 + max(one.number for one in frames)} of {columns}x{rows}; it is damaged,"
            " copy it again."
        )
    return stored, is_scaled


def _with_pydicom(path: Path, *, unpacks: bool) -> np.ndarray | None:
    """The stored numbers; None of a file that is compressed.

    Run lengths can be unpacked here, more slowly than SimpleITK does it.
    """
    from SlicePropagationLib.files.dicom_headers import read_header

    dataset = read_header(path)
    meta = getattr(dataset, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        _say_syntax(dataset)
        meta = dataset.file_meta
    syntax = meta.TransferSyntaxUID
    is_packed = syntax.is_compressed and not syntax.is_deflated
    if is_packed and not (unpacks and syntax == RUN_LENGTHS):
        return None
    array = dataset.pixel_array
    return array if array.ndim == 3 else array[None]


def _say_syntax(dataset: Any) -> None:
    """Give a data set without meta information the encoding that it was found to have."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    is_implicit, is_little = dataset.original_encoding
    syntax = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else syntax


def _with_itk(path: Path) -> np.ndarray:
    """The values of a file by SimpleITK, scaled."""
    try:
        array, _ = read_pixels(path, "GDCMImageIO")
    except CodecError as error:
        raise _unreadable(path, error) from error
    return array if array.ndim == 3 else array[None]


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return InputError(
        f"The DICOM file {path} cannot be read; it may be truncated or damaged, copy it again."
        f" ({reason})"
    )
