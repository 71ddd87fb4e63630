"""The volume and the segmentation that a person works on, and the tools that draw."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import hasVoxels
from SlicePropagationMRML.nodes.strokes import Strokes, putStrokes
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode
from SlicePropagationMRML.nodes.volume_files import (
    addSegments,
    addVolumeNode,
    removeVolumeNode,
)
from trame_slicer.segmentation import (
    SegmentationEffectDraw,
    SegmentationEffectErase,
    SegmentationEffectNoTool,
    SegmentationEffectPaint,
    SegmentationEffectScissors,
    SegmentationEffectThreshold,
)

from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationWeb.edit_history import EditHistory
from SlicePropagationWeb.flat_brush import hide, keep_strokes_out_of_3d
from SlicePropagationWeb.masking_rules import MaskingRules
from SlicePropagationWeb.segment_colors import free_color

if TYPE_CHECKING:
    from trame_slicer.core import SlicerApp

EFFECTS = {
    "none": SegmentationEffectNoTool,
    "paint": SegmentationEffectPaint,
    "erase": SegmentationEffectErase,
    "draw": SegmentationEffectDraw,
    "threshold": SegmentationEffectThreshold,
    "scissors": SegmentationEffectScissors,
}
WITHOUT_EFFECT = ("window", "seed", "trace")  # tools whose mouse the page itself looks at
BRUSHES = ("paint", "erase")
MAX_VOXELS_3D = 20e6  # beyond, the surface is not made anew after every stroke unless asked for
FIRST_SEGMENT = "Segment_1"
FILL_OPACITY = 0.35
LINE_PIXELS = 2


class SegmentationController:
    """At most one volume and one segmentation; Slicer's own segment editor edits it.

    Args:
        slicer_app: a `trame_slicer.core.SlicerApp`.

    Attributes:
        volume, segmentation: the nodes, or None.
        history: undo and redo.
        rules: what tools and runs may write on.
        on_change: called when segments, the tool or what can be undone changed.
        on_volume: called when another volume is there.
    """

    def __init__(self, slicer_app: "SlicerApp") -> None:
        keep_strokes_out_of_3d()
        self._app = slicer_app
        self.editor: Any = slicer_app.segmentation_editor
        self.volume: VolumeNode = None
        self.segmentation: SegmentationNode = None
        self._fill = FILL_OPACITY
        self._outline = True
        self._only_flat: set[str] = set()  # segments that the 3D view does not show
        self._without_effect = "none"
        self.on_change: Callable[[], None] = lambda: None
        self.on_volume: Callable[[], None] = lambda: None
        self.history = EditHistory(self.editor, lambda: self.on_change())
        self.rules = MaskingRules(self.editor, lambda: self.segmentation)
        self._changed = lambda *_: self.on_change()
        for signal in (
            self.editor.segmentation_modified,
            self.editor.active_segment_id_changed,
            self.editor.active_effect_name_changed,
            self.editor.editor_node_modified,
        ):
            signal.connect(self._changed)

    # Volume and segmentation

    def put_volume(
        self,
        volume: Volume,
        name: str,
    ) -> None:
        """Show a volume in place of what is open."""
        self._clear_segmentation()
        if self.volume is not None:
            removeVolumeNode(self.volume)
        self.volume = addVolumeNode(self._app.scene, volume, name)
        self.rules.lift_limits()  # they were those of another image
        self.on_volume()

    def put_segmentation(
        self,
        drawn: Segmentation | None = None,
        first: Segment | None = None,
    ) -> None:
        """Put a segmentation on the volume, in place of another.

        The views show the volume already: a segment drawn before the image would lie behind it.

        Args:
            drawn: what is drawn, or None for one empty segment.
            first: what the empty segment is called.
        """
        self._clear_segmentation()
        self.segmentation = self._new_segmentation()
        has_shared = drawn is not None and drawn.num_shared > 0
        self.rules.set_overwrite("overlap" if has_shared else "all")  # as in the file
        if drawn is not None:
            addSegments(self.segmentation, self.volume, drawn)
        self.editor.set_active_segmentation(self.segmentation, self.volume)
        self.rules.guard_strokes()
        if drawn is None:
            self._add_first_segment(first)
        self.history.clear()

    def put_strokes(self, strokes: dict[str, Strokes | None]) -> None:
        """Draw again what a journal has; where nothing else is drawn, in place of the first segment."""
        if strokes and not any(key in strokes for key in self.segment_ids()):
            for segment_id in self.segment_ids():
                if self.is_blank(segment_id):
                    self.segmentation.GetSegmentation().RemoveSegment(segment_id)
        putStrokes(self.editor.editor_logic, self.segmentation, self.volume, strokes)
        ids = self.segment_ids()
        self.editor.set_active_segment_id(next(iter(ids), ""))
        self.history.clear()

    def is_blank(self, segment_id: str) -> bool:
        """Whether nothing is drawn in a segment."""
        return not hasVoxels(self.segmentation, segment_id)

    def _clear_segmentation(self) -> None:
        self.editor.deactivate_effect()
        if self.segmentation is not None:
            self._app.scene.RemoveNode(self.segmentation)
        self.segmentation = None
        self._only_flat = set()

    def _new_segmentation(self) -> SegmentationNode:
        node = self.editor.create_empty_segmentation_node()
        node.SetName("Segmentation")
        node.GetDisplayNode().SetSliceIntersectionThickness(LINE_PIXELS)
        self._style(node)
        node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        return node

    def _add_first_segment(self, like: Segment | None) -> None:
        self.editor.add_empty_segment(
            segment_name=like.name if like else FIRST_SEGMENT,
            segment_color=like.color if like else free_color(self.segmentation),
        )

    def show_as(self, fill: float, outline: bool) -> None:
        """Show segments in the slices so opaque (0 to 1), with an outline or without."""
        self._fill = fill
        self._outline = outline
        if self.segmentation is not None:
            self._style(self.segmentation)

    def _style(self, node: SegmentationNode) -> None:
        display = node.GetDisplayNode()
        display.SetOpacity2DFill(self._fill)
        display.SetVisibility2DOutline(self._outline)

    @property
    def is_small(self) -> bool:
        """Whether the 3D surface can follow every stroke."""
        if self.volume is None:
            return False
        return self.volume.GetImageData().GetNumberOfPoints() <= MAX_VOXELS_3D

    def show_3d(self, is_shown: bool) -> None:
        """Show the segments as surfaces in the 3D view, or not."""
        self.editor.set_surface_representation_enabled(bool(is_shown))

    # Segments

    def segment_ids(self) -> list[str]:
        """IDs of the segments, in order."""
        if self.segmentation is None:
            return []
        return list(self.segmentation.GetSegmentation().GetSegmentIDs())

    def chosen_id(self) -> str:
        """The segment that tools and runs work on; empty where there is none."""
        return self.editor.get_active_segment_id() or ""

    def listed_segments(self) -> list[dict[str, Any]]:
        """[{"id", "name", "color": hex, "visible", "in_3d", "locked"}]."""
        if self.segmentation is None:
            return []
        return [
            {
                "id": key,
                "name": value.name,
                "color": value.color_hex,
                "visible": bool(self.editor.get_segment_visibility(key)),
                "in_3d": key not in self._only_flat,
                "locked": self.rules.is_locked(key),
            }
            for key, value in self.editor.get_all_segment_properties().items()
        ]

    def choose(self, segment_id: str) -> None:
        """Work on a segment."""
        self.editor.set_active_segment_id(segment_id)

    def add(self) -> None:
        """A new, empty segment."""
        self.editor.add_empty_segment(segment_color=free_color(self.segmentation))

    def add_named(self, name: str) -> str:
        """A new, empty segment of a name; returns its ID."""
        color = free_color(self.segmentation)
        return self.editor.add_empty_segment(segment_name=name, segment_color=color)

    def remove(self, segment_id: str) -> None:
        """Delete a segment; Undo brings it back."""
        self.editor.remove_segment(segment_id)

    def rename(
        self,
        segment_id: str,
        name: str,
    ) -> None:
        """Give a segment another name."""
        properties = self.editor.get_segment_properties(segment_id)
        if name.strip() not in ("", properties.name):  # no step to undo where nothing changes
            properties.name = name.strip()
            self.editor.set_segment_properties(segment_id, properties)

    def paint_in(
        self,
        segment_id: str,
        color: str,
    ) -> None:
        """Give a segment another colour, as "#rrggbb"."""
        properties = self.editor.get_segment_properties(segment_id)
        if properties.color_hex.lower() != color.lower():
            properties.color_hex = color
            self.editor.set_segment_properties(segment_id, properties)

    def reorder(
        self,
        segment_id: str,
        step: int,
    ) -> None:
        """Move a segment up (-1) or down (1) in the list."""
        ids = self.segment_ids()
        place = ids.index(segment_id) + step
        if 0 <= place < len(ids):
            self.segmentation.GetSegmentation().SetSegmentIndex(segment_id, place)
            self.on_change()

    def toggle_3d(self, segment_id: str) -> None:
        """Show a segment in the 3D view too, or in the slices only."""
        self._only_flat ^= {segment_id}
        is_shown = segment_id not in self._only_flat
        self.segmentation.GetDisplayNode().SetSegmentVisibility3D(segment_id, is_shown)
        self.on_change()

    def toggle(self, segment_id: str) -> None:
        """Show or hide a segment."""
        is_shown = self.editor.get_segment_visibility(segment_id)
        self.editor.set_segment_visibility(segment_id, not is_shown)
        self.on_change()

    def center(self, segment_id: str) -> tuple[float, float, float] | None:
        """Centre of a segment in world coordinates; None where nothing is drawn in it."""
        return self.segmentation.GetSegmentCenterRAS(segment_id)

    # Tools

    def take(self, tool: str) -> None:
        """Take a tool into the hand, by its name in `EFFECTS` or `WITHOUT_EFFECT`."""
        self._without_effect = tool if tool in WITHOUT_EFFECT else "none"
        self.editor.set_active_effect_type(EFFECTS.get(tool, SegmentationEffectNoTool))
        if tool in BRUSHES:
            hide(self.editor.active_effect)
        self.on_change()

    def tool(self) -> str:
        """Name of the tool in the hand."""
        active = type(self.editor.active_effect)
        name = next((name for name, effect in EFFECTS.items() if effect is active), "none")
        return self._without_effect if name == "none" else name
