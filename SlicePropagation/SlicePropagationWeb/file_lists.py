"""What the Open dialog lists: all files are looked for and searched here, the first are shown."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationWeb.workspace import matching

if TYPE_CHECKING:
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workspace import Workspace

MOST_NAMED = 3  # volumes of a folder that a message names


def choice_items(path: Path | str, error: SeriesChoiceError) -> list[dict[str, str]]:
    """The volumes of a DICOM folder that holds several, or channels, as a dialog lists them.

    Args:
        path: of the folder, or its URL.
        error: what reading it said.
    """
    return [
        {"path": str(path), "key": one.key, "title": f"{one.key}: {one.text}"}
        for one in error.choices
    ]


def choice_text(title: str, items: list[dict[str, str]], kind: str) -> str:
    """What is said of a DICOM folder that holds several volumes, or OME-Zarr with channels.

    Args:
        title: of the folder.
        items: of `choice_items`.
        kind: what they are, "volumes" or "channels".
    """
    named = "; ".join(item["title"] for item in items[:MOST_NAMED])
    rest = "; and others" if len(items) > MOST_NAMED else ""
    return f"{title} holds {len(items)} {kind} ({named}{rest}); choose one in the list."


class FileLists:
    """The files of a workspace.

    Args:
        workspace: the Workspace.
        data: the PanelState that the browser shows.
    """

    def __init__(self, workspace: "Workspace", data: "PanelState") -> None:
        self._workspace = workspace
        self._data = data
        self._images: list[dict[str, str]] = []
        self._segmentations: list[dict[str, str]] = []

    async def look(self, *, has_volume: bool) -> None:
        """Look for files in a thread: the folders may be large, or far away.

        Args:
            has_volume: whether a volume is open that a segmentation could be of.
        """
        self._images = await asyncio.to_thread(self._workspace.images)
        found = await asyncio.to_thread(self._workspace.segmentations) if has_volume else []
        self._segmentations = found
        self._data.recent = await asyncio.to_thread(self._workspace.recent_images)
        self.search()

    def search(self, *_: object) -> None:
        """List what has the words in its title that a person looks for."""
        words = self._data.find or ""
        self._data.images = matching(self._images, words)
        self._data.segmentations = matching(self._segmentations, words)
