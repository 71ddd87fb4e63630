"""What ITK's NIfTI reader does not say: that a file is truncated, and that voxels were NaN.

It reads both as zeros.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError

HEADER_BYTES = 348  # NIfTI-1
FLOATS = {16: "f4", 64: "f8"}  # datatype codes of the standard
# Where the header has its fields, in bytes.
DIMENSIONS_AT = 40
DATATYPE_AT = 70
VOXELS_AT = 108
MAGIC_AT = 344
SINGLE_FILE = b"n+1"  # header and voxels are in one file


def count_nonfinite(path: Path) -> int:
    """Number of voxels of a NIfTI-1 file that are NaN or infinite.

    Raises:
        InputError: the file is shorter than its header says, or its compression is damaged.
    """
    content = _content(path)
    if len(content) < HEADER_BYTES:
        raise InputError(
            f"{path} cannot be read as an image: it has {len(content)} bytes, a NIfTI header alone"
            f" needs {HEADER_BYTES}; it may be truncated or of another kind."
        )
    order = "<" if struct.unpack_from("<i", content)[0] == HEADER_BYTES else ">"
    if struct.unpack_from(order + "i", content)[0] != HEADER_BYTES:
        return 0  # another version of the format; ITK's own checks stand
    rank, *sizes = struct.unpack_from(order + "8h", content, DIMENSIONS_AT)
    datatype, bits = struct.unpack_from(order + "2h", content, DATATYPE_AT)
    start = len(content)
    if content[MAGIC_AT:].startswith(SINGLE_FILE):
        start = int(struct.unpack_from(order + "f", content, VOXELS_AT)[0])
    count = int(np.prod(sizes[:rank], dtype=np.int64))
    needed = start + count * bits // 8
    if start < len(content) < needed or len(content) <= start < needed:
        raise InputError(
            f"{path} holds {len(content)} bytes of data, its header promises {needed}; it is"
            " truncated, copy it again."
        )
    if datatype not in FLOATS:
        return 0
    voxels = np.frombuffer(content, order + FLOATS[datatype], count, start)
    return int(np.count_nonzero(~np.isfinite(voxels)))


def _content(path: Path) -> bytes:
    try:
        if path.name.lower().endswith(".gz"):
            return gzip.decompress(path.read_bytes())
        return path.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read as an image; it may be truncated or of another kind. ({error})"
        ) from error
