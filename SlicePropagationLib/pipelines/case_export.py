"""Results in one zip file: what a run writes, DICOM SEG, meshes, and a report of one page a case."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import PAGE, PICTURE, RECORD, TABLE
from SlicePropagationLib.pipelines.case_report import case_report
from SlicePropagationLib.pipelines.exports import (
    EXPORTS,
    FINE,
    RTSTRUCT,
    SEG,
    export_sources,
    write_exports,
)
from SlicePropagationLib.pipelines.finished_session import read_finished

if TYPE_CHECKING:
    from SlicePropagationLib.files.volume import Volume

REPORT = "report"
KINDS = (REPORT, *EXPORTS)
PACKED = (".gz", ".nrrd", ".png")  # what is not made smaller once more


@dataclass(frozen=True)
class SavedCase:
    """A result that is to be exported.

    Attributes:
        name: of the case: its folder in the zip file.
        image: what it is of.
        result: the segmentation; its table and record stand beside it.
        series: which volume of a DICOM folder, or None.
    """

    name: str
    image: str
    result: Path
    series: str | None = None


class ZipExport:
    """A zip file that takes in one case after another; to be entered with `with`.

    Args:
        path: of the file.
        kinds: of `KINDS`.
        read: `read(image, series)`, which gives the Volume of a case.
    """

    def __init__(
        self,
        path: Path,
        kinds: Sequence[str],
        read: Callable[[str, str | None], Volume],
    ) -> None:
        self._kinds = tuple(kinds)
        self._read = read
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> ZipExport:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, case: SavedCase) -> list[str]:
        """Add the files of a case.

        Returns:
            Sentences about what was left out.

        Raises:
            SlicePropagationError: its image or its result cannot be used; nothing is added then.
        """
        with tempfile.TemporaryDirectory() as folder:
            files, remarks = self._written(case, Path(folder))
            for file in files:
                how = zipfile.ZIP_STORED if file.name.endswith(PACKED) else zipfile.ZIP_DEFLATED
                self._zip.write(file, f"{case.name}/{file.name}", how)
        return remarks

    def _written(self, case: SavedCase, folder: Path) -> tuple[list[Path], list[str]]:
        beside = [companion(case.result, suffix) for suffix in (TABLE, RECORD, PICTURE)]
        files = [path for path in (case.result, *beside) if path.is_file()]
        if not self._kinds:
            return files, []
        volume = self._read(case.image, case.series)
        session, segments, record = read_finished(case.result, volume)
        if REPORT in self._kinds:
            page = folder / f"{case.name}{PAGE}"
            page.write_text(
                case_report(case.name, volume, session, segments, record),
                encoding="utf-8",
                errors="replace",
            )
            files.append(page)
        kinds, remarks = self._possible(case, volume)
        if kinds:
            sources = export_sources(volume, kinds)
            engine = str(record.get("engine", ""))
            target = folder / case.result.name
            files += write_exports(target, kinds, volume, session, segments, sources, engine)
        return files, remarks

    def _possible(self, case: SavedCase, volume: Volume) -> tuple[list[str], list[str]]:
        """The exports that can be made of a case, and what is said of the others."""
        kinds = [kind for kind in self._kinds if kind in EXPORTS]
        remarks = []
        for needed, why_not in (
            ((SEG, RTSTRUCT), "its image is not DICOM"),
            ((FINE,), "its slices are as thin as its pixels are wide"),
        ):
            asked = [kind for kind in kinds if kind in needed]
            try:
                export_sources(volume, asked)
            except (InputError, ConfigError) as error:
                kinds = [kind for kind in kinds if kind not in needed]
                why = why_not if isinstance(error, InputError) else str(error)
                remarks.append(f"{case.name} has no {' and '.join(asked)}: {why}")
        return kinds, remarks
