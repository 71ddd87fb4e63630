"""The server's event loop: what is to be done later, and what takes a while."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trame_server.core import Server

log = logging.getLogger(__name__)


class EventLoop:
    """Runs things so that the browser sees what they changed.

    Args:
        server: the trame server.
        give: called with a function that is due; calls it, and shows what went wrong.
    """

    def __init__(
        self,
        server: "Server",
        give: Callable[[Callable[[], object]], None],
    ) -> None:
        self._server = server
        self._give = give

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
        task.add_done_callback(_log_problem)

    async def _shown(self, work: Coroutine[Any, Any, None]) -> None:
        with self._server.state:
            await work


def _log_problem(task: "asyncio.Task[None]") -> None:
    problem = task.exception()
    if problem is not None:
        log.error("Opening failed", exc_info=problem)
