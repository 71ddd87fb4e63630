"""`FrameStep`: what carrying to all frames changed, and the way back to what they held before."""

from collections.abc import Callable, Iterable

import slicer

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.nodes.fingerprint import fingerprint
from SlicePropagationMRML.nodes.sequence_frames import followFrames, unfollowFrames
from SlicePropagationMRML.nodes.types import BrowserNode, Scene, SegmentationNode, SequenceNode
from SlicePropagationMRML.run.document import Document


class FrameStep:
    """What carrying changed: each frame's other content, which can be put back, and then put back again.

    Args:
        scene: where the nodes are.
        browser: the sequence browser.
        document: what was carried.
        sequence: the segmentation sequence; in the scene when the segmentation follows frames
            already.
    """

    def __init__(
        self,
        scene: Scene,
        browser: BrowserNode,
        document: Document,
        sequence: SequenceNode,
    ) -> None:
        self.browser = browser
        self.segmentation = document.segmentationNode
        self._volume = document.volumeNode
        self._sequence = sequence
        self._scene = scene
        self._isNew = browser.GetSequenceNode(document.segmentationNode) is None
        self._value = self._valueOf(browser.GetSelectedItemNumber())
        self._others: dict[int, SegmentationNode | None] = {}
        self._prints: dict[int, int] = {}

    @property
    def frames(self) -> list[int]:
        """Indices of the frames that it changed."""
        return sorted(self._others)

    @property
    def isThere(self) -> bool:
        """Whether the sequence browser is in the scene."""
        return bool(self._scene.IsNodePresent(self.browser))

    def check(self) -> None:
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
                    "The {kind} was removed from the scene; the run ended.",
                    kind=kind,
                )

    def written(
        self,
        frame: int,
        write: Callable[[int], bool],
    ) -> bool:
        """Write a frame with `write`, and remember what it held.

        What `write` returns is whether it did.
        """
        node = self._nodeOf(frame)
        # A copy, as the node on show shares its segments with the frame.
        before = _copyOf(node) if node is not None else None
        if not write(frame):
            return False
        self._others[frame] = before
        self._prints[frame] = fingerprint(self._nodeOf(frame))
        return True

    def exchange(self, frame: int) -> bool:
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

    def show(self) -> None:
        """Let the segmentation follow the frames, as after carrying."""
        if self.browser.GetSequenceNode(self.segmentation) is None:
            # with what the person drew meanwhile
            self._sequence.SetDataNodeAtValue(self.segmentation, self._value)
        followFrames(self._scene, self.browser, self.segmentation, self._sequence)

    def showBefore(self, skipped: Iterable[int]) -> None:
        """The same after the way back: it follows no frames where it did not before.

        Unless a person worked in one of them since.

        Args:
            skipped: the frames that a person worked in.
        """
        if self._isNew and not skipped:
            unfollowFrames(
                self._scene,
                self.browser,
                self.segmentation,
                self._sequence,
                self._value,
            )
            return
        if self._isNew:
            self._fillGaps()
        self.show()

    def _fillGaps(self) -> None:
        """Put empty segments where nothing is: the browser would fill in the frame before."""
        for frame in self.frames:
            if self._nodeOf(frame) is None:
                empty = _emptied(self._sequence.GetDataNodeAtValue(self._value))
                self._sequence.SetDataNodeAtValue(empty, self._valueOf(frame))
                self._prints[frame] = fingerprint(self._nodeOf(frame))

    def _valueOf(self, frame: int) -> str:
        return self.browser.GetMasterSequenceNode().GetNthIndexValue(frame)

    def _nodeOf(self, frame: int) -> SegmentationNode | None:
        return self._sequence.GetDataNodeAtValue(self._valueOf(frame))


def _copyOf(node: SegmentationNode) -> SegmentationNode:
    """A segmentation node of the same content that shares nothing with it."""
    copy = slicer.vtkMRMLSegmentationNode()
    copy.Copy(node)
    return copy


def _emptied(node: SegmentationNode) -> SegmentationNode:
    """A segmentation node with the same segments, in which nothing is drawn."""
    empty = _copyOf(node)
    segmentation = empty.GetSegmentation()
    known = []
    for segmentID in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentID)
        known.append((segmentID, segment.GetName(), segment.GetColor()))
    segmentation.RemoveAllSegments()
    for description in known:
        segmentation.AddEmptySegment(*description)
    return empty
