"""Headers of NRRD and MetaImage files, looked at before ITK reads them.

ITK's readers trust them: a long word makes one write beyond its memory, and a large number takes
all that there is. What they say is compared with what the file can hold.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from SlicePropagationLib.errors import InputError

LONGEST_HEADER = 1 << 26  # bytes; segmentations keep much in theirs
LONGEST_VALUE = 1000  # signs of a field of the format; what programs add may be longer
MOST_DIMENSIONS = 8
LARGEST_SIZE = 1 << 31
LARGEST_NUMBER = 1e15  # of places, in millimetres or whatever unit
MOST_PACKED = 1040  # gzip and zlib make a file smaller by no more than this
MOST_PACKED_BZIP2 = 1 << 26
NRRD_BYTES = {
    1: ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t", "ushort")
    + ("unsigned short", "unsigned short int", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t")
    + ("float",),
    8: ("longlong", "long long", "long long int", "signed long long", "signed long long int")
    + ("int64", "int64_t", "ulonglong", "unsigned long long", "unsigned long long int", "uint64")
    + ("uint64_t", "double"),
}
NRRD_TYPES = {name: size for size, names in NRRD_BYTES.items() for name in names}
NRRD_ENCODINGS = {
    "raw": 1,
    "txt": 0,
    "text": 0,
    "ascii": 0,
    "hex": 0,
    "gz": MOST_PACKED,
    "gzip": MOST_PACKED,
    "bz2": MOST_PACKED_BZIP2,
    "bzip2": MOST_PACKED_BZIP2,
}
META_TYPES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG": 4,
    "MET_ULONG": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}
# Fields that say how much there is, and where: programs differ in which of two they take.
ONCE = ("dimension", "type", "encoding", "sizes", "data file", "datafile", "NDims", "DimSize")
ONCE += ("ElementType", "ElementNumberOfChannels", "CompressedData", "ElementDataFile")
NUMBERS = re.compile(r"[-+0-9.eE]+|[-+]?(?:nan|inf)", re.IGNORECASE)
Fields = dict[str, str]


@dataclass(frozen=True)
class Promise:
    """What a header says of its voxels.

    Attributes:
        num_bytes: that they take once they are unpacked.
        elsewhere: the file that they are in, or a list or pattern of files; None where they follow.
        fields: of the format, by name.
        length: of the header in bytes.
    """

    num_bytes: int
    elsewhere: str | None
    fields: Fields
    length: int


def check_header(path: Path | str) -> Promise | None:
    """Refuse a NRRD or MetaImage file whose header ITK must not see.

    Returns:
        What the header promises; None of a file of another kind, which is not looked at.

    Raises:
        InputError: the header is no header of its format, or promises more than the file holds.
    """
    path = Path(path)
    if (check := _check_of(path)) is None:
        return None
    try:
        with open(path, "rb") as file:
            return check(file, path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as an image; it may be truncated or of another kind. ({error})"
        ) from error


def _check_of(path: Path) -> Callable[[BinaryIO, Path], Promise] | None:
    name = path.name.lower()
    if name.endswith((".nrrd", ".nhdr")):
        return _check_nrrd
    return _check_meta if name.endswith((".mha", ".mhd")) else None


def _lines(file: BinaryIO, is_last: Callable[[bytes], bool]) -> list[str]:
    """The lines of a header; a ValueError where it does not end."""
    lines: list[str] = []
    left = LONGEST_HEADER
    while left > 0:
        line = file.readline(left)
        left -= len(line)
        lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
        if is_last(line):
            return lines
        if not line:
            break
    raise ValueError("its header does not end")


# NRRD


def _check_nrrd(file: BinaryIO, path: Path) -> Promise:
    if not re.fullmatch(rb"NRRD000[1-6]\r?\n", file.readline(16)):
        raise ValueError("it does not begin as a NRRD file")
    ends = (b"\n", b"\r\n", b"") if path.suffix.lower() == ".nhdr" else (b"\n", b"\r\n")
    lines = _lines(file, lambda line: line in ends)
    fields = _nrrd_fields(lines)
    count = _whole(fields, "dimension", 1, MOST_DIMENSIONS)
    _check_lists(fields, count)
    sizes = _sizes(fields["sizes"], count)
    num_bytes = _known(fields, "type", NRRD_TYPES) * math.prod(sizes)
    factor = _known(fields, "encoding", NRRD_ENCODINGS)
    for name in ("byte skip", "line skip"):
        if name in fields:
            _whole(fields, name, -1, LARGEST_SIZE)
    data = fields.get("data file", fields.get("datafile"))
    if data is None:
        _check_room(path, path.stat().st_size - file.tell(), num_bytes, factor)
    else:
        _check_elsewhere(path, data, num_bytes, factor)
    return Promise(num_bytes, data, fields, file.tell())


def _nrrd_fields(lines: Sequence[str]) -> Fields:
    """The fields of the format, by name; those that programs added are left out."""
    fields: Fields = {}
    for line in lines:
        if not line or line.startswith("#") or ":=" in line:
            continue
        name, colon, value = line.partition(": ")
        if not colon:
            if re.fullmatch(r"[a-z ]+:", line):
                continue
            if fields.get("data file", "").startswith("LIST"):
                continue  # names of files
            raise ValueError(f"'{line[:40]}' is no field of a NRRD header")
        _add(fields, name.strip().lower(), value.strip())
    return _with_all(fields, ("dimension", "type", "encoding", "sizes"))


def _check_lists(fields: Fields, count: int) -> None:
    """Refuse lists that do not have a value for each axis."""
    if "space dimension" in fields:
        _whole(fields, "space dimension", 1, MOST_DIMENSIONS)
    for name in ("kinds", "centers", "centerings"):
        if name in fields and len(fields[name].split()) != count:
            raise ValueError(f"its {name} are {fields[name][:60]!r} for {count} axes")
    for name in ("spacings", "thicknesses", "axis mins", "axismins", "axis maxs", "axismaxs"):
        if name in fields:
            _check_numbers(name, fields[name].split(), count)
    if count == 3 and "nan" in fields.get("spacings", "").lower():
        raise ValueError(f"its spacings are {fields['spacings'][:60]!r}, one of which is no number")
    if "space directions" in fields:
        vectors = re.findall(r"none|\([^()]*\)", fields["space directions"])
        if len(vectors) != count:
            raise ValueError(f"it has {len(vectors)} space directions for {count} axes")
        for vector in vectors:
            _check_vector("space directions", vector)
    for name in ("space origin", "measurement frame"):
        for vector in re.findall(r"\([^()]*\)", fields.get(name, "")):
            _check_vector(name, vector)
    for vector in re.findall(r"\([^()]*\)", fields.get("space origin", "")):
        words = [part.strip() for part in vector.strip("()").split(",")]
        _check_place("space origin", words, len(words))


def _check_vector(name: str, vector: str) -> None:
    parts = vector.strip("()").split(",")
    if vector != "none":
        _check_numbers(name, [part.strip() for part in parts], len(parts))


def _check_place(name: str, words: Sequence[str], count: int) -> None:
    """Refuse also what is infinite or no number; readers take it for 0."""
    _check_numbers(name, words, count)
    endless = [word for word in words if not math.isfinite(float(word))]
    if endless:
        raise ValueError(f"its {name} have {endless[0]!r}, which is no place")


def _check_numbers(name: str, words: Sequence[str], count: int) -> None:
    if len(words) != count:
        raise ValueError(f"it has {len(words)} {name} for {count} axes")
    wrong = [word for word in words if not NUMBERS.fullmatch(word)]
    if wrong:
        raise ValueError(f"its {name} have {wrong[0][:40]!r}, which is no number")
    # ITK computes with them, for ever where the result is beyond all numbers.
    large = [word for word in words if LARGEST_NUMBER < abs(float(word)) < math.inf]
    if large:
        raise ValueError(f"its {name} have {large[0][:40]!r}, where {LARGEST_NUMBER:g} is the most")


# MetaImage


def _check_meta(file: BinaryIO, path: Path) -> Promise:
    lines = _lines(file, lambda line: line.strip().startswith(b"ElementDataFile"))
    fields: Fields = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if line.strip() and not equals:
            raise ValueError(f"'{line[:40]}' is no field of a MetaImage header")
        if equals:
            _add(fields, name.strip(), value.strip())
    _with_all(fields, ("NDims", "DimSize", "ElementType", "ElementDataFile"))
    count = _whole(fields, "NDims", 1, MOST_DIMENSIONS)
    for name in ("ElementSpacing", "Offset", "Position", "Origin", "ElementSize"):
        if name in fields:
            _check_place(name, fields[name].split(), count)
    for name in ("TransformMatrix", "Rotation", "Orientation"):
        if name in fields:
            _check_place(name, fields[name].split(), count * count)
    channels = 1
    if "ElementNumberOfChannels" in fields:
        channels = _whole(fields, "ElementNumberOfChannels", 1, 1 << 16)
    num_bytes = _known(fields, "ElementType", META_TYPES) * channels
    num_bytes *= math.prod(_sizes(fields["DimSize"], count))
    factor = MOST_PACKED if fields.get("CompressedData", "").lower() in ("true", "1") else 1
    if fields.get("BinaryData", "True").lower() not in ("true", "1"):
        factor = 0
    for name in ("CompressedDataSize", "HeaderSize"):
        if name in fields:
            _whole(fields, name, -1, LARGEST_SIZE << 8)
    if fields["ElementDataFile"].upper() == "LOCAL":
        _check_room(path, path.stat().st_size - file.tell(), num_bytes, factor)
        return Promise(num_bytes, None, fields, file.tell())
    _check_elsewhere(path, fields["ElementDataFile"], num_bytes, factor)
    return Promise(num_bytes, fields["ElementDataFile"], fields, file.tell())


# Both


def _add(fields: Fields, name: str, value: str) -> None:
    if len(name) > LONGEST_VALUE or len(value) > LONGEST_VALUE:
        raise ValueError(
            f"its field '{name[:40]}' has {len(value)} signs, where {LONGEST_VALUE} can be"
        )
    if name in fields and name in ONCE:
        raise ValueError(f"its field '{name}' is there twice")
    fields[name] = value


def _with_all(fields: Fields, names: Sequence[str]) -> Fields:
    missing = [name for name in names if not fields.get(name)]
    if missing:
        raise ValueError(f"its header does not say {missing[0]}")
    return fields


def _whole(fields: Fields, name: str, least: int, most: int) -> int:
    value = fields[name]
    if not re.fullmatch(r"[-+]?\d{1,15}", value) or not least <= int(value) <= most:
        raise ValueError(f"its {name} is {value[:40]!r}, where {least} to {most} can be")
    return int(value)


def _sizes(text: str, count: int) -> list[int]:
    words = text.split()
    if len(words) != count or not all(re.fullmatch(r"\d{1,10}", word) for word in words):
        raise ValueError(f"its sizes are {text[:60]!r} for {count} axes")
    sizes = [int(word) for word in words]
    if not all(0 < size < LARGEST_SIZE for size in sizes):
        raise ValueError(f"it is empty or too large (size {'x'.join(words)})")
    return sizes


def _known(fields: Fields, name: str, known: dict[str, int]) -> int:
    value = fields[name]
    word = value if value in known else value.lower()
    if word not in known:
        raise ValueError(f"its {name} is {value[:40]!r}, which is not read here")
    return known[word]


def _check_room(path: Path, num_there: int, num_bytes: int, factor: int) -> None:
    """Refuse a file that cannot hold what its header promises; as text (0), two signs a value."""
    most = num_there * (factor or 8)
    if num_bytes > most:
        packed = "at most " if factor != 1 else ""
        raise ValueError(
            f"it holds {packed}{most} bytes of voxels, its header promises {num_bytes}; it may be"
            " truncated"
        )


def _check_elsewhere(path: Path, name: str, num_bytes: int, factor: int) -> None:
    """The same for voxels in another file; lists and patterns of files are ITK's to look at."""
    if name.upper().startswith("LIST") or "%" in name:
        return
    elsewhere = path.parent / name
    if not elsewhere.is_file():
        raise ValueError(f"its voxels are in {name[:200]}, which is not there")
    _check_room(elsewhere, elsewhere.stat().st_size, num_bytes, factor)
