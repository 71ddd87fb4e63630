"""NIfTI files, read and written without ITK.

ITK reads a truncated file and NaN as zeros, takes sizes of voxels from `pixdim` where the sform says
others, knows no axes that are off a right angle by rounding, and writes one form of two. Here a file
is unpacked once, as far as its header says, whatever its name says of its packing.
"""

import contextlib
import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti_forms import Placement, placement_of, share_a_form
from SlicePropagationLib.files.nifti_header import (
    NIFTI_2,
    NiftiHeader,
    header_of_result,
    parse_header,
    voxel_offset,
)
from SlicePropagationLib.files.packed import MARK, MOST_PACKED, PackedFile
from SlicePropagationLib.files.reading import tell_file
from SlicePropagationLib.files.stored_voxels import StoredVoxels

SUFFIXES = (".nii", ".nii.gz")
Content: TypeAlias = BinaryIO | PackedFile
DAMAGES = (EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class NiftiImage:
    """What a file holds.

    Attributes:
        array: (K, J, I) or (T, K, J, I) values, scaled.
        header: as the file has it.
        placement: where the voxels lie.
        remarks: sentences about how it was read.
    """

    array: np.ndarray
    header: NiftiHeader
    placement: Placement
    remarks: tuple[str, ...]


def is_nifti(path: Path | str) -> bool:
    """Whether a name is that of a NIfTI file."""
    return str(path).lower().endswith(SUFFIXES)


def read_nifti(path: Path) -> NiftiImage:
    """Read a NIfTI-1 or NIfTI-2 file, packed or not.

    Raises:
        InputError: it is truncated, damaged, in colour, or its header contradicts itself.
    """
    remarks: list[str] = []
    with _content(path, remarks) as stream:
        start = stream.read(NIFTI_2.itemsize)
        header = parse_header(start, path)
        array = _voxels(stream, start, header, path, remarks)
    placement = placement_of(header, str(path))
    shaped = array.reshape(header.sizes[::-1])
    scaled = _scaled(shaped, header, path, remarks)
    return NiftiImage(scaled, header, placement, (*remarks, *placement.remarks))


@dataclass(frozen=True)
class StoredNifti:
    """A 3D volume whose voxels are not read.

    Attributes:
        voxels: where they are.
        header: as the file has it.
        placement: where they lie.
        remarks: sentences about how it was read.
        change: makes values of stored voxels; None where they are the same.
        dtype: of the values.
    """

    voxels: StoredVoxels
    header: NiftiHeader
    placement: Placement
    remarks: tuple[str, ...]
    change: Callable[[np.ndarray], np.ndarray] | None
    dtype: np.dtype


def stored_nifti(path: Path) -> StoredNifti | None:
    """Where the voxels of a file are; None of one with times, or whose header is not usual.

    Raises:
        InputError: as of `read_nifti`.
    """
    remarks: list[str] = []
    with _content(path, remarks) as stream:
        header = parse_header(stream.read(NIFTI_2.itemsize), path)
        offset = voxel_offset(header, path)
        is_packed = isinstance(stream, PackedFile)
        needed = offset + math.prod(header.sizes) * header.dtype.itemsize
        _check_room(path, needed, stream, header)
    if len(header.sizes) != 3 or header_oddities(header, str(path)):
        return None
    voxels = StoredVoxels(path, offset, header.dtype, header.sizes[::-1], is_packed, is_packed)

    def change(part: np.ndarray) -> np.ndarray:
        return _scaled(part, header, path, [])

    placement = placement_of(header, str(path))
    values = change(np.zeros(1, header.dtype))
    is_scaled = (float(header["scl_slope"]), float(header["scl_inter"])) != (1.0, 0.0)
    changes = change if is_scaled and float(header["scl_slope"]) != 0 else None
    return StoredNifti(voxels, header, placement, tuple(remarks), changes, values.dtype)


def read_nifti_header(path: Path) -> NiftiHeader:
    """The header alone.

    Raises:
        InputError: as of `read_nifti`.
    """
    with _content(path, []) as stream:
        return parse_header(stream.read(NIFTI_2.itemsize), path)


def header_oddities(header: NiftiHeader, name: str) -> list[str]:
    """What a header says of the values that programs take differently.

    Args:
        header: of the file.
        name: of the file, for the sentences.
    """
    odd = []
    if int(header["bitpix"]) != 8 * header.dtype.itemsize:
        odd.append(f"{_bits_said(header, name)}.")
    if not _has_scaling(header):
        odd.append(f"{_scaling_said(header, name)}.")
    return odd


def has_form_of(path: Path | str, image: NiftiHeader) -> bool:
    """Whether a file is NIfTI, of the size of an image, and has one of its two forms.

    Raises:
        InputError: as of `read_nifti`.
    """
    return is_nifti(path) and share_a_form(read_nifti_header(Path(path)), image)


def write_nifti(path: Path | str, array: np.ndarray, like: NiftiHeader) -> None:
    """Write an array on the grid of a file; it has the forms and codes of the file, bit for bit.

    Args:
        path: ends in .nii or .nii.gz.
        array: (K, J, I) or (T, K, J, I).
        like: header of the file whose grid it is on.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    with open(path, "wb") as file, contextlib.ExitStack() as stack:
        target = file
        if str(path).lower().endswith(".gz"):
            target = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        target.write(header_of_result(like, array))
        for part in array:  # one by one, so that no copy of all of a large one is made
            content = np.ascontiguousarray(part, array.dtype.newbyteorder("<"))
            target.write(content.data.cast("B"))


@contextlib.contextmanager
def _content(path: Path, remarks: list[str]) -> Iterator[Content]:
    """A file's content, unpacked where it is packed; damage is told in a sentence."""
    try:
        with open(path, "rb") as file:
            is_packed = file.read(len(MARK)) == MARK
            file.seek(0)
            is_named_packed = str(path).lower().endswith(".gz")
            if is_packed != is_named_packed:
                found = "packed with gzip" if is_packed else "not packed"
                remarks.append(f"{path} is {found}, against its name; it is read as it is.")
            tell_file(file, "Unpacking the file" if is_packed else "Reading the file")
            yield PackedFile(file) if is_packed else file
    except DAMAGES as error:
        raise InputError(
            f"{path} cannot be read as an image; it may be truncated or of another kind. ({error})"
        ) from error


def _voxels(
    stream: Content,
    start: bytes,
    header: NiftiHeader,
    path: Path,
    remarks: list[str],
) -> np.ndarray:
    """The voxels as they are stored, in one row; no more is read than the header says."""
    count = math.prod(header.sizes)
    needed = count * header.dtype.itemsize
    offset = voxel_offset(header, path)
    _check_room(path, offset + needed, stream, header)
    early = start[offset:] if offset < len(start) else b""
    _skip(stream, offset - len(start))
    voxels = np.empty(count, header.dtype)
    view = voxels.data.cast("B")
    got = min(len(early), needed)
    view[:got] = early[:got]
    got += _read_into(stream, view[got:])
    if got < needed:
        raise _truncated(path, str(offset + got), offset + needed, header)
    if int(header["bitpix"]) != 8 * header.dtype.itemsize:
        room = count * int(header["bitpix"]) // 8 - needed
        _check_bits(header, path, remarks, has_room=0 < room <= _skip(stream, room))
    if isinstance(stream, PackedFile):
        stream.check_end()
    return voxels


def _check_room(
    path: Path,
    needed: int,
    stream: Content,
    header: NiftiHeader,
) -> None:
    """Refuse, before memory is taken, a file that cannot hold what its header says."""
    size = path.stat().st_size
    if isinstance(stream, PackedFile):
        if needed > size * MOST_PACKED:
            raise _truncated(path, f"at most {size * MOST_PACKED}", needed, header)
    elif needed > size:
        raise _truncated(path, str(size), needed, header)


def _truncated(
    path: Path,
    found: str,
    needed: int,
    header: NiftiHeader,
) -> InputError:
    bits = 8 * header.dtype.itemsize
    mismatch = ""
    if int(header["bitpix"]) != bits:
        mismatch = (
            f" Its header contradicts itself, too: voxels of type {int(header['datatype'])} have"
            f" {bits} bits, and it says {int(header['bitpix'])}."
        )
    return InputError(
        f"{path} holds {found} bytes of data, its header promises {needed}; it is truncated, copy"
        f" it again.{mismatch}"
    )


def _check_bits(
    header: NiftiHeader,
    path: Path,
    remarks: list[str],
    *,
    has_room: bool,
) -> None:
    """Remark on a number of bits that is not that of the type, which counts.

    Raises:
        InputError: the file has room for so many bits, so that the type may be the wrong one.
    """
    said = _bits_said(header, str(path))
    if has_room:
        raise InputError(
            f"{said}, and the file has as many bytes as {int(header['bitpix'])} bits need; correct"
            " the type (datatype) in its header, or export the image again."
        )
    remarks.append(f"{said}; the type counts, since its voxels are there.")


def _bits_said(header: NiftiHeader, name: str) -> str:
    return (
        f"{name} says that its voxels have {int(header['bitpix'])} bits (bitpix), its type"
        f" {int(header['datatype'])} has {8 * header.dtype.itemsize}"
    )


def _skip(stream: Content, count: int) -> int:
    """Read so many bytes, or as many as there are; returns how many."""
    left = count
    while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
        left -= len(chunk)
    return count - left


def _read_into(stream: Content, view: memoryview) -> int:
    """Fill a buffer as far as a stream goes; returns how far."""
    total = 0
    while total < len(view):
        got = stream.readinto(view[total:])  # type: ignore[attr-defined]
        if not got:
            break
        total += got
    return total


def _has_scaling(header: NiftiHeader) -> bool:
    """Whether slope and intercept are numbers, or count for nothing."""
    slope = float(header["scl_slope"])
    return slope == 0 or (math.isfinite(slope) and math.isfinite(float(header["scl_inter"])))


def _scaling_said(header: NiftiHeader, name: str) -> str:
    slope = float(header["scl_slope"])
    inter = float(header["scl_inter"])
    return (
        f"{name} is scaled by {slope:g} and {inter:g} (scl_slope, scl_inter), which are no numbers"
    )


def _scaled(
    voxels: np.ndarray,
    header: NiftiHeader,
    path: Path,
    remarks: list[str],
) -> np.ndarray:
    """Values by slope and intercept; as stored where there are none."""
    slope = float(header["scl_slope"])
    inter = float(header["scl_inter"])
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    if slope == 0:  # by the standard: no scaling
        return native
    if not _has_scaling(header):
        remarks.append(f"{_scaling_said(header, str(path))}; what is no number does not count.")
        slope = slope if math.isfinite(slope) else 1.0
        inter = inter if math.isfinite(inter) else 0.0
    if (slope, inter) == (1.0, 0.0):
        return native
    kind = np.result_type(native.dtype, np.float32)
    return native.astype(kind) * kind.type(slope) + kind.type(inter)
