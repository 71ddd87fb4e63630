"""Defaults that follow from what is there: the axis of a seed, and which segments are annotated."""

from collections.abc import Iterable
from typing import Any

from SlicePropagationLib.pipelines.slice_record import is_on_grid
from SlicePropagationMRML.nodes.geometry import axisOfMask, gridOf, hasVoxels, segmentBlock
from SlicePropagationMRML.nodes.slice_views import axisOfView, viewInUse
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.nodes.types import Scene, SegmentationNode, VolumeNode
from SlicePropagationMRML.presenting.messages import otherAxisText, otherGridText


def drawnSegments(segmentationNode: SegmentationNode) -> list[str]:
    """IDs of the segments in which anything is drawn."""
    return [
        segmentID
        for segmentID in segmentationNode.GetSegmentation().GetSegmentIDs()
        if hasVoxels(segmentationNode, segmentID)
    ]


def annotatedAxis(segmentationNode: SegmentationNode, segmentIDs: Iterable[str]) -> int | None:
    """The axis that the tags of some segments speak of, or None without tags."""
    return next((values["axis"] for values in _tagsOf(segmentationNode, segmentIDs)), None)


def otherSlicesText(
    volumeNode: VolumeNode,
    segmentationNode: SegmentationNode,
    segmentIDs: Iterable[str],
    axis: int,
) -> str:
    """Why what the tags of some segments say does not count on these slices of a volume.

    Empty where it does.

    Args:
        volumeNode: the volume.
        segmentationNode: the segmentation.
        segmentIDs: the segments.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
    """
    tags = _tagsOf(segmentationNode, segmentIDs)
    if any(values["axis"] != axis for values in tags):
        return otherAxisText()
    for values in tags:
        if not is_on_grid(values, gridOf(volumeNode, segmentationNode)):
            return otherGridText()
    return ""


def axisOfSegments(
    volumeNode: VolumeNode, segmentationNode: SegmentationNode, segmentIDs: Iterable[str]
) -> int | None:
    """The voxel axis (0, 1, 2 for K, J, I) that segments were annotated along.

    As their tags say, else as they are drawn; None when neither tells.
    """
    axis = annotatedAxis(segmentationNode, segmentIDs)
    if axis is not None:
        return axis
    for segmentID in segmentIDs:
        if hasVoxels(segmentationNode, segmentID):
            axis = axisOfMask(segmentBlock(segmentationNode, segmentID, volumeNode)[0])
            if axis is not None:
                return axis
    return None


def suggestAxis(
    scene: Scene,
    volumeNode: VolumeNode,
    segmentationNode: SegmentationNode,
    segmentIDs: Iterable[str],
) -> int:
    """The axis to propagate along: that of the annotation, else of the slice view in use, else K."""
    axis = axisOfSegments(volumeNode, segmentationNode, segmentIDs)
    if axis is not None:
        return axis
    view = viewInUse(scene)
    return axisOfView(view, volumeNode) if view is not None else 0


def _tagsOf(segmentationNode: SegmentationNode, segmentIDs: Iterable[str]) -> list[dict[str, Any]]:
    """What the tags of those segments say that have any."""
    tags = [readTags(segmentationNode, segmentID) for segmentID in segmentIDs]
    return [values for values in tags if values is not None and values["slices"]]
