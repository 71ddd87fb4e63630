"""The live preview: a temporary node of its own, updated in place.

The person's segmentation stays as it is. Of the volume's grid it covers what it shows.
"""

from collections.abc import Iterable

import numpy as np
import slicer

from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationMRML.nodes.growing_labelmap import GrowingLabelmap
from SlicePropagationMRML.nodes.types import Scene, SegmentationNode, VolumeNode


class Preview:
    """Shows what a run has predicted so far.

    Attributes:
        node: a segmentation node that is neither saved with the scene nor listed in editors.

    Args:
        scene: where it is shown.
        volumeNode: the volume.
        segmentationNode: whose segments it names and colours alike.
        segments: {label: segment ID}.
        stack: the slices of the volume.
    """

    def __init__(
        self,
        scene: Scene,
        volumeNode: VolumeNode,
        segmentationNode: SegmentationNode,
        segments: dict[int, str],
        stack: SliceStack,
    ) -> None:
        self._scene = scene
        self._volumeNode = volumeNode
        node = slicer.vtkMRMLSegmentationNode()
        node.SetName(f"{segmentationNode.GetName()} preview")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        self.node = scene.AddNode(node)
        self.node.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
        self._slices = GrowingLabelmap(volumeNode, segmentationNode, stack.axis)
        source = segmentationNode.GetSegmentation()
        for label, segmentID in segments.items():
            segment = slicer.vtkSegment()
            segment.SetName(source.GetSegment(segmentID).GetName())
            segment.SetColor(source.GetSegment(segmentID).GetColor())
            segment.SetLabelValue(label)
            segment.AddRepresentation("Binary labelmap", self._slices.labelmap)
            self.node.GetSegmentation().AddSegment(segment, segmentID)
        self.node.CreateDefaultDisplayNodes()
        if self.node.GetDisplayNode() is not None:
            self.node.GetDisplayNode().SetSaveWithScene(False)

    def show(
        self,
        session: AnnotationSession,
        touched: Iterable[tuple[int, int]],
    ) -> None:
        """Bring the slices that a step changed up to date, in place."""
        for index in {index for _, index in touched}:
            patches = {label: session.state(label, index).patch for label in session.labels}
            self._slices.show(index, patches)
        self._slices.labelmap.Modified()
        if self.node.GetDisplayNode() is not None:
            # views do not watch the voxels of a segmentation, but they watch how it is displayed
            self.node.GetDisplayNode().Modified()

    def mask(self, segmentID: str) -> np.ndarray:
        """(K, J, I) bool of what is shown of a segment."""
        return segmentMask(self.node, segmentID, self._volumeNode)

    def remove(self) -> None:
        """Take the preview out of the scene."""
        if self._scene.IsNodePresent(self.node):
            if self.node.GetDisplayNode() is not None:
                self._scene.RemoveNode(self.node.GetDisplayNode())
            self._scene.RemoveNode(self.node)
        # segments that go are erased from the voxels that they share: 20 ms each for 50 million
        self._slices.labelmap.Initialize()
