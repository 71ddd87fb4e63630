"""What a journal of strokes reads from segments, and how strokes get back into them."""

from dataclasses import dataclass, field
from typing import Any

import slicer
import vtk

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.slice_record import TAG
from SlicePropagationMRML.nodes.commit import Patches, blockOf, writeBands
from SlicePropagationMRML.nodes.geometry import labelmapBlock, segmentPatches
from SlicePropagationMRML.nodes.types import EditorLogic, Scene, SegmentationNode, VolumeNode

BINARY_LABELMAP = "Binary labelmap"
AXIS = 0  # slices are counted along K, whichever axis a run goes along


@dataclass(frozen=True)
class Strokes:
    """What changed in a segment.

    Attributes:
        name, color: of the segment.
        tag: what it says of its slices, None where nothing is stored.
        slices: {index along K: the whole mask of that slice}.
    """

    name: str
    color: tuple[float, ...]
    tag: str | None = None
    slices: dict[int, Patch] = field(default_factory=dict)


def labelmapState(segment: Any) -> tuple:
    """What differs once the voxels, the name or the tag of a segment are others."""
    labelmap = segment.GetRepresentation(BINARY_LABELMAP)
    time = labelmap.GetMTime() if labelmap is not None else 0
    value = segment.GetLabelValue()
    return labelmap, time, value, segment.GetName(), tuple(segment.GetColor()), tagOf(segment)


def tagOf(segment: Any) -> str | None:
    """What is stored with a segment of its slices, as text; None where nothing is."""
    if not segment.HasTag(TAG):
        return None
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    return str(text)


def newSegmentation(
    scene: Scene,
    volumeNode: VolumeNode,
    name: str,
    strokes: dict[str, Strokes | None],
) -> SegmentationNode:
    """A segmentation node of a volume that holds strokes, and what is stored with them.

    Args:
        scene: where it is added.
        volumeNode: the volume that they were drawn on.
        name: of the new node.
        strokes: {segment ID: what it holds, or None for a segment that was removed}.
    """
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    for segmentID, held in strokes.items():
        if held is not None:
            _addSegment(node, volumeNode, segmentID, held)
    return node


def _addSegment(
    node: SegmentationNode,
    volumeNode: VolumeNode,
    segmentID: str,
    held: Strokes,
) -> None:
    segmentation = node.GetSegmentation()
    segmentation.AddEmptySegment(segmentID, held.name, list(held.color))
    shown = {index: patch for index, patch in held.slices.items() if not patch.is_empty}
    if shown:
        labelmap = labelmapBlock(volumeNode, node, *blockOf(shown, AXIS))
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        logic.SetBinaryLabelmapToSegment(labelmap, node, segmentID)
    if held.tag is not None:
        segmentation.GetSegment(segmentID).SetTag(TAG, held.tag)


def putStrokes(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    volumeNode: VolumeNode,
    strokes: dict[str, Strokes | None],
) -> None:
    """Put strokes into segments again; segments come and go as they did.

    Args:
        editorLogic: what writes.
        segmentationNode: the segmentation.
        volumeNode: the volume.
        strokes: {segment ID: what to write, or None for a segment that was removed}.
    """
    segmentation = segmentationNode.GetSegmentation()
    for segmentID, change in strokes.items():
        if change is None:
            segmentation.RemoveSegment(segmentID)
            continue
        if segmentation.GetSegment(segmentID) is None:
            segmentation.AddEmptySegment(segmentID, change.name, list(change.color))
        _put(editorLogic, segmentationNode, volumeNode, segmentID, change)


def _put(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    volumeNode: VolumeNode,
    segmentID: str,
    change: Strokes,
) -> None:
    before = segmentPatches(segmentationNode, segmentID, volumeNode, AXIS)
    removed = {index: before[index].without(new) for index, new in change.slices.items()}
    added = {index: new.without(before[index]) for index, new in change.slices.items()}
    for patches, isRemoval in ((removed, True), (added, False)):
        _write(editorLogic, segmentationNode, volumeNode, segmentID, patches, isRemoval)
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    segment.SetName(change.name)
    if change.tag is not None:
        segment.SetTag(TAG, change.tag)


def _write(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    volumeNode: VolumeNode,
    segmentID: str,
    patches: Patches,
    isRemoval: bool,
) -> None:
    """Write slices beside what others hold: they have strokes of their own."""
    node = editorLogic.GetSegmentEditorNode()
    mode = node.GetOverwriteMode()
    node.SetOverwriteMode(node.OverwriteNone)
    try:
        for _ in writeBands(
            editorLogic,
            segmentationNode,
            segmentID,
            volumeNode,
            AXIS,
            patches,
            isRemoval=isRemoval,
        ):
            pass
    finally:
        node.SetOverwriteMode(mode)
