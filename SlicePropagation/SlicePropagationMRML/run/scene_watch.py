"""`SceneWatch`: edits, undo, nodes and segments that go, a volume that is moved, a scene that closes."""

import contextlib
from collections.abc import Callable

import slicer

from SlicePropagationLib.errors import Phrase, SlicePropagationError
from SlicePropagationMRML.nodes.types import Scene
from SlicePropagationMRML.run.current_run import CurrentRun
from SlicePropagationMRML.run.document import NOTHING
from SlicePropagationMRML.run.events import (
    Closed,
    Edited,
    Edits,
    Event,
    Finished,
    FramesFinished,
    FrameShown,
    Kept,
    Moved,
    Touched,
    Travelled,
)
from SlicePropagationMRML.run.frame_history import FrameHistory
from SlicePropagationMRML.run.ground import RESULT_DROPPED, RUN_ENDED
from SlicePropagationMRML.run.run import Run
from SlicePropagationMRML.run.second_plane import hintsOf
from SlicePropagationMRML.run.signal import Signal
from SlicePropagationMRML.run.slice_run import SliceRun
from SlicePropagationMRML.run.workplace import Workplace

LOOK_AGAIN = "The volume was moved or replaced; look at the slice again."
MOVED_AWAY = "The volume was moved or replaced; the result is dropped and nothing was written."


class SceneWatch:
    """Answers to what happens from outside, and tells it.

    Args:
        scene: the MRML scene.
        place: what is open.
        current: the run, if any.
        carried: forgotten with the scene.
        events: where to tell.
        axisOfSeed: the axis that a person's first drawing shows, or None.
    """

    def __init__(
        self,
        scene: Scene,
        place: Workplace,
        current: CurrentRun,
        carried: FrameHistory,
        events: Signal[Event],
        axisOfSeed: Callable[[], int | None],
    ) -> None:
        self._scene = scene
        self._place = place
        self._current = current
        self._carried = carried
        self._events = events
        self._axisOfSeed = axisOfSeed
        self._tags = [
            scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._sceneCloses),
            scene.AddObserver(slicer.vtkMRMLScene.NodeRemovedEvent, self._nodeRemoved),
        ]

    def remove(self) -> None:
        """Stop watching."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._tags = []

    # Edits

    def look(self) -> None:
        """Take over what changed in the segmentation, and tell."""
        if self._place.opened is None:
            return
        run = self._current.slices
        if run is not None and run.isBusy:
            run.hasEdits = True
            return
        try:
            if self.reopened():
                return
            changed = self._merged()
        except SlicePropagationError as problem:
            self._drop(problem)
            return
        self.noticeTravel()
        if changed:
            hints = hintsOf(self._place.document.session, changed)
            self._events.emit(Edited(changed, hints))
        self._events.emit(Touched())

    def mergeEdits(self) -> Edits:
        """Take over edits now; returns what changed.

        Raises:
            SlicePropagationError: a node or a segment is gone.
        """
        return [] if self.reopened() else self._place.mergeEdits()

    def noticeTravel(self) -> None:
        """Tell of an undo or a redo."""
        travel = self._place.document.takeTravel()
        if travel is not None:
            self._events.emit(Travelled(travel))

    def _merged(self) -> Edits:
        """What a person changed and nobody was told of; a run that waits tells by itself."""
        run = self._current.slices
        if run is not None:
            run.mergeEdits()
            return []
        return self._turnedToSeed() or self.mergeEdits()

    def _turnedToSeed(self) -> Edits:
        """Before anything is annotated, the axis may still follow the first drawing.

        Returns the edits when it does.
        """
        document = self._place.document
        if document.drawing():
            return []
        axis = self._axisOfSeed()
        if axis is None or axis == document.stack.axis:
            return []
        self._place.openAgain(axis)
        return self._place.adoptDrawing()

    # Moves

    def reopened(self, problem: Exception | None = None) -> bool:
        """Open anew when the volume was moved, or its image replaced by one of another size.

        Whether it was. A run notices by itself, within one slice.

        Args:
            problem: what that ended.

        Raises:
            SlicePropagationError: a node or a segment is gone, or the volume cannot be worked on
                any more.
        """
        document = self._place.document
        document.check(self._consequence())
        if self._current.holdsSession or not document.isElsewhere():
            return False
        if self._current.hasSlicesWaiting:
            problem = SlicePropagationError(MOVED_AWAY)
            self._current.abandonSlices()
        hasEdits = self._place.hasUnstoredEdits()
        self._place.openAgain(document.stack.axis)
        if hasEdits:  # a moment before: what is stored for the place before does not know of it
            self._place.adoptDrawing()
        self._events.emit(Moved(problem))
        return True

    def checkPlace(self) -> None:
        """Raise when the volume was moved or replaced a moment ago: nobody has seen its slices yet.

        Raises:
            SlicePropagationError: it was.
        """
        hadResult = self._current.hasSlicesWaiting
        if self.reopened():
            raise SlicePropagationError(MOVED_AWAY if hadResult else LOOK_AGAIN)

    def frameMoved(self) -> None:
        """Let go of the frame that was shown.

        A run through its slices ends, a run through all frames goes on.
        """
        problem = None
        if self._current.slices is not None:
            problem = SlicePropagationError(
                "Another frame is shown{consequence}.", consequence=RUN_ENDED
            )
        self._current.abandonSlices()
        self._place.letGo()
        self._events.emit(FrameShown(problem))

    # Ends

    def runEnded(
        self,
        run: Run,
        event: Event,
    ) -> None:
        """A run has ended: tell how, and look after the nodes.

        Args:
            run: it.
            event: how it ended.
        """
        self._current.run = None
        if isinstance(event, Finished) and event.problem is not None:
            self._catchUp()
        self._events.emit(event)
        match event:
            case Finished(problem=None) | Kept():
                if isinstance(run, SliceRun) and run.hasEdits:
                    self.look()
            case Finished(problem=problem):
                self._afterProblem(problem)
            case FramesFinished(problem=problem) if problem is not None:
                self._checkNodes(problem)

    def endNow(self, reason: SlicePropagationError) -> None:
        """End a run without waiting for its step, and close the document with it.

        Args:
            reason: what to tell.
        """
        self._current.abandon()
        self._place.letGo()
        self._events.emit(Finished(reason))

    def _catchUp(self) -> None:
        """Follow an undo that ended a run; the end of the run is what there is to tell."""
        document = self._place.opened
        if document is not None and document.isIntact():
            with contextlib.suppress(SlicePropagationError):
                self._place.mergeEdits()
            document.takeTravel()

    def _afterProblem(self, problem: Exception | None) -> None:
        """What the run did not survive, the nodes may not have survived either."""
        self._checkNodes(problem)
        try:
            if self._place.opened is not None:
                self.reopened(problem)
        except SlicePropagationError as another:
            self._drop(another)

    def _nodeRemoved(
        self,
        caller: object = None,
        event: object = None,
    ) -> None:
        """Let go when a node or a segment is gone.

        A run that is under way, or ends just now and removes its preview, tells by itself.
        """
        if self._current.slices is None or self._current.hasSlicesWaiting:
            self._checkNodes(None)

    def _checkNodes(self, problem: Exception | None) -> None:
        """Let go when a node or a segment is gone, and tell so unless that is told already.

        Args:
            problem: what was told.
        """
        document = self._place.opened
        if document is None:
            return
        try:
            document.check(self._consequence())
        except SlicePropagationError as gone:
            self._drop(problem or gone)

    def _consequence(self) -> Phrase:
        """What comes of nodes that are gone."""
        return RESULT_DROPPED if self._current.hasSlicesWaiting else NOTHING

    def _drop(self, problem: Exception) -> None:
        """Let go of nodes that are gone."""
        self._place.letGo()  # first, as the end of a run removes its preview, which is noticed
        self._current.abandonSlices()
        self._events.emit(Closed(problem))

    def _sceneCloses(
        self,
        caller: object,
        event: object,
    ) -> None:
        """The scene goes: the run ends with a message, and nothing is written."""
        if self._current.isBusy:
            reason = SlicePropagationError(
                "The scene was closed{consequence}.", consequence=RUN_ENDED
            )
            self.endNow(reason)
        self._current.abandon()
        self._carried.forget()
        self._place.forgetSteps()
        self._place.letGo()
