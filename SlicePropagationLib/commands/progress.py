"""Progress on stderr: one line that is written over on a terminal, few lines elsewhere."""

from __future__ import annotations

import logging
import re
import shutil
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from SlicePropagationLib.pace import Pace

if TYPE_CHECKING:
    from types import TracebackType

    from SlicePropagationLib.propagation import SlicePrediction

PARTS = 10  # of a run that are told in a pipe or a file: one line for every 10 %
MINUTES_AN_HOUR = 60
EPOCH = re.compile(r"epoch (\d+) of (\d+): .*?([\d.]+) min")  # what a training tells of one


class ProgressLine:
    """One line that tells how far a command is; used in a `with`, at whose end it is left.

    On a terminal each text takes the place of the one before. In a pipe or a file every text stays,
    so `step` tells of few.
    """

    open_lines: list[ProgressLine] = []  # what a warning has to make room for

    def __init__(self, is_quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_quiet = is_quiet
        self._is_terminal = self._stream.isatty()
        self._shown = ""
        self._part = 0
        self._pace = Pace()
        self._lock = threading.Lock()  # a batch tells from a thread, too

    def __enter__(self) -> ProgressLine:
        self.open_lines.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.open_lines.remove(self)
        if self._shown:
            print(file=self._stream)

    @property
    def is_rewritten(self) -> bool:
        """Whether a text takes the place of the one before, so that many may be told."""
        return self._is_terminal and not self._is_quiet

    def begin(self) -> None:
        """Count the time from now on."""
        self._pace = Pace()

    @property
    def report(self) -> Callable[[str], None] | None:
        """`tell` for what takes no function where nobody wants to be told."""
        return None if self._is_quiet else self.tell

    def tell(self, text: str) -> None:
        """Show a text; in a pipe, as a line of its own."""
        if self._is_quiet:
            return
        if not self._is_terminal:
            print(text, file=self._stream, flush=True)
            return
        # one column is left free: some terminals go on to the next line when it is full
        text = text[: shutil.get_terminal_size().columns - 1]
        with self._lock:
            print(f"\r{text:{len(self._shown)}}", end="", file=self._stream, flush=True)
            self._shown = text

    def step(self, done: float, text: str) -> None:
        """Show how far a run is; in a pipe, only when another tenth of it is done.

        Args:
            done: share of the run in [0, 1].
            text: what is told of it; the time left is added.
        """
        part = int(PARTS * done + 1e-9)
        if self._is_terminal or part > self._part:
            self.tell(f"{text}, {self.left(done)} left")
        self._part = part

    def left(self, done: float) -> str:
        """The time that the rest takes when it goes on as it did, in words."""
        return self._pace.left(done)

    def elapsed(self) -> str:
        """The time that it took so far, in words."""
        return self._pace.elapsed()

    def rate(self, count: int) -> str:
        """How many are done in a time when it goes on as it did, in words.

        Args:
            count: that are done by now.
        """
        return self._pace.rate(count)

    def show(self, prediction: SlicePrediction) -> None:
        """Tell of a slice of a run."""
        text = f"slice {prediction.step} of {prediction.num_steps}"
        self.step(prediction.step / prediction.num_steps, text)

    def show_frame(self, number: int, count: int, prediction: SlicePrediction) -> None:
        """Tell of a frame at the slice position `number` of `count`."""
        done = (number - 1 + prediction.step / prediction.num_steps) / count
        frame = f"frame {prediction.step} of {prediction.num_steps}"
        self.step(done, f"slice {number} of {count}, {frame}")

    def count(self, number: int, count: int) -> None:
        """Tell that `number` of `count` like parts are done."""
        self.step(number / count, f"{number} of {count}")

    def clear(self) -> None:
        """Take the text away, for a line that is to stay."""
        with self._lock:
            if self._shown:
                print(f"\r{'':{len(self._shown)}}\r", end="", file=self._stream, flush=True)
            self._shown = ""


class EpochLines:
    """Lines of text about trainings; in a pipe or a file, an epoch for every tenth of a training.

    All epochs stand in the log of the training.

    Args:
        stream: where the lines go.
        max_hours: after which a training ends; None where its epochs alone end it.
    """

    def __init__(self, stream: TextIO, max_hours: float | None = None) -> None:
        self._stream = stream
        self._hours = max_hours
        self._epoch = 0
        self._part = 0

    def __call__(self, text: str) -> None:
        """Tell a line, unless it is of an epoch that is not to be told."""
        found = EPOCH.match(text)
        if found is None or self._is_told(int(found[1]), int(found[2]), float(found[3])):
            print(text, file=self._stream, flush=True)

    def _is_told(self, epoch: int, count: int, minutes: float) -> bool:
        by_time = minutes / (MINUTES_AN_HOUR * self._hours) if self._hours else 0.0
        part = int(PARTS * max(epoch / count, by_time) + 1e-9)
        if epoch <= self._epoch:  # of another training
            self._part = 0
        is_next = part > self._part
        self._epoch, self._part = epoch, part
        return is_next or self._stream.isatty()


class WarningHandler(logging.StreamHandler):
    """Writes warnings on lines of their own, also while progress is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        for line in ProgressLine.open_lines:
            line.clear()
        super().emit(record)
