"""Provenance and confidence in segment tags: drawn and propagated slices stay distinguishable wherever the segment goes."""

import vtk

from SlicePropagationLib.slice_record import TAG, decode_slices, encode_slices
from SlicePropagationMRML.geometry import isLeftHanded


def writeTags(segmentationNode, segmentID, volumeNode, grid, session, label, engineName, modelHash=None):
    """Store what the session of a volume knows about a label's slices, and where they lie (`gridOf`), in one tag of its segment."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    segment.SetTag(TAG, encode_slices(session, label, engineName, modelHash, is_left_handed=isLeftHanded(volumeNode), grid=grid))


def readTags(segmentationNode, segmentID):
    """The values that `writeTags` stored, or None when the segment has none that can be read."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    if segment is None or not segment.HasTag(TAG):
        return None
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    return decode_slices(str(text))
