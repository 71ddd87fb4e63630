"""`PropagationLogic`: what the panel, the effect, the page and a script ask for; scene and timers come by injection."""

import numpy as np
import slicer

from SlicePropagationLib.case import choose_engine
from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.engine import plan_session, propagate
from SlicePropagationLib.engines import model_hash
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.session import Provenance
from SlicePropagationMRML.commit import ensureEditorNode
from SlicePropagationMRML.document import AnnotatedSegmentation
from SlicePropagationMRML.observer import EditObserver
from SlicePropagationMRML.preview import Preview
from SlicePropagationMRML.worker import FINISHED, StepWorker

POLL_MS = 30            # shorter intervals starve the worker of Python's lock


class PropagationLogic:
    """One segmentation under annotation, and at most one run.

    Args:
        scene: the MRML scene.
        editorLogic: a vtkSlicerSegmentEditorLogic; masking and overwrite mode are those of its node.
        saveStateForUndo: what makes an undo step: the embedded editor's slot, the effect's method, or None for our editor logic.
        schedule: `schedule(milliseconds, function)`, the event loop's timer; None when the caller drives with `runToEnd`.

    Attributes:
        onStep: called with each SlicePrediction, on the main thread.
        onDone: called once with None, or the error that ended the run.
        onEdit: called with the (label, slice) pairs whose anchors a person changed.
    """

    def __init__(self, scene, editorLogic, saveStateForUndo=None, schedule=None):
        self.scene, self.editorLogic = scene, editorLogic
        self._saveStateForUndo = saveStateForUndo or editorLogic.SaveStateForUndo
        self._schedule = schedule or (lambda milliseconds, function: None)
        self._worker = StepWorker()
        self.document = self.preview = self._observer = self._steps = None
        self._touched, self._isStopping, self._hasEdits = [], False, False
        self._numRuns, self._drawn = 0, {}
        self.onStep = self.onDone = self.onEdit = lambda argument: None
        self._sceneTag = scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._sceneCloses)

    # What is annotated

    def open(self, volumeNode, segmentationNode, segmentIDs, axis=0):
        """Work on these segments; provenance and confidence come back from their tags."""
        if self.isRunning:
            raise SlicePropagationError("A run is under way; stop it before choosing other segments.")
        self.close()
        if segmentationNode is not None and volumeNode is not None and volumeNode.GetImageData() is not None:
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        self.document = AnnotatedSegmentation(self.scene, volumeNode, segmentationNode, segmentIDs, axis)
        ensureEditorNode(self.editorLogic, self.scene)
        editorNode = self.editorLogic.GetSegmentEditorNode()
        editorNode.SetAndObserveSegmentationNode(segmentationNode)
        editorNode.SetAndObserveSourceVolumeNode(volumeNode)
        self.editorLogic.SetSegmentationNode(segmentationNode)
        self.editorLogic.SetSourceVolumeNode(volumeNode)
        self.editorLogic.UpdateReferenceGeometryImage()
        self._observer = EditObserver(segmentationNode, self._schedule, self._edited)

    def close(self):
        """Let go of the nodes; a partial result is discarded."""
        if self.hasPartialResult:
            self.discard()
        if self._observer is not None:
            self._observer.remove()
        self.document = self._observer = None

    def cleanup(self):
        """Release everything before the logic goes."""
        self.close()
        self.scene.RemoveObserver(self._sceneTag)

    @property
    def session(self):
        return self.document.session

    @property
    def isRunning(self):
        return self._steps is not None

    @property
    def hasPartialResult(self):
        """Whether a run that was stopped, or would take voxels from other segments, waits for `keep` or `discard`."""
        return self.preview is not None and not self.isRunning

    def absorb(self):
        """Take over edits now, without waiting for the observer; returns what changed."""
        with self._observer.writing():
            return self.document.absorb()

    # A run

    def start(self, engineName=None, span=None, direction="both", segmentIDs=None, device="auto"):
        """Begin a run of what is stale or was never predicted; False when everything is up to date.

        Args:
            span, direction: as in `planning.plan_runs`.
            segmentIDs: segments to propagate, default all that are annotated.
            device: "auto", "cpu" or "cuda".

        Raises:
            SlicePropagationError: nothing is annotated, the engine is unknown, a run is under way, a node is gone.
        """
        if self.isRunning or self.hasPartialResult:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self.absorb()
        labels = None if segmentIDs is None else [self.document.labelOf(segmentID) for segmentID in segmentIDs]
        runs = plan_session(self.session, labels, span=span, direction=direction)
        if not runs:
            return False
        editorNode, document = self.editorLogic.GetSegmentEditorNode(), self.document
        mayOverlap = editorNode.GetOverwriteMode() == editorNode.OverwriteNone
        engine = choose_engine(engineName, device)
        document.engineName, document.modelHash = engine.name, model_hash(engine)
        self._propagate = lambda runs: propagate(self.session, engine, runs, allow_overlap=mayOverlap)
        self._replan = lambda: plan_session(self.session, labels, span=span, direction=direction)
        self._steps, self._numRuns, self._drawn = self._propagate(runs), 1, document.masks()
        self.preview = Preview(self.scene, document.volumeNode, document.segmentationNode, document.segments, document.stack)
        self._touched, self._isStopping = [], False
        self._worker.request(self._steps)
        self._schedule(POLL_MS, self._poll)
        return True

    def stop(self):
        """End the run within one slice; what is there waits for `keep` or `discard`."""
        self._isStopping = True

    def runToEnd(self):
        """Drive a started run without an event loop; returns when it has ended."""
        while self.isRunning:
            self._advance(timeout=None if not self._worker.isBusy else 60.0)

    def takenVoxels(self):
        """{segment name: voxels} that writing the result would take from segments outside the run."""
        return self.document.taken(self.document.changes(self._touched), self.editorLogic.GetSegmentEditorNode())

    def keep(self):
        """Write the result: one undo step, one block per segment."""
        document = self.document
        self._absorbDuringRun()
        with self._observer.writing():
            changes = document.changes(self._touched)
            self._saveStateForUndo()
            document.write(changes, self.editorLogic)
            document.writeTags()
        self._clear()

    def discard(self):
        """Forget the result; the segmentation was never touched."""
        self._absorbDuringRun()
        self._takeBack()
        self._clear()

    # Review

    def confirm(self, segmentID, index):
        """Vouch for a slice as it is, also an empty one ("nothing here"); one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits.
        """
        if self.isRunning or self.hasPartialResult:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self.absorb()
        with self._observer.writing():
            self._saveStateForUndo()
            self.session.confirm(self.document.labelOf(segmentID), index)
            self.document.writeTags()

    def markEmpty(self, segmentID, index):
        """Vouch for a slice that does not show the structure ("nothing here"): what is drawn there goes; one undo step.

        Raises:
            SlicePropagationError: a run is under way or its result waits.
        """
        if self.isRunning or self.hasPartialResult:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self.absorb()
        label = self.document.labelOf(segmentID)
        removed = np.zeros(self.document.stack.images.shape, bool)
        removed[index] = self.session.mask(label, index)
        with self._observer.writing():
            self._saveStateForUndo()
            self.session.annotate(label, index, np.zeros(removed[index].shape, bool), Provenance.CONFIRMED)
            self.document.write({label: (np.zeros(removed.shape, bool), removed)}, self.editorLogic)
            self.document.writeTags()

    def undo(self):
        """Take the last step back in our editor logic's history; False when there is none."""
        return self._travel(self.editorLogic.CanUndo(), self.editorLogic.Undo)

    def redo(self):
        """Do the last undone step again; False when there is none."""
        return self._travel(self.editorLogic.CanRedo(), self.editorLogic.Redo)

    def nextSuspicious(self, segmentID):
        """The slice most worth correcting next, or None."""
        return next_slice_to_correct(self.session, self.document.labelOf(segmentID))

    def _travel(self, isPossible, move):
        if self.document is None or self.isRunning or self.hasPartialResult or not isPossible:
            return False
        with self._observer.writing():
            move()
            self.document.absorb()
        return True

    # Below: one turn of the event loop

    def _poll(self):
        if self.isRunning:
            self._advance(timeout=None)
        if self.isRunning:
            self._schedule(POLL_MS, self._poll)

    def _advance(self, timeout):
        result = self._worker.poll(timeout)
        if result is None:
            return
        step, error = result
        try:
            self.document.check()
            if error is not None:
                raise error
            if step is FINISHED:
                self._finish()
                return
            self._show(step)
            self._takeEdits()
        except SlicePropagationError as problem:
            self._abort(problem)
            return
        if self._isStopping:
            self._steps.close()
            self._steps = None
            self.onDone(None)
        else:
            self._worker.request(self._steps)

    def _finish(self):
        """Write the result, unless that takes voxels from a segment outside the run: then the person decides.

        An edit that came in at the last moment has its gaps walked first.
        """
        runs = self._replan() if self._absorbDuringRun() else []
        if runs:
            self._steps = self._propagate(runs)
            self._numRuns += 1
            self._worker.request(self._steps)
            return
        self._steps = None
        if not self.takenVoxels():
            self.keep()
        self.onDone(None)

    def _takeBack(self):
        for _ in range(self._numRuns):
            self.session.take_back_run()

    def _show(self, step):
        self._touched += step.touched
        self.preview.show(self.session, step.touched)
        self.onStep(step)

    def _takeEdits(self):
        """Between two steps the session is ours: an edit made during the run goes in, and its gaps start again."""
        if self._hasEdits:
            self._hasEdits = False
            self._absorbDuringRun()

    def _absorbDuringRun(self):
        """Take over edits while the segments do not hold the run's predictions yet; returns what changed."""
        edits = {}
        for label, masks in self.document.masks().items():
            edited = (masks != self._drawn[label]).any(axis=(1, 2)).nonzero()[0]
            edits[label] = {int(index): masks[index] for index in edited}
            self._drawn[label] = masks
        changed = self.session.absorb(edits)
        if changed:
            self.onEdit(changed)
        return changed

    def _edited(self):
        if self.document is None:
            return
        if self.isRunning:
            self._hasEdits = True
            return
        if self.hasPartialResult:
            self._absorbDuringRun()
            return
        try:
            changed = self.absorb()
        except SlicePropagationError:
            return
        if changed:
            self.onEdit(changed)

    def _abort(self, problem):
        self._steps.close()
        self._steps = None
        if self.document is not None:
            self._takeBack()
        self._clear()
        self.onDone(problem)

    def _clear(self):
        if self.preview is not None:
            self.preview.remove()
        self.preview, self._touched = None, []

    def _sceneCloses(self, caller, event):
        """The scene goes: the run ends with a message, and nothing is written."""
        if self.isRunning:
            if self._worker.isBusy:
                self._worker.poll(60.0)
            self._abort(SlicePropagationError("The scene was closed; the run ended and nothing was written."))
        elif self.preview is not None:
            self._clear()
        if self._observer is not None:
            self._observer.remove()
        self.document = self._observer = None
