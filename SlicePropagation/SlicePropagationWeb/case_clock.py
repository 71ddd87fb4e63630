"""How long a person works on a case: pauses that are longer than work is do not count."""

LONGEST_PAUSE_S = 60.0


class CaseClock:
    """Adds up the time between one act and the next one."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._last: float | None = None

    def act(self, now: float) -> None:
        """A person did something.

        Args:
            now: seconds of any clock that only goes forward.
        """
        if self._last is not None:
            self._seconds += min(max(now - self._last, 0.0), LONGEST_PAUSE_S)
        self._last = now

    def take(self, now: float) -> float:
        """The seconds since the last time that they were taken; they are counted anew."""
        self.act(now)
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def rest(self) -> None:
        """No case is open: what comes until the next act does not count."""
        self._seconds = 0.0
        self._last = None


def duration_text(seconds: float) -> str:
    """A time as a list shows it: minutes, from an hour on hours and minutes; "" where there is none."""
    if seconds < 1:
        return ""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "< 1 min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours else f"{minutes} min"
