"""The header of a NIfTI file, of either version and byte order: read, checked, and written again."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.errors import InputError

NIFTI_1 = np.dtype(
    [
        ("sizeof_hdr", "<i4"),
        ("data_type", "S10"),
        ("db_name", "S18"),
        ("extents", "<i4"),
        ("session_error", "<i2"),
        ("regular", "S1"),
        ("dim_info", "u1"),
        ("dim", "<i2", 8),
        ("intent_p", "<f4", 3),
        ("intent_code", "<i2"),
        ("datatype", "<i2"),
        ("bitpix", "<i2"),
        ("slice_start", "<i2"),
        ("pixdim", "<f4", 8),
        ("vox_offset", "<f4"),
        ("scl_slope", "<f4"),
        ("scl_inter", "<f4"),
        ("slice_end", "<i2"),
        ("slice_code", "u1"),
        ("xyzt_units", "u1"),
        ("cal_max", "<f4"),
        ("cal_min", "<f4"),
        ("slice_duration", "<f4"),
        ("toffset", "<f4"),
        ("glmax", "<i4"),
        ("glmin", "<i4"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "<i2"),
        ("sform_code", "<i2"),
        ("quatern", "<f4", 3),
        ("qoffset", "<f4", 3),
        ("srow", "<f4", (3, 4)),
        ("intent_name", "S16"),
        ("magic", "S4"),
    ]
)
NIFTI_2 = np.dtype(
    [
        ("sizeof_hdr", "<i4"),
        ("magic", "S8"),
        ("datatype", "<i2"),
        ("bitpix", "<i2"),
        ("dim", "<i8", 8),
        ("intent_p", "<f8", 3),
        ("pixdim", "<f8", 8),
        ("vox_offset", "<i8"),
        ("scl_slope", "<f8"),
        ("scl_inter", "<f8"),
        ("cal_max", "<f8"),
        ("cal_min", "<f8"),
        ("slice_duration", "<f8"),
        ("toffset", "<f8"),
        ("slice_start", "<i8"),
        ("slice_end", "<i8"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "<i4"),
        ("sform_code", "<i4"),
        ("quatern", "<f8", 3),
        ("qoffset", "<f8", 3),
        ("srow", "<f8", (3, 4)),
        ("slice_code", "<i4"),
        ("xyzt_units", "<i4"),
        ("intent_code", "<i4"),
        ("intent_name", "S16"),
        ("dim_info", "u1"),
        ("unused", "S15"),
    ]
)
LAYOUTS = {layout.itemsize: layout for layout in (NIFTI_1, NIFTI_2)}
SINGLE_FILE = {b"n+1": NIFTI_1, b"n+2\x00\r\n\x1a\n": NIFTI_2}
# Codes of the standard; the others are of colours, complex and very long numbers.
DATATYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
COLOURS = {128: 3, 2304: 4}  # values of a voxel
CODES = {np.dtype(kind): code for code, kind in DATATYPES.items()}
EXTENSION_BYTES = 4  # behind the header, all 0: no extension follows
FARTHEST = 1 << 28  # bytes of extensions before the voxels that are believed
# What says of a voxel where it lies; results have it as it was in the image, bit for bit.
FORMS = (
    "dim_info",
    "intent_p",
    "pixdim",
    "toffset",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "quatern",
    "qoffset",
    "srow",
)


@dataclass(frozen=True)
class NiftiHeader:
    """The header of one file.

    Attributes:
        fields: a record of `NIFTI_1` or `NIFTI_2`, in little-endian order.
        order: the byte order of the file, "<" or ">".
    """

    fields: np.void
    order: str = "<"

    def __getitem__(self, name: str) -> Any:
        """One field as the file has it."""
        return self.fields[name]

    def to_text(self) -> str:
        """The header as text, to be kept elsewhere than in a file."""
        return self.fields.tobytes().hex()

    @classmethod
    def from_text(cls, text: str) -> "NiftiHeader":
        """The header that `to_text` was of."""
        content = bytes.fromhex(text)
        return cls(np.frombuffer(content, LAYOUTS[len(content)], 1)[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Voxels along I, J, K, and times; sizes of 1 beyond the third are left out."""
        rank, *sizes = (int(size) for size in self["dim"])
        sizes = sizes[:rank]
        while len(sizes) > 3 and sizes[-1] == 1:
            sizes.pop()
        return tuple(sizes)

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels in the file."""
        return np.dtype(self.order + DATATYPES[int(self["datatype"])])


def parse_header(start: bytes, path: Path) -> NiftiHeader:
    """The header that a file begins with.

    Args:
        start: at least the first 540 bytes of the file, or all that it has.
        path: of the file, for messages.

    Raises:
        InputError: it is no NIfTI header of one file, or says what cannot be.
    """
    if len(start) < NIFTI_1.itemsize:
        raise InputError(
            f"{path} cannot be read as an image: it has {len(start)} bytes, a NIfTI header alone"
            f" needs {NIFTI_1.itemsize}; it may be truncated or of another kind."
        )
    for order in ("<", ">"):
        layout = LAYOUTS.get(int(np.frombuffer(start, order + "i4", 1)[0]))
        if layout and len(start) >= layout.itemsize:
            found = np.frombuffer(start, layout.newbyteorder(order), 1)
            header = NiftiHeader(found.astype(layout)[0], order)
            _check_magic(header, layout, path)
            _check_sizes(header, path)
            _check_datatype(header, path)
            return header
    raise InputError(
        f"{path} cannot be read as an image: it does not begin with the size of a NIfTI header,"
        f" {' or '.join(map(str, LAYOUTS))}; it may be truncated or of another kind."
    )


def _check_magic(header: NiftiHeader, layout: np.dtype, path: Path) -> None:
    magic = bytes(header["magic"])
    if SINGLE_FILE.get(magic) != layout:
        raise InputError(
            f"{path} has the mark {magic!r}, that of a NIfTI file with header and voxels is 'n+1'"
            " or 'n+2'; convert what is in two files, or of the older Analyze kind, to one .nii"
            " file."
        )


def _check_sizes(header: NiftiHeader, path: Path) -> None:
    rank, *sizes = (int(size) for size in header["dim"])
    if not 1 <= rank <= 7 or min(sizes[:rank]) < 1:
        said = "x".join(map(str, sizes[: max(1, min(rank, 7))]))
        raise InputError(
            f"{path} is empty or damaged: its header says {rank} dimensions of size {said}, where"
            " 1 to 7 of at least 1 can be; export the image again."
        )
    if rank < 3:
        said = "x".join(map(str, sizes[:rank]))
        raise InputError(
            f"{path} has {rank} dimensions (size {said}), a volume needs 3; stack the slices first."
        )
    if len(header.sizes) > 4:
        num_values = math.prod(header.sizes[4:])
        raise InputError(
            f"{path} has {num_values} values per voxel (a colour or vector image), a volume has 1;"
            " convert it to grey values."
        )


def _check_datatype(header: NiftiHeader, path: Path) -> None:
    code = int(header["datatype"])
    if code in DATATYPES:
        return
    if code in COLOURS:
        raise InputError(
            f"{path} has {COLOURS[code]} values per voxel (a colour or vector image), a volume has"
            " 1; convert it to grey values."
        )
    known = ", ".join(map(str, DATATYPES))
    raise InputError(
        f"{path} has voxels of type {code}, of complex or unknown numbers; convert it to one of the"
        f" types {known} of the NIfTI standard, such as 16, float."
    )


def voxel_offset(header: NiftiHeader, path: Path) -> int:
    """The byte at which the voxels begin, by the header; behind it where that says 0.

    Raises:
        InputError: it is no number, or none that can be.
    """
    told = float(header["vox_offset"])
    if not math.isfinite(told) or not 0 <= told <= FARTHEST:
        least = header.fields.dtype.itemsize + EXTENSION_BYTES
        raise InputError(
            f"{path} says that its voxels begin at byte {told:g}, they begin between byte {least}"
            f" and {FARTHEST}; the header is damaged, export the image again."
        )
    least = header.fields.dtype.itemsize
    return least + EXTENSION_BYTES if told < least else int(told)


def header_of_result(like: NiftiHeader, array: np.ndarray) -> bytes:
    """A header, with the empty extension behind it, for an array on the grid of another file.

    Forms, codes, sizes of voxels and units are those of the other, bit for bit; the rest, which may
    say who was imaged, is left out.

    Args:
        like: of the image.
        array: (K, J, I) or (T, K, J, I) voxels.
    """
    layout = like.fields.dtype
    made = np.zeros(1, layout)
    for name in FORMS:
        made[name] = like[name]
    made["sizeof_hdr"] = layout.itemsize
    made["magic"] = next(magic for magic, kind in SINGLE_FILE.items() if kind == layout)
    made["dim"] = 1
    made["dim"][0, : 1 + array.ndim] = (array.ndim, *reversed(array.shape))
    made["datatype"] = CODES[array.dtype]
    made["bitpix"] = 8 * array.dtype.itemsize
    made["vox_offset"] = layout.itemsize + EXTENSION_BYTES
    made["scl_slope"] = 1
    return made.tobytes() + bytes(EXTENSION_BYTES)
