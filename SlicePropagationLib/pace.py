"""How fast many things of a kind are done, and how long the rest takes, in words."""

from __future__ import annotations

import time

MINUTE_S = 60
LONGEST_IN_SECONDS = 90


class Pace:
    """The time since something began."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def _elapsed_s(self) -> float:
        return max(time.monotonic() - self._began, 1e-3)

    def elapsed(self) -> str:
        """The time that it took so far."""
        return duration(self._elapsed_s)

    def left(self, done: float) -> str:
        """The time that the rest takes when it goes on as it did.

        Args:
            done: share of it, in (0, 1].
        """
        return duration(self._elapsed_s / done * (1 - done))

    def rate(self, count: int) -> str:
        """How many are done in a time when it goes on as it did.

        Args:
            count: that are done by now.
        """
        a_minute = MINUTE_S * count / self._elapsed_s
        return f"{a_minute:.0f} a minute" if a_minute >= 1 else f"{MINUTE_S * a_minute:.1f} an hour"

    def told(self, done: int, count: int) -> str:
        """The rate, and the time left, once `done` of `count` are done."""
        return f"{self.rate(done)}, {self.left(done / count)} left"


def duration(seconds: float) -> str:
    """A time in words: seconds, or minutes from a minute and a half on."""
    if seconds < LONGEST_IN_SECONDS:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE_S:.0f} min"
