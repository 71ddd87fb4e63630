"""Runs through all frames of a sequence: carrying to them, and the way back to what they held before.

Steps come from the worker; frames are written a few a turn.
"""

import time
from collections.abc import Callable, Generator

import slicer

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationMRML.nodes.sequence_frames import browserOf
from SlicePropagationMRML.nodes.sequences import SequenceWalk, TimeStep
from SlicePropagationMRML.nodes.types import BrowserNode, Scene, SequenceNode
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.engine_choice import EngineChoice
from SlicePropagationMRML.run.events import FramesFinished, FramesReturned, FramesStepped
from SlicePropagationMRML.run.frame_history import FrameHistory
from SlicePropagationMRML.run.frame_step import FrameStep
from SlicePropagationMRML.run.run import POLL_MS, TURN_SECONDS, Phase, Run, RunTools
from SlicePropagationMRML.run.worker import FINISHED


class FrameWriting(Run):
    """Frames on their way into the sequence.

    Attributes:
        step: the FrameStep.
        written: frames that were written.
        skipped: frames that stay because a person changed them meanwhile.

    Args:
        step: what the frames held before, and hold then.
        tools: what runs share.
    """

    def __init__(
        self,
        step: FrameStep,
        tools: RunTools,
    ) -> None:
        super().__init__(tools)
        self.step = step
        self.written: list[int] = []
        self.skipped: list[int] = []
        self._left: list[int] = []

    def advance(self, timeout: float | None = None) -> bool:
        try:
            self.step.check()
            if self.phase is Phase.WRITING:
                self._writeSome()
            else:
                return self._predict(timeout)
        except SlicePropagationError as problem:
            self._fail(problem)
        except Exception as problem:  # a bug must not leave a run that never ends
            self._fail(problem)
            raise
        return True

    def _predict(self, timeout: float | None) -> bool:
        """Take over what the worker has finished, where something is predicted."""
        raise NotImplementedError

    def _write(self, frame: int) -> bool:
        """Write one frame; False, and it stays, when a person changed it meanwhile."""
        raise NotImplementedError

    def _finish(self) -> None:
        """All frames are written: show them, and tell."""
        raise NotImplementedError

    def _poll(self) -> None:
        if self.isBusy:
            self.advance()
        if self.isBusy:
            self._tools.schedule(POLL_MS, self._poll)

    def _writeSome(self) -> None:
        end = time.monotonic() + TURN_SECONDS
        while self._left and time.monotonic() < end:
            frame = self._left.pop(0)
            done = self.written if self._write(frame) else self.skipped
            done.append(frame)
        if not self._left:
            self.phase = Phase.ENDED
            self._finish()

    def _fail(self, problem: Exception | None) -> None:
        self.phase = Phase.ENDED
        self._tools.ended(self, FramesFinished(problem=problem))


class FrameRun(FrameWriting):
    """Carries what is segmented to all frames; which frame is shown may change meanwhile.

    Attributes:
        walk: the SequenceWalk.

    Args:
        step: a new FrameStep.
        walk: goes through the frames.
        choice: what walks; the worker makes it.
        tools: what runs share.
        history: remembers the step once it is done.
        letGo: called before frames are written, as the nodes hold other segments in a moment.
    """

    def __init__(
        self,
        step: FrameStep,
        walk: SequenceWalk,
        choice: EngineChoice,
        tools: RunTools,
        history: FrameHistory,
        letGo: Callable[[], object],
    ) -> None:
        super().__init__(step, tools)
        self.walk = walk
        self._steps = _stepsOf(walk, choice)
        self._history = history
        self._letGo = letGo

    def begin(self) -> None:
        """Ask for the first step."""
        self._tools.worker.request(self._steps)
        self._tools.schedule(POLL_MS, self._poll)

    def keep(self, *, mayTakeDrawn: bool = False) -> None:
        """Write what was found before it was stopped; other slices stay as they are."""
        self._beginWriting()
        self._tools.schedule(0, self._poll)

    def _predict(self, timeout: float | None) -> bool:
        result = self._tools.worker.poll(timeout)
        if result is None:
            return False
        step, error = result
        if error is not None:
            raise error
        if step is FINISHED:
            self._beginWriting()
        else:
            self._take(*step)
        return True

    def _take(
        self,
        position: int,
        numPositions: int,
        prediction: SlicePrediction,
    ) -> None:
        share = prediction.step / prediction.num_steps
        self._tools.events.emit(FramesStepped(position, numPositions, share))
        if self.phase is not Phase.STOPPING:
            self._tools.worker.request(self._steps)
            return
        self._steps.close()
        if self.walk.numDone:
            self.phase = Phase.WAITING
            self._tools.events.emit(FramesFinished())
        else:
            self._fail(None)

    def _beginWriting(self) -> None:
        self._letGo()
        self._left = list(self.walk.targets)
        self.phase = Phase.WRITING

    def _write(self, frame: int) -> bool:
        return self.step.written(frame, self.walk.write)

    def _finish(self) -> None:
        self.step.show()
        self._history.add(self.step)
        numMissing = self.walk.numPositions - self.walk.numDone
        event = FramesFinished(tuple(self.written), tuple(self.skipped), numMissing)
        self._tools.ended(self, event)


class FrameReturn(FrameWriting):
    """The way back to what frames held before they were carried, or forth again.

    Args:
        step: what is taken back, or done again.
        isUndo: taken back.
        tools: what runs share.
        history: is told when it is done.
    """

    def __init__(
        self,
        step: FrameStep,
        isUndo: bool,
        tools: RunTools,
        history: FrameHistory,
    ) -> None:
        super().__init__(step, tools)
        self._isUndo = isUndo
        self._history = history
        self.phase = Phase.WRITING
        self._left = list(step.frames)

    def begin(self) -> None:
        """Write in the next turn."""
        self._tools.schedule(0, self._poll)

    def _write(self, frame: int) -> bool:
        return self.step.exchange(frame)

    def _finish(self) -> None:
        if self._isUndo:
            self.step.showBefore(self.skipped)
        else:
            self.step.show()
        self._history.move(self.step, self._isUndo)
        event = FramesReturned(self._isUndo, tuple(self.written), tuple(self.skipped))
        self._tools.ended(self, event)


def _stepsOf(walk: SequenceWalk, choice: EngineChoice) -> Generator[TimeStep, None, None]:
    """The steps of a walk; the engine is made with the first, so by the worker."""
    yield from walk.steps(choice.make())


def carryFrames(
    document: Document,
    isCyclic: bool,
    choice: EngineChoice,
    tools: RunTools,
    history: FrameHistory,
    letGo: Callable[[], object],
) -> FrameRun:
    """A run that carries what is open in the current frame to all frames.

    Args:
        document: what is open.
        isCyclic: the last frame is followed by the first.
        choice: which engine walks along time.
        tools: what runs share.
        history: remembers the step once it is done.
        letGo: called before frames are written.

    Raises:
        InputError: the frames cannot be carried to.
    """
    browser, sequence = sequenceToFill(document)
    walk = SequenceWalk(
        browser.GetMasterSequenceNode(),
        sequence,
        isCyclic,
        document.stack.axis,
    )
    step = FrameStep(document.scene, browser, document, sequence)
    return FrameRun(step, walk, choice, tools, history, letGo)


def sequenceToFill(document: Document) -> tuple[BrowserNode, SequenceNode]:
    """(browser, segmentation sequence) with the current frame as it is shown.

    The sequence is new, and not in the scene, where there was none.

    Raises:
        InputError: no browser drives the volume, or the segmentation follows another one.
    """
    browser = _sharedBrowser(document.scene, document)
    master = browser.GetMasterSequenceNode()
    sequence = browser.GetSequenceNode(document.segmentationNode)
    if sequence is None:
        sequence = slicer.vtkMRMLSequenceNode()
        sequence.SetIndexName(master.GetIndexName())
        sequence.SetIndexUnit(master.GetIndexUnit())
        sequence.SetIndexType(master.GetIndexType())
    value = master.GetNthIndexValue(browser.GetSelectedItemNumber())
    sequence.SetDataNodeAtValue(document.segmentationNode, value)
    return browser, sequence


def _sharedBrowser(scene: Scene, document: Document) -> BrowserNode:
    """The browser that drives the volume, and no other one the segmentation."""
    browser = browserOf(scene, document.volumeNode)
    own = browserOf(scene, document.segmentationNode)
    if browser is None:
        raise InputError(
            "Volume '{volume}' is not a frame of a sequence; load a 4D volume, or choose its frame.",
            volume=document.volumeNode.GetName(),
        )
    if own not in (None, browser):
        raise InputError(
            "Segmentation '{segmentation}' follows the frames of '{own}', the volume those of"
            " '{browser}'; choose another segmentation.",
            segmentation=document.segmentationNode.GetName(),
            own=own.GetName(),
            browser=browser.GetName(),
        )
    return browser
