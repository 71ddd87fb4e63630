"""What lies in a folder that a person may want to open."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from SlicePropagationLib.files.volume import SUFFIXES
from SlicePropagationLib.pipelines.result_files import companion
from SlicePropagationWeb.upload_check import is_dicom

IMAGE_SUFFIXES = tuple(suffix for suffix in SUFFIXES if suffix != ".seg.nrrd")
NUM_PROBED = 5  # files of a folder that are looked at


def paths_below(folder: Path, depth: int) -> Iterator[Path]:
    """A folder and what lies in it, down to so many levels, by name; hidden files are left out."""
    yield folder
    inside: list[Path] = []
    with contextlib.suppress(OSError):  # what may not be read is not listed
        inside = sorted(folder.iterdir()) if depth and folder.is_dir() else []
    for path in inside:
        if not path.name.startswith("."):
            yield from paths_below(path, depth - 1)


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name."""
    name = path.name.lower()
    is_shown = not name.startswith(".") and not name.endswith(".seg.nrrd")
    return is_shown and name.endswith(IMAGE_SUFFIXES)


def is_result(path: Path) -> bool:
    """Whether a file is a segmentation, or a label map with its per-slice table and record."""
    name = path.name.lower()
    if name.startswith(".") or not name.endswith(SUFFIXES) or not path.is_file():
        return False
    if name.endswith(".seg.nrrd"):
        return True
    return all(companion(path, suffix).is_file() for suffix in (".slices.csv", ".json"))


def is_dicom_folder(folder: Path) -> bool:
    """Whether one of the first files of a folder is a DICOM file.

    The rest is looked at when it is opened.
    """
    if folder.name.startswith("."):
        return False
    try:
        first = itertools.islice(folder.iterdir(), NUM_PROBED)
        return any(path.is_file() and is_dicom(path) for path in first)
    except OSError:
        return False
