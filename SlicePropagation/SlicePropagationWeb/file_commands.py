"""Commands that read and write files: opening, uploading, saving, unsaved work.

Files are read and written in threads; the page goes on answering.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationMRML.nodes.volume_files import volumeOf

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.dicom_choice import SeriesChoiceError
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segmentation_file import (
    read_segmentation as read_segmentation_file,
)
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.exports import check_exports
from SlicePropagationWeb.current_work import CurrentWork, title_of
from SlicePropagationWeb.file_lists import FileLists
from SlicePropagationWeb.opening import (
    SAMPLE,
    Opened,
    collected_warnings,
    not_restored,
    read_opened,
    read_segmentation,
    read_with_remarks,
    size_text,
)
from SlicePropagationWeb.page_session import Exports
from SlicePropagationWeb.workflow import Workflow, tell

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.workspace import Workspace

MOST_NAMED = 3  # volumes of a folder that a message names
Reader = Callable[[Path, Volume | None], Opened]


@dataclass
class Saved:
    """What came of saving.

    Attributes:
        remarks: sentences about it.
        exports: the files beside it, for other programs.
    """

    remarks: list[str] = field(default_factory=list)
    exports: list[Path] = field(default_factory=list)

    def write(self, write: Callable[[], list[Path]]) -> None:
        """Write, in any thread, and keep what is to be said about it."""
        with collected_warnings() as warnings:
            self.exports = write()
        self.remarks = warnings


class FileCommands:
    """What the dialogs and the routes of the page ask for.

    Args:
        server: the trame server.
        loop: the EventLoop.
        workspace: the Workspace.
        controller: the SegmentationController.
        workflow: the Workflow.
        autosave: the Autosave.
        opened: the CurrentWork.
        data: the PanelState that the browser shows.

    Attributes:
        lists: the FileLists of the Open dialog.
        is_seen: whether the page has been shown to anybody.
        before_save: called with the file of a result before it is written; raises where it may not be.
        on_saved: called with the file of a result that was written, or None where it could not be.
        on_restored: called with the case of unsaved work that is shown again, or "".
        on_settled: called when unsaved work is dropped, or is a result now.
    """

    def __init__(
        self,
        server: "Server",
        loop: "EventLoop",
        workspace: "Workspace",
        controller: "SegmentationController",
        workflow: Workflow,
        autosave: "Autosave",
        opened: CurrentWork,
        data: "PanelState",
    ) -> None:
        self._server = server
        self._loop = loop
        self._workspace = workspace
        self._controller = controller
        self._workflow = workflow
        self._autosave = autosave
        self._opened = opened
        self._data = data
        self.is_seen = False
        self.lists = FileLists(workspace, data)
        self.before_save: Callable[[Path], None] = lambda path: None
        self.on_saved: Callable[[Path | None], None] = lambda path: None
        self.on_restored: Callable[[str], None] = lambda case: None
        self.on_settled: Callable[[], None] = lambda: None

    # Opening

    def show_open_dialog(self) -> None:
        """List what can be opened."""
        self._workflow.forget_error()
        self._data.choices = []
        self._data.is_open_dialog = True
        has_volume = self._controller.volume is not None
        self._loop.begin(self.lists.look(has_volume=has_volume))

    def offer_choice(self, path: Path | str, error: SeriesChoiceError) -> None:
        """Have a person choose one of the volumes of a DICOM folder.

        Args:
            path: of the folder.
            error: what reading it said.
        """
        shown = [f"{choice.key}: {choice.text}" for choice in error.choices]
        self._data.choices = [
            {"path": str(path), "key": choice.key, "title": title}
            for choice, title in zip(error.choices, shown, strict=True)
        ]
        named = "; ".join(shown[:MOST_NAMED])
        rest = "; and others" if len(shown) > MOST_NAMED else ""
        self._workflow.say(
            f"{title_of(path)} holds {len(shown)} volumes ({named}{rest}); choose one in the list.",
            is_error=True,
        )
        self._data.is_open_dialog = True

    def open_at_start(
        self,
        image: Path | str,
        segmentation: Path | str | None = None,
    ) -> None:
        """Open an image, and a segmentation of it, as soon as the page is served."""

        async def load() -> None:
            await self.load_volume(image)
            if segmentation is not None:
                await self.load_segmentation(Path(segmentation))

        self._server.controller.on_server_ready.add(lambda **_: self._loop.begin(load()))

    def load(self, text: str, series: str | None = None) -> None:
        """Open an image or a DICOM folder by its path.

        Args:
            text: the path.
            series: which volume of a DICOM folder that holds several.

        Raises:
            InputError: it lies outside the folders.
        """
        path = self._workspace.readable_path(text)
        self._loop.begin(self.load_volume(path, str(series) if series else None))

    def load_sample(self) -> None:
        """Open the generated sample."""
        self._loop.begin(self.load_volume(SAMPLE))

    def go_on_with(self, text: str) -> None:
        """Open a segmentation of the volume that is open, by its path.

        Raises:
            InputError: it lies outside the folders.
        """
        path = self._workspace.readable_segmentation(text)
        self._loop.begin(self.load_segmentation(path))

    async def load_volume(
        self,
        source: Path | str,
        series: str | None = None,
        case: str = "",
    ) -> None:
        """Open an image; what is wrong with it, the page says.

        Args:
            source: file, DICOM folder or "sample".
            series: which volume of a DICOM folder that holds several.
            case: name of the case of the worklist that it is, or "".
        """
        self._begin_loading(f"{case or title_of(source)}{size_text(source)}")
        try:
            volume, remarks = await asyncio.to_thread(read_with_remarks, source, series)
            self._opened.show_volume(source, volume, remarks, case)
            self._workspace.note_opened(source)
            self._data.choices = []
        except SeriesChoiceError as error:
            self.offer_choice(source, error)
        except SlicePropagationError as error:
            self._workflow.say(str(error), is_error=True)
        self._data.loading = ""
        self.warm_up()

    async def load_segmentation(self, path: Path) -> None:
        """Go on with a segmentation of the volume that is open."""
        self._begin_loading(path.name)
        try:
            opened = await self._read(_read_segmentation, path)
            self._opened.show_segmentation(path.name, opened, str(path))
        except SlicePropagationError as error:
            self._workflow.say(str(error), is_error=True)
        self._data.loading = ""

    def flush(self) -> None:
        """Have the browser see what changed by now, in the middle of something that takes long."""
        self._server.state.flush()

    def _begin_loading(self, title: str) -> None:
        self._data.loading = f"Opening {title}…"
        self._data.is_open_dialog = False
        self._server.state.flush()

    async def _read(
        self,
        read: Reader,
        path: Path,
    ) -> Opened:
        """Read a file in a thread; a segmentation is one of the volume that is open now."""
        node = self._controller.volume
        grid = None if node is None else volumeOf(node)
        opened = await asyncio.to_thread(read, path, grid)
        if opened.volume is None and self._controller.volume is not node:
            raise InputError(
                f"Another volume was opened meanwhile; open {path.name} again where it belongs."
            )
        return opened

    def warm_up(self) -> None:
        """Import what the engine needs before it is asked for.

        The first import of PyTorch takes seconds, for which the page itself would be late.
        """
        if self._data.volume_name and self.is_seen:
            loop = asyncio.get_event_loop()
            task = loop.run_in_executor(None, make_engine, self._data.engine)
            task.add_done_callback(lambda done: done.exception())

    # Uploading

    async def read_upload(self, path: Path) -> Opened:
        """Read what was uploaded: an image, or a segmentation of the volume that is open."""
        return await self._read(read_opened, path)

    async def take_upload(
        self,
        path: Path,
        opened: Opened,
        left_out: list[str],
    ) -> None:
        """Show what was uploaded.

        Args:
            path: where it lies now.
            opened: what was read of it.
            left_out: sentences about files that were left out.
        """
        with self._server.state:
            # first: a person who sees the volume paints on it, and not on the dialog
            self._data.is_open_dialog = False
            tell(self._workflow, self._show_upload, path, opened, left_out)

    def _show_upload(
        self,
        path: Path,
        opened: Opened,
        left_out: list[str],
    ) -> None:
        if opened.volume is None:
            self._opened.show_segmentation(path.name, opened, str(path))
            return
        volume = replace(opened.volume, path=path)
        self._opened.show_volume(path, volume, [*left_out, *opened.remarks])
        self._workspace.note_opened(path)

    def refuse_upload(self, reason: str) -> None:
        """Say why an upload was not taken."""
        with self._server.state:
            self._workflow.say(reason, is_error=True)

    # Saving

    def show_save_dialog(self) -> None:
        """Ask for a name."""
        self._workflow.forget_error()
        self._data.saved = []
        self._data.is_save_dialog = True

    def save(self) -> bool:
        """Write the work as it is now, under the name in the dialog.

        Returns:
            Whether it is being written.

        Raises:
            InputError: it cannot be a file name.
        """
        data = self._data
        if data.is_saving or data.why["save"]:
            return False
        self._loop.begin(self._save(*self._to_be_saved(data.exports)))
        return True

    async def save_now(self) -> Path | None:
        """Write the work as it is now, without exports; returns the file, None where it could not be."""
        if self._data.is_saving or self._data.why["save"]:
            return None
        return await self._save(*self._to_be_saved(()))

    def _to_be_saved(self, kinds: Sequence[str]) -> tuple[Path, Callable[[], list[Path]]]:
        path = self._workspace.output_path(self._data.save_name, self._data.save_suffix)
        self.before_save(path)
        check_exports(kinds)
        exports = Exports(tuple(kinds), self._autosave.source)
        return path, self._workflow.result(path, exports)

    async def _save(
        self,
        target: Path,
        write: Callable[[], list[Path]],
    ) -> Path | None:
        path: Path | None = target
        self._data.is_saving = True
        self._data.saved = []
        self._workflow.say("Saving…")
        self._server.state.flush()
        try:
            done = Saved()
            await asyncio.wrap_future(self._autosave.replace(partial(done.write, write)))
            self._show_saved(target, done)
        except (SlicePropagationError, OSError) as error:
            self._autosave.worked()
            self._workflow.say(f"{target.name} was not saved: {error}", is_error=True)
            path = None
        finally:
            self._data.is_saving = False
        self.on_saved(path)
        return path

    def _show_saved(self, path: Path, done: Saved) -> None:
        beside = [companion(path, suffix).name for suffix in (".slices.csv", ".json")]
        self._data.saved = [path.name, *beside, *(file.name for file in done.exports)]
        saved = f"Saved {path.name}, its per-slice table and its record in {path.parent}."
        self._workflow.say(" ".join([saved, *done.remarks]))

    # Unsaved work of an earlier session

    def restore(self) -> None:
        """Go on with unsaved work; read again: what the browser sends back is not trusted."""
        offer = self._workspace.recovery.offered()
        if offer is not None:
            self._loop.begin(self._restore(offer))

    async def _restore(self, offer: dict[str, str]) -> None:
        self._begin_loading(offer["title"])
        try:
            series = offer.get("series") or None
            volume, remarks = await asyncio.to_thread(read_with_remarks, offer["image"], series)
            drawn = await asyncio.to_thread(_read_kept, offer["labels"], volume)
            self._opened.restore(offer, volume, drawn, remarks)
            self.on_restored(str(offer.get("case", "")))
        except (SlicePropagationError, ValueError) as error:
            self._data.offer = {**offer, "problem": not_restored(offer, error)}
        self._data.loading = ""
        self.warm_up()

    def forget(self) -> None:
        """Drop unsaved work."""
        self._data.offer = None
        self._autosave.forget()
        self._autosave.answered()
        self.on_settled()

    def set_aside(self) -> None:
        """Make a result of unsaved work."""
        name = self._autosave.set_aside(str((self._data.offer or {}).get("case", "")))
        self._data.offer = None
        self._autosave.answered()
        if name:
            self._workflow.say(f"The unsaved work is kept as {name} in {self._workspace.out}.")
        self.on_settled()


def _read_kept(path: str, volume: Volume) -> Segmentation | None:
    """The segmentation of unsaved work; None where it is in the journal alone."""
    return read_segmentation_file(path, volume) if path else None


def _read_segmentation(path: Path, grid: Volume | None) -> Opened:
    if grid is None:
        raise InputError(f"Open the volume that {path.name} belongs to first.")
    return read_segmentation(path, grid)
