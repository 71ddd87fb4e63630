"""How far a batch is: on a terminal from its start on, in a pipe a line for each case."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from SlicePropagationLib.commands.options import DONE, SOME_FAILED
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.files.remote import exists
from SlicePropagationLib.files.urls import joined
from SlicePropagationLib.pipelines.batch_index import INDEX
from SlicePropagationLib.pipelines.batch_watch import BatchWatch

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from SlicePropagationLib.pipelines.outcomes import Outcome
    from SlicePropagationLib.propagation import SlicePrediction

TICK_S = 1.0


class ManyCases(Protocol):
    """What is asked of a command with a table of cases, as far as its progress tells it."""

    @property
    def cases(self) -> Any:
        """The table."""
        ...

    @property
    def workers(self) -> int:
        """Number of processes."""
        ...

    @property
    def scheduler(self) -> str | None:
        """Address of a Dask scheduler, or None."""
        ...


class Tally:
    """How many cases are finished, without what became of each: there may be many.

    Attributes:
        num_finished, num_skipped: cases, and those of them that had been done before.
        failed: what became of those that failed.
        last: what became of the last one.
    """

    def __init__(self) -> None:
        self.num_finished = 0
        self.num_skipped = 0
        self.failed: list[Outcome] = []
        self.last: Outcome | None = None

    def add(self, outcome: Outcome) -> None:
        """Count a case."""
        self.num_finished += 1
        self.num_skipped += outcome.is_skipped
        self.last = outcome
        if outcome.error:
            self.failed.append(outcome)

    @property
    def num_done(self) -> int:
        """Cases with a result."""
        return self.num_finished - len(self.failed)


def all_told(outcomes: Iterable[Outcome], progress: BatchProgress) -> Tally:
    """How many cases came of all outcomes, each of which is told as it comes."""
    for outcome in outcomes:
        progress.finished(outcome)
    return progress.tally


def tell_counts(tally: Tally) -> int:
    """Print how many cases are done, and why others are not; returns the exit code."""
    print(f"{tally.num_done} of {tally.num_finished} cases done, {len(tally.failed)} failed")
    for outcome in tally.failed:
        print(f"  {outcome.name}: {outcome.error}")
    return SOME_FAILED if tally.failed else DONE


def tell_page(folder: Path | str) -> None:
    """Print where the page over all cases lies, if it could be written."""
    index = joined(folder, INDEX)
    if exists(index):
        print(f"All cases at a glance: {index}")


class BatchProgress(BatchWatch):
    """Tells of a batch; used in a `with`.

    A terminal has counts, what runs and the time, anew every second. In a pipe nothing is told
    before the first case is finished.

    Args:
        request: what is done.
        is_quiet: whether nobody wants to be told.
        tick_s: between two times that a terminal is told.

    Attributes:
        tally: of the cases that are finished.
    """

    def __init__(self, request: ManyCases, is_quiet: bool = False, tick_s: float = TICK_S) -> None:
        self._request = request
        self._line = ProgressLine(is_quiet)
        self._tick_s = tick_s
        self._num_cases = 0
        self._num_waiting = 0  # to be done when cases began
        self.tally = Tally()
        self._slice = ""  # that the case in this process is at
        self._is_over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> BatchProgress:
        self._line.__enter__()
        if self._line.is_rewritten:
            self._ticker.start()
        self._refresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._is_over.set()
        if self._ticker.is_alive():
            self._ticker.join()
        self._line.__exit__(kind, error, where)

    def _tick(self) -> None:
        while not self._is_over.wait(self._tick_s):
            self._refresh()

    # What the batch tells

    def found(self, num_cases: int) -> None:
        """The table is read, and nothing is done yet."""
        self._num_cases = num_cases
        self._refresh()

    def begun(self, num_waiting: int) -> None:
        """Cases begin; the time counts from now on."""
        self._num_waiting = num_waiting
        self._line.begin()
        self._refresh()

    def stepped(self, prediction: SlicePrediction) -> None:
        """A slice of the one case that runs in this process is done."""
        self._slice = f"slice {prediction.step} of {prediction.num_steps}"
        self._refresh()

    def finished(self, outcome: Outcome) -> None:
        """A case is finished, also one that was done before."""
        self.tally.add(outcome)
        self._slice = ""
        if self._line.is_rewritten:
            self._refresh()
        else:
            self._line.tell(self._told_of(outcome))

    # What is told

    def _refresh(self) -> None:
        if self._line.is_rewritten:
            self._line.tell(self._now())

    def _now(self) -> str:
        """Counts, what runs, and the time; a name comes last, where a narrow terminal cuts it."""
        if not self._num_cases:
            return f"Reading {self._request.cases}"
        tally = self.tally
        failed = f"{len(tally.failed)} failed" if tally.failed else ""
        count = f"{tally.num_done} of {self._num_cases} cases done"
        last = f": {tally.last.name}" if tally.last else ""
        return ", ".join(filter(None, [count, failed, self._running(), self._time()])) + last

    @property
    def _num_done(self) -> int:
        """Cases that took time: those that were done before did not."""
        return self.tally.num_finished - self.tally.num_skipped

    def _running(self) -> str:
        left = self._num_waiting - self._num_done
        if left <= 0:
            return ""
        if self._request.scheduler:
            return f"running on {self._request.scheduler}"
        count = min(self._request.workers, left)
        return f"{count} running" + (f" ({self._slice})" if self._slice else "")

    def _time(self) -> str:
        """The rate and what is left once a case is done, before that the time since the start."""
        if not self._num_waiting:
            return ""
        if not self._num_done:
            return self._line.elapsed()
        done = self._num_done / self._num_waiting
        return f"{self._line.rate(self._num_done)}, {self._line.left(done)} left"

    def _told_of(self, outcome: Outcome) -> str:
        """What a pipe has of the case that is finished."""
        place = f"case {outcome.step} of {outcome.num_steps}"
        if outcome.is_skipped:
            return f"{place} already done: {outcome.name}"
        word = "failed" if outcome.error else "done"
        return f"{place} {word}, {self._time()}: {outcome.name}"
