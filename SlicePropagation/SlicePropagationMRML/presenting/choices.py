"""Defaults that follow from what is there: the axis of a seed, and which segments are annotated."""

from SlicePropagationLib.pipelines.slice_record import is_on_grid
from SlicePropagationMRML.nodes.geometry import axisOfMask, gridOf, hasVoxels, segmentMask
from SlicePropagationMRML.nodes.slice_views import axisOfView, viewInUse
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.presenting.messages import otherAxisText, otherGridText


def drawnSegments(segmentationNode):
    """IDs of the segments in which anything is drawn."""
    return [
        segmentID
        for segmentID in segmentationNode.GetSegmentation().GetSegmentIDs()
        if hasVoxels(segmentationNode, segmentID)
    ]


def annotatedAxis(segmentationNode, segmentIDs):
    """The axis that the tags of some segments speak of, or None without tags."""
    return next((values["axis"] for values in _tagsOf(segmentationNode, segmentIDs)), None)


def otherSlicesText(volumeNode, segmentationNode, segmentIDs, axis):
    """Why what the tags of some segments say does not count on the slices along an axis of a volume; empty where it does."""
    tags = _tagsOf(segmentationNode, segmentIDs)
    if any(values["axis"] != axis for values in tags):
        return otherAxisText()
    return (
        ""
        if all(is_on_grid(values, gridOf(volumeNode, segmentationNode)) for values in tags)
        else otherGridText()
    )


def axisOfSegments(volumeNode, segmentationNode, segmentIDs):
    """The voxel axis (0, 1, 2 for K, J, I) that segments were annotated along: as their tags say, else as they are drawn; None when neither tells."""
    axis = annotatedAxis(segmentationNode, segmentIDs)
    if axis is not None:
        return axis
    axes = (
        axisOfMask(segmentMask(segmentationNode, segmentID, volumeNode))
        for segmentID in segmentIDs
        if hasVoxels(segmentationNode, segmentID)
    )
    return next((axis for axis in axes if axis is not None), None)


def suggestAxis(scene, volumeNode, segmentationNode, segmentIDs):
    """The axis to propagate along: that of the annotation, else of the slice view in use, else K."""
    axis = axisOfSegments(volumeNode, segmentationNode, segmentIDs)
    if axis is not None:
        return axis
    view = viewInUse(scene)
    return axisOfView(view, volumeNode) if view is not None else 0


def _tagsOf(segmentationNode, segmentIDs):
    """What the tags of those segments say that have any."""
    tags = [readTags(segmentationNode, segmentID) for segmentID in segmentIDs]
    return [values for values in tags if values is not None and values["slices"]]
