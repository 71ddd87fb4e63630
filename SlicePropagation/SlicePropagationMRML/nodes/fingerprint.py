"""A number that changes with what a person did in a segmentation node: has a frame changed meanwhile?"""

import zlib

import numpy as np

from SlicePropagationLib.session import Provenance
from SlicePropagationMRML.nodes.geometry import arrayOf
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.nodes.types import SegmentationNode


def fingerprint(node: SegmentationNode | None) -> int:
    """A number of the voxels of a segmentation node and of what a person vouches for; 0 for None."""
    value = 0
    if node is None:
        return value
    for segmentID in node.GetSegmentation().GetSegmentIDs():
        anchors = _anchorsOf(node, segmentID)
        value = zlib.crc32(repr((segmentID, anchors)).encode(), value)
        segment = node.GetSegmentation().GetSegment(segmentID)
        labelmap = segment.GetRepresentation("Binary labelmap")
        if labelmap is not None and not labelmap.IsEmpty():
            extent = zlib.crc32(repr(labelmap.GetExtent()).encode(), value)
            voxels = np.ascontiguousarray(arrayOf(labelmap))
            value = zlib.crc32(voxels.data, extent)
    return value


def _anchorsOf(node: SegmentationNode, segmentID: str) -> list:
    """The slices that a person vouches for, as the segment's tag says."""
    tags = readTags(node, segmentID)
    if tags is None:
        return []
    return sorted(index for index, state in tags["slices"].items() if state[0] >= Provenance.SEED)
