"""Keeping unsaved work on the disk, to go on with after a crash.

One folder holds segmentation, table, record and which image it belongs to, and appears by one
rename.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession

NAME = "annotation.seg.nrrd"
SUFFIXES = (".json", ".slices.csv", ".seg.nrrd")


class Recovery:
    """The autosave on the disk: numbered folders, of which the highest one counts.

    A crash at any moment leaves the last one or the one before, whole.

    Args:
        folder: where the numbered folders stand.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def keep(
        self,
        volume: Volume,
        session: AnnotationSession,
        segments: Sequence[Segment],
        engine: Any,
        **page: str,
    ) -> None:
        """Write the work as it stands, in place of what was kept before.

        Args:
            volume: that the work is on.
            session: a copy that nobody else changes meanwhile.
            segments: what the session's labels mean.
            engine: what walked last, with `name` and `model_sha256`.
            page: what is needed to show the work again: image, title, plane, segment.

        Raises:
            OutputError: the folder cannot be written.
        """
        partial = None
        older: list[Path] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.folder))
            record = {"at": time.strftime("%Y-%m-%d %H:%M"), **page}
            write_result(partial / NAME, volume, session, segments, engine, 0.0, page=record)
            _flush(partial)
            older = self._numbered()
            number = 1 + int(older[-1].name) if older else 1
            os.replace(partial, self.folder / f"{number:08d}")
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

    def found(self) -> dict[str, str] | None:
        """What is kept, or None.

        Returns:
            {"at", "image", "title", "plane", "segment", "labels": path of the segmentation}
        """
        for folder in reversed(self._numbered()):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                record = companion(folder / NAME, ".json").read_text(encoding="utf-8")
                page = json.loads(record)["page"]
                if (folder / NAME).is_file():
                    return {**page, "labels": str(folder / NAME)}
        return None

    def forget(self) -> None:
        """Drop what is kept; the oldest first, so that an older state never comes back."""
        for folder in self._numbered():
            self._remove(folder)

    def move_to(
        self,
        folder: Path | str,
        stem: str,
    ) -> str | None:
        """Make result files of what is kept.

        Returns:
            The name of the segmentation, None where nothing is kept.
        """
        found = self.found()
        if found is None:
            return None
        for suffix in SUFFIXES:
            companion(found["labels"], suffix).replace(Path(folder) / f"{stem}{suffix}")
        self.forget()
        return f"{stem}.seg.nrrd"

    def clear_partial(self) -> None:
        """Remove what a crash left half written, or half removed."""
        for left in self.folder.glob(".*-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _numbered(self) -> list[Path]:
        found = self.folder.glob("[0-9]*")
        folders = [path for path in found if path.name.isdigit() and path.is_dir()]
        return sorted(folders, key=lambda path: int(path.name))

    def _remove(self, folder: Path) -> None:
        """Take a folder away by one rename, then delete it."""
        gone = folder.with_name(f".gone-{folder.name}")
        shutil.rmtree(gone, ignore_errors=True)
        folder.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _flush(folder: Path) -> None:
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
