"""How large an upload is once it is unpacked.

A few megabytes of a packed file may become gigabytes in memory: what its header says that it holds
counts, and what comes out of it.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom import has_pydicom
from SlicePropagationLib.files.dicom_frames import has_dicom_start
from SlicePropagationLib.files.text_header import LONGEST_HEADER

CHUNK_BYTES = 1 << 20
PACKED = b"\x1f\x8b"  # gzip begins so
MAX_RATIO = 1032  # of what deflate can unpack to what it unpacks
META = 132  # where the elements of a DICOM file begin
DEFLATED = b"1.2.840.10008.1.2.1.99"  # transfer syntax: all behind the first group is packed
LARGEST_TYPE = 8  # bytes
SIZES = ["Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated"]  # of DICOM
NAMED_BY_LINES = (b"NRRD", b"ObjectType", b"NDims")  # what headers of lines begin with
NRRD_BYTES = {
    **dict.fromkeys(
        ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1
    ),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32"), 4),
    **dict.fromkeys(("uint32_t", "float"), 4),
}
META_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_FLOAT"), 4),
}


def check_unpacked_size(
    paths: Sequence[Path],
    max_bytes: int,
) -> None:
    """Refuse files that hold more than the limit, all together.

    Args:
        paths: images or DICOM files.
        max_bytes: that their voxels may take.

    Raises:
        InputError: they hold more.
    """
    room = max_bytes
    for path in paths:
        room -= unpacked_bytes(path, room)
        if room < 0:
            raise InputError(
                f"The upload unpacks to something larger than {max_bytes / 1024**2:.0f} MiB;"
                " open the file from a folder given as --data instead."
            )


def unpacked_bytes(path: Path, enough: int) -> int:
    """Bytes that a file takes once it is read, by its header and by what is in it.

    Args:
        path: of an image or a DICOM file.
        enough: where counting may stop.
    """
    with open(path, "rb") as file:
        start = file.read(1 << 16)
        if start.startswith(NAMED_BY_LINES):
            start += file.read(LONGEST_HEADER)
    size = path.stat().st_size
    if start.startswith(PACKED):
        packed = _gzip_pieces(path)
        start = b"".join(_first(_gzip_pieces(path), len(start)))
    elif start[META - 4 : META] == b"DICM" and DEFLATED in start[:1024]:
        packed = _deflated_pieces(path, start)
    elif has_dicom_start(path):
        return max(size, _of_dicom(path))
    else:
        return max(size, declared_bytes(start))
    declared = declared_bytes(start)
    if size * MAX_RATIO <= enough or declared > enough:
        return max(size, declared)
    return max(size, declared, _count(packed, enough))


def declared_bytes(start: bytes) -> int:
    """Bytes of the voxels that the header of an image names; 0 where it names none.

    Args:
        start: of the file, unpacked.
    """
    if start.startswith(b"NRRD"):
        return _of_text(start, b":", b"sizes", b"type", NRRD_BYTES)
    if b"DimSize" in start[:4096]:
        channels = _numbers(_fields(start, b"=").get(b"elementnumberofchannels", b"1"))
        size = _of_text(start, b"=", b"dimsize", b"elementtype", META_BYTES)
        return size * max(1, *channels, 1)
    return _of_nifti(start)


def _of_dicom(path: Path) -> int:
    """What the pixels of a DICOM file take, by its header; 0 where it has none that can be read."""
    if not has_pydicom():
        return 0
    from SlicePropagationLib.files.dicom_headers import read_header

    try:
        header = read_header(path, stop_before_pixels=True, specific_tags=SIZES)
        counts = [max(1, int(header.get(name) or 1)) for name in SIZES]
    except Exception:  # pydicom raises many kinds at what is damaged; reading it says so
        return 0
    return math.prod(counts) // 8


def _of_nifti(start: bytes) -> int:
    for order in "<>":
        [header] = struct.unpack(f"{order}i", start[:4].ljust(4, b"\0"))
        if header == 348 and len(start) >= 348:
            counts = struct.unpack_from(f"{order}8h", start, 40)
            [bits] = struct.unpack_from(f"{order}h", start, 72)
        elif header == 540 and len(start) >= 540:
            counts = struct.unpack_from(f"{order}8q", start, 16)
            [bits] = struct.unpack_from(f"{order}h", start, 14)
        else:
            continue
        used = counts[1 : 1 + min(max(counts[0], 0), 7)]
        return math.prod(max(1, abs(count)) for count in used) * max(8, abs(bits)) // 8
    return 0


def _of_text(
    start: bytes,
    sign: bytes,
    counts: bytes,
    kind: bytes,
    bytes_of: dict[str, int],
) -> int:
    """What a header of lines says: the product of its counts and the bytes of its type."""
    fields = _fields(start, sign)
    numbers = _numbers(fields.get(counts, b""))
    name = fields.get(kind, b"").decode("latin-1")
    return math.prod(numbers) * bytes_of.get(name, LARGEST_TYPE) if numbers else 0


def _fields(start: bytes, sign: bytes) -> dict[bytes, bytes]:
    """{name in small letters: value} of the lines before the voxels."""
    found: dict[bytes, bytes] = {}
    for line in start.splitlines():
        name, is_field, value = line.partition(sign)
        if not line.strip() and sign == b":":
            break
        if is_field and not value.startswith(b"="):  # that is a key of a program
            found.setdefault(name.strip().lower(), value.strip())
        if name.strip().lower() == b"elementdatafile":
            break
    return found


def _numbers(text: bytes) -> list[int]:
    return [int(word) for word in text.split() if word.isdigit()]


def _gzip_pieces(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _deflated_pieces(path: Path, start: bytes) -> Iterator[bytes]:
    """What is packed in a deflated DICOM file, behind the group that says so."""
    [length] = struct.unpack_from("<I", start, META + 8)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    with open(path, "rb") as file:
        file.seek(META + 12 + length)
        while piece := unpacker.unconsumed_tail or file.read(CHUNK_BYTES):
            yield unpacker.decompress(piece, CHUNK_BYTES)


def _first(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """So many bytes of a stream at least, as far as it can be read."""
    try:
        for piece in pieces:
            yield piece
            count -= len(piece)
            if count <= 0:
                return
    except (OSError, EOFError, zlib.error):
        return


def _count(pieces: Iterator[bytes], enough: int) -> int:
    """How much comes out of a stream; counting stops where it is too much."""
    total = 0
    for piece in _first(pieces, enough + 1):
        total += len(piece)
    return total
