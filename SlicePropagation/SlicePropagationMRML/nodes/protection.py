"""Segments that keep their voxels whatever is written into others.

Locked ones; and all of them, while one draws under what is there. It stands with the node and not in
the segments, so that undo leaves it as it is.
"""

import json
from collections.abc import Sequence

from SlicePropagationMRML.nodes.geometry import arrayOf, partOf, voxelsOn
from SlicePropagationMRML.nodes.types import Labelmap, SegmentationNode

LOCKED = "SlicePropagation.Locked"
UNDER = "SlicePropagation.DrawUnder"


def lockedSegments(segmentationNode: SegmentationNode) -> set[str]:
    """IDs of the segments that are locked."""
    return set(json.loads(segmentationNode.GetAttribute(LOCKED) or "[]"))


def isLocked(segmentationNode: SegmentationNode, segmentID: str) -> bool:
    """Whether nothing may change a segment."""
    return segmentID in lockedSegments(segmentationNode)


def lock(segmentationNode: SegmentationNode, segmentID: str, isOn: bool) -> None:
    """Lock a segment, or let it be changed again."""
    locked = lockedSegments(segmentationNode) - {segmentID}
    if isOn:
        locked.add(segmentID)
    segmentationNode.SetAttribute(LOCKED, json.dumps(sorted(locked)) if locked else None)


def drawsUnder(segmentationNode: SegmentationNode) -> bool:
    """Whether what is written takes no voxel from any other segment, and lies over none."""
    return segmentationNode.GetAttribute(UNDER) is not None


def drawUnder(segmentationNode: SegmentationNode, isOn: bool) -> None:
    """Draw under the other segments from now on, or not any more."""
    segmentationNode.SetAttribute(UNDER, "1" if isOn else None)


def protectedFrom(segmentationNode: SegmentationNode, segmentID: str) -> list[str]:
    """IDs of the segments that keep their voxels when one is written."""
    others = [each for each in _ids(segmentationNode) if each != segmentID]
    if drawsUnder(segmentationNode):
        return others
    locked = lockedSegments(segmentationNode)
    return [each for each in others if each in locked]


def spareProtected(
    segmentationNode: SegmentationNode,
    segmentID: str,
    labelmap: Labelmap,
    extent: Sequence[int] | None = None,
) -> None:
    """Take out of what is to be added to a segment all voxels that others keep.

    Args:
        segmentationNode: the segmentation.
        segmentID: the segment that is written.
        labelmap: what is to be added; it is changed.
        extent: the part of the labelmap in which anything is; None for all of it.
    """
    protected = protectedFrom(segmentationNode, segmentID)
    if not protected:
        return
    part, window = partOf(labelmap, extent or labelmap.GetExtent())
    if part is None:
        return
    voxels = arrayOf(labelmap)[window]
    for other in protected:
        voxels[voxelsOn(part, segmentationNode, other)] = 0
    labelmap.Modified()


def _ids(segmentationNode: SegmentationNode) -> tuple[str, ...]:
    return segmentationNode.GetSegmentation().GetSegmentIDs()
