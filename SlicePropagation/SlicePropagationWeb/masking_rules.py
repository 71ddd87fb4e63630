"""What tools and runs may write on: other segments, locked ones, a range of intensities."""

from collections.abc import Callable
from typing import Any

from SlicePropagationMRML.nodes.geometry import cutOut, emptyLabelmap
from SlicePropagationMRML.nodes.protection import (
    drawsUnder,
    drawUnder,
    isLocked,
    lock,
    spareProtected,
)
from SlicePropagationMRML.nodes.types import SegmentationNode
from SlicePropagationMRML.run.document import Document
from trame_slicer.segmentation import ModificationMode, SegmentationOverwriteMode

UNDER = "under"
NODE_MODES = {
    "all": SegmentationOverwriteMode.OVERWRITE_ALL,
    "visible": SegmentationOverwriteMode.OVERWRITE_ALL_VISIBLE_SEGMENTS,
    "overlap": SegmentationOverwriteMode.ALLOW_OVERLAP,
}


class MaskingRules:
    """The rules of a `trame_slicer` segmentation editor, for its tools and for runs alike.

    Args:
        editor: the SegmentationEditor.
        segmentation: returns the node that is open, or None.

    Attributes:
        on_refused: called with the ID of a locked segment that somebody drew in.
    """

    def __init__(self, editor: Any, segmentation: Callable[[], SegmentationNode]) -> None:
        self._editor = editor
        self._segmentation = segmentation
        self.on_refused: Callable[[str], None] = lambda segment_id: None

    # Other segments

    def overwrite(self) -> str:
        """What happens to other segments: one of `NODE_MODES`, or "under"."""
        node = self._segmentation()
        if node is not None and drawsUnder(node):
            return UNDER
        mode = self._editor.get_overwrite_mode()
        return next(name for name, each in NODE_MODES.items() if each is mode)

    def set_overwrite(self, name: str) -> None:
        """Let others be overwritten, all or those that are shown; or draw under them; or overlap."""
        node = self._segmentation()
        if node is not None:
            drawUnder(node, name == UNDER)
        self._editor.set_overwrite_mode(NODE_MODES.get(name, NODE_MODES["all"]))

    def is_locked(self, segment_id: str) -> bool:
        """Whether nothing may change a segment."""
        node = self._segmentation()
        return node is not None and isLocked(node, segment_id)

    def toggle_lock(self, segment_id: str) -> None:
        """Lock a segment, or let it be changed again."""
        lock(self._segmentation(), segment_id, not self.is_locked(segment_id))

    def fillable(self, document: Document | None) -> list[str]:
        """IDs of the segments that a run of all fills: those that are annotated and not locked."""
        if document is None:
            return []
        return [
            segment_id
            for label, segment_id in document.segments.items()
            if document.session.anchors(label) and not self.is_locked(segment_id)
        ]

    # Intensities

    def limits(self) -> tuple[float, float] | None:
        """(lowest, highest) intensity that may be written on; None where all may."""
        node = self._editor.editor_node
        if not node.GetSourceVolumeIntensityMask():
            return None
        return node.GetSourceVolumeIntensityMaskRange()

    def set_limits(self, lowest: float, highest: float) -> None:
        """Let only these intensities be written on."""
        self._editor.editor_node.SetSourceVolumeIntensityMaskRange(lowest, highest)
        self._editor.editor_node.SetSourceVolumeIntensityMask(True)

    def lift_limits(self) -> None:
        """Let all intensities be written on."""
        self._editor.editor_node.SetSourceVolumeIntensityMask(False)

    # Strokes

    def guard_strokes(self) -> None:
        """Have the strokes of the segmentation that is open keep to the rules.

        Slicer's own rules know neither locks nor drawing under. Strokes come on a labelmap of the
        whole volume; of that, only what is drawn takes memory.
        """
        modifier = self._editor.active_segment_modifier
        drawn = modifier.segmentation
        drawn.create_modifier_labelmap = lambda: emptyLabelmap(
            drawn.volume_node, drawn.segmentation_node
        )
        apply = modifier.apply_labelmap

        def apply_by_the_rules(labelmap: Any, **options: Any) -> None:
            node = modifier.segmentation.segmentation_node
            segment_id = options.get("segment_id") or modifier.active_segment_id
            mode = options.get("modification_mode") or modifier.modification_mode
            if isLocked(node, segment_id):
                self.on_refused(segment_id)
                return
            if mode in (ModificationMode.Add, ModificationMode.Remove):
                labelmap = cutOut(labelmap, options.pop("modifier_extent", None))
            if mode == ModificationMode.Add:
                spareProtected(node, segment_id, labelmap)
            apply(labelmap, **options)

        modifier.apply_labelmap = apply_by_the_rules
