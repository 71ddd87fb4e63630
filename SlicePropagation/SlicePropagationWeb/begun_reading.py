"""Reading in a thread: of an image that somebody waits for, or that the program was started with."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from SlicePropagationLib.files.reading import ReadingProgress
from SlicePropagationLib.files.volume import Volume
from SlicePropagationWeb.opening import read_with_remarks


class BegunReading:
    """What a function reads, in a thread of its own, from now on.

    The thread ends with the program, whatever it is at.

    Args:
        read: the function.
        arguments: of it.

    Attributes:
        done: what it will have returned or raised.
        progress: how far it is.
    """

    def __init__(self, read: Callable[..., Any], *arguments: Any) -> None:
        self.done: Future[Any] = Future()
        self.done.set_running_or_notify_cancel()  # who waits for it may stop, and it goes on
        self.progress = ReadingProgress()
        threading.Thread(target=self._run, args=(read, *arguments), daemon=True).start()

    def stop(self) -> None:
        """Nobody waits for it any more: the thread ends as soon as its reader looks."""
        self.progress.stop()

    def _run(self, read: Callable[..., Any], *arguments: Any) -> None:
        try:
            self.done.set_result(self.progress.follow(read, *arguments))
        except Exception as error:
            self.done.set_exception(error)


class FirstImage:
    """The image that the program is started with: it is read while the rest is imported.

    Args:
        source: file, DICOM folder or "sample".

    Attributes:
        source: the same.
        reading: of (the volume, [sentence about it]).
    """

    def __init__(self, source: Path | str) -> None:
        self.source = source
        self.reading = BegunReading(read_with_remarks, source)

    def volume(self) -> Volume:
        """What was read, once it is.

        Raises:
            SlicePropagationError: it cannot be used.
        """
        return self.reading.done.result()[0]
