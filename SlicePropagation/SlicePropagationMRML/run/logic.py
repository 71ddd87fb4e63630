"""`PropagationLogic`: what the panel, the effect, the page and a script ask for.

Scene and timers come by injection.
"""

from collections.abc import Callable, Iterable, Mapping

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationMRML.nodes.edit_observer import DEBOUNCE_MS
from SlicePropagationMRML.nodes.preview import Preview
from SlicePropagationMRML.nodes.types import (
    EditorLogic,
    EditorNode,
    Scene,
    Schedule,
    SegmentationNode,
    VolumeNode,
)
from SlicePropagationMRML.run.change_log import Snapshot
from SlicePropagationMRML.run.current_run import CurrentRun
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.engine_choice import EngineChoice
from SlicePropagationMRML.run.events import Edits, Event
from SlicePropagationMRML.run.first_models import FirstOrder, ModelChoice, checkTorch
from SlicePropagationMRML.run.frame_history import FrameHistory
from SlicePropagationMRML.run.frames import Frames
from SlicePropagationMRML.run.ground import RUN_ENDED
from SlicePropagationMRML.run.neighbours import Taking
from SlicePropagationMRML.run.run import Phase, Run, RunTools
from SlicePropagationMRML.run.run_order import RunOrder
from SlicePropagationMRML.run.scene_watch import SceneWatch
from SlicePropagationMRML.run.signal import Signal
from SlicePropagationMRML.run.slice_run import SliceRun
from SlicePropagationMRML.run.worker import StepWorker
from SlicePropagationMRML.run.workplace import Workplace


class PropagationLogic:
    """One document under annotation, and at most one run.

    Attributes:
        events: a `Signal` that tells what happens, on the main thread; see `events`.
        frames: runs through all frames of a sequence.
        axisOfSeed: asked for the axis, or None, before the first drawing is taken over; by then one
            can see how it was drawn.

    Args:
        scene: the MRML scene.
        editorLogic: a vtkSlicerSegmentEditorLogic; masking and overwrite mode are those of its
            node.
        saveStateForUndo: what makes an undo step: the embedded editor's slot, the effect's method,
            or None for our editor logic.
        schedule: `schedule(milliseconds, function)`, the event loop's timer; None when the caller
            drives with `runToEnd`.
        waitMS: how long after an edit it is taken over; edits that come meanwhile count as one.
    """

    def __init__(
        self,
        scene: Scene,
        editorLogic: EditorLogic,
        saveStateForUndo: Callable[[], object] | None = None,
        schedule: Schedule | None = None,
        *,
        waitMS: int = DEBOUNCE_MS,
    ) -> None:
        self.editorLogic = editorLogic
        self.saveStateForUndo = saveStateForUndo or editorLogic.SaveStateForUndo
        self.events: Signal[Event] = Signal()
        history = FrameHistory()
        self.axisOfSeed: Callable[[], int | None] = lambda: None
        schedule = schedule or (lambda milliseconds, function: None)
        self._engine = EngineChoice()
        self._current = CurrentRun()
        self._place = Workplace(
            scene,
            editorLogic,
            schedule,
            self.look,
            lambda: self._outside.frameMoved(),
            waitMS,
        )
        self._outside = SceneWatch(
            scene,
            self._place,
            self._current,
            history,
            self.events,
            lambda: self.axisOfSeed(),
        )
        self._tools = RunTools(
            StepWorker(),
            schedule,
            self.events,
            self._outside.runEnded,
            lambda: self.saveStateForUndo(),
        )
        self.frames = Frames(self._place, self._current, history, self._tools, self.mergeEdits)

    # What is annotated

    @property
    def document(self) -> Document | None:
        """What is open, or None."""
        return self._place.opened

    @property
    def hasConverted(self) -> bool:
        """Whether opening made voxels of surfaces."""
        return self._place.hasConverted

    @property
    def session(self) -> AnnotationSession:
        """The session of what is open."""
        return self._place.document.session

    def open(
        self,
        volumeNode: VolumeNode,
        segmentationNode: SegmentationNode,
        segmentIDs: Iterable[str],
        axis: int = 0,
    ) -> None:
        """Work on these segments; provenance and confidence come back from their tags.

        Raises:
            SlicePropagationError: a run through slices is under way, or they cannot be worked on.
        """
        if self._current.holdsSession:
            raise SlicePropagationError(
                "A run is under way; stop it before choosing other segments."
            )
        if self.hasPartialResult:
            self.discard()
        self._place.open(volumeNode, segmentationNode, segmentIDs, axis)

    def close(self) -> None:
        """Let go of the nodes; a partial result is discarded."""
        if self.hasPartialResult:
            self.discard()
        self._place.letGo()

    def cleanup(self) -> None:
        """Release everything before the logic goes.

        A run under way ends, and nothing of it is written.
        """
        run = self._current.slices
        while run is not None and run.phase is Phase.WRITING:  # never half a result
            run.advance()
        if self.isRunning:
            reason = SlicePropagationError(
                "The module was closed{consequence}.", consequence=RUN_ENDED
            )
            self._outside.endNow(reason)
        self.close()
        self._outside.remove()

    def shareEditorNode(self, editorNode: EditorNode) -> None:
        """Obey the masking and overwrite mode of another editor's node, as the Segment Editor's own."""
        if self.editorLogic.GetSegmentEditorNode() is not editorNode:
            self.editorLogic.SetSegmentEditorNode(editorNode)

    def onStroke(self, call: Callable[[], object]) -> None:
        """Have something called at once with each change by a person, before the next event."""
        self._place.onStroke = call

    @property
    def hasUnseenEdits(self) -> bool:
        """Whether a person changed something that the session does not know of yet."""
        run = self._current.slices
        isLate = run is not None and run.hasEdits
        return isLate or (self._place.opened is not None and self._place.watch.hasUnseen)

    def known(self) -> Snapshot:
        """({(label, slice): `SliceState`}, history) without what a run predicts just now."""
        run = self._current.slices
        return run.known() if run is not None else self._place.document.snapshot()

    def mergeEdits(self) -> Edits:
        """Take over edits now, without waiting for the observer; returns what changed."""
        return self._outside.mergeEdits()

    def watchFrames(self) -> None:
        """Notice when another frame comes: its images and its segments are others."""
        self._place.followBrowser()

    # A run

    @property
    def run(self) -> Run | None:
        """What is under way or waits for a decision, or None."""
        return self._current.run

    @property
    def isRunning(self) -> bool:
        """Whether anything predicts or writes."""
        return self._current.isBusy

    @property
    def isCarrying(self) -> bool:
        """Whether a run through all frames is under way; what is open may be edited meanwhile."""
        return self._current.isBusy and not self._current.holdsSession

    @property
    def hasPartialResult(self) -> bool:
        """Whether a run that was stopped, or would take voxels from others, waits for a decision."""
        return self._current.hasSlicesWaiting

    @property
    def hasPartialFrames(self) -> bool:
        """Whether a run through all frames that was stopped waits for a decision."""
        return self._current.isWaiting and not self._current.hasSlicesWaiting

    @property
    def preview(self) -> Preview | None:
        """What a run through slices has predicted so far."""
        run = self._current.slices
        return run.preview if run is not None else None

    def start(
        self,
        engineName: str | None = None,
        span: tuple[int, int] | None = None,
        direction: str = "both",
        device: str = "auto",
        *,
        holdsResult: bool = False,
        segmentIDs: Iterable[str] | None = None,
        adapts: bool = False,
    ) -> bool:
        """Begin a run of what is stale or was never predicted; False when everything is up to date.

        Args:
            engineName: name of an engine, default the best that can walk here.
            span: (first, last) slice that may be predicted; None to the end of the structure.
            direction: "both", or "up" / "down" for walks towards higher / lower slice indices only.
            device: "auto", "cpu" or "cuda"; for engines with weights.
            holdsResult: let the result wait for `keep` or `discard` in any case.
            segmentIDs: which of the segments to fill, default all that are annotated.
            adapts: whether the engine learns from annotated slices before it walks, where it can.

        Raises:
            SlicePropagationError: nothing is annotated, or no more than a pixel or a whole slice,
                the engine is unknown, a run is under way, a node is gone.
        """
        self._current.checkIdle()
        self.mergeEdits()
        document = self._place.document
        document.renewStack()
        labels = None if segmentIDs is None else [document.labelOf(name) for name in segmentIDs]
        order = RunOrder(labels, span, direction, holdsResult)
        runs = order.plan(document.session)
        if not runs:
            return False
        document.checkSeeds({run.label for run in runs})
        self._engine = self._engine.changedTo(engineName, device, adapts=adapts)
        run = SliceRun(self._place, self._tools, self._engine, order, runs)
        self._current.begin(run)
        return True

    def segmentFirst(
        self,
        modelName: str,
        segmentIDs: Mapping[int, str],
        device: str = "auto",
        *,
        holdsResult: bool = False,
    ) -> None:
        """Begin a run of a model that needs no seed; what it finds are predictions.

        Slices that are drawn or confirmed stay as they are.

        Args:
            modelName: a shipped model, or a model file.
            segmentIDs: {label of its results: segment that is open}.
            device: "auto", "cpu" or "cuda".
            holdsResult: let the result wait for `keep` or `discard` in any case.

        Raises:
            SlicePropagationError: PyTorch is not there, a run is under way, a node is gone.
        """
        self._current.checkIdle()
        checkTorch()
        self.mergeEdits()
        document = self._place.document
        document.renewStack()
        structures = {own: document.labelOf(name) for own, name in segmentIDs.items()}
        order = FirstOrder(structures, holdsResult)
        run = SliceRun(self._place, self._tools, ModelChoice(modelName, device), order, [])
        self._current.begin(run)

    def stop(self) -> None:
        """End the run within one slice; what is there waits for `keep` or `discard`."""
        if self.run is not None:
            self.run.stop()

    def runToEnd(self) -> None:
        """Drive a started run without an event loop; returns when it has ended."""
        while self.run is not None and self.run.isBusy:
            self.run.advanceWaiting()

    def takings(self) -> list[Taking]:
        """What the result would take from segments outside the run."""
        run = self._current.slices
        return run.takings() if run is not None else []

    def keepInTurns(self, *, mayTakeDrawn: bool = False) -> None:
        """Begin to write the result that waits, in turns of the event loop; `Kept` tells the end.

        Slices: one undo step, one block per segment. Frames: what was found before it was stopped.

        Args:
            mayTakeDrawn: whether a person said, knowing which, that voxels may be taken also from
                slices that are drawn or confirmed in other segments. Else these stay.

        Raises:
            SlicePropagationError: the volume was moved or replaced meanwhile.
        """
        if self.hasPartialResult:
            self._outside.checkPlace()
        if self.run is not None and self.run.isWaiting:
            self.run.keep(mayTakeDrawn=mayTakeDrawn)

    def keep(self, *, mayTakeDrawn: bool = False) -> None:
        """The same at once.

        Args:
            mayTakeDrawn: as in `keepInTurns`.

        Raises:
            SlicePropagationError: the volume was moved or replaced meanwhile.
        """
        self.keepInTurns(mayTakeDrawn=mayTakeDrawn)
        self.runToEnd()

    def discard(self) -> None:
        """Forget the result that waits; the segmentation was never touched."""
        if self.run is not None and self.run.isWaiting:
            self.run.discard()
            self._current.run = None

    # Review

    def confirm(
        self,
        segmentID: str,
        index: int,
    ) -> None:
        """Vouch for a slice as it is, also an empty one ("nothing here"); one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits, or the volume was moved
                or replaced.
        """
        self._beforeAnchor()
        self._place.confirm(segmentID, index, self.saveStateForUndo)

    def markEmpty(
        self,
        segmentID: str,
        index: int,
    ) -> None:
        """Say that a segment is not on a slice: it is emptied and vouched for; one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits, the volume was moved or
                replaced, or masking protects voxels of the slice.
        """
        self._beforeAnchor()
        self._place.markEmpty(segmentID, index, self.saveStateForUndo)

    def undo(self) -> bool:
        """Take the last step back in our editor logic's history; False when there is none."""
        return self._travel(self.editorLogic.CanUndo(), self.editorLogic.Undo)

    def redo(self) -> bool:
        """Do the last undone step again; False when there is none."""
        return self._travel(self.editorLogic.CanRedo(), self.editorLogic.Redo)

    def nextSuspicious(self, segmentID: str) -> int | None:
        """The slice most worth correcting next, None without any; a run mends what is out of date."""
        document = self._place.document
        return next_slice_to_correct(document.session, document.labelOf(segmentID))

    def look(self) -> None:
        """Take over what changed in the segmentation, and tell.

        The observer calls this a moment after an edit.
        """
        self._outside.look()

    # Below

    def _beforeAnchor(self) -> None:
        self._current.checkIdle()
        self._outside.checkPlace()
        self.mergeEdits()

    def _travel(
        self,
        isPossible: bool,
        move: Callable[[], object],
    ) -> bool:
        if self.document is None or self.isRunning or self.hasPartialResult or not isPossible:
            return False
        self._outside.reopened()
        self._place.travel(move)
        self._outside.noticeTravel()
        return True
