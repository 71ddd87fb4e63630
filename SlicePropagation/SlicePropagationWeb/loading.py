"""What the page says while an image is opened: its name, what is done with it, and how far that is."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from SlicePropagationLib.files.reading import ReadingStopped
from SlicePropagationWeb.begun_reading import BegunReading

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.panel_state import PanelState

Result = TypeVar("Result")
LOOK_S = 0.2  # between two looks at how far it is
SENT_S = 0.02  # in which the browser is told of the last stage, which blocks the server
UNKNOWN = -1
LAST_STAGE = "Preparing the views"


class Loading:
    """Reads in threads, and tells the browser how far that is.

    Args:
        server: the trame server.
        data: the PanelState that the browser shows.
    """

    def __init__(self, server: "Server", data: "PanelState") -> None:
        self._server = server
        self._data = data
        self._is_stopped = False

    def begin(self, title: str) -> None:
        """Say that something is being opened, before it is."""
        self._is_stopped = False
        self._data.loading = f"Opening {title}…"
        self._tell("", None)

    def end(self) -> None:
        """It is open, or cannot be opened."""
        self._data.loading = ""
        self._data.loading_stage = ""
        self._data.loading_percent = UNKNOWN

    def stop(self) -> None:
        """Wait no more for what is read; what its thread may still bring is dropped."""
        self._is_stopped = True

    async def read(self, read: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a thread, and tell meanwhile what it reads; returns what it does."""
        return await self.await_end(BegunReading(read, *arguments))

    async def await_end(self, reading: BegunReading) -> Any:
        """Tell what a thread reads until it is done; returns what it read.

        Raises:
            ReadingStopped: `stop` was called.
        """
        work = asyncio.wrap_future(reading.done)
        while not work.done():
            await asyncio.wait({work}, timeout=LOOK_S)
            if self._is_stopped:
                reading.stop()
                work.cancel()
                raise ReadingStopped("Nothing was opened.")
            self._tell(reading.progress.stage, reading.progress.share())
        result = work.result()
        self._tell(LAST_STAGE, None)
        await asyncio.sleep(SENT_S)
        return result

    def _tell(self, stage: str, share: float | None) -> None:
        self._data.loading_stage = stage
        self._data.loading_percent = UNKNOWN if share is None else round(100 * share)
        self._server.state.flush()
