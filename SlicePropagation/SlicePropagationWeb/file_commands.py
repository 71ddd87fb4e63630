"""Commands that read and write files: opening and saving.

Files are read and written in threads; the page goes on answering.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationMRML.nodes.volume_files import volumeOf

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.reading import ReadingStopped
from SlicePropagationLib.files.segmentation_file import is_segmentation
from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.exports import check_exports
from SlicePropagationWeb.begun_reading import BegunReading, FirstImage
from SlicePropagationWeb.current_work import CurrentWork, title_of
from SlicePropagationWeb.file_lists import FileLists, choice_items, choice_text
from SlicePropagationWeb.loading import Loading
from SlicePropagationWeb.opening import (
    SAMPLE,
    Opened,
    read_segmentation,
    read_with_remarks,
    size_text,
)
from SlicePropagationWeb.page_session import Exports
from SlicePropagationWeb.saved_files import Saved
from SlicePropagationWeb.workflow import Workflow

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.workspace import Workspace

WARM_UP_MS = 1000  # after a volume came, whose first pictures are to come before
Reader = Callable[[Path, Volume | None], Opened]


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
        loading: the Loading.
        is_seen: whether the page has been shown to anybody.
        before_save: called with the file of a result before it is written; raises where it may not be.
        on_saved: called with the file of a result that was written, or None where it could not be.
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
        self.loading = Loading(server, data)
        self.before_save: Callable[[Path], None] = lambda path: None
        self.on_saved: Callable[[Path | None], None] = lambda path: None

    # Opening

    def show_open_dialog(self) -> None:
        """List what can be opened."""
        self._workflow.forget_error()
        self._data.choices = []
        self._data.is_open_dialog = True
        has_volume = self._controller.volume is not None
        self._loop.begin(self.lists.look(has_volume=has_volume))

    def offer_choice(self, path: Path | str, error: SeriesChoiceError) -> None:
        """Have a person choose one of the volumes of a DICOM folder, or channels of OME-Zarr.

        Args:
            path: of the folder, or its URL.
            error: what reading it said.
        """
        self._data.choices = choice_items(path, error)
        text = choice_text(title_of(path), self._data.choices, error.kind)
        self._workflow.say(text, is_error=True)
        self._data.is_open_dialog = True

    def open_at_start(
        self,
        first: FirstImage,
        segmentation: Path | str | None = None,
    ) -> None:
        """Open an image, and a segmentation of it, as soon as the page is served."""

        async def load() -> None:
            await self._show_read(first.source, first.reading)
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
        self._loop.begin(self.load_volume(*self._workspace.readable_volume(text, series)))

    def fetch(self, text: str) -> None:
        """Open the image of a URL; the dialog stays until it is there, and says what is wrong.

        Raises:
            InputError: it may not be fetched, or is a segmentation.
        """
        url = self._workspace.readable_url(text.strip())
        if is_segmentation(url):
            raise InputError(f"{url} is a segmentation; download it, and upload it here.")
        self._workflow.forget_error()
        self._data.is_fetching = True
        self._loop.begin(self._fetch(url))

    async def _fetch(self, url: str) -> None:
        self.loading.begin(title_of(url))
        try:
            await self._put_read(url, BegunReading(read_with_remarks, url))
        finally:
            self._data.is_fetching = False
        self._data.is_open_dialog = self._data.is_error  # or to choose one of several

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
        await self._show_read(source, BegunReading(read_with_remarks, source, series), case)

    async def _show_read(
        self,
        source: Path | str,
        reading: BegunReading,
        case: str = "",
    ) -> None:
        self.begin_loading(f"{case or title_of(source)}{size_text(source)}")
        await self._put_read(source, reading, case)

    async def _put_read(
        self,
        source: Path | str,
        reading: BegunReading,
        case: str = "",
    ) -> None:
        """Show what is being read, once it is; what is wrong with it, the page says."""
        try:
            volume, remarks = await self.loading.await_end(reading)
            self._opened.show_volume(source, volume, remarks, case)
            self._workspace.note_opened(source)
            self._data.choices = []
        except ReadingStopped as stopped:
            self._workflow.say(str(stopped))
        except SeriesChoiceError as error:
            self.offer_choice(source, error)
        except SlicePropagationError as error:
            self._workflow.say(str(error), is_error=True)
        self.loading.end()
        self.warm_up()

    async def load_segmentation(self, path: Path) -> None:
        """Go on with a segmentation of the volume that is open."""
        self.begin_loading(path.name)
        try:
            opened = await self.read(read_segmentation, path)
            self._opened.show_segmentation(path.name, opened, str(path))
        except SlicePropagationError as error:
            self._workflow.say(str(error), is_error=True)
        self.loading.end()

    def flush(self) -> None:
        """Have the browser see what changed by now, in the middle of something that takes long."""
        self._server.state.flush()

    def begin_loading(self, title: str) -> None:
        """Say that something is being opened, before it is."""
        self._data.is_open_dialog = False
        self.loading.begin(title)

    async def read(
        self,
        read: Reader,
        path: Path,
    ) -> Opened:
        """Read a file in a thread; a segmentation is one of the volume that is open now."""
        node = self._controller.volume
        grid = None if node is None else volumeOf(node)
        opened = await self.loading.read(read, path, grid)
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
            self._loop.schedule(WARM_UP_MS, self._make_engine)

    def _make_engine(self) -> None:
        loop = asyncio.get_event_loop()
        task = loop.run_in_executor(None, make_engine, self._data.engine)
        task.add_done_callback(lambda done: done.exception())

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
        try:
            to_be_saved = self._to_be_saved(())
        except SlicePropagationError as error:  # such as a case that is somebody else's by now
            self._workflow.say(str(error), is_error=True)
            return None
        return await self._save(*to_be_saved)

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
