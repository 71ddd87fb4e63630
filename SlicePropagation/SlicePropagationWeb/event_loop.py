"""The server's event loop: what is to be done later, and what takes a while."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trame_server.core import Server


class EventLoop:
    """Runs things so that the browser sees what they changed.

    Args:
        server: the trame server.
        give: called with a function that is due; calls it, and shows what went wrong.
        fail: called with the error that something which took a while ended in.
    """

    def __init__(
        self,
        server: "Server",
        give: Callable[[Callable[[], object]], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._server = server
        self._give = give
        self._fail = fail
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(
        self,
        milliseconds: float,
        function: Callable[[], object],
    ) -> None:
        """Call a function after so many milliseconds."""
        loop = asyncio.get_event_loop()
        loop.call_later(milliseconds / 1000, self._run, function)

    def _run(self, function: Callable[[], object]) -> None:
        with self._server.state:
            self._give(function)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine beside everything else."""
        task = asyncio.get_event_loop().create_task(self._shown(work))
        self._tasks.add(task)  # the loop itself would forget it
        task.add_done_callback(self._tasks.discard)

    async def _shown(self, work: Coroutine[Any, Any, None]) -> None:
        with self._server.state:
            try:
                await work
            except Exception as error:
                self._fail(error)
