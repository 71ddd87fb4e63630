"""Whose turn it is to draw, where several views share one event loop."""

import asyncio
from time import monotonic

PATIENCE_S = 0.5  # after which a view draws, whatever else somebody looks at
WORK_S = 0.3  # after the last event of a mouse or key that somebody still works in a view
CALM_S = 0.2  # between two pictures of a view in which nobody works, as during a run


class DrawingTurns:
    """One view draws at a time, and the one that a person works in draws first.

    A view that has waited for `PATIENCE_S` comes before it. While drawing is held back, a view draws
    only once after each thing that a person does in it.
    """

    def __init__(self) -> None:
        self._front = ""
        self._worked_at = 0.0
        self._front_at = 0.0  # when the view that a person works in was drawn last
        self._held_until = 0.0
        self._is_taken = False
        self._asked: dict[str, float] = {}  # since when a view waits; the first one first
        self._changed: set[asyncio.Future[None]] = set()

    def prefer(self, name: str) -> None:
        """A person looks at a view."""
        self._front = name

    def work_in(self, name: str) -> None:
        """A person does something in a view."""
        self._front = name
        self._worked_at = monotonic()
        self._tell()

    def hold(self, seconds: float) -> None:
        """Hold drawing back for so long, or until `release`: something else is to be quick."""
        self._held_until = monotonic() + seconds

    def release(self) -> None:
        """Let all views draw that have waited, the front view first."""
        self._held_until = 0.0
        self._asked = dict.fromkeys(self._asked, monotonic())
        self._tell()

    async def begin(self, name: str) -> None:
        """Wait until it is the turn of a view, which then lasts until `end`."""
        self._asked[name] = monotonic()
        self._tell()
        try:
            await asyncio.sleep(0)  # what changes several views asks for them one by one
            while self._is_taken or self._next() != name:
                await self._change(self._held_seconds() or None)
            self._is_taken = True
            if name == self._front:
                self._front_at = monotonic()
        finally:
            del self._asked[name]
            self._tell()

    def end(self) -> None:
        """The turn of the view that had it is over."""
        self._is_taken = False
        self._tell()

    async def rest(self, seconds: float) -> None:
        """Leave the event loop time for everything else; shorter where the front view waits."""
        until = monotonic() + seconds
        while self._front not in self._asked and monotonic() < until:
            await self._change(until - monotonic())

    async def calm(self, name: str) -> None:
        """Wait before the next picture of a view, unless a person works in it."""
        until = monotonic() + CALM_S
        while not self._is_worked_in(name) and monotonic() < until:
            await self._change(until - monotonic())

    def _is_worked_in(self, name: str) -> bool:
        return name == self._front and monotonic() - self._worked_at < WORK_S

    def _held_seconds(self) -> float:
        return max(self._held_until - monotonic(), 0.0)

    def _next(self) -> str:
        """Whose turn it is among those that wait; "" where they are held back."""
        if self._held_seconds():
            is_acted_in = self._front in self._asked and self._worked_at > self._front_at
            return self._front if is_acted_in else ""
        longest, since = next(iter(self._asked.items()))
        is_late = monotonic() - since > PATIENCE_S
        return self._front if self._front in self._asked and not is_late else longest

    async def _change(self, seconds: float | None = None) -> None:
        """Wait until a view asks or a turn ends, or for so long."""
        change = asyncio.get_running_loop().create_future()
        self._changed.add(change)
        try:
            await asyncio.wait([change], timeout=seconds)
        finally:
            self._changed.discard(change)

    def _tell(self) -> None:
        for change in self._changed:
            if not change.done():
                change.set_result(None)
