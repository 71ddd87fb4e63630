"""What lies in a folder that a person may want to open."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.dicom_frames import has_dicom_start
from SlicePropagationLib.files.file_names import is_text
from SlicePropagationLib.files.volume import SUFFIXES
from SlicePropagationWeb.case_names import is_named_label_map

IMAGE_SUFFIXES = tuple(suffix for suffix in SUFFIXES if suffix != ".seg.nrrd")
NUM_PROBED = 5  # files of a folder that are looked at


def paths_below(folder: Path, depth: int) -> Iterator[Path]:
    """A folder and what lies in it, down to so many levels, by name; hidden files are left out."""
    yield folder
    if not depth:
        return
    for path in _inside(folder):
        if not path.name.startswith("."):
            yield from paths_below(path, depth - 1)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder, by name; what may not be read is not listed."""
    with contextlib.suppress(OSError):
        if folder.is_dir():
            return sorted(path for path in folder.iterdir() if is_text(path.name))
    return []


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name; one that is called a mask or the like is none."""
    name = path.name.lower()
    if name.startswith(".") or is_named_label_map(name):
        return False
    return name.endswith(IMAGE_SUFFIXES)


def is_result(path: Path) -> bool:
    """Whether a file is a segmentation, or a label map with its per-slice table and record."""
    name = path.name.lower()
    if name.startswith(".") or not name.endswith(SUFFIXES):
        return False
    if name.endswith(".seg.nrrd"):
        return path.is_file()
    beside = [companion(path, suffix) for suffix in (".slices.csv", ".json")]
    return all(file.is_file() for file in [path, *beside])


def is_label_map(path: Path) -> bool:
    """Whether a file is a segmentation, or a label map by its name or by what stands beside it."""
    is_named_so = is_named_label_map(path.name) and path.name.lower().endswith(SUFFIXES)
    return (is_named_so and not path.name.startswith(".")) or is_result(path)


def is_dicom_folder(folder: Path) -> bool:
    """Whether one of the first files of a folder is a DICOM file.

    The rest is looked at when it is opened.
    """
    if folder.name.startswith("."):
        return False
    try:
        first = itertools.islice(folder.iterdir(), NUM_PROBED)
        files = [path for path in first if path.is_file()]
        return any(has_dicom_start(path) for path in files)
    except OSError:
        return False
