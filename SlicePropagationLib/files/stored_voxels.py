"""Where in a file the voxels of a volume lie, so that they need not all be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.files import text_header
from SlicePropagationLib.files.text_header import Promise, check_header

META_KINDS = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
SPATIAL = {"domain", "space", "none", "???"}  # kinds of axes along which voxels follow each other


@dataclass(frozen=True)
class StoredVoxels:
    """The voxels of a 3D volume as a file has them, one behind the other.

    Attributes:
        path: the file that they are in.
        offset: byte at which they begin.
        dtype: of a voxel, with its byte order.
        shape: (K, J, I).
        is_packed: whether they are compressed, by gzip or zlib,
        has_packed_header: and all that is before them with them.
    """

    path: Path
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    is_packed: bool = False
    has_packed_header: bool = False

    @property
    def num_bytes(self) -> int:
        """Of all voxels, unpacked."""
        return math.prod(self.shape) * self.dtype.itemsize

    def mapped(self) -> np.memmap:
        """A read-only memory map of voxels that are not packed."""
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


def stored_voxels(path: Path) -> StoredVoxels | None:
    """Where the voxels of a NRRD or MetaImage file are.

    None of a file of another kind, and where a header says anything that is not usual: ITK reads
    that.

    Raises:
        InputError: as `check_header`.
    """
    promise = check_header(path)
    if promise is None:
        return None
    is_meta = path.suffix.lower() in (".mha", ".mhd")
    return (_of_meta if is_meta else _of_nrrd)(path, promise)


def _of_nrrd(path: Path, promise: Promise) -> StoredVoxels | None:
    fields = promise.fields
    encoding = fields["encoding"].lower()
    kinds = set(fields.get("kinds", "").lower().split())
    is_odd = (
        fields["dimension"] != "3"
        or encoding not in ("raw", "gz", "gzip")
        or not kinds <= SPATIAL
        or any(int(fields.get(name, "0")) for name in ("byte skip", "line skip"))
    )
    word = fields["type"].lower()
    size = text_header.NRRD_TYPES[word]
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower())
    place = _place(path, promise)
    if is_odd or place is None or (order is None and size > 1):
        return None
    letter = "f" if word in ("float", "double") else "u" if word.startswith("u") else "i"
    dtype = np.dtype(f"{order or '<'}{letter}{size}")
    return StoredVoxels(*place, dtype, _shape(fields["sizes"]), encoding != "raw")


def _of_meta(path: Path, promise: Promise) -> StoredVoxels | None:
    fields = promise.fields
    is_packed = _is_true(fields, "CompressedData")
    is_odd = (
        fields["NDims"] != "3"
        or fields.get("ElementNumberOfChannels", "1") != "1"
        or not _is_true(fields, "BinaryData")
        or any(name.startswith("ElementToIntensity") for name in fields)
        or int(fields.get("HeaderSize", "0")) != 0
    )
    kind = META_KINDS.get(fields["ElementType"])
    place = _place(path, promise)
    if is_odd or kind is None or place is None:
        return None
    names = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    order = ">" if any(_is_true(fields, name) for name in names) else "<"
    return StoredVoxels(*place, np.dtype(order + kind), _shape(fields["DimSize"]), is_packed)


def _is_true(fields: text_header.Fields, name: str) -> bool:
    return fields.get(name, "").lower() in ("true", "1")


def _shape(sizes: str) -> tuple[int, ...]:
    return tuple(int(size) for size in reversed(sizes.split()))


def _place(path: Path, promise: Promise) -> tuple[Path, int] | None:
    """(file, byte) at which the voxels begin; None for several files."""
    name = promise.elsewhere
    if name is None:
        return path, promise.length
    if name.upper().startswith("LIST") or "%" in name or len(name.split()) > 1:
        return None
    return path.parent / name, 0
