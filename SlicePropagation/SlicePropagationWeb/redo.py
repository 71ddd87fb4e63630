"""A correction redoes its gap at once where that takes no time, and shows what became of it."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.old_outline import OldOutline

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.propagation import plan_session
from SlicePropagationLib.session import AnnotationSession, Provenance

if TYPE_CHECKING:
    from SlicePropagationMRML.nodes.types import Schedule
    from SlicePropagationMRML.run.document import Document
    from SlicePropagationMRML.run.logic import PropagationLogic

    from SlicePropagationWeb.panel_state import PanelState

QUICK_SECONDS = 1.0
HELD_SECONDS = 2.0  # that pictures of a redo may wait for its end
SHOWN_MS = 2000  # that the old outline stays
Patches = dict[tuple[int, int], Patch]


def expected_steps(session: AnnotationSession, runs: Iterable[Run]) -> int:
    """How many slices runs will predict, a slice that two walks pass counted twice.

    A walk beyond the outermost anchor ends with the structure: there the slices count on which it was
    predicted before, or never was, and the one that it ends on.
    """
    return sum(_steps_of(session, run) for run in runs)


def _steps_of(session: AnnotationSession, run: Run) -> int:
    if None not in gap_of(run.targets[0], session.anchors(run.label)):
        return len(run.targets)
    states = [session.state(run.label, index) for index in run.targets]
    walked = [state.patch.area > 0 or state.provenance == Provenance.EMPTY for state in states]
    return min(sum(walked) + 1, len(walked))


class Pace:
    """How fast engines were the last time, each on the volume that is open.

    Args:
        now: the clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds: dict[Any, float] = {}  # a step, by what walked
        self._began: tuple[float, int] | None = None

    def begin(self) -> None:
        """A run begins."""
        self._began = None

    def stepped(self, step: int) -> None:
        """A step of the run is done; the first one loads the engine, and does not count."""
        if self._began is None:
            self._began = (self._now(), step)
        self._last = step

    def finished(self, engine: Any) -> None:
        """The run has ended, and was written.

        Args:
            engine: what walked: anything that tells engines apart.
        """
        if self._began is not None and self._last > self._began[1]:
            began, first = self._began
            self._seconds[engine] = (self._now() - began) / (self._last - first)
        self._began = None

    def seconds(self, engine: Any, steps: int) -> float | None:
        """How long so many steps will take; None where the engine has not walked yet."""
        pace = self._seconds.get(engine)
        return None if pace is None else pace * steps


class OldOutlines:
    """Shows for a moment where the outline was before a gap was done again.

    Args:
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        on_change: called when it is shown or goes.
    """

    def __init__(self, schedule: "Schedule", on_change: Callable[[], object]) -> None:
        self._schedule = schedule
        self._on_change = on_change
        self._before: Patches = {}
        self._shown: OldOutline | None = None

    @property
    def is_shown(self) -> bool:
        """Whether an old outline is to be seen."""
        return self._shown is not None

    def remember(self, session: AnnotationSession, runs: Iterable[Run]) -> None:
        """These runs are about to be done again."""
        self.hide()
        places = {(run.label, index) for run in runs for index in run.targets}
        self._before = {place: session.state(*place).patch for place in places}

    def forget(self) -> None:
        """They came to nothing."""
        self._before = {}

    def show(self, document: "Document") -> None:
        """Outline what was there, on the slices where it is another one now."""
        session = document.session
        changed = {
            place: patch
            for place, patch in self._before.items()
            if patch.area and not patch.equals(session.state(*place).patch)
        }
        self._before = {}
        if not changed:
            return
        shown = OldOutline(document, changed)
        self._shown = shown
        self._on_change()
        self._schedule(SHOWN_MS, lambda: self._end(shown))

    def hide(self) -> None:
        """Something else is shown now."""
        if self._shown is not None:
            self._end(self._shown)

    def _end(self, shown: OldOutline) -> None:
        if shown is self._shown:
            self._shown = None
            shown.remove()
            self._on_change()


class Redo:
    """Decides whether a correction redoes its gap by itself, and keeps what was there before.

    Args:
        logic: a PropagationLogic.
        data: the PanelState that the browser shows.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        on_change: called when an old outline is shown or goes.

    Attributes:
        pace: how fast engines were.
        outlines: what was there before.
    """

    def __init__(
        self,
        logic: "PropagationLogic",
        data: "PanelState",
        schedule: "Schedule",
        on_change: Callable[[], object],
    ) -> None:
        self._logic = logic
        self._data = data
        self.pace = Pace()
        self.outlines = OldOutlines(schedule, on_change)

    @property
    def engine(self) -> tuple[str, ...]:
        """What walks, and through which slices: the pace is another one elsewhere."""
        document = self._logic.document
        volume = document.volumeNode.GetID() if document is not None else ""
        data = self._data
        return volume, data.plane, data.engine, data.device, "adapts" if data.adapts else ""

    def is_due(self, segment_ids: Iterable[str]) -> bool:
        """Whether a correction redoes what it affects without being asked.

        Args:
            segment_ids: the segments that a run would fill.
        """
        wish = self._data.after_correction
        if wish == "never" or self._data.why.get("propagate"):
            return False
        runs = self._runs(segment_ids)
        if wish == "always" or not runs:
            return bool(runs)
        seconds = self.pace.seconds(self.engine, expected_steps(self._logic.session, runs))
        return seconds is not None and seconds < QUICK_SECONDS

    def begin(self, segment_ids: Iterable[str]) -> None:
        """A correction is about to redo what it affects."""
        self.outlines.remember(self._logic.session, self._runs(segment_ids))

    def _runs(self, segment_ids: Iterable[str]) -> list[Run]:
        """The walks that are due, as a run would plan them; none where it would be refused."""
        document = self._logic.document
        if document is None:
            return []
        data = self._data
        wanted = set(segment_ids)
        labels = [label for label, name in document.segments.items() if name in wanted]
        if not labels:
            return []
        try:
            return plan_session(
                document.session,
                labels,
                span=None if data.to_the_end else (data.span[0], data.span[1]),
                direction=data.direction,
            )
        except SlicePropagationError:
            return []
