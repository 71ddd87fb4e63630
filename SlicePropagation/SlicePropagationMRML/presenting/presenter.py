"""`Presenter`: the sentences about one logic, the same on the panel, on the page and in the effect."""

import time
from collections.abc import Iterable, Mapping

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.presenting.choices import otherSlicesText
from SlicePropagationMRML.presenting.hint_texts import hintText
from SlicePropagationMRML.presenting.messages import (
    frameProgressText,
    framesReturnedText,
    framesText,
    progressText,
    slicesText,
    travelText,
)
from SlicePropagationMRML.presenting.problems import problemText
from SlicePropagationMRML.presenting.taking_texts import drawnText, takenText, undecidedText
from SlicePropagationMRML.run.change_log import Travel
from SlicePropagationMRML.run.events import (
    Closed,
    Edited,
    Edits,
    Event,
    Finished,
    FramesFinished,
    FrameShown,
    FramesReturned,
    FramesStepped,
    Kept,
    Moved,
    Stepped,
    Travelled,
)
from SlicePropagationMRML.run.logic import PropagationLogic
from SlicePropagationMRML.run.neighbours import Taking
from SlicePropagationMRML.translation import tr as _

SHARES = 100  # steps of a progress bar for a slice that is carried through all frames


class Presenter:
    """Says what happened, and what became of a command; where it is shown is for others.

    Args:
        logic: whose events and commands these are.

    Attributes:
        firstSlice: what the first slice of a plane is called.
    """

    firstSlice: int = 0

    def __init__(self, logic: PropagationLogic) -> None:
        self._logic = logic
        self._began = time.monotonic()
        self._remarked: set[str] = set()  # volumes whose files were looked at

    def begin(self) -> None:
        """A run begins: its time counts from now."""
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._began

    # What the logic tells

    def sentence(self, event: Event) -> str | None:
        """What there is to say about an event; None when nothing is."""
        match event:
            case Stepped(step):
                return progressText(step.step, step.num_steps, self.seconds())
            case Finished(problem):
                return self._finished(problem)
            case Kept():
                return self.kept()
            case Edited(changed, hints):
                return self._hinted(hints) if hints else self._edited(changed)
            case Travelled(travel):
                return self._travelled(travel)
            case Moved(problem):
                return " ".join(filter(None, [problemText(problem), self.otherSlices()]))
            case FrameShown(problem) | Closed(problem):
                return problemText(problem) if problem is not None else None
            case FramesStepped(position, total, share):
                return frameProgressText(position, total, share, self.seconds())
            case FramesFinished():
                return self._framesFinished(event)
            case FramesReturned(isUndo, written, skipped):
                return framesReturnedText(isUndo, len(written), _numbers(skipped))
        return None

    def progress(self, event: Event) -> tuple[int, int] | None:
        """(value, maximum) of a progress bar after an event; None when it is as before."""
        match event:
            case Stepped(step):
                return step.step, step.num_steps
            case FramesStepped(position, total, share):
                return round((position - 1 + share) * SHARES), total * SHARES
        return None

    def callsForRun(self, changed: Edits) -> bool:
        """Whether an edit made something out of date that a run can mend now."""
        isBlocked = self._isWithinRun() or self._logic.hasPartialResult
        return not isBlocked and self._hasAnchors() and self._isCorrection(changed)

    # What became of a command

    def started(self, isStarted: bool) -> str:
        """A run was asked for."""
        if isStarted:
            return _("Propagating…")
        return _("Everything is up to date; draw on a slice or correct one first.")

    def segmenting(self, title: str) -> str:
        """A model without a seed began.

        Args:
            title: of the model.
        """
        return _("{title} is looking at the volume…").format(title=title)

    def carrying(self) -> str:
        """A run through all frames began."""
        return _("Carrying to all frames…")

    def stopping(self) -> str:
        """A run was asked to stop."""
        return _("Stopping after this slice…")

    def kept(self) -> str:
        """A result that waited is written."""
        return _("Kept. Undo takes it back in one step.")

    def discarded(self, *, areFrames: bool = False) -> str:
        """A result that waited is forgotten, where `areFrames` that for all frames."""
        if areFrames:
            return _("Discarded; all frames are as they were.")
        return _("Discarded; the segments are as they were.")

    def suggested(self, index: int | None) -> str:
        """The slice most worth correcting is shown; None when there is none."""
        if index is None and self._isOutOfDate():
            return _("What is out of date is computed anew first: press Propagate.")
        if index is None:
            return _("No slice is worth correcting any more.")
        return _(
            "Slice {index}: a correction here is expected to gain most. Correct it, or confirm it."
        ).format(index=index)

    def confirmed(self, index: int) -> str:
        """A person vouched for a slice."""
        return _("Slice {index} is confirmed; runs start from it and keep it.").format(index=index)

    def emptied(self, index: int) -> str:
        """A person said that the structure is not on a slice."""
        return _("Slice {index} is empty and stays so.").format(index=index)

    def otherSlices(self) -> str:
        """Why what is stored with the segments does not count on these slices; empty where it does."""
        document = self._logic.document
        if document is None:
            return ""
        return otherSlicesText(
            document.volumeNode,
            document.segmentationNode,
            document.segments.values(),
            document.stack.axis,
        )

    def converted(self) -> str:
        """That surfaces became voxels when the segmentation was opened; empty where none did."""
        document = self._logic.document
        if document is None or not self._logic.hasConverted:
            return ""
        return _(
            "Segmentation '{segmentation}' held surfaces; they are voxels of '{volume}' now, to be"
            " drawn on."
        ).format(
            segmentation=document.segmentationNode.GetName(),
            volume=document.volumeNode.GetName(),
        )

    def volumeRemarks(self) -> str:
        """What is odd about the files of the volume that is open; said once for each volume."""
        document = self._logic.document
        if document is None or document.volumeNode.GetID() in self._remarked:
            return ""
        self._remarked.add(document.volumeNode.GetID())
        # Here, as the readers of files are heavy, and the panel is shown without any file.
        from SlicePropagationLib.files.loaded_check import remarks_on
        from SlicePropagationMRML.nodes.volume_files import filesOf

        return " ".join(remarks_on(filesOf(document.volumeNode)))

    def undecided(self, takings: list[Taking]) -> str:
        """A result waits.

        Args:
            takings: what it would take from other segments.
        """
        return undecidedText(takings) or _("Stopped. Keep or discard what is there?")

    # Below

    def _finished(self, problem: Exception | None) -> str:
        if problem is not None:
            return problemText(problem)
        if self._logic.hasPartialResult:
            return self.undecided(self._logic.takings())
        text = _("Done in {seconds:.1f} s. Undo takes the run back in one step.")
        return text.format(seconds=self.seconds())

    def _framesFinished(self, event: FramesFinished) -> str:
        if event.problem is not None:
            return problemText(event.problem)
        if self._logic.hasPartialFrames:
            return _("Stopped. Keep what is there in all frames, or discard it?")
        if not event.written and not event.skipped:
            return _("Stopped; no frame was changed.")
        skipped = _numbers(event.skipped)
        return framesText(len(event.written), skipped, event.numMissing, self.seconds())

    def _edited(self, changed: Edits) -> str:
        if self._isWithinRun():
            text = _("You changed {slices}: what it affects starts again.")
        elif not self._hasAnchors():
            text = _("You erased the last annotated slice; draw on one before the next run.")
        elif self._isCorrection(changed):
            text = _("You changed {slices}; Propagate computes anew what it affects.")
        else:
            text = _("You drew on {slices}. Propagate fills the rest.")
        return text.format(slices=slicesText({index for _label, index in changed}))

    def _hinted(self, hints: Mapping[int, Patch]) -> str:
        document = self._logic.document
        assert document is not None, "an edit is of what is open"
        return hintText(
            document.volumeNode,
            document.stack.axis,
            hints,
            hasSeed=self._hasAnchors(),
            isRunning=self._isWithinRun(),
            first=self.firstSlice,
        )

    def _travelled(self, travel: Travel) -> str:
        document = self._logic.document
        return travelText(travel, document.names.of if document is not None else str)

    def _isOutOfDate(self) -> bool:
        session = self._logic.session
        return any(session.stale(label).any() for label in session.labels)

    def _isWithinRun(self) -> bool:
        return self._logic.isRunning and not self._logic.isCarrying

    def _hasAnchors(self) -> bool:
        session = self._logic.session
        return any(session.anchors(label) for label in session.labels)

    def _isCorrection(self, changed: Edits) -> bool:
        session = self._logic.session
        return any(session.stale(label).any() for label, _index in changed)


class PreviewPresenter(Presenter):
    """The same where a result is a preview that is applied or cancelled, as in the Segment Editor.

    A preview is of the segment that was selected when it began.

    Attributes:
        selectedID: ID of the segment that is selected now.
    """

    selectedID: str = ""

    @property
    def isOfSelected(self) -> bool:
        """Whether what is open is the segment that is selected."""
        document = self._logic.document
        return document is not None and self.selectedID in document.segments.values()

    @property
    def segmentName(self) -> str:
        """The name of the segment that is open; empty without one."""
        document = self._logic.document
        names = [document.segmentName(label) for label in document.segments] if document else []
        return ", ".join(names)

    def sentence(self, event: Event) -> str | None:
        match event:
            case Stepped() | Finished() | Kept() | Travelled():
                return super().sentence(event)
            case Edited() if not self._isWithinRun() and not self._logic.hasPartialResult:
                return ""  # whatever was applied or cancelled before
            case Moved(problem) | FrameShown(problem) | Closed(problem):
                return problemText(problem)
        return None

    def kept(self) -> str:
        return _("Applied. Undo takes it back in one step.")

    def discarded(self, *, areFrames: bool = False) -> str:
        return _("Cancelled; the segment is as it was.")

    def undecided(self, takings: list[Taking]) -> str:
        text = _("This is a preview of {name}: apply or cancel it.")
        if not self.isOfSelected:
            text = _(
                "This is a preview of {name}, which is not the segment selected: apply or cancel it."
            )
        sentences = [text.format(name=self.segmentName)]
        taken = takenText(takings)
        if taken:
            sentences.append(_("Apply takes {taken}.").format(taken=taken))
        drawn = drawnText(takings)
        if drawn:
            sentences.append(_("It meets what is drawn: {drawn}.").format(drawn=drawn))
        return " ".join(sentences)


def _numbers(frames: Iterable[int]) -> list[int]:
    """Frames as people count them, from 1 on."""
    return [frame + 1 for frame in frames]
