"""Making a zip file of the case that is open, or of all that are saved, while the page goes on."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.case_export import SavedCase, ZipExport
from SlicePropagationWeb.opening import read_with_remarks

if TYPE_CHECKING:
    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.case_commands import CaseCommands
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.file_commands import FileCommands
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workflow import Workflow
    from SlicePropagationWeb.workspace import Workspace

MOST_SAID = 3  # remarks and faults of cases in a message


class ExportCommands:
    """What the Export dialog asks for.

    Args:
        cases: the CaseCommands.
        files: the FileCommands, which save what is open first.
        autosave: the Autosave, which knows what is open.
        workflow: the Workflow.
        workspace: the Workspace.
        loop: the EventLoop.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        cases: "CaseCommands",
        files: "FileCommands",
        autosave: "Autosave",
        workflow: "Workflow",
        workspace: "Workspace",
        loop: "EventLoop",
        data: "PanelState",
    ) -> None:
        self._cases = cases
        self._files = files
        self._autosave = autosave
        self._flow = workflow
        self._workspace = workspace
        self._loop = loop
        self._data = data
        self._stops = False

    def show(self) -> None:
        """Ask what is to be exported."""
        self._flow.forget_error()
        data = self._data
        if data.export_percent < 0:
            data.exported = ""
            data.export_text = ""
            cannot_save = bool(data.why["save"])
            data.export_scope = (
                "all" if data.has_cases and (data.is_cases or cannot_save) else "case"
            )
        data.is_save_dialog = False
        data.is_cases = False
        data.is_export = True

    def stop(self) -> None:
        """End with the case that is being exported."""
        self._stops = True

    def make(self) -> None:
        """Make the zip file; what is open is saved first.

        Raises:
            InputError: there is nothing to export.
        """
        data = self._data
        if data.export_percent >= 0:
            return
        if data.export_scope == "all" and not (self._saved() or self._cases.open_name):
            raise InputError("No case is saved yet; save one first.")
        if data.export_scope == "case" and data.why["save"]:
            raise InputError(f"There is nothing to export: {data.why['save']}.")
        self._stops = False
        data.export_percent = 0
        data.exported = ""
        self._loop.begin(self._make())

    def _saved(self) -> list[SavedCase]:
        """All cases that are saved, as they were given."""
        return [
            SavedCase(
                row.case.name,
                row.case.image,
                self._workspace.out / row.record.result,
                row.case.series or None,
            )
            for row in self._cases.rows()
            if row.record.result
        ]

    async def _make(self) -> None:
        try:
            chosen = await self._chosen()
            if chosen:
                await self._write(chosen)
        finally:
            self._data.export_percent = -1

    async def _chosen(self) -> list[SavedCase]:
        """What is to be exported, with what is open saved; a case that nothing is drawn on is not."""
        data = self._data
        is_all = data.export_scope == "all"
        if is_all and not self._cases.is_annotated():
            return self._saved()
        name = self._cases.open_name or data.save_name
        path = None if data.why["save"] else await self._files.save_now()
        if is_all:
            return self._saved()
        if path is None:
            return []
        return [SavedCase(name, self._autosave.source, path, self._autosave.series or None)]

    async def _write(self, chosen: list[SavedCase]) -> None:
        only = chosen[0].name if self._data.export_scope == "case" else "cases"
        name = f"{only}-{time.strftime('%Y%m%d-%H%M%S')}.zip"
        said: list[str] = []
        num_done = 0
        with atomic_folder(self._workspace.out) as folder:
            with ZipExport(folder / name, self._data.export_kinds, _read) as export:
                for number, case in enumerate(chosen):
                    self._tell(number, chosen)
                    fault = await self._add(export, case, said)
                    num_done += not fault
                    if self._stops:
                        said.append("stopped")
                        break
            if not num_done:
                (folder / name).unlink()
        self._data.exported = name if num_done else ""
        self._data.export_text = _result_text(num_done, len(chosen), said)

    async def _add(self, export: ZipExport, case: SavedCase, said: list[str]) -> bool:
        """Export a case in a thread; returns whether it failed."""
        try:
            said += await asyncio.to_thread(export.add, case)
        except (SlicePropagationError, OSError) as error:
            said.append(f"{case.name} is left out: {error}")
            return True
        return False

    def _tell(self, number: int, chosen: list[SavedCase]) -> None:
        self._data.export_percent = round(100 * number / len(chosen))
        self._data.export_text = f"{chosen[number].name}, {number + 1} of {len(chosen)}"
        self._files.flush()


def _read(image: str, series: str | None) -> Volume:
    source = image if image == "sample" else Path(image)
    return read_with_remarks(source, series)[0]


def _result_text(num_done: int, count: int, said: list[str]) -> str:
    cases = "1 case" if count == 1 else f"{count} cases"
    rest = f" … and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    remarks = f" {'; '.join(said[:MOST_SAID])}{rest}." if said else ""
    return f"{num_done} of {cases} exported.{remarks}"
