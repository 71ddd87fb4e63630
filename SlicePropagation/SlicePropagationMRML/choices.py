"""Defaults that follow from what is there: the axis of a seed, and which segments are annotated."""

from SlicePropagationMRML.geometry import axisOfMask, hasVoxels, segmentMask
from SlicePropagationMRML.tags import readTags
from SlicePropagationMRML.views import axisOfView, viewInUse


def drawnSegments(segmentationNode):
    """IDs of the segments in which anything is drawn."""
    return [segmentID for segmentID in segmentationNode.GetSegmentation().GetSegmentIDs() if hasVoxels(segmentationNode, segmentID)]


def axisOfSegments(volumeNode, segmentationNode, segmentIDs):
    """The voxel axis (0, 1, 2 for K, J, I) that segments were annotated along: as their tags say, else as they are drawn; None when neither tells."""
    for segmentID in segmentIDs:
        values = readTags(segmentationNode, segmentID)
        if values is not None and values["slices"]:
            return values["axis"]
    axes = (axisOfMask(segmentMask(segmentationNode, segmentID, volumeNode)) for segmentID in segmentIDs if hasVoxels(segmentationNode, segmentID))
    return next((axis for axis in axes if axis is not None), None)


def suggestAxis(scene, volumeNode, segmentationNode, segmentIDs):
    """The axis to propagate along: that of the annotation, else of the slice view in use, else K."""
    axis = axisOfSegments(volumeNode, segmentationNode, segmentIDs)
    if axis is not None:
        return axis
    view = viewInUse(scene)
    return axisOfView(view, volumeNode) if view is not None else 0
