"""Keeping unsaved work on the disk, to go on with after a crash.

One folder holds segmentation, table, record and which image it belongs to, and appears by one
rename. Of a large volume it holds what changed since the folder before it.
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

from SlicePropagationMRML.run.stroke_journal import Entry, readJournal

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationWeb.kept_patches import PATCHES, PatchChain, chain_of, write_whole

NAME = "annotation.seg.nrrd"
JOURNAL = "strokes.jsonl"
SUFFIXES = (".json", ".slices.csv", ".seg.nrrd")
PATCHED_VOXELS = 2**24  # of a volume, from which on to write all of it takes too long each time


class Recovery:
    """The autosave on the disk: numbered folders, of which the highest one counts.

    A crash at any moment leaves the last one or the one before, whole. Of a large volume those before
    it stay, as each has what changed then. Beside them stands the journal of strokes.

    Args:
        folder: where the numbered folders stand.
        patched_voxels: of a volume that counts as large.

    Attributes:
        journal: the file of strokes, as `StrokeJournal` writes it.
    """

    def __init__(self, folder: Path | str, patched_voxels: int = PATCHED_VOXELS) -> None:
        self.folder = Path(folder)
        self._patched_voxels = patched_voxels
        self._chain = PatchChain()
        self.journal = self.folder / JOURNAL

    def keep(
        self,
        volume: Volume,
        session: AnnotationSession,
        segments: Sequence[Segment],
        engine: Any,
        **page: Any,
    ) -> None:
        """Write the work as it stands, in place of what was kept before.

        Args:
            volume: that the work is on.
            session: a copy that nobody else changes meanwhile.
            segments: what the session's labels mean.
            engine: what walked last, with `name` and `model_sha256`.
            page: what is needed to show the work again: image, title, plane, segment; and the
                number of the last entry of the journal that this holds (strokes).

        Raises:
            OutputError: the folder cannot be written.
        """
        partial = None
        older: list[Path] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.folder))
            record = {"at": time.strftime("%Y-%m-%d %H:%M"), **page}
            is_large = volume.array.size >= self._patched_voxels
            if is_large:
                work = (volume, session, segments, engine)
                is_whole = self._chain.write(partial, *work, record)
            else:
                write_result(partial / NAME, volume, session, segments, engine, 0.0, page=record)
                is_whole = True
            _flush(partial)
            found = self._numbered()
            number = 1 + int(found[-1].name) if found else 1
            kept = self.folder / f"{number:08d}"
            os.replace(partial, kept)
            _flush(self.folder)
            if is_large:
                self._chain.keep(kept)
            older = found if is_whole else []
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

    def offered(self) -> dict[str, Any] | None:
        """What can be gone on with: `found`, or the journal alone where no files are written yet.

        Returns:
            As `found`; of the journal alone, "labels" is the segmentation that was gone on with,
            or "".
        """
        return self.found() or self._found_in_journal()

    def strokes(self) -> list[Entry]:
        """The entries of the journal that are not in the files."""
        found = self.offered()
        written = readJournal(self.journal)
        if found is None or written is None:
            return []
        return [entry for entry in written[1] if entry["n"] > found.get("strokes", 0)]

    def _found_in_journal(self) -> dict[str, Any] | None:
        written = readJournal(self.journal)
        if written is None or "image" not in written[0]:
            return None
        if not any(entry.get("slices") for entry in written[1]):  # segments without a stroke
            return None
        return {"labels": "", "segment": "", "plane": "axial", **written[0], "strokes": 0}

    def found(self) -> dict[str, Any] | None:
        """The files that are kept, or None.

        Returns:
            {"at", "image", "title", "plane", "segment", "strokes": number of the last entry of the
            journal that is in the files, "labels": path of the segmentation, or of its patches}
        """
        for folder in reversed(self._numbered()):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                record = companion(folder / NAME, ".json").read_text(encoding="utf-8")
                page = json.loads(record)["page"]
                if (folder / NAME).is_file():
                    return {**page, "labels": str(folder / NAME)}
                if (folder / PATCHES).is_file() and chain_of(folder):
                    return {**page, "labels": str(folder / PATCHES)}
        return None

    def forget(self) -> None:
        """Drop what is kept; the oldest first, so that an older state never comes back."""
        self.journal.unlink(missing_ok=True)
        self.forget_files()

    def forget_files(self) -> None:
        """Drop what is kept but for the journal; the oldest first."""
        self._chain.forget()
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
        if self.strokes():  # drawn after the files were written
            self.journal.replace(Path(folder) / f"{stem}.{JOURNAL}")
        if found is None:
            return None
        if Path(found["labels"]).name == PATCHES:
            write_whole(found["labels"], Path(folder), stem)
        else:
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
