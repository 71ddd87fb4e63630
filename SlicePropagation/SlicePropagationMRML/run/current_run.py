"""`CurrentRun`: at most one run, and what that allows."""

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.run.run import Run
from SlicePropagationMRML.run.slice_run import SliceRun


class CurrentRun:
    """Holds the run that is under way or waits for a decision.

    Attributes:
        run: it, or None.
    """

    def __init__(self) -> None:
        self.run: Run | None = None

    @property
    def slices(self) -> SliceRun | None:
        """The run where it goes through slices; None where it goes through frames."""
        return self.run if isinstance(self.run, SliceRun) else None

    @property
    def isBusy(self) -> bool:
        """Whether anything predicts or writes."""
        return self.run is not None and self.run.isBusy

    @property
    def isWaiting(self) -> bool:
        """Whether a result waits for `keep` or `discard`."""
        return self.run is not None and self.run.isWaiting

    @property
    def holdsSession(self) -> bool:
        """Whether a run through slices predicts into the session, or writes it."""
        return self.isBusy and self.slices is not None

    @property
    def hasSlicesWaiting(self) -> bool:
        """Whether the result of a run through slices waits."""
        return self.isWaiting and self.slices is not None

    def begin(self, run: Run) -> None:
        """A run comes, and asks for its first step."""
        self.run = run
        run.begin()

    def checkIdle(self) -> None:
        """Raise when there is a run.

        Raises:
            SlicePropagationError: there is.
        """
        if self.run is not None:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")

    def abandon(self) -> None:
        """Drop the run at once; nothing more of it is written."""
        if self.run is not None:
            self.run.abandon()
        self.run = None

    def abandonSlices(self) -> None:
        """The same for a run through slices; one through frames goes on."""
        if self.slices is not None:
            self.abandon()
