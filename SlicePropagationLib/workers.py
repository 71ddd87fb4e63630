"""Other processes that work for this one, and never longer than it lives.

Each worker holds the end of a pipe that nothing is ever sent through. When its other end goes, with
the process that started it and however that ended, the worker ends at once. So it is on every
system, also where no signal tells of the end.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

from SlicePropagationLib.errors import in_one_line

Item = TypeVar("Item")
ENDS_WITHIN_S = 5.0


class WorkerDiedError(Exception):
    """The process that worked on an item ended by itself: a crash, or a lack of memory."""


def in_order(
    task: Callable[[Item], Any], items: Sequence[Item], workers: int, **options: Any
) -> Iterator[Any]:
    """What a task returns for each item, in their order; arguments as in `as_done`.

    Raises:
        WorkerDiedError: a worker died, of which `as_done` would tell.
        Exception: what the task raised.
    """
    come: dict[int, Any] = {}
    due = 0
    for number, result in as_done(task, items, workers, **options):
        come[number] = result
        while due in come:
            found = come.pop(due)
            due += 1
            if isinstance(found, Exception):
                raise found
            yield found


def as_done(
    task: Callable[[Item], Any],
    items: Sequence[Item],
    workers: int,
    *,
    prepare: Callable[[], None] | None = None,
    per_process: int | None = None,
) -> Iterator[tuple[int, Any]]:
    """Do a task on each item in other processes.

    Args:
        task: a function at the top of a module.
        items: what it is called with; they and what it returns have to be picklable.
        workers: how many processes.
        prepare: called first in each process, before the module of the task is imported.
        per_process: a fresh process after so many items, or None.

    Yields:
        (number of the item, what the task returned, or the exception that it raised, or a
        WorkerDiedError) as they come; when a worker dies, another takes its place.
    """
    waiting = list(enumerate(items))[::-1]
    busy: dict[Any, _Worker] = {}
    try:
        for _ in range(min(workers, len(waiting))):
            _give(_Worker(task, prepare), waiting.pop(), busy)
        while busy:
            for connection in wait(list(busy)):
                worker = busy.pop(connection)
                number, result = worker.take()
                if waiting:
                    is_worn = isinstance(result, WorkerDiedError) or worker.count == per_process
                    _give(_renewed(worker, is_worn), waiting.pop(), busy)
                else:
                    worker.end()
                yield number, result
    finally:
        for worker in busy.values():
            worker.end(at_once=True)


def _give(worker: _Worker, numbered: tuple[int, Any], busy: dict[Any, _Worker]) -> None:
    worker.give(*numbered)
    busy[worker.connection] = worker


def _renewed(worker: _Worker, is_worn: bool) -> _Worker:
    if not is_worn:
        return worker
    worker.end()
    return _Worker(worker.task, worker.prepare)


class _Worker:
    """A process, seen from the one that started it."""

    def __init__(self, task: Callable[[Any], Any], prepare: Callable[[], None] | None) -> None:
        self.task = task
        self.prepare = prepare
        self.number = -1
        self.count = 0
        context = multiprocessing.get_context("spawn")
        ours, theirs = Pipe()
        lifeline, self._lifeline = Pipe(duplex=False)
        self.connection = ours
        # "daemon", so that Python does not wait for it at its own end
        self._process = context.Process(target=_serve, args=(lifeline, theirs), daemon=True)
        with _deaf_to_ctrl_c():
            self._process.start()
        theirs.close()
        lifeline.close()
        with contextlib.suppress(OSError):  # it died already; `take` notices
            ours.send(prepare)
            ours.send(task)

    def give(self, number: int, item: Any) -> None:
        """Hand it the next item."""
        self.number = number
        with contextlib.suppress(OSError):
            self.connection.send(item)

    def take(self) -> tuple[int, Any]:
        """(number of the item, what came of it)."""
        self.count += 1
        try:
            return self.number, self.connection.recv()
        except (EOFError, OSError):
            self._process.join(ENDS_WITHIN_S)
            code = self._process.exitcode
            return self.number, WorkerDiedError(f"The worker process died (exit code {code}).")

    def end(self, *, at_once: bool = False) -> None:
        """Let it go; it ends by itself, or at once."""
        self.connection.close()
        self._lifeline.close()
        if at_once:
            self._process.terminate()
        self._process.join(ENDS_WITHIN_S)


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started meanwhile do not hear Ctrl-C, from their first moment on.

    The one who started them does, and ends them. Where a system has no such masks, they hear it
    until `_serve` has begun.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(lifeline: Connection, jobs: Connection) -> None:
    """What runs in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    with contextlib.suppress(EOFError, OSError):  # nothing more is wanted
        prepare = jobs.recv()
        if prepare:
            prepare()
        task = jobs.recv()
        while True:
            jobs.send(_outcome(task, jobs.recv()))


def _outcome(task: Callable[[Any], Any], item: Any) -> Any:
    try:
        return task(item)
    except Exception as error:  # told where it can be answered
        return error if _travels(error) else RuntimeError(in_one_line(error))


def _travels(error: Exception) -> bool:
    """Whether an exception arrives in another process as what it is."""
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False


def _end_with(lifeline: Connection) -> None:
    """End this process when the other end of a pipe is gone."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
