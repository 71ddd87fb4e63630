"""`SegmentNames`: how a person calls the segments of a segmentation, also those that are gone."""

from SlicePropagationMRML.nodes.types import SegmentationNode


class SegmentNames:
    """Remembers the last name of each segment.

    Args:
        segmentationNode: the segmentation.
    """

    def __init__(self, segmentationNode: SegmentationNode) -> None:
        self._node = segmentationNode
        self._known: dict[str, str] = {}
        self.look()

    def look(self) -> None:
        """Learn the names as they are now."""
        for segmentID in self._node.GetSegmentation().GetSegmentIDs():
            self.of(segmentID)

    def of(self, segmentID: str) -> str:
        """The name of a segment; its ID where it never had one.

        One has none for a moment when its adding is done again.
        """
        segment = self._node.GetSegmentation().GetSegment(segmentID)
        name = segment.GetName() if segment is not None else None
        if name:
            self._known[segmentID] = name
        return self._known.get(segmentID, segmentID)
