"""Unsaved work of an earlier session: going on with it, dropping it, or keeping it as a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.segmentation_file import Segmentation, read_segmentation
from SlicePropagationLib.files.volume import Volume
from SlicePropagationWeb.kept_patches import PATCHES, read_patches
from SlicePropagationWeb.opening import not_restored, read_with_remarks

if TYPE_CHECKING:
    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.current_work import CurrentWork
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.file_commands import FileCommands
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workflow import Workflow
    from SlicePropagationWeb.workspace import Workspace


class UnsavedWork:
    """What the dialog about it asks for.

    Args:
        files: the FileCommands, which say that something is read.
        loop: the EventLoop.
        workspace: the Workspace.
        autosave: the Autosave.
        opened: the CurrentWork.
        workflow: the Workflow.
        data: the PanelState that the browser shows.

    Attributes:
        on_restored: called with the case of unsaved work that is shown again, or "".
        on_settled: called when unsaved work is dropped, or is a result now.
    """

    def __init__(
        self,
        files: "FileCommands",
        loop: "EventLoop",
        workspace: "Workspace",
        autosave: "Autosave",
        opened: "CurrentWork",
        workflow: "Workflow",
        data: "PanelState",
    ) -> None:
        self._files = files
        self._loop = loop
        self._workspace = workspace
        self._autosave = autosave
        self._opened = opened
        self._workflow = workflow
        self._data = data
        self.on_restored: Callable[[str], None] = lambda case: None
        self.on_settled: Callable[[], None] = lambda: None

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {"restore": self.restore, "forget": self.forget, "aside": self.set_aside}

    def restore(self) -> None:
        """Go on with unsaved work; read again: what the browser sends back is not trusted."""
        offer = self._workspace.recovery.offered()
        if offer is not None:
            self._loop.begin(self._restore(offer))

    async def _restore(self, offer: dict[str, str]) -> None:
        self._files.begin_loading(offer["title"])
        try:
            series = offer.get("series") or None
            image = offer["image"]
            volume, remarks = await self._files.loading.read(read_with_remarks, image, series)
            drawn = await self._files.loading.read(_read_kept, offer["labels"], volume)
            self._opened.restore(offer, volume, drawn, remarks)
            self.on_restored(str(offer.get("case", "")))
        except (SlicePropagationError, ValueError) as error:
            self._data.offer = {**offer, "problem": not_restored(offer, error)}
        self._files.loading.end()
        self._files.warm_up()

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
    if Path(path).name == PATCHES:
        return read_patches(path).on(volume)
    return read_segmentation(path, volume) if path else None
