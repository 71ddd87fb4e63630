"""What the page over a batch says of each case, kept in a file until it is written again."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator


class BatchItems:
    """The items of a page over a batch, which may be more than memory should hold.

    Of each stays its place in a temporary file, which goes with this.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as this
        self._ends = array("q", [0])  # of items in the file; each begins where the last one ends
        self._failed = array("q")  # places in `_ends`
        self._done = array("q")
        self._doubts = array("d")  # of those that are done,
        self._numbers = array("q")  # and their places in the table

    def add_failed(self, item: str) -> None:
        """Keep what is said of a case that failed."""
        self._failed.append(self._add(item))

    def add_done(self, item: str, doubt: float, number: int) -> None:
        """Keep what is said of a case that is done.

        Args:
            item: what is said.
            doubt: those with the lowest come first.
            number: of the case in the table, by which those come that are doubted as much.
        """
        self._done.append(self._add(item))
        self._doubts.append(doubt)
        self._numbers.append(number)

    @property
    def num_failed(self) -> int:
        """Cases that failed."""
        return len(self._failed)

    @property
    def num_done(self) -> int:
        """Cases that are done."""
        return len(self._done)

    def failed(self) -> Iterator[str]:
        """What is said of cases that failed, in the order in which they did."""
        return map(self._read, self._failed)

    def done(self) -> Iterator[str]:
        """What is said of cases that are done, the least trusted first."""
        order = sorted(zip(self._doubts, self._numbers, self._done, strict=True))
        return (self._read(place) for _, _, place in order)

    def _add(self, item: str) -> int:
        # names of files may have bytes that are no text
        text = item.encode("utf-8", errors="replace")
        self._file.seek(self._ends[-1])
        self._file.write(text)
        self._ends.append(self._ends[-1] + len(text))
        return len(self._ends) - 2

    def _read(self, place: int) -> str:
        begin, end = self._ends[place : place + 2]
        self._file.seek(begin)
        return self._file.read(end - begin).decode("utf-8")
