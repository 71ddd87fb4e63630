"""`Run`: what every run is, from its first step until its result is written or forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from SlicePropagationMRML.nodes.types import Schedule
from SlicePropagationMRML.run.events import Event
from SlicePropagationMRML.run.signal import Signal
from SlicePropagationMRML.run.worker import StepWorker

TURN_SECONDS = 0.03  # of our work in one turn of the event loop
POLL_MS = 30  # asking more often than this for long starves the worker of Python's lock


class Phase(Enum):
    """Where a run is."""

    PREDICTING = auto()
    STOPPING = auto()  # it predicts, and ends with the step that is under way
    WAITING = auto()  # for a person who keeps or discards the result
    WRITING = auto()
    ENDED = auto()


BUSY = (Phase.PREDICTING, Phase.STOPPING, Phase.WRITING)


@dataclass(frozen=True)
class RunTools:
    """What runs share.

    Attributes:
        worker: computes their steps, one at a time.
        schedule: the event loop's timer.
        events: where they tell what happens.
        ended: called by a run that has ended, with the event that says how; it is told from there.
        saveStateForUndo: makes an undo step.
    """

    worker: StepWorker
    schedule: Schedule
    events: Signal[Event]
    ended: Callable[["Run", Event], None]
    saveStateForUndo: Callable[[], object]


class Run:
    """A run that is under way, or whose result waits; at most one at a time.

    Attributes:
        phase: where it is.

    Args:
        tools: what runs share.
    """

    def __init__(self, tools: RunTools) -> None:
        self.phase = Phase.PREDICTING
        self._tools = tools

    @property
    def isBusy(self) -> bool:
        """Whether it predicts or writes."""
        return self.phase in BUSY

    @property
    def isWaiting(self) -> bool:
        """Whether its result waits for `keep` or `discard`."""
        return self.phase is Phase.WAITING

    def begin(self) -> None:
        """Ask for the first step, or for the first turn."""
        raise NotImplementedError

    def advance(self, timeout: float | None = None) -> bool:
        """Go on by one turn; whether there was anything to do.

        Args:
            timeout: seconds to wait for a step; None not to wait.
        """
        raise NotImplementedError

    def advanceWaiting(self) -> None:
        """Go on by one turn, and wait for the worker where it has something to do."""
        self.advance(60.0 if self._tools.worker.isBusy else None)

    def stop(self) -> None:
        """End within one step; what is written by then is written to its end."""
        if self.phase is Phase.PREDICTING:
            self.phase = Phase.STOPPING

    def keep(self, *, mayTakeDrawn: bool = False) -> None:
        """Begin to write the result that waits.

        Args:
            mayTakeDrawn: whether also from slices that a person drew in other segments.
        """
        raise NotImplementedError

    def discard(self) -> None:
        """Forget the result that waits."""
        self.abandon()

    def abandon(self) -> None:
        """End at once, and tell nobody: what the worker still finishes is dropped."""
        self.phase = Phase.ENDED
