"""Keeping the unsaved work on the disk: one folder holds segmentation, table, record and which image it belongs to, and appears by one rename."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.pipelines.result_files import write_result

NAME = "annotation.seg.nrrd"
SUFFIXES = (".json", ".slices.csv", ".seg.nrrd")


class KeptWork:
    """The autosave: numbered folders, of which the highest one counts.

    A crash at any moment leaves the last one or the one before, whole.

    Args:
        folder: where the numbered folders stand.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def keep(self, volume, session, segments, engine, **page):
        """Write the work as it stands; `page` is what is needed to show it again.

        Raises:
            OutputError: the folder cannot be written.
        """
        partial = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.folder))
            write_result(
                partial / NAME,
                volume,
                session,
                segments,
                engine,
                0.0,
                page={"at": time.strftime("%Y-%m-%d %H:%M"), **page},
            )
            _flush(partial)
            older = self._numbered()
            os.replace(partial, self.folder / f"{1 + (int(older[-1].name) if older else 0):08d}")
            _flush(self.folder)
        except OSError as error:
            raise OutputError(
                f"The unsaved work cannot be kept in {self.folder} ({error}); free space there, and"
                " save."
            ) from error
        finally:
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)
        for gone in older:
            self._remove(gone)

    def found(self):
        """What is kept: {"at", "image", "title", "plane", "segment", "labels": path of the segmentation}, or None."""
        for folder in reversed(self._numbered()):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                page = json.loads(companion(folder / NAME, ".json").read_text(encoding="utf-8"))[
                    "page"
                ]
                if (folder / NAME).is_file():
                    return {**page, "labels": str(folder / NAME)}
        return None

    def forget(self):
        """Drop what is kept; the oldest first, so that an older state never comes back."""
        for folder in self._numbered():
            self._remove(folder)

    def move_to(self, folder, stem):
        """Make result files of what is kept.

        Returns the name of the segmentation, None where nothing is kept.
        """
        found = self.found()
        if found is None:
            return None
        for suffix in SUFFIXES:
            companion(found["labels"], suffix).replace(Path(folder) / f"{stem}{suffix}")
        self.forget()
        return f"{stem}.seg.nrrd"

    def clear_partial(self):
        """Remove what a crash left half written, or half removed."""
        for left in self.folder.glob(".*-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _numbered(self):
        return sorted(
            (path for path in self.folder.glob("[0-9]*") if path.name.isdigit() and path.is_dir()),
            key=lambda path: int(path.name),
        )

    def _remove(self, folder):
        """Take a folder away by one rename, then delete it."""
        gone = folder.with_name(f".gone-{folder.name}")
        shutil.rmtree(gone, ignore_errors=True)
        folder.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _flush(folder):
    """Have the disk hold a folder's files before the folder is renamed.

    Where an operating system cannot, it is left out.
    """
    for path in (*folder.iterdir(), folder):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
