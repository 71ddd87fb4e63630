"""The folders that the page may use: nothing outside them is read or written."""

import contextlib
import itertools
import re
import shutil
import time
from pathlib import Path

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.volume import SUFFIXES
from SlicePropagationWeb.recovery import KeptWork
from SlicePropagationWeb.upload_check import is_dicom

IMAGE_SUFFIXES = tuple(suffix for suffix in SUFFIXES if suffix != ".seg.nrrd")
SAVE_SUFFIXES = (".seg.nrrd", ".nii.gz")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,80}")
MAX_LISTED = 500
DEPTH = 3  # data sets lie as SET/CASE/image.nii.gz
NUM_PROBED = 5  # files of a folder that are looked at


class Workspace:
    """One folder that results go to, and folders that images may be opened from.

    Attributes:
        out: where results, uploads and the unsaved work go.
        kept: the KeptWork, the autosave.
        readable: folders that images may come from; uploads count among them.
    """

    def __init__(self, out, readable=()):
        self.out = Path(out).resolve()
        self.uploads = self.out / "uploads"
        self.kept = KeptWork(self.out / "autosave")
        self.readable = [*(Path(folder).resolve() for folder in readable), self.uploads]

    def images(self):
        """What can be opened: [{"title", "path"}], image files and DICOM folders, by name, from the readable folders and a few levels below; at most `MAX_LISTED`."""
        found = {}
        for folder in self.readable:
            for path in _below(folder, DEPTH):
                if len(found) == MAX_LISTED:
                    break
                if path.is_file() and _is_image(path):
                    found[str(path)] = str(path.relative_to(folder))
                elif path.is_dir() and _is_dicom_folder(path):
                    found[str(path)] = (
                        f"{path.relative_to(folder) if path != folder else folder.name} (DICOM)"
                    )
        return [{"title": title, "path": path} for path, title in found.items()]

    def segmentations(self):
        """What can be gone on with: [{"title", "path"}], segmentations and label maps with their tables; results first, the latest on top, then those of the readable folders by name."""
        results = sorted(
            (path for path in _below(self.out, 1) if _is_result(path)),
            key=lambda path: -path.stat().st_mtime,
        )
        found = {path: path.name for path in results}
        for folder in self.readable:
            found |= {
                path: str(path.relative_to(folder))
                for path in _below(folder, DEPTH)
                if path not in found and _is_result(path)
            }
        return [
            {"title": title, "path": str(path)}
            for path, title in itertools.islice(found.items(), MAX_LISTED)
        ]

    def readable_segmentation(self, text):
        """The path of a segmentation that may be opened: a result, or a file in the readable folders.

        Raises:
            InputError: it lies outside them, also by way of `..` or a link.
        """
        path = Path(text).resolve()
        return path if path.parent == self.out else self.readable_path(text)

    def readable_path(self, text):
        """The path of an image or a DICOM folder that may be opened.

        Raises:
            InputError: it lies outside the folders, also by way of `..` or a link.
        """
        path = Path(text).resolve()
        if not any(path == folder or folder in path.parents for folder in self.readable):
            raise InputError(
                f"{text} is outside the folders that this page may read"
                f" ({', '.join(map(str, self.readable))}); start the program with its folder as"
                " --data."
            )
        return path

    def output_path(self, name, suffix):
        """Where a result of that name goes.

        Raises:
            InputError: the name has other signs than letters, digits, space, dot, dash and
                underscore, or the kind is unknown.
        """
        if suffix not in SAVE_SUFFIXES or not NAME.fullmatch(name) or ".." in name:
            raise InputError(
                f"'{name}{suffix}' cannot be a file name here; use letters, digits, dots and"
                f" dashes, and one of {', '.join(SAVE_SUFFIXES)}."
            )
        return self.out / f"{name}{suffix}"

    def free_name(self, name):
        """A name for a result that replaces none: that name, or with a number."""
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        return next(
            free
            for free in names
            if not any((self.out / f"{free}{suffix}").exists() for suffix in SAVE_SUFFIXES)
        )

    def download_path(self, name):
        """The result file of that name, or None where there is none."""
        path = (self.out / name).resolve()
        return (
            path
            if path.parent == self.out and path.is_file() and not path.name.startswith(".")
            else None
        )

    def set_aside(self):
        """Make a result of the unsaved work, as other work begins.

        Returns the name of its segmentation, None where there is none.
        """
        return self.kept.move_to(self.out, self.free_name(time.strftime("unsaved-%Y%m%d-%H%M%S")))

    def check_writable(self):
        """Make the folder for results, and clear what a crash left there.

        Raises:
            SlicePropagationError: it cannot be made or written.
        """
        try:
            self.uploads.mkdir(parents=True, exist_ok=True)
            for left in self.uploads.glob(".partial-*"):  # of an upload that a crash ended
                shutil.rmtree(left, ignore_errors=True)
            self.kept.clear_partial()
            probe = self.out / ".probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SlicePropagationError(
                f"The folder {self.out} cannot be written ({error}); name another one with --out."
            ) from error


def _below(folder, depth):
    """A folder and what lies in it, down to so many levels, by name."""
    yield folder
    inside = []
    with contextlib.suppress(OSError):  # what may not be read is not listed
        inside = sorted(folder.iterdir()) if depth and folder.is_dir() else []
    for path in inside:
        if not path.name.startswith("."):
            yield from _below(path, depth - 1)


def _is_image(path):
    name = path.name.lower()
    return (
        name.endswith(IMAGE_SUFFIXES)
        and not name.endswith(".seg.nrrd")
        and not name.startswith(".")
    )


def _is_result(path):
    """Whether a file is a segmentation, or a label map with its per-slice table and record."""
    name = path.name.lower()
    if name.startswith(".") or not name.endswith(SUFFIXES) or not path.is_file():
        return False
    return name.endswith(".seg.nrrd") or all(
        companion(path, suffix).is_file() for suffix in (".slices.csv", ".json")
    )


def _is_dicom_folder(folder):
    """Whether one of the first files of a folder is a DICOM file.

    The rest is looked at when it is opened.
    """
    if folder.name.startswith("."):
        return False
    try:
        return any(
            path.is_file() and is_dicom(path)
            for path in itertools.islice(folder.iterdir(), NUM_PROBED)
        )
    except OSError:
        return False
