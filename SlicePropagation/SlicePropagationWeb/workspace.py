"""The folders that the page may use: nothing outside them is read or written."""

import itertools
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationWeb.folder_search import (
    is_dicom_folder,
    is_image,
    is_result,
    paths_below,
)
from SlicePropagationWeb.recovery import Recovery

SAVE_SUFFIXES = (".seg.nrrd", ".nii.gz")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,80}")
MAX_LISTED = 500
DEPTH = 3  # data sets lie as SET/CASE/image.nii.gz


class Workspace:
    """One folder that results go to, and folders that images may be opened from.

    Args:
        out: where results, uploads and the unsaved work go.
        readable: folders that images may come from.

    Attributes:
        out: as given, resolved.
        uploads: the folder of what came from the browser.
        recovery: the autosave.
        readable: as given, resolved, and uploads.
    """

    def __init__(self, out: Path | str, readable: Sequence[Path | str] = ()) -> None:
        self.out = Path(out).resolve()
        self.uploads = self.out / "uploads"
        self.recovery = Recovery(self.out / "autosave")
        self.readable = [Path(folder).resolve() for folder in readable]
        self.readable.append(self.uploads)

    # What can be opened

    def images(self) -> list[dict[str, str]]:
        """What can be opened: [{"title", "path"}], at most `MAX_LISTED`.

        Image files and DICOM folders, by name, from the readable folders and a few levels below.
        """
        titles: dict[str, str] = {}
        for folder in self.readable:
            for path in paths_below(folder, DEPTH):
                if len(titles) == MAX_LISTED:
                    break
                if path.is_file() and is_image(path):
                    titles[str(path)] = str(path.relative_to(folder))
                elif path.is_dir() and is_dicom_folder(path):
                    titles[str(path)] = f"{_relative(path, folder)} (DICOM)"
        return [{"title": title, "path": path} for path, title in titles.items()]

    def segmentations(self) -> list[dict[str, str]]:
        """What can be gone on with: [{"title", "path"}], at most `MAX_LISTED`.

        Segmentations, and label maps with their tables: results first, the latest on top, then
        those of the readable folders by name.
        """
        results = [path for path in paths_below(self.out, 1) if is_result(path)]
        results.sort(key=lambda path: -path.stat().st_mtime)
        titles = {path: path.name for path in results}
        for folder in self.readable:
            for path in paths_below(folder, DEPTH):
                if path not in titles and is_result(path):
                    titles[path] = str(path.relative_to(folder))
        listed = itertools.islice(titles.items(), MAX_LISTED)
        return [{"title": title, "path": str(path)} for path, title in listed]

    def readable_segmentation(self, text: str) -> Path:
        """The path of a segmentation that may be opened: a result, or a file in readable folders.

        Raises:
            InputError: it lies outside them, also by way of `..` or a link.
        """
        path = Path(text).resolve()
        return path if path.parent == self.out else self.readable_path(text)

    def readable_path(self, text: str) -> Path:
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

    # Results

    def output_path(self, name: str, suffix: str) -> Path:
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

    def free_name(self, name: str) -> str:
        """A name for a result that replaces none: that name, or with a number."""
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        names = itertools.chain([name], numbered)
        return next(free for free in names if not self._has_result(free))

    def _has_result(self, name: str) -> bool:
        return any((self.out / f"{name}{suffix}").exists() for suffix in SAVE_SUFFIXES)

    def download_path(self, name: str) -> Path | None:
        """The result file of that name, or None where there is none."""
        path = (self.out / name).resolve()
        is_ours = path.parent == self.out and not path.name.startswith(".")
        return path if is_ours and path.is_file() else None

    def set_aside(self) -> str | None:
        """Make a result of the unsaved work, as other work begins.

        Returns:
            The name of its segmentation, None where there is none.
        """
        name = self.free_name(time.strftime("unsaved-%Y%m%d-%H%M%S"))
        return self.recovery.move_to(self.out, name)

    def check_writable(self) -> None:
        """Make the folder for results, and clear what a crash left there.

        Raises:
            SlicePropagationError: it cannot be made or written.
        """
        try:
            self.uploads.mkdir(parents=True, exist_ok=True)
            for left in self.uploads.glob(".partial-*"):  # of an upload that a crash ended
                shutil.rmtree(left, ignore_errors=True)
            self.recovery.clear_partial()
            probe = self.out / ".probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SlicePropagationError(
                f"The folder {self.out} cannot be written ({error}); name another one with --out."
            ) from error


def _relative(path: Path, folder: Path) -> Path | str:
    return path.relative_to(folder) if path != folder else folder.name
