"""The folders that the page may use, and the autosave: nothing outside them is read or written."""

import json
import re
import shutil
import time
from pathlib import Path

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.outputs import companion, write_result
from SlicePropagationLib.volume import SUFFIXES

IMAGE_SUFFIXES = tuple(suffix for suffix in SUFFIXES if suffix != ".seg.nrrd")
SAVE_SUFFIXES = (".seg.nrrd", ".nii.gz")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,80}")
MAX_LISTED = 200


class Workspace:
    """One folder that results go to, and folders that images may be opened from.

    Attributes:
        out: where results, uploads and the autosave go.
        readable: folders that images may come from; uploads count among them.
    """

    def __init__(self, out, readable=()):
        self.out = Path(out).resolve()
        self.uploads, self._autosave = self.out / "uploads", self.out / "autosave" / "annotation.seg.nrrd"
        self.readable = [*(Path(folder).resolve() for folder in readable), self.uploads]

    def images(self):
        """The images that can be opened: [{"title", "path"}], by name, from the readable folders and one level below."""
        found = {}
        for folder in self.readable:
            for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
                if len(found) < MAX_LISTED and path.is_file() and _is_image(path):
                    found[str(path)] = str(path.relative_to(folder))
        return [{"title": title, "path": path} for path, title in found.items()]

    def readable_path(self, text):
        """The path of an image or a DICOM folder that may be opened.

        Raises:
            InputError: it lies outside the folders, also by way of `..` or a link.
        """
        path = Path(text).resolve()
        if not any(path == folder or folder in path.parents for folder in self.readable):
            raise InputError(f"{text} is outside the folders that this page may read ({', '.join(map(str, self.readable))}); start the program with its folder as --data.")
        return path

    def output_path(self, name, suffix):
        """Where a result of that name goes.

        Raises:
            InputError: the name has other signs than letters, digits, space, dot, dash and underscore, or the kind is unknown.
        """
        if suffix not in SAVE_SUFFIXES or not NAME.fullmatch(name) or ".." in name:
            raise InputError(f"'{name}{suffix}' cannot be a file name here; use letters, digits, dots and dashes, and one of {', '.join(SAVE_SUFFIXES)}.")
        return self.out / f"{name}{suffix}"

    def download_path(self, name):
        """The result file of that name, or None where there is none."""
        path = (self.out / name).resolve()
        return path if path.parent == self.out and path.is_file() and not path.name.startswith(".") else None

    # Autosave

    def keep(self, volume, session, segments, engine, **page):
        """Write the work as it stands, atomically; `page` is what is needed to show it again."""
        self._autosave.parent.mkdir(parents=True, exist_ok=True)
        write_result(self._autosave, volume, session, segments, engine, 0.0, page={"at": time.strftime("%Y-%m-%d %H:%M"), **page})

    def unsaved(self):
        """What the autosave holds: {"at", "image", "title", "plane", "segment", "labels": path of the segmentation}, or None."""
        try:
            page = json.loads(companion(self._autosave, ".json").read_text(encoding="utf-8"))["page"]
            return {**page, "labels": str(self._autosave)} if self._autosave.is_file() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self):
        """Drop the autosave: its work was saved, or is not wanted."""
        for suffix in (".json", ".slices.csv"):
            companion(self._autosave, suffix).unlink(missing_ok=True)
        self._autosave.unlink(missing_ok=True)

    def set_aside(self):
        """Make a result of the autosave, as other work begins; returns the name of its segmentation, None where there is none."""
        if self.unsaved() is None:
            return None
        stem = time.strftime("unsaved-%Y%m%d-%H%M%S")
        for suffix in (".json", ".slices.csv", ".seg.nrrd"):
            companion(self._autosave, suffix).replace(self.out / f"{stem}{suffix}")
        return f"{stem}.seg.nrrd"

    def check_writable(self):
        """Make the folder for results, and clear what a crash left there.

        Raises:
            SlicePropagationError: it cannot be made or written.
        """
        try:
            self.uploads.mkdir(parents=True, exist_ok=True)
            for left in self.uploads.glob(".partial-*"):        # of an upload that a crash ended
                shutil.rmtree(left, ignore_errors=True)
            probe = self.out / ".probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SlicePropagationError(f"The folder {self.out} cannot be written ({error}); name another one with --out.") from error


def _is_image(path):
    name = path.name.lower()
    return name.endswith(IMAGE_SUFFIXES) and not name.endswith(".seg.nrrd") and not name.startswith(".")
