"""`FrameHistory`: the times that frames were carried to, which can be taken back and done again."""

from SlicePropagationMRML.nodes.types import SegmentationNode
from SlicePropagationMRML.run.frame_step import FrameStep

MAX_STEPS = 10  # as many as the Segment Editor takes back


class FrameHistory:
    """What was carried to all frames, the latest last.

    A segmentation has an order of its own: taking back one does not touch another.
    """

    def __init__(self) -> None:
        self._done: list[FrameStep] = []
        self._undone: list[FrameStep] = []

    def add(self, step: FrameStep) -> None:
        """A step was done: what was taken back before it in its segmentation is gone."""
        self._undone = [other for other in self._undone if _isOther(other, step)]
        self._done.append(step)
        mine = [other for other in self._done if not _isOther(other, step)]
        for old in mine[:-MAX_STEPS]:
            self._done.remove(old)

    def move(self, step: FrameStep, isUndo: bool) -> None:
        """A step was taken back, or done again."""
        source = self._done if isUndo else self._undone
        target = self._undone if isUndo else self._done
        if step in source:  # a scene that was closed meanwhile forgot it
            source.remove(step)
            target.append(step)

    def toTakeBack(self, segmentationNode: SegmentationNode | None) -> FrameStep | None:
        """The step that can be taken back in a segmentation, None where there is none."""
        return _lastOf(self._done, segmentationNode)

    def toDoAgain(self, segmentationNode: SegmentationNode | None) -> FrameStep | None:
        """The step that can be done again in a segmentation, None where there is none."""
        return _lastOf(self._undone, segmentationNode)

    def forget(self) -> None:
        """The scene is another one."""
        self._done.clear()
        self._undone.clear()


def _isOther(step: FrameStep, than: FrameStep) -> bool:
    return step.segmentation is not than.segmentation


def _lastOf(steps: list[FrameStep], segmentationNode: SegmentationNode | None) -> FrameStep | None:
    for step in reversed(steps):
        if step.segmentation is segmentationNode:
            return step if step.isThere else None
    return None
