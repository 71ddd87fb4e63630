"""Carrying one frame's result to all frames: steps on the worker, one frame written a turn.

And what happens when another frame is shown.
"""

import slicer

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationMRML.nodes.sequence_frames import FrameWatch, browserOf
from SlicePropagationMRML.run.run_loop import POLL_MS, TURN_SECONDS
from SlicePropagationMRML.run.worker import FINISHED

# follows a structure along time as well as along an axis; the network has only seen neighbouring
# slices
FRAME_ENGINE = "registration"


class FrameLoop:
    """The part of `PropagationLogic` that knows about frames."""

    @property
    def isCarrying(self):
        """Whether a run through all frames is under way; what is open may be edited meanwhile."""
        return self._frames is not None

    @property
    def hasPartialFrames(self):
        """Whether a run through all frames that was stopped waits for `keep` or `discard`."""
        return self._heldFrames is not None

    def frameStep(self, segmentationNode):
        """The FrameStep that can be taken back, or done again, in a segmentation.

        None when nothing was carried.
        """
        step = self._frameStep
        return (
            step
            if step is not None
            and step.segmentation is segmentationNode
            and self.scene.IsNodePresent(step.browser)
            else None
        )

    def carry(self, isCyclic=True):
        """Begin to carry what the segmentation shows in the current frame, and in other frames that a person segmented, to all other frames.

        The segmentation follows the frames afterwards. Frames that a person segmented, and slices
        of other frames that a person corrected, stay as they
        are. Nothing is written before everything is computed. The editor's undo knows one frame
        only; `returnFrames` takes this back in all.

        Args:
            isCyclic: the last frame is followed by the first, as in a heart beat.

        Raises:
            SlicePropagationError: no sequence browser drives the volume, the segmentation follows
                another one, nothing is drawn, the frames differ in
                size, or a run is under way.
        """
        from SlicePropagationLib.engines import make_engine
        from SlicePropagationMRML.nodes.sequences import (
            SequenceWalk,
        )  # SciPy and SimpleITK; not at start-up
        from SlicePropagationMRML.run.frame_run import FrameRun, FrameStep

        self._beforeFrames()
        browser, sequence = self._sequenceToFill()
        walk = SequenceWalk(
            browser.GetMasterSequenceNode(),
            sequence,
            isCyclic,
            self.document.stack.axis,
        )
        self._isStopping = False
        self._frames = FrameRun(
            FrameStep(self.scene, browser, self.document, sequence),
            walk,
            walk.steps(make_engine(FRAME_ENGINE)),
        )
        self._worker.request(self._frames.steps)
        self._schedule(POLL_MS, self._pollFrames)

    def returnFrames(self):
        """Begin to give all frames what they held before they were carried.

        Or, when that was done last, what carrying made of them.

        Frames that a person changed since stay as they are.

        Raises:
            SlicePropagationError: nothing was carried, or a run is under way.
        """
        from SlicePropagationMRML.run.frame_run import FrameReturn

        self._beforeFrames()
        if self._frameStep is None:
            raise SlicePropagationError("Nothing was carried to all frames yet.")
        self._letGo()
        self._frames = FrameReturn(self._frameStep)
        self._schedule(0, self._pollFrames)

    def keepFrames(self):
        """Write what a run through all frames found before it was stopped.

        Slices that it did not come to stay as they are.
        """
        self._frames = self._heldFrames
        self._heldFrames = None
        self._beginWriting()
        self._schedule(0, self._pollFrames)

    def discardFrames(self):
        """Forget it; no frame was touched."""
        self._heldFrames = None

    def _beforeFrames(self):
        if self.isRunning or self.hasPartialResult or self.hasPartialFrames:
            raise SlicePropagationError("The last run waits; keep or discard its result first.")
        if self.document is not None:
            self.absorb()

    def _sequenceToFill(self):
        """(browser, segmentation sequence) with the current frame as it is shown.

        The sequence is new, and not in the scene, where there was none.
        """
        document = self.document
        browser = browserOf(self.scene, document.volumeNode)
        own = browserOf(self.scene, document.segmentationNode)
        if browser is None:
            raise InputError(
                f"Volume '{document.volumeNode.GetName()}' is not a frame of a sequence; load a 4D"
                " volume, or choose its frame."
            )
        if own not in (None, browser):
            raise InputError(
                f"Segmentation '{document.segmentationNode.GetName()}' follows the frames of"
                f" '{own.GetName()}', the volume those of '{browser.GetName()}'; choose another"
                " segmentation."
            )
        master = browser.GetMasterSequenceNode()
        sequence = browser.GetSequenceNode(document.segmentationNode)
        if sequence is None:
            sequence = slicer.vtkMRMLSequenceNode()
            for what in ("Name", "Unit"):
                getattr(sequence, f"SetIndex{what}")(getattr(master, f"GetIndex{what}")())
            sequence.SetIndexType(master.GetIndexType())
        sequence.SetDataNodeAtValue(
            document.segmentationNode,
            master.GetNthIndexValue(browser.GetSelectedItemNumber()),
        )
        return browser, sequence

    # Turns

    def _pollFrames(self):
        if self._frames is not None:
            self._advanceFrames(timeout=None)
        if self._frames is not None:
            self._schedule(POLL_MS, self._pollFrames)

    def _advanceFrames(self, timeout):
        try:
            self._frames.step.check()
            if self._frames.waiting is not None:
                self._writeFrames()
                return
            result = self._worker.poll(timeout)
            if result is not None:
                self._takeFrameStep(*result)
        except SlicePropagationError as problem:
            self._endFrames(problem)
        except Exception as problem:  # a bug must not leave a run that never ends
            self._endFrames(problem)
            raise

    def _takeFrameStep(self, step, error):
        if error is not None:
            raise error
        if step is FINISHED:
            self._beginWriting()
            return
        position, positions, prediction = step
        self.onFrameStep(position, positions, prediction.step / prediction.num_steps)
        if self._isStopping:
            self._frames.steps.close()
            self._heldFrames = self._frames if self._frames.walk.numDone else None
            self._endFrames(None)
        else:
            self._worker.request(self._frames.steps)

    def _beginWriting(self):
        if self.document is not None:
            self.absorb()
            self._letGo()  # the node holds other segments in a moment
        self._frames.waiting = list(self._frames.walk.targets)

    def _writeFrames(self):
        if self._frames.writeFor(TURN_SECONDS):
            return
        run = self._frames
        self._frames = None
        run.finish()
        if run.step is self._frameStep:
            self.onFramesReturned(run.step.isTakenBack, run.written, run.skipped)
        else:
            self._frameStep = run.step
            self.onFramesDone(
                run.written,
                run.skipped,
                run.walk.numPositions - run.walk.numDone,
                None,
            )

    def _endFrames(self, problem):
        self._frames = None
        self.onFramesDone([], [], 0, problem)
        self._checkNodes()

    # Another frame is shown

    def watchFrames(self):
        """Notice when another frame comes: its images and its segments are others."""
        document = self.document
        before = self._frameWatch
        browser = (
            (
                browserOf(self.scene, document.volumeNode)
                or browserOf(self.scene, document.segmentationNode)
            )
            if document is not None
            else None
        )
        if before is not None and before.browser is browser:
            return
        if before is not None:
            before.remove()
        self._frameWatch = FrameWatch(browser, self._frameMoved) if browser is not None else None

    def _frameMoved(self):
        """Let go of the frame that was shown.

        A run through its slices ends, a run through all frames goes on.
        """
        isLost = self._hasRun or self.hasPartialResult
        self._steps = self._commit = None
        self._clear()
        self._letGo()
        self.onFrame(
            SlicePropagationError("Another frame is shown; the run ended and nothing was written.")
            if isLost
            else None
        )
