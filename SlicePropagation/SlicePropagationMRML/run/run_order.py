"""`RunOrder`: what a run through slices shall do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from SlicePropagationLib.planning import Run as PlannedRun
from SlicePropagationLib.propagation import Engine, SlicePrediction, plan_session, propagate
from SlicePropagationLib.session import AnnotationSession


class Order(Protocol):
    """What a run shall do, whatever predicts.

    Attributes:
        comesAtOnce: whether nothing is there before the last step.
    """

    comesAtOnce: ClassVar[bool]

    @property
    def holdsResult(self) -> bool:
        """Whether the result waits for `keep` or `discard` in any case."""
        ...

    def plan(self, session: AnnotationSession) -> list[PlannedRun]:
        """The walks that are due as the session is now."""
        ...

    def steps(
        self,
        session: AnnotationSession,
        engine: Engine,
        runs: Iterable[PlannedRun],
        *,
        allow_overlap: bool,
        is_stopped: Callable[[], bool],
    ) -> Iterator[SlicePrediction]:
        """Fill the session, one slice a step; `is_stopped` is asked before the first one is there."""
        ...


@dataclass(frozen=True)
class RunOrder:
    """What a run shall do.

    Attributes:
        labels: which to fill, None for all.
        span: (first, last) slice that may be predicted; None to the end of the structure.
        direction: "both", "up" or "down".
        holdsResult: whether the result waits for `keep` or `discard` in any case.
    """

    comesAtOnce: ClassVar[bool] = False

    labels: list[int] | None = None
    span: tuple[int, int] | None = None
    direction: str = "both"
    holdsResult: bool = False

    def plan(self, session: AnnotationSession) -> list[PlannedRun]:
        """The walks that are due as the session is now.

        Raises:
            SlicePropagationError: nothing is annotated.
        """
        return plan_session(
            session,
            self.labels,
            span=self.span,
            direction=self.direction,
        )

    def steps(
        self,
        session: AnnotationSession,
        engine: Engine,
        runs: Iterable[PlannedRun],
        *,
        allow_overlap: bool,
        is_stopped: Callable[[], bool],
    ) -> Iterator[SlicePrediction]:
        """Walk them with an engine."""
        return propagate(session, engine, runs, allow_overlap=allow_overlap, is_stopped=is_stopped)
