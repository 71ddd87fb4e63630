"""Provenance and confidence in segment tags.

Drawn and propagated slices stay distinguishable wherever the segment goes.
"""

from typing import Any

import vtk

from SlicePropagationLib.pipelines.slice_record import TAG, decode_slices, encode_states
from SlicePropagationLib.session import SliceState
from SlicePropagationMRML.nodes.geometry import isLeftHanded
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode


def writeTags(
    segmentationNode: SegmentationNode,
    segmentID: str,
    volumeNode: VolumeNode,
    grid: dict[str, Any],
    states: dict[int, SliceState],
    axis: int,
    engineName: str,
    modelHash: str | None = None,
) -> None:
    """Store what is known about a segment's slices in one tag of the segment.

    Args:
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.
        grid: where the slices lie, as `gridOf` says.
        states: what is known of each slice.
        axis: the voxel axis (0, 1, 2 for K, J, I) that they run along.
        engineName: what walked last.
        modelHash: of its weights, None without any.
    """
    tag = encode_states(
        states,
        axis,
        engineName,
        modelHash,
        is_left_handed=isLeftHanded(volumeNode),
        grid=grid,
    )
    segmentationNode.GetSegmentation().GetSegment(segmentID).SetTag(TAG, tag)


def readTags(segmentationNode: SegmentationNode, segmentID: str) -> dict[str, Any] | None:
    """The values that `writeTags` stored, or None when the segment has none that can be read."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    if segment is None or not segment.HasTag(TAG):
        return None
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    return decode_slices(str(text))
