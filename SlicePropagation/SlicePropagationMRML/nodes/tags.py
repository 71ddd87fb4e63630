"""Provenance and confidence in segment tags.

Drawn and propagated slices stay distinguishable wherever the segment goes.
"""

from typing import Any

import vtk

from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.pipelines.slice_record import TAG, decode_slices, encode_states
from SlicePropagationLib.session import SliceState
from SlicePropagationMRML.nodes import dicom_tags
from SlicePropagationMRML.nodes.dicom_tags import writeAlgorithm
from SlicePropagationMRML.nodes.geometry import isLeftHanded
from SlicePropagationMRML.nodes.types import Node, SegmentationNode, VolumeNode

ORIGIN = "SlicePropagation.Origin"  # label, layer and value that a segment had in its file
# Tags of Slicer that come back as they were.
KEPT = ("TerminologyEntry", "Segmentation.Status", "DicomRtImport.RoiNumber")


def writeOrigin(node: Node, segment: Segment) -> None:
    """Store with a segment (a vtkSegment) how its file numbers it, so that it comes back so."""
    node.SetTag(ORIGIN, f"{segment.label} {segment.layer} {segment.stored}")


def readOrigin(node: Node) -> tuple[int, int, int] | None:
    """(label, layer, value) that a segment (a vtkSegment) had in its file; None without one."""
    parts = readTag(node, ORIGIN).split()
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    label, layer, value = (int(part) for part in parts)
    return label, layer, value


def readTag(node: Node, name: str) -> str:
    """The text of a tag of a segment (a vtkSegment); empty where it has none."""
    text = vtk.reference("")
    return str(text) if node.GetTag(name, text) else ""


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
    """Store what is known about a segment's slices in a tag, and for DICOM how it came about.

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
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    segment.SetTag(TAG, tag)
    writeAlgorithm(segment, readTag(segment, dicom_tags.NAME), states.values(), engineName)


def slicesText(segmentationNode: SegmentationNode, segmentID: str) -> str | None:
    """What `writeTags` stored as it stands there; empty where nothing is, None without the segment."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    return None if segment is None else readTag(segment, TAG)


def readTags(segmentationNode: SegmentationNode, segmentID: str) -> dict[str, Any] | None:
    """The values that `writeTags` stored, or None when the segment has none that can be read."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    if segment is None or not segment.HasTag(TAG):
        return None
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    return decode_slices(str(text))
