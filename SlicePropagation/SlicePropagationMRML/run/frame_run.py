"""Writing all frames of a sequence, a few a turn: what a run through them found, and the way back to what they held before."""

import time

import slicer

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.nodes.sequence_frames import followFrames, unfollowFrames
from SlicePropagationMRML.nodes.sequences import fingerprint


class FrameStep:
    """What carrying changed: each frame's other content, which can be put back, and then put back again.

    Args:
        browser: the sequence browser.
        document: the AnnotatedSegmentation that was carried.
        sequence: the segmentation sequence; in the scene when the segmentation follows frames
            already.
    """

    def __init__(self, scene, browser, document, sequence):
        self.browser = browser
        self.segmentation = document.segmentationNode
        self._volume = document.volumeNode
        self._sequence = sequence
        self.isTakenBack = False
        self._scene = scene
        self._isNew = browser.GetSequenceNode(document.segmentationNode) is None
        self._value = browser.GetMasterSequenceNode().GetNthIndexValue(
            browser.GetSelectedItemNumber()
        )
        self._others = {}
        self._prints = {}

    @property
    def frames(self):
        """Indices of the frames that it changed."""
        return sorted(self._others)

    def check(self):
        """Raise when a node is gone.

        Raises:
            SlicePropagationError: which.
        """
        for node, kind in (
            (self._volume, "volume"),
            (self.segmentation, "segmentation"),
            (self.browser, "sequence browser"),
        ):
            if not self._scene.IsNodePresent(node):
                raise SlicePropagationError(
                    f"The {kind} was removed from the scene; the run ended."
                )

    def written(self, frame, write):
        """Write a frame with `write`, and remember what it held.

        What `write` returns is whether it did.
        """
        node = self._nodeOf(frame)
        before = (
            _copyOf(node) if node is not None else None
        )  # the node on show shares its segments with the frame
        if not write(frame):
            return False
        self._others[frame], self._prints[frame] = before, fingerprint(self._nodeOf(frame))
        return True

    def exchange(self, frame):
        """Give a frame its other content; False, and it stays, when a person changed it since."""
        node = self._nodeOf(frame)
        if fingerprint(node) != self._prints[frame]:
            return False
        value = self._valueOf(frame)
        other = self._others[frame]
        self._others[frame] = node
        if other is not None:
            self._sequence.SetDataNodeAtValue(other, value)
        else:
            self._sequence.RemoveDataNodeAtValue(value)
        self._prints[frame] = fingerprint(self._nodeOf(frame))
        return True

    def show(self):
        """Let the segmentation follow the frames, as after carrying."""
        if self.browser.GetSequenceNode(self.segmentation) is None:
            self._sequence.SetDataNodeAtValue(
                self.segmentation,
                self._value,
            )  # with what the person drew meanwhile
        followFrames(self._scene, self.browser, self.segmentation, self._sequence)

    def showBefore(self, skipped):
        """The same after the way back: it follows no frames where it did not before, unless a person worked in one of them since."""
        if self._isNew and not skipped:
            unfollowFrames(
                self._scene,
                self.browser,
                self.segmentation,
                self._sequence,
                self._value,
            )
            return
        for frame in self.frames if self._isNew else ():
            if self._nodeOf(frame) is None:  # the browser would fill it with the frame before
                self._sequence.SetDataNodeAtValue(
                    _emptied(self._sequence.GetDataNodeAtValue(self._value)),
                    self._valueOf(frame),
                )
                self._prints[frame] = fingerprint(self._nodeOf(frame))
        self.show()

    def _valueOf(self, frame):
        return self.browser.GetMasterSequenceNode().GetNthIndexValue(frame)

    def _nodeOf(self, frame):
        return self._sequence.GetDataNodeAtValue(self._valueOf(frame))


class FrameWrites:
    """Frames on their way into the sequence.

    Attributes:
        step: the FrameStep.
        waiting: frames that are to be written, or None before that begins.
        written, skipped: frames that were, and frames that stay because a person changed them
            meanwhile.
    """

    def __init__(self, step):
        self.step = step
        self.waiting = None
        self.written = []
        self.skipped = []

    def writeFor(self, seconds):
        """Write frames for so long; whether frames are left."""
        end = time.monotonic() + seconds
        while self.waiting and time.monotonic() < end:
            frame = self.waiting.pop(0)
            (self.written if self.write(frame) else self.skipped).append(frame)
        return bool(self.waiting)


class FrameRun(FrameWrites):
    """A run through all frames; what is open, and which frame is shown, may change meanwhile.

    Args:
        step: a new FrameStep.
        walk: a SequenceWalk.
        steps: its generator.
    """

    def __init__(self, step, walk, steps):
        super().__init__(step)
        self.walk = walk
        self.steps = steps

    def write(self, frame):
        """Write what was predicted for a frame; whether it was."""
        return self.step.written(frame, self.walk.write)

    def finish(self):
        """Let the segmentation follow the frames."""
        self.step.show()


class FrameReturn(FrameWrites):
    """The way back to what frames held before a run, or forth again."""

    def __init__(self, step):
        super().__init__(step)
        self.waiting = list(step.frames)
        self.write = step.exchange

    def finish(self):
        """Show the frames as they are now."""
        self.step.isTakenBack = not self.step.isTakenBack
        if self.step.isTakenBack:
            self.step.showBefore(self.skipped)
        else:
            self.step.show()


def _copyOf(node):
    """A segmentation node of the same content that shares nothing with it."""
    copy = slicer.vtkMRMLSegmentationNode()
    copy.Copy(node)
    return copy


def _emptied(node):
    """A segmentation node with the same segments, in which nothing is drawn."""
    empty = _copyOf(node)
    segmentation = empty.GetSegmentation()
    known = [
        (
            segmentID,
            segmentation.GetSegment(segmentID).GetName(),
            segmentation.GetSegment(segmentID).GetColor(),
        )
        for segmentID in segmentation.GetSegmentIDs()
    ]
    segmentation.RemoveAllSegments()
    for description in known:
        segmentation.AddEmptySegment(*description)
    return empty
