"""`PropagationLogic`: what the panel, the effect, the page and a script ask for.

Scene and timers come by injection.
"""

import slicer

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.propagation import plan_session
from SlicePropagationMRML.nodes.commit import ensureEditorNode
from SlicePropagationMRML.nodes.edit_observer import EditObserver, PlaceObserver
from SlicePropagationMRML.nodes.geometry import stackFromVolume
from SlicePropagationMRML.nodes.preview import Preview
from SlicePropagationMRML.run.document import AnnotatedSegmentation
from SlicePropagationMRML.run.engine_choice import EngineChoice
from SlicePropagationMRML.run.frame_loop import FrameLoop
from SlicePropagationMRML.run.node_watch import NodeWatch
from SlicePropagationMRML.run.run_loop import POLL_MS, RunLoop
from SlicePropagationMRML.run.worker import StepWorker


def ignore(*arguments):
    """What a callback does that nobody has set."""


class PropagationLogic(RunLoop, FrameLoop, NodeWatch):
    """One segmentation under annotation, and at most one run.

    Args:
        scene: the MRML scene.
        editorLogic: a vtkSlicerSegmentEditorLogic; masking and overwrite mode are those of its
            node.
        saveStateForUndo: what makes an undo step: the embedded editor's slot, the effect's method,
            or None for our editor logic.
        schedule: `schedule(milliseconds, function)`, the event loop's timer; None when the caller
            drives with `runToEnd`.

    Attributes:
        onStep: called with each SlicePrediction, on the main thread.
        onDone: called once with None, or the error that ended the run.
        onEdit: called with the (label, slice) pairs whose anchors a person changed.
        onTravel: called with a `Travel` when a person undid or redid something.
        onTouch: called after any change of the segmentation that is not ours, also of segments that
            are not worked on.
        onClosed: called with an error when a node or segment that was worked on is gone.
        onMove: called when the volume was moved, or its image replaced by one of another size, and
            was opened anew, with an error when that ended a run or dropped
            its result, else None.
        onFrame: called when the volume's sequence shows another frame, with an error when that
            ended a run, else None; open again to go on there.
        onFrameStep: called with (slice position, number of positions, share of this position) while
            frames are carried.
        onFramesDone: called once with (frames written, frames kept because a person changed them
            meanwhile, slice positions that a kept part lacks, error or None).
        onFramesReturned: called when frames have what they held before, with (whether that was a
            way back, frames written, frames kept as above).
        axisOfSeed: asked for the axis, or None, before the first drawing is taken over; by then one
            can see how it was drawn.
    """

    def __init__(self, scene, editorLogic, saveStateForUndo=None, schedule=None):
        self.scene = scene
        self.editorLogic = editorLogic
        self.saveStateForUndo = saveStateForUndo or editorLogic.SaveStateForUndo
        self._schedule = schedule or ignore
        self._worker = StepWorker()
        self._engine = EngineChoice()
        self.document = self.preview = self._observer = self._placeObserver = self._steps = (
            self._stackKey
        ) = self._frames = self._frameWatch = self._commit = None
        self._heldFrames = self._frameStep = None
        self._touched = []
        self._isStopping = False
        self._hasEdits = False
        self._holdsResult = False
        self._mayOverlap = False
        self._numRuns = 0
        self._numEditsKnown = 0
        self._drawn = {}
        self._known = None
        self.onStep = self.onDone = self.onEdit = self.onTravel = self.onTouch = self.onClosed = (
            self.axisOfSeed
        ) = ignore
        self.onMove = self.onFrame = self.onFrameStep = self.onFramesDone = (
            self.onFramesReturned
        ) = ignore
        self._sceneTags = [
            scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._sceneCloses),
            scene.AddObserver(
                slicer.vtkMRMLScene.NodeRemovedEvent,
                lambda caller, event: self._checkNodes(),
            ),
        ]

    # What is annotated

    def open(self, volumeNode, segmentationNode, segmentIDs, axis=0):
        """Work on these segments; provenance and confidence come back from their tags."""
        if self._hasRun:
            raise SlicePropagationError(
                "A run is under way; stop it before choosing other segments."
            )
        stack, key = self._knownStack(volumeNode, axis)
        self.close()
        if (
            segmentationNode is not None
            and volumeNode is not None
            and volumeNode.GetImageData() is not None
        ):
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        self.document = AnnotatedSegmentation(
            self.scene,
            volumeNode,
            segmentationNode,
            segmentIDs,
            axis,
            stack,
        )
        self._stackKey = key
        self._observer = EditObserver(segmentationNode, self._schedule, self.look)
        self._numEditsKnown = 0
        self._placeObserver = PlaceObserver(self.document, self._schedule, self.look)
        self.watchFrames()
        self.useEditorNode()

    def shareEditorNode(self, editorNode):
        """Obey the masking and overwrite mode of another editor's node, as the Segment Editor's own."""
        if self.editorLogic.GetSegmentEditorNode() is not editorNode:
            self.editorLogic.SetSegmentEditorNode(editorNode)

    def useEditorNode(self):
        """Let the editor logic work on what is open, with a node of its own where it has none."""
        ensureEditorNode(self.editorLogic, self.scene)
        editorNode = self.editorLogic.GetSegmentEditorNode()
        document = self.document
        editorNode.SetAndObserveSegmentationNode(document.segmentationNode)
        editorNode.SetAndObserveSourceVolumeNode(document.volumeNode)
        self.editorLogic.SetSegmentationNode(document.segmentationNode)
        self.editorLogic.SetSourceVolumeNode(document.volumeNode)
        self.editorLogic.UpdateReferenceGeometryImage()

    def close(self):
        """Let go of the nodes; a partial result is discarded."""
        if self.hasPartialResult:
            self.discard()
        self._letGo()

    def cleanup(self):
        """Release everything before the logic goes.

        A run under way ends, and nothing of it is written.
        """
        while self._commit is not None:  # never half a result
            self._advanceCommit()
        if self.isRunning:
            self._endNow(
                SlicePropagationError(
                    "The module was closed; the run ended and nothing was written."
                )
            )
        self.close()
        for tag in self._sceneTags:
            self.scene.RemoveObserver(tag)
        self._sceneTags = []

    @property
    def session(self):
        return self.document.session

    @property
    def isRunning(self):
        return self._hasRun or self._frames is not None

    @property
    def hasPartialResult(self):
        """Whether a run that was stopped, or would take voxels from other segments, waits for `keep` or `discard`."""
        return self.preview is not None and not self.isRunning

    def absorb(self):
        """Take over edits now, without waiting for the observer; returns what changed."""
        if self._openMoved():
            return []
        self._numEditsKnown = self._observer.numEdits
        with self._observer.writing():
            return self.document.absorb()

    # A run

    def start(
        self,
        engineName=None,
        span=None,
        direction="both",
        device="auto",
        *,
        holdsResult=False,
        segmentIDs=None,
    ):
        """Begin a run of what is stale or was never predicted; False when everything is up to date.

        Args:
            engineName: name of an engine, default the best that can walk here.
            span: (first, last) slice that may be predicted; None to the end of the structure.
            direction: "both", or "up" / "down" for walks towards higher / lower slice indices only.
            device: "auto", "cpu" or "cuda"; for engines with weights.
            holdsResult: let the result wait for `keep` or `discard` in any case.
            segmentIDs: which of the segments to fill, default all that are annotated.

        Raises:
            SlicePropagationError: nothing is annotated, or no more than a pixel or a whole slice,
                the engine is unknown, a run is under way, a node is gone.
        """
        if self.isRunning or self.hasPartialResult or self.hasPartialFrames:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self.absorb()
        self._renewStack()
        labels = (
            None
            if segmentIDs is None
            else [self.document.labelOf(segmentID) for segmentID in segmentIDs]
        )
        runs = plan_session(self.session, labels, span=span, direction=direction)
        if not runs:
            return False
        self.document.checkSeeds({run.label for run in runs})
        self._engine = self._engine.changedTo(engineName, device)
        editorNode = self.editorLogic.GetSegmentEditorNode()
        document = self.document
        self._mayOverlap = editorNode.GetOverwriteMode() == editorNode.OverwriteNone
        self._numRuns = 0
        session = self.session
        self._propagate = lambda runs: self._walk(session, runs, self._mayOverlap)
        self._replan = lambda: plan_session(self.session, labels, span=span, direction=direction)
        self._steps = self._propagate(runs)
        self._drawn = document.patches()
        self._known = document.snapshot()
        self.preview = Preview(
            self.scene,
            document.volumeNode,
            document.segmentationNode,
            document.segments,
            document.stack,
        )
        self._touched = []
        self._isStopping = False
        self._holdsResult = holdsResult
        self._worker.request(self._steps)
        self._schedule(POLL_MS, self._poll)
        return True

    def stop(self):
        """End the run within one slice; what is there waits for `keep` or `discard`."""
        self._isStopping = True

    def runToEnd(self):
        """Drive a started run without an event loop; returns when it has ended."""
        while self.isRunning:
            if self._commit is not None:
                self._advanceCommit()
                continue
            advance = self._advance if self._frames is None else self._advanceFrames
            advance(timeout=None if not self._worker.isBusy else 60.0)

    def takenVoxels(self):
        """{segment name: voxels} that writing the result would take from segments outside the run."""
        return self.document.taken(
            self.document.changes(self._touched, mayOverlap=self._mayOverlap),
            self.editorLogic.GetSegmentEditorNode(),
        )

    def keep(self):
        """Write the result: one undo step, one block per segment.

        Raises:
            SlicePropagationError: the volume was moved or replaced meanwhile.
        """
        self._checkPlace()
        self._absorbDuringRun()
        with self._observer.writing():
            for _ in self._commitSteps():
                pass
        self._clear()

    def keepInTurns(self, done):
        """The same in several turns of the event loop where it takes longer than one should.

        `done` is called at the end.
        """
        self._checkPlace()
        self._absorbDuringRun()
        self._beginCommit(done)
        self._advanceCommit()

    def discard(self):
        """Forget the result; the segmentation was never touched."""
        if not self.document.isElsewhere():  # else the session is of no use any more
            self._absorbDuringRun()
            self._takeBack()
            for label in (
                self.document.segments
            ):  # another segment may have been drawn over what was there before the run
                self.document.follow(label)
        self._clear()

    # Review

    def confirm(self, segmentID, index):
        """Vouch for a slice as it is, also an empty one ("nothing here"); one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits, or the volume was moved
                or replaced.
        """
        self._beforeAnchor()
        label = self.document.labelOf(segmentID)
        with self._observer.writing():
            self.saveStateForUndo()
            self.session.confirm(label, index)
            self.document.writeTags("confirm", [(label, index)])

    def markEmpty(self, segmentID, index):
        """Say that a segment is not on a slice: what is there goes, and the empty slice is vouched for; one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits, the volume was moved or
                replaced, or masking protects voxels of the slice.
        """
        self._beforeAnchor()
        document, label = self.document, self.document.labelOf(segmentID)
        with self._observer.writing():
            self.saveStateForUndo()
            numLeft = document.erase(label, index, self.editorLogic)
            document.writeTags("empty", [(label, index)])
        if numLeft:
            raise SlicePropagationError(
                f"Masking protects {numLeft} voxels of slice {index}; set the editable area to"
                " 'Everywhere' and try again."
            )

    def undo(self):
        """Take the last step back in our editor logic's history; False when there is none."""
        return self._travel(self.editorLogic.CanUndo(), self.editorLogic.Undo)

    def redo(self):
        """Do the last undone step again; False when there is none."""
        return self._travel(self.editorLogic.CanRedo(), self.editorLogic.Redo)

    def nextSuspicious(self, segmentID):
        """The slice most worth correcting next, or None."""
        return next_slice_to_correct(self.session, self.document.labelOf(segmentID))

    def _beforeAnchor(self):
        if self.isRunning or self.hasPartialResult or self.hasPartialFrames:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self._checkPlace()
        self.absorb()

    def _travel(self, isPossible, move):
        if self.document is None or self.isRunning or self.hasPartialResult or not isPossible:
            return False
        self._openMoved()
        with self._observer.writing():
            move()
            self.document.absorb()
        self._noticeTravel()
        return True

    # Below

    def _renewStack(self):
        """Take the volume's voxels anew where something changed them in place, as a filter does.

        The grid is still the same.
        """
        document = self.document
        stack, key = self._knownStack(document.volumeNode, document.stack.axis)
        if stack is None:
            document.stack = document.session.stack = stackFromVolume(
                document.volumeNode,
                document.stack.axis,
            )
            self._stackKey = key

    def _knownStack(self, volumeNode, axis):
        """(stack, key): the stack at hand when it is still that of the volume and the axis, as making one takes a while."""
        image = volumeNode.GetImageData() if volumeNode is not None else None
        key = (
            (volumeNode, axis, image, image.GetMTime(), tuple(volumeNode.GetSpacing()))
            if image is not None
            else None
        )
        return (
            self.document.stack if self.document is not None and key == self._stackKey else None
        ), key
