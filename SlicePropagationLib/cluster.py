"""Work on a Dask cluster: few in flight at a time, and a second try elsewhere for one that fails.

The scheduler never holds more than what its workers need soon, so that ten thousand cases take no
more of its memory, or of this program's, than a hundred.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

    from dask.distributed import Client, Future

log = logging.getLogger(__name__)
Item = TypeVar("Item")
IN_FLIGHT = 2  # cases for each thread of a worker: the one that it does, and the next
LOOK_S = 1.0  # between two looks at which workers there are
POLL_S = 0.02  # between two looks at what is done
MISSED_S = 10.0  # without a worker, until that is said
GONE = "cancelled"  # state of what a scheduler knew that is no more
LOST = "lost"  # state of a result that went with its worker, until another has made it again
STATUS_WHILE_THERE = ("running", "connecting")  # of a client


class Attempt(NamedTuple):
    """One try at an item.

    Attributes:
        number: of the item.
        is_second: whether one failed before.
        workers: addresses of those that should do it; none for any.
    """

    number: int
    is_second: bool = False
    workers: tuple[str, ...] = ()


class Done(NamedTuple):
    """What came of a try.

    Attributes:
        worker: address of the one that did it; "" where it died.
        result: what the task returned, or the exception that it raised.
    """

    worker: str
    result: Any


def import_distributed() -> ModuleType:
    """Dask's module for clusters.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from dask import distributed
    except ImportError:
        raise ConfigError(
            "--scheduler needs Dask, which is not installed; install slice-propagation[cluster], or"
            " use --workers."
        ) from None
    return distributed


def as_done_on_cluster(
    task: Callable[[Item], Any],
    items: Sequence[Item],
    scheduler: str,
    is_failed: Callable[[Any], bool] = lambda result: isinstance(result, Exception),
    *,
    again: str = "the same command",
) -> Iterator[tuple[int, Any]]:
    """Do a task on each item on the workers of a cluster.

    Args:
        task: a function at the top of a module that the workers have.
        items: what it is called with; they and what it returns have to be picklable.
        scheduler: address.
        is_failed: whether a result is worth another try, on another worker where there is one.
        again: what goes on where it was once the scheduler was gone, for the message.

    Yields:
        (number of the item, what the task returned, or the exception that it raised or that its
        workers died of) as they come.

    Raises:
        ConfigError: Dask is not installed, or no scheduler answers there, or does no more.
    """
    distributed = import_distributed()
    with _client(distributed, scheduler) as client:
        crew = _Crew(client)
        waiting = deque(Attempt(number) for number in range(len(items)))
        running = distributed.as_completed()
        flying: dict[Future, Attempt] = {}
        while waiting or flying:
            with _told_as_gone(client, scheduler, again):
                _fill(client, crew, running, flying, waiting, task, items)
                future = _next(running, crew, scheduler)
                attempt = flying.pop(future)
                done = _taken(future, scheduler, again)
                others = crew.without(done.worker)
            if is_failed(done.result) and not attempt.is_second and done.worker and others:
                waiting.appendleft(Attempt(attempt.number, True, others))
            else:
                yield attempt.number, done.result


def _fill(
    client: Client,
    crew: _Crew,
    running: Any,
    flying: dict[Future, Attempt],
    waiting: deque[Attempt],
    task: Callable[[Any], Any],
    items: Sequence[Any],
) -> None:
    """Hand out what waits, up to what may be in flight."""
    while waiting and len(flying) < crew.most_in_flight:
        attempt = waiting.popleft()
        future = client.submit(
            _do,
            task,
            items[attempt.number],
            pure=False,
            workers=attempt.workers or None,
            allow_other_workers=bool(attempt.workers),
        )
        flying[future] = attempt
        running.add(future)


def _next(running: Any, crew: _Crew, scheduler: str) -> Future:
    """The next future that is done; where there is no worker for long, that is said meanwhile."""
    while True:
        while not running.has_ready() and crew.may_wait(scheduler):
            time.sleep(POLL_S)
        future = next(running)
        if future.status != LOST:
            return future
        running.add(future)


def _do(task: Callable[[Item], Any], item: Item) -> Done:
    """What runs on a worker."""
    from dask.distributed import get_worker

    worker = get_worker().address
    try:
        return Done(worker, task(item))
    except Exception as error:
        return Done(worker, error)


def _taken(future: Future, scheduler: str, again: str) -> Done:
    """What came of a future; its memory on the cluster is free then."""
    if future.status == GONE:
        raise _gone(scheduler, again)
    error = future.exception()  # such as KilledWorker, after tries on several workers
    found = Done("", error) if error is not None else future.result()
    future.release()
    return found


@contextlib.contextmanager
def _told_as_gone(client: Client, scheduler: str, again: str) -> Iterator[None]:
    """Whatever is raised when the scheduler went, at any moment, is told in one sentence."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        if isinstance(error, OSError) or client.status != "running":
            raise _gone(scheduler, again) from error
        raise


def _gone(scheduler: str, again: str) -> ConfigError:
    return ConfigError(
        f"The Dask scheduler at {scheduler} does not answer any more; start it again, and then"
        f" {again}."
    )


class _Crew:
    """The workers of a cluster, which come and go."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads: dict[str, int] = {}
        self._looked_at = float("-inf")
        self._seen_at = time.monotonic()  # when a worker was there
        self._is_missed = False

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > LOOK_S:
            threads: Any = self._client.nthreads()  # {address: number}; declared as if awaited
            self._threads = dict(threads)
            self._looked_at = now
            if threads:
                self._seen_at = now

    def may_wait(self, scheduler: str) -> bool:
        """Whether the scheduler is there to wait for; that it has no worker for long is said once."""
        if self._client.status not in STATUS_WHILE_THERE:
            return False
        self._look()
        if self._threads:
            self._is_missed = False
        elif not self._is_missed and time.monotonic() - self._seen_at > MISSED_S:
            self._is_missed = True
            log.warning(
                "The Dask scheduler at %s has no worker; this waits, and goes on when one comes:"
                " dask worker %s --nthreads 1",
                scheduler,
                scheduler,
            )
        return True

    @property
    def most_in_flight(self) -> int:
        """How many cases may be handed out at a time; some before any worker came."""
        self._look()
        return IN_FLIGHT * max(1, sum(self._threads.values()))

    def without(self, worker: str) -> tuple[str, ...]:
        """The addresses of all other workers."""
        self._look()
        return tuple(address for address in self._threads if address != worker)


def _client(distributed: ModuleType, scheduler: str) -> Client:
    try:
        return distributed.Client(scheduler)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"There is no Dask scheduler at {scheduler} ({error}); start one there, correct the"
            " address, or use --workers."
        ) from error
