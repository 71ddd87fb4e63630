"""Frames of a 4D volume: the browser that drives it, and the segmentation that follows its frames."""

from collections.abc import Callable

import vtk

from SlicePropagationMRML.nodes.types import (
    BrowserNode,
    Node,
    Scene,
    SegmentationNode,
    SequenceNode,
)


def browserOf(scene: Scene, node: Node | None) -> BrowserNode | None:
    """The sequence browser that a node (a volume, a segmentation) follows, or None."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(number, "vtkMRMLSequenceBrowserNode")
        if node is not None and browser.GetSequenceNode(node) is not None:
            return browser
    return None


def hasBrowsers(scene: Scene) -> bool:
    """Whether the scene has any sequence browser."""
    return scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") > 0


def frameCount(browserNode: BrowserNode) -> int:
    """How many frames a browser leads through."""
    sequence = browserNode.GetMasterSequenceNode()
    return sequence.GetNumberOfDataNodes() if sequence is not None else 0


def followFrames(
    scene: Scene,
    browserNode: BrowserNode,
    segmentationNode: SegmentationNode,
    sequenceNode: SequenceNode,
) -> None:
    """Let a segmentation follow the browser's frames from now on.

    What a person changes in a frame stays with it.
    """
    if not scene.IsNodePresent(sequenceNode):
        sequenceNode.SetName(scene.GenerateUniqueName(f"{segmentationNode.GetName()} sequence"))
        scene.AddNode(sequenceNode)
    if browserNode.GetSequenceNode(segmentationNode) is not sequenceNode:
        browserNode.AddSynchronizedSequenceNode(sequenceNode)
        browserNode.SetOverwriteProxyName(sequenceNode, False)
        browserNode.AddProxyNode(segmentationNode, sequenceNode, False)
    browserNode.SetSaveChanges(sequenceNode, True)
    browserNode.Modified()  # the nodes in the scene show the frame as it is now


def unfollowFrames(
    scene: Scene,
    browserNode: BrowserNode,
    segmentationNode: SegmentationNode,
    sequenceNode: SequenceNode,
    value: str,
) -> None:
    """Let a segmentation follow the browser no longer.

    It goes on with what it has at an index value, and the sequence leaves the scene.
    """
    content = sequenceNode.GetDataNodeAtValue(value)
    browserNode.RemoveSynchronizedSequenceNode(sequenceNode.GetID())
    if segmentationNode.GetSegmentation() is not content.GetSegmentation():
        segmentationNode.CopyContent(content)
    scene.RemoveNode(sequenceNode)


class FrameWatch:
    """Calls a function whenever a browser shows another frame, or starts or stops playing.

    Args:
        browserNode: the vtkMRMLSequenceBrowserNode.
        moved: called at once; nodes may still show the frame before.
    """

    def __init__(
        self,
        browserNode: BrowserNode,
        moved: Callable[[], object],
    ) -> None:
        self._browser = browserNode
        self._moved = moved
        self._shown = self._now()
        self._tag = browserNode.AddObserver(
            vtk.vtkCommand.ModifiedEvent,
            lambda caller, event: self._look(),
        )

    @property
    def browser(self) -> BrowserNode:
        """The browser."""
        return self._browser

    def remove(self) -> None:
        """Stop watching."""
        self._browser.RemoveObserver(self._tag)

    def _now(self) -> tuple[int, bool]:
        return self._browser.GetSelectedItemNumber(), bool(self._browser.GetPlaybackActive())

    def _look(self) -> None:
        if self._now() != self._shown:
            self._shown = self._now()
            self._moved()
