"""What slices held before they were predicted again, as a faint outline beside the new one."""

from collections.abc import Mapping
from typing import Any

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.preview import Preview

OPACITY = 0.6
PIXELS = 1
COLOR = (0.95, 0.96, 0.97)  # unlike any segment's, whose new outline has its colour

Patches = Mapping[tuple[int, int], Patch]  # {(label, slice index): mask}


class OldOutline(Preview):
    """A temporary node of its own, seen in slice views only.

    Args:
        document: what is annotated, as `run.document` has it.
        patches: the masks to outline.
    """

    def __init__(self, document: Any, patches: Patches) -> None:
        super().__init__(
            document.scene,
            document.volumeNode,
            document.segmentationNode,
            document.segments,
            document.stack,
        )
        self.node.SetName(f"{document.segmentationNode.GetName()} before")
        self._style()
        self._put(patches)

    def _style(self) -> None:
        segmentation = self.node.GetSegmentation()
        for segmentID in segmentation.GetSegmentIDs():
            segmentation.GetSegment(segmentID).SetColor(*COLOR)
        display = self.node.GetDisplayNode()
        if display is not None:
            display.SetVisibility2DFill(False)
            display.SetVisibility2DOutline(True)
            display.SetOpacity2DOutline(OPACITY)
            display.SetSliceIntersectionThickness(PIXELS)
            display.SetVisibility3D(False)

    def _put(self, patches: Patches) -> None:
        slices: dict[int, dict[int, Patch]] = {}
        for (label, index), patch in patches.items():
            slices.setdefault(index, {})[label] = patch
        for index, shown in slices.items():
            self._slices.show(index, shown)
        self._slices.labelmap.Modified()
