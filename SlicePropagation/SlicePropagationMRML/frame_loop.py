"""Carrying one frame's result to all frames: steps on the worker, one frame written a turn; and what happens when another frame is shown."""

import time

import slicer

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationMRML.frames import FrameWatch, browserOf, followFrames
from SlicePropagationMRML.run_loop import POLL_MS, TURN_SECONDS
from SlicePropagationMRML.worker import FINISHED

FRAME_ENGINE = "registration"       # follows a structure along time as well as along an axis; the network has only seen neighbouring slices


class FrameRun:
    """A run through all frames; what is open, and which frame is shown, may change meanwhile.

    Args:
        document: the AnnotatedSegmentation that the run starts from.
        sequence: the segmentation sequence to fill; in the scene when the segmentation follows frames already.
        walk: a SequenceWalk.
        steps: its generator.
    """

    def __init__(self, scene, browser, document, sequence, walk, steps):
        self.browser, self.segmentation, self.walk, self.steps = browser, document.segmentationNode, walk, steps
        self.waiting, self.written, self.skipped = None, [], []
        self._scene, self._volume, self._sequence = scene, document.volumeNode, sequence
        self._value = browser.GetMasterSequenceNode().GetNthIndexValue(browser.GetSelectedItemNumber())

    def check(self):
        """Raise when a node is gone.

        Raises:
            SlicePropagationError: which.
        """
        for node, kind in ((self._volume, "volume"), (self.segmentation, "segmentation"), (self.browser, "sequence browser")):
            if not self._scene.IsNodePresent(node):
                raise SlicePropagationError(f"The {kind} was removed from the scene; the run ended.")

    def writeFor(self, seconds):
        """Write frames for so long; whether frames are left."""
        end = time.monotonic() + seconds
        while self.waiting and time.monotonic() < end:
            frame = self.waiting.pop(0)
            (self.written if self.walk.write(frame) else self.skipped).append(frame)
        return bool(self.waiting)

    def finish(self):
        """Let the segmentation follow the frames."""
        if self.browser.GetSequenceNode(self.segmentation) is None:
            self._sequence.SetDataNodeAtValue(self.segmentation, self._value)       # with what the person drew meanwhile
        followFrames(self._scene, self.browser, self.segmentation, self._sequence)


class FrameLoop:
    """The part of `PropagationLogic` that knows about frames."""

    @property
    def isCarrying(self):
        """Whether a run through all frames is under way; what is open may be edited meanwhile."""
        return self._frames is not None

    def carry(self, isCyclic=True):
        """Begin to carry what the segmentation shows in the current frame, and in other frames that a person segmented, to all other frames.

        The segmentation follows the frames afterwards. Frames that a person segmented, and slices of other frames that a person corrected, stay as they
        are. Nothing is written before everything is computed; it is no step of the editor's undo.

        Args:
            isCyclic: the last frame is followed by the first, as in a heart beat.

        Raises:
            SlicePropagationError: no sequence browser drives the volume, the segmentation follows another one, nothing is drawn, the frames differ in
                size, or a run is under way.
        """
        from SlicePropagationLib.engines import make_engine
        from SlicePropagationMRML.sequences import SequenceWalk         # SciPy and SimpleITK; not at start-up
        if self.isRunning or self.hasPartialResult:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        self.absorb()
        browser, sequence = self._sequenceToFill()
        walk = SequenceWalk(browser.GetMasterSequenceNode(), sequence, isCyclic, self.document.stack.axis)
        self._isStopping = False
        self._frames = FrameRun(self.scene, browser, self.document, sequence, walk, walk.steps(make_engine(FRAME_ENGINE)))
        self._worker.request(self._frames.steps)
        self._schedule(POLL_MS, self._pollFrames)

    def _sequenceToFill(self):
        """(browser, segmentation sequence) with the current frame as it is shown; the sequence is new, and not in the scene, where there was none."""
        document = self.document
        browser, own = browserOf(self.scene, document.volumeNode), browserOf(self.scene, document.segmentationNode)
        if browser is None:
            raise InputError(f"Volume '{document.volumeNode.GetName()}' is not a frame of a sequence; load a 4D volume, or choose its frame.")
        if own not in (None, browser):
            raise InputError(f"Segmentation '{document.segmentationNode.GetName()}' follows the frames of '{own.GetName()}', the volume those of '{browser.GetName()}'; choose another segmentation.")
        master = browser.GetMasterSequenceNode()
        sequence = browser.GetSequenceNode(document.segmentationNode)
        if sequence is None:
            sequence = slicer.vtkMRMLSequenceNode()
            for what in ("Name", "Unit"):
                getattr(sequence, f"SetIndex{what}")(getattr(master, f"GetIndex{what}")())
            sequence.SetIndexType(master.GetIndexType())
        sequence.SetDataNodeAtValue(document.segmentationNode, master.GetNthIndexValue(browser.GetSelectedItemNumber()))
        return browser, sequence

    # Turns

    def _pollFrames(self):
        if self._frames is not None:
            self._advanceFrames(timeout=None)
        if self._frames is not None:
            self._schedule(POLL_MS, self._pollFrames)

    def _advanceFrames(self, timeout):
        try:
            self._frames.check()
            if self._frames.waiting is not None:
                self._writeFrames()
                return
            result = self._worker.poll(timeout)
            if result is not None:
                self._takeFrameStep(*result)
        except SlicePropagationError as problem:
            self._endFrames(problem)
        except Exception as problem:            # a bug must not leave a run that never ends
            self._endFrames(problem)
            raise

    def _takeFrameStep(self, step, error):
        if error is not None:
            raise error
        if step is FINISHED:
            if self.document is not None:
                self.absorb()
                self._letGo()                   # the node holds other segments in a moment
            self._frames.waiting = list(self._frames.walk.targets)
            return
        position, positions, prediction = step
        self.onFrameStep(position, positions, prediction.step / prediction.num_steps)
        if self._isStopping:
            self._frames.steps.close()
            self._endFrames(None)
        else:
            self._worker.request(self._frames.steps)

    def _writeFrames(self):
        if self._frames.writeFor(TURN_SECONDS):
            return
        run, self._frames = self._frames, None
        run.finish()
        self.onFramesDone(run.written, run.skipped, None)

    def _endFrames(self, problem):
        self._frames = None
        self.onFramesDone([], [], problem)
        self._checkNodes()

    # Another frame is shown

    def watchFrames(self):
        """Notice when another frame comes: its images and its segments are others."""
        document, before = self.document, self._frameWatch
        browser = (browserOf(self.scene, document.volumeNode) or browserOf(self.scene, document.segmentationNode)) if document is not None else None
        if before is not None and before.browser is browser:
            return
        if before is not None:
            before.remove()
        self._frameWatch = FrameWatch(browser, self._frameMoved) if browser is not None else None

    def _frameMoved(self):
        """Let go of the frame that was shown; a run through its slices ends, a run through all frames goes on."""
        isLost = self._hasRun or self.hasPartialResult
        self._steps = self._commit = None
        self._clear()
        self._letGo()
        self.onFrame(SlicePropagationError("Another frame is shown; the run ended and nothing was written.") if isLost else None)
