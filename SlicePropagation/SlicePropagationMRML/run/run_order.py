"""`RunOrder`: what a run through slices shall do."""

from dataclasses import dataclass

from SlicePropagationLib.planning import Run as PlannedRun
from SlicePropagationLib.propagation import plan_session
from SlicePropagationLib.session import AnnotationSession


@dataclass(frozen=True)
class RunOrder:
    """What a run shall do.

    Attributes:
        labels: which to fill, None for all.
        span: (first, last) slice that may be predicted; None to the end of the structure.
        direction: "both", "up" or "down".
        holdsResult: whether the result waits for `keep` or `discard` in any case.
    """

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
