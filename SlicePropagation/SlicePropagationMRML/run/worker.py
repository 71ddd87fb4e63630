"""ONE persistent worker thread: it asks a generator for one step at a time, and touches no node."""

import gc
import queue
import threading
import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

Outcome: TypeAlias = tuple[Any, Exception | None]  # (step or FINISHED, error)
Requests: TypeAlias = queue.SimpleQueue[Iterator | None]
Results: TypeAlias = queue.SimpleQueue[tuple[Iterator, Outcome]]

FINISHED = object()


class CollectionPause:
    """No cyclic garbage collection while any worker computes.

    Python collects on whatever thread happens to allocate. On a worker it would destroy widgets and
    nodes that others left in reference cycles, off the main thread, which Qt and VTK answer with a
    crash some time later. The main thread collects between two steps.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numBusy = 0
        self._wasEnabled = False

    def begin(self) -> None:
        """Hold collection back, once more."""
        with self._lock:
            if self._numBusy == 0:
                self._wasEnabled = gc.isenabled()
                gc.disable()
            self._numBusy += 1

    def end(self) -> None:
        """Give it back, when it was on and nobody else holds it."""
        with self._lock:
            self._numBusy -= 1
            if self._numBusy == 0 and self._wasEnabled:
                gc.enable()


_pause = CollectionPause()


class StepWorker:
    """Computes steps of generators off the main thread, one at a time.

    The caller owns everything that the generator reads between two steps: it may change it after
    `poll` returned a result and before the next `request`. Its thread ends when nobody has it any
    more.

    Attributes:
        isBusy: whether a result is due.
    """

    def __init__(self) -> None:
        self._requests: Requests = queue.SimpleQueue()
        self._results: Results = queue.SimpleQueue()
        weakref.finalize(self, self._requests.put, None)
        self._thread: threading.Thread | None = None
        self._asked: Iterator | None = None
        self.isBusy = False

    def request(self, steps: Iterator) -> None:
        """Ask for the next step of a generator; its result comes through `poll`."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work,  # no method, which would keep the worker alive
                args=(self._requests, self._results),
                name="SlicePropagation",
                daemon=True,
            )
            self._thread.start()
        self.isBusy = True
        self._asked = steps
        self._requests.put(steps)

    def poll(self, timeout: float | None = None) -> Outcome | None:
        """(step or FINISHED, error or None) of the last request, or None when it is not ready.

        Args:
            timeout: seconds to wait for it; None not to wait.
        """
        try:
            steps, result = self._results.get(timeout is not None, timeout)
            # a step of a run that ended meanwhile: nobody asks for it any more
            while steps is not self._asked:
                steps, result = self._results.get(timeout is not None, timeout)
        except queue.Empty:
            return None
        self.isBusy = False
        return result


def _work(requests: Requests, results: Results) -> None:
    """Compute what is requested until None comes."""
    while (steps := requests.get()) is not None:
        _pause.begin()
        results.put((steps, _stepOf(steps)))
        del steps  # the main thread is the last to let go of it
        _pause.end()


def _stepOf(steps: Iterator) -> Outcome:
    """The next step; an error is handed to the main thread, which shows or raises it."""
    try:
        return next(steps, FINISHED), None
    except Exception as error:
        return FINISHED, error
