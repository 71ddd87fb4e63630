"""The folders that the page may use: nothing outside them is read or written."""

import contextlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.atomic import PREFIX, clear_away, own_prefix, owner_of
from SlicePropagationLib.files.urls import is_url
from SlicePropagationLib.processes import is_alive
from SlicePropagationWeb.case_names import UPLOADS, title_of_path
from SlicePropagationWeb.folder_search import (
    is_dicom_folder,
    is_image,
    is_label_map,
    is_result,
    paths_below,
)
from SlicePropagationWeb.recent_files import RecentFiles
from SlicePropagationWeb.recovery import Recovery

SAVE_SUFFIXES = (".seg.nrrd", ".nii.gz")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,80}")
WEB = re.compile(r"https?://[^\s/]+/\S+", re.IGNORECASE)
CHAIN = "::"  # with which a URL leads to another one, such as a file of this machine
MAX_LISTED = 500
CLAIM = "page"  # what the name of the folder ends with that says who serves a folder
DEPTH = 3  # data sets lie as SET/CASE/image.nii.gz


class Workspace:
    """One folder that results go to, and folders that images may be opened from.

    Args:
        out: where results, uploads and the unsaved work go.
        readable: folders that images may come from.
        url: of the image that the program is started with, where it is one.
        may_fetch: whether a person at the page may open other URLs.

    Attributes:
        out: as given, resolved.
        uploads: the folder of what came from the browser.
        recovery: the autosave.
        readable: as given, resolved, and uploads.
        may_fetch: as given.
    """

    def __init__(
        self,
        out: Path | str,
        readable: Sequence[Path | str] = (),
        url: str | None = None,
        *,
        may_fetch: bool = False,
    ) -> None:
        self.out = Path(out).resolve()
        self.uploads = self.out / UPLOADS
        self.recovery = Recovery(self.out / "autosave")
        self._recent = RecentFiles(self.recovery.folder)
        self._claim = self.out / f"{own_prefix()}{CLAIM}"
        self._url = url
        self.may_fetch = may_fetch
        self.readable = [Path(folder).resolve() for folder in readable]
        self.readable.append(self.uploads)

    # What can be opened

    def images(self) -> list[dict[str, str]]:
        """What can be opened: [{"title", "path"}].

        Image files and DICOM folders, by name, from the readable folders and a few levels below.
        Label maps are none.
        """
        titles: dict[Path, str] = {}
        for folder in self.readable:
            for path in paths_below(folder, DEPTH):
                title = _image_title(path, folder)
                if title is not None:
                    titles.setdefault(path, title)
        return _listed(titles)

    def segmentations(self) -> list[dict[str, str]]:
        """What can be gone on with: [{"title", "path"}].

        Segmentations and label maps: results first, the latest on top, then those of the readable
        folders by name.
        """
        results = [path for path in paths_below(self.out, 1) if is_result(path)]
        results.sort(key=lambda path: -path.stat().st_mtime)
        titles = {path: path.name for path in results}
        for folder in self.readable:
            for path in paths_below(folder, DEPTH):
                if path not in titles and is_label_map(path):
                    titles[path] = str(path.relative_to(folder))
        return _listed(titles)

    def recent_images(self) -> list[dict[str, str]]:
        """The volumes that were opened last and may be read: [{"title", "path"}]."""
        paths = [path for path in self._recent.read() if self._is_readable(path)]
        return [{"title": title_of_path(path), "path": str(path)} for path in paths]

    def note_opened(self, source: Path | str) -> None:
        """A volume was opened."""
        if is_url(source):  # whether it is still there would have to be asked elsewhere
            return
        path = Path(source).resolve()
        if path.exists() and self._is_readable(path):
            self._recent.add(path)

    def _is_readable(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.readable)

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
        if not self._is_readable(path):
            folders = ", ".join(map(str, self.readable))
            raise InputError(
                f"{text} is outside the folders that this page may read ({folders}); start the"
                " program with its folder as --data."
            )
        return path

    def readable_volume(
        self, text: str, series: str | None = None
    ) -> tuple[Path | str, str | None]:
        """What the browser asked to have opened: (path or URL, which volume of a DICOM folder).

        Raises:
            InputError: it lies outside the folders, or is a URL that may not be fetched.
        """
        place = self.readable_url(text) if is_url(text) else self.readable_path(text)
        return place, str(series) if series else None

    def readable_url(self, url: str) -> str:
        """A URL that may be fetched: that of the start, or one of the web where a person may type it.

        Raises:
            InputError: it may not be.
        """
        if url == self._url:
            return url
        if not self.may_fetch:
            raise InputError(
                f"{url} is not the image that this page was started with; start the program with"
                " that URL in its place."
            )
        if not WEB.fullmatch(url) or CHAIN in url:
            raise InputError(
                f"'{url}' is no address that the page opens; type one that begins with http:// or"
                " https://, or start the program with it."
            )
        return url

    # Results

    def output_path(
        self,
        name: str,
        suffix: str,
    ) -> Path:
        """Where a result of that name goes.

        Raises:
            InputError: the name has other signs than letters, digits, space, dot, dash and
                underscore, or the kind is unknown.
        """
        is_name = NAME.fullmatch(name) and ".." not in name
        if suffix not in SAVE_SUFFIXES or not is_name:
            raise InputError(
                f"'{name}{suffix}' cannot be a file name here; use letters, digits, dots and"
                f" dashes, and one of {', '.join(SAVE_SUFFIXES)}."
            )
        return self.out / f"{name}{suffix}"

    def free_name(self, name: str) -> str:
        """A name for a result that replaces none: that name, or with a number."""
        free = name
        number = 1
        while self._has_result(free):
            number += 1
            free = f"{name}-{number}"
        return free

    def _has_result(self, name: str) -> bool:
        paths = [self.out / f"{name}{suffix}" for suffix in SAVE_SUFFIXES]
        return any(path.exists() for path in paths)

    def download_path(self, name: str) -> Path | None:
        """The result file of that name, or None where there is none."""
        path = (self.out / name).resolve()
        if path.parent != self.out or path.name.startswith("."):
            return None
        return path if path.is_file() else None

    def set_aside(self, case: str = "") -> str | None:
        """Make a result of the unsaved work, as other work begins.

        Args:
            case: of the worklist that it is on, which has one such result at most; or "".

        Returns:
            The name of its segmentation, None where there is none.
        """
        plain = time.strftime("unsaved-%Y%m%d-%H%M%S")
        name = f"{case}-unsaved" if case else self.free_name(plain)
        return self.recovery.move_to(self.out, name)

    def check_writable(self) -> None:
        """Make the folder for results, take it for this program, and clear what a crash left there.

        Raises:
            SlicePropagationError: it cannot be made or written, or another page has it.
        """
        self._check_free()
        try:
            self._claim.mkdir(parents=True, exist_ok=True)
            clear_away(self.out)
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

    def _check_free(self) -> None:
        """Refuse a folder that another page serves: the unsaved work of both would be mixed."""
        for claim in self.out.glob(f"{PREFIX}*-{CLAIM}"):
            owner = owner_of(claim.name)
            if owner is not None and owner != os.getpid() and is_alive(owner):
                raise SlicePropagationError(
                    f"The folder {self.out} is in use by another page, process {owner}; name another"
                    f" one with --out, or end that page. If there is none, remove {claim.name} there."
                )

    def release(self) -> None:
        """Let another program have the folder."""
        with contextlib.suppress(OSError):
            self._claim.rmdir()


def _image_title(path: Path, folder: Path) -> str | None:
    """What an image or a DICOM folder below a folder is called; None where it is neither."""
    if is_image(path) and path.is_file() and not is_result(path):
        return str(path.relative_to(folder))
    if path.is_dir() and is_dicom_folder(path):
        name = path.relative_to(folder) if path != folder else folder.name
        return f"{name} (DICOM)"
    return None


def _listed(titles: dict[Path, str]) -> list[dict[str, str]]:
    return [{"title": title, "path": str(path)} for path, title in titles.items()]


def matching(files: Sequence[dict[str, str]], text: str) -> list[dict[str, str]]:
    """Files whose title holds all the words, at most `MAX_LISTED`: all are searched, some are shown."""
    words = text.casefold().split()
    fitting = (file for file in files if all(word in file["title"].casefold() for word in words))
    return list(itertools.islice(fitting, MAX_LISTED))
