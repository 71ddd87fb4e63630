"""Provenance and confidence in segment tags: drawn and propagated slices stay distinguishable wherever the segment goes."""

import vtk

from SlicePropagationLib.pipelines.slice_record import TAG, decode_slices, encode_states
from SlicePropagationMRML.nodes.geometry import isLeftHanded


def writeTags(
    segmentationNode,
    segmentID,
    volumeNode,
    grid,
    states,
    axis,
    engineName,
    modelHash=None,
):
    """Store what is known about a segment's slices along a voxel axis of the volume, {slice: `SliceState`}, and where they lie (`gridOf`), in one tag of the segment."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    segment.SetTag(
        TAG,
        encode_states(
            states,
            axis,
            engineName,
            modelHash,
            is_left_handed=isLeftHanded(volumeNode),
            grid=grid,
        ),
    )


def readTags(segmentationNode, segmentID):
    """The values that `writeTags` stored, or None when the segment has none that can be read."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    if segment is None or not segment.HasTag(TAG):
        return None
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    return decode_slices(str(text))
