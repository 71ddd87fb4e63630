"""Colours for new segments."""

from collections.abc import Sequence

from SlicePropagationMRML.nodes.types import SegmentationNode

from SlicePropagationLib.files.segments import COLORS


def free_color(node: SegmentationNode) -> tuple[float, float, float]:
    """A colour that is clear on grey and that no segment has, while there is one left.

    Slicer's own for new segments may be dark.
    """
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetSegment(key) for key in segmentation.GetSegmentIDs()]
    used = {_rounded(segment.GetColor()) for segment in segments}
    return next(
        (color for color in COLORS if color not in used),
        COLORS[len(used) % len(COLORS)],
    )


def _rounded(color: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(part, 2) for part in color)
