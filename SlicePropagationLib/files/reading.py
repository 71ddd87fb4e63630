"""How far the reading of an image is, for a person who waits for it.

Readers say what they are at. Whoever started them asks from another thread, as often as wanted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from SlicePropagationLib.errors import SlicePropagationError

Item = TypeVar("Item")
Share = Callable[[], float | None]
OPEN_FILES = Path("/proc/self/fd")  # Linux tells there how far each open file is read
PLACES = Path("/proc/self/fdinfo")


class ReadingStopped(SlicePropagationError):
    """A person waits for it no more."""


class ReadingProgress:
    """What a reading is at.

    Attributes:
        stage: in words, "" before the first one.
        is_stopped: whether nobody waits for it any more.
    """

    def __init__(self) -> None:
        self.stage = ""
        self.is_stopped = False
        self._share: Share = lambda: None

    def follow(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function, in any thread, and know meanwhile what it reads; returns what it does."""
        token = _current.set(self)
        try:
            return read(*arguments)
        finally:
            _current.reset(token)

    def stop(self) -> None:
        """Have the reader end at the next moment when it looks, by a `ReadingStopped`."""
        self.is_stopped = True

    def enter(self, stage: str, share: Share) -> None:
        """Go on to a stage; `share` says how much of it is done, or None where nobody knows."""
        self._share = share
        self.stage = stage

    def share(self) -> float | None:
        """How much of the stage is done, 0 to 1; None where nobody knows."""
        found = self._share()
        return None if found is None else min(max(found, 0.0), 1.0)


_current: ContextVar[ReadingProgress | None] = ContextVar("reading", default=None)


def tell_stage(stage: str, share: Share = lambda: None) -> None:
    """Say what is done from now on, where somebody wants to know.

    Raises:
        ReadingStopped: nobody waits for it any more.
    """
    check_wanted()
    progress = _current.get()
    if progress is not None:
        progress.enter(stage, share)


def check_wanted() -> None:
    """Go on only while somebody waits for what is read.

    Raises:
        ReadingStopped: nobody does.
    """
    progress = _current.get()
    if progress is not None and progress.is_stopped:
        raise ReadingStopped("Nothing was opened.")


def tell_count(items: Sequence[Item], stage: str) -> Iterator[Item]:
    """The items, each of which is told as it comes: "Reading slices, 12 of 600"."""
    count = len(items)
    for number, item in enumerate(items, 1):
        done = (number - 1) / count
        tell_stage(f"{stage}, {number} of {count}", lambda done=done: done)
        yield item


def tell_file(file: BinaryIO, stage: str) -> None:
    """Say that a file is read; how far, its own place in it tells."""
    size = os.fstat(file.fileno()).st_size
    tell_stage(stage, lambda: _place_share(file, size))


def tell_path(path: Path, stage: str) -> None:
    """Say that a library reads a file, whose place in it only the system knows."""
    tell_stage(stage, lambda: _system_share(path))


def _place_share(file: BinaryIO, size: int) -> float | None:
    try:
        return os.lseek(file.fileno(), 0, os.SEEK_CUR) / size
    except (OSError, ValueError, ZeroDivisionError):  # closed meanwhile, or empty
        return None


def _system_share(path: Path) -> float | None:
    """How much of a file is read that this process has open; None where that is not told."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        for number in os.listdir(OPEN_FILES):
            if _leads_to(OPEN_FILES / number, path):
                place = (PLACES / number).read_text().split()[1]  # "pos: 4096"
                return int(place) / path.stat().st_size
    return None


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.samefile(path)
    except OSError:  # closed meanwhile
        return False
