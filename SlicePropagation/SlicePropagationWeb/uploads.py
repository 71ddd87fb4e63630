"""What becomes of files that a person uploads or drops: they are read, then shown."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationWeb.opening import Opened, read_opened
from SlicePropagationWeb.surprises import tell
from SlicePropagationWeb.workflow import Workflow

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.current_work import CurrentWork
    from SlicePropagationWeb.file_commands import FileCommands
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workspace import Workspace


class Uploads:
    """What the route `/upload` asks for.

    Args:
        server: the trame server.
        files: the FileCommands, which read.
        workspace: the Workspace.
        workflow: the Workflow.
        opened: the CurrentWork.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        server: "Server",
        files: "FileCommands",
        workspace: "Workspace",
        workflow: Workflow,
        opened: "CurrentWork",
        data: "PanelState",
    ) -> None:
        self._server = server
        self._files = files
        self._workspace = workspace
        self._workflow = workflow
        self._opened = opened
        self._data = data

    async def read(self, path: Path) -> Opened:
        """Read what was uploaded: an image, or a segmentation of the volume that is open."""
        try:
            return await self._files.read(read_opened, path)
        finally:
            self._files.loading.end()

    async def take(
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
            tell(self._workflow, self._show, path, opened, left_out)

    def _show(
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

    def refuse(self, reason: str) -> None:
        """Say why an upload was not taken."""
        with self._server.state:
            self._workflow.say(reason, is_error=True)
