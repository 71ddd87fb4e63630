"""What DICOM files say of each of their frames: the header first, the voxels later.

A classic file is one frame; an enhanced file has many, each with items of its own, in any order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MARK_AT = 128
MARK = b"DICM"
# The first group of a data set without preamble: 0002 or 0008, in either byte order.
BARE_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
DISC_INDEX = "DICOMDIR"
SUFFIXES = (".dcm", ".dicom", ".ima")
# What tells frames at one place apart, by the names that sentences use; the specific first.
KINDS = (
    "image type",
    "component",
    "stack",
    "echo time",
    "echo",
    "b-value",
    "gradient",
    "inversion time",
    "flip angle",
    "kernel",
    "tube voltage",
    "energy window",
)
TIMES = ("temporal position", "trigger time", "cardiac phase", "frame time")
ACQUISITION = "acquisition"
CLOCKS = ("acquisition time", "content time", "reconstruction")


@dataclass(frozen=True)
class DicomFrame:
    """One picture, and what its header says.

    Attributes:
        path: the file.
        number: of the frame in it, from 0.
        series, uid: of the series, and of the file.
        size: rows, columns.
        pixel_mm: between rows, between columns; 0 where the file does not say.
        position: (3,) mm, of its first voxel; None where the file does not say.
        axes: (2, 3), along a row and down a column.
        slope, intercept: of its values.
        instance: its number in the series.
        facts: {name of `KINDS`, `TIMES`, ...: value} as far as the file says.
        about: {name: value} of the series: modality, number, description, frame of reference.
        num_values: of a pixel; more than 1 is colour.
        thickness_mm: between slices, or of one; 0 where the file does not say.
        is_oriented: whether the file says its axes; otherwise they are those of the patient.
    """

    path: Path
    number: int
    series: str
    uid: str
    size: tuple[int, int]
    pixel_mm: tuple[float, float]
    position: np.ndarray | None
    axes: np.ndarray
    slope: float = 1.0
    intercept: float = 0.0
    instance: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    num_values: int = 1
    thickness_mm: float = 0.0
    is_oriented: bool = True

    @property
    def normal(self) -> np.ndarray:
        """(3,) of its plane; slices are counted along it."""
        return np.cross(self.axes[0], self.axes[1])

    @property
    def is_stored_as_is(self) -> bool:
        """Whether the stored numbers are the values."""
        return (self.slope, self.intercept) == (1.0, 0.0)


def has_dicom_start(path: Path) -> bool:
    """Whether a file begins as DICOM does, with or without a preamble."""
    try:
        with open(path, "rb") as file:
            start = file.read(MARK_AT + len(MARK))
    except OSError:
        return False
    if start[MARK_AT:] == MARK:
        return True
    return start[:2] in BARE_STARTS and _is_element(start)


def _is_element(start: bytes) -> bool:
    """Whether bytes begin with a low element number and then a type, or a small length."""
    if len(start) < MARK_AT:
        return False
    kind = start[4:6]
    is_explicit = kind.isalpha() and kind.isupper()
    return is_explicit or int.from_bytes(start[4:8], "little") < 256


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders, by name; hidden ones and the disc's index not."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.upper() == DISC_INDEX:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files_below(path)
        elif path.is_file():
            yield path


def is_disc_index(path: Path) -> bool:
    """Whether a file is the index of a disc."""
    return path.name.upper() == DISC_INDEX
