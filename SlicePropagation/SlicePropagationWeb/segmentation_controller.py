"""The volume and the segmentation under the person's hands, and the tools that draw."""

from SlicePropagationMRML.nodes.volume_files import addSegments, addVolumeNode
from trame_slicer.app.logic import (
    DrawEffectLogic,
    EraseEffectLogic,
    PaintEffectLogic,
    ScissorsEffectLogic,
    ThresholdEffectLogic,
)
from trame_slicer.segmentation import (
    SegmentationEffectDraw,
    SegmentationEffectErase,
    SegmentationEffectNoTool,
    SegmentationEffectPaint,
    SegmentationEffectScissors,
    SegmentationEffectThreshold,
)

from SlicePropagationLib.files.segmentation_file import COLORS
from SlicePropagationWeb.edit_history import EditHistory

EFFECTS = {
    "none": SegmentationEffectNoTool,
    "paint": SegmentationEffectPaint,
    "erase": SegmentationEffectErase,
    "draw": SegmentationEffectDraw,
    "threshold": SegmentationEffectThreshold,
    "scissors": SegmentationEffectScissors,
}
EFFECT_LOGICS = (
    PaintEffectLogic,
    EraseEffectLogic,
    DrawEffectLogic,
    ScissorsEffectLogic,
    ThresholdEffectLogic,
)
MAX_VOXELS_3D = 20e6  # beyond, the surface is not made anew after every stroke unless asked for


class Desk:
    """At most one volume and one segmentation; Slicer's own segment editor edits it.

    Args:
        server: the trame server.
        slicer_app: a `trame_slicer.core.SlicerApp`.

    Attributes:
        volume, segmentation: the nodes, or None.
        history: undo and redo.
        on_change: called when segments, the tool or what can be undone changed.
    """

    def __init__(self, server, slicer_app):
        self._app = slicer_app
        self.editor = slicer_app.segmentation_editor
        self.volume = self.segmentation = None
        self.on_change = lambda: None
        self.history = EditHistory(self.editor, lambda: self.on_change())
        self.tools = {logic: logic(server, slicer_app) for logic in EFFECT_LOGICS}
        self._changed = lambda *_: self.on_change()
        for signal in (
            self.editor.segmentation_modified,
            self.editor.active_segment_id_changed,
            self.editor.active_effect_name_changed,
            self.editor.editor_node_modified,
        ):
            signal.connect(self._changed)

    def tools_ready(self, page):
        """Connect the tools that have buttons of their own with the page."""
        self.tools[ThresholdEffectLogic].set_effect_ui(page.threshold)
        self.tools[
            PaintEffectLogic
        ].data.use_sphere_brush = False  # a sphere would draw on neighbouring slices too

    def put_volume(self, volume, name):
        """Clear the desk and put a library `Volume` there."""
        self._clear_segmentation()
        if self.volume is not None:
            self._app.scene.RemoveNode(self.volume)
        self.volume = addVolumeNode(self._app.scene, volume, name)

    def _clear_segmentation(self):
        self.editor.deactivate_effect()
        if self.segmentation is not None:
            self._app.scene.RemoveNode(self.segmentation)
        self.segmentation = None

    def put_segmentation(self, labels=None, segments=()):
        """Put a segmentation there, in place of another, once the views show the volume: a segment drawn before the image would lie behind it.

        Args:
            labels: (K, J, I) uint8 label map, or None for one empty segment.
            segments: the library's `Segment`s of the label map; the first one names the empty
                segment.
        """
        self._clear_segmentation()
        self.segmentation = self.editor.create_empty_segmentation_node()
        self.segmentation.SetName("Segmentation")
        self.segmentation.GetDisplayNode().SetOpacity2DFill(0.35)
        self.segmentation.GetDisplayNode().SetSliceIntersectionThickness(2)
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        if labels is not None:
            addSegments(self.segmentation, self.volume, labels, segments)
        self.editor.set_active_segmentation(self.segmentation, self.volume)
        if labels is None:
            first = next(iter(segments), None)
            self.editor.add_empty_segment(
                segment_name=first.name if first else "Segment_1",
                segment_color=first.color if first else self._free_color(),
            )
        self.history.clear()

    @property
    def is_small(self):
        """Whether the 3D surface can follow every stroke."""
        return (
            self.volume is not None
            and self.volume.GetImageData().GetNumberOfPoints() <= MAX_VOXELS_3D
        )

    def segment_ids(self):
        """IDs of the segments, in order."""
        return (
            []
            if self.segmentation is None
            else list(self.segmentation.GetSegmentation().GetSegmentIDs())
        )

    def chosen_id(self):
        """The segment that tools and runs work on; empty where there is none."""
        return self.editor.get_active_segment_id() or ""

    def listed_segments(self):
        """[{"id", "name", "color": hex, "visible"}]."""
        properties = (
            self.editor.get_all_segment_properties() if self.segmentation is not None else {}
        )
        return [
            {
                "id": key,
                "name": value.name,
                "color": value.color_hex,
                "visible": bool(self.editor.get_segment_visibility(key)),
            }
            for key, value in properties.items()
        ]

    def choose(self, segment_id):
        """Work on a segment."""
        self.editor.set_active_segment_id(segment_id)

    def add(self):
        """A new, empty segment."""
        self.editor.add_empty_segment(segment_color=self._free_color())

    def remove(self, segment_id):
        """Delete a segment; Undo brings it back."""
        self.editor.remove_segment(segment_id)

    def rename(self, segment_id, name):
        """Give a segment another name."""
        properties = self.editor.get_segment_properties(segment_id)
        if properties is not None and name.strip():
            properties.name = name.strip()
            self.editor.set_segment_properties(segment_id, properties)

    def toggle(self, segment_id):
        """Show or hide a segment."""
        self.editor.set_segment_visibility(
            segment_id,
            not self.editor.get_segment_visibility(segment_id),
        )
        self.on_change()

    def center(self, segment_id):
        """Centre of a segment in world coordinates."""
        return self.segmentation.GetSegmentCenterRAS(segment_id)

    def take(self, tool):
        """Take a tool into the hand, by its name in `EFFECTS`."""
        self.editor.set_active_effect_type(EFFECTS[tool])

    def intensity_range(self):
        """(lowest, highest) intensity that tools and runs may write on, or None where all may be."""
        modifier = self.editor.active_segment_modifier
        return (
            modifier.get_source_volume_intensity_mask_range()
            if modifier is not None and modifier.is_source_volume_intensity_mask_enabled()
            else None
        )

    def lift_intensity_range(self):
        """Let tools and runs write everywhere."""
        self.editor.active_segment_modifier.set_source_volume_intensity_mask_enabled(False)
        self.on_change()

    def tool(self):
        """Name of the tool in the hand."""
        active = type(self.editor.active_effect)
        return next((name for name, effect in EFFECTS.items() if effect is active), "none")

    def _free_color(self):
        """A colour that is clear on grey and that no other segment has, while there is one left.

        Slicer's own for new segments may be dark.
        """
        segmentation = self.segmentation.GetSegmentation()
        used = {
            tuple(round(part, 2) for part in segmentation.GetSegment(key).GetColor())
            for key in self.segment_ids()
        }
        return next(
            (color for color in COLORS if color not in used), COLORS[len(used) % len(COLORS)]
        )

    def show_3d(self, is_shown):
        """Show the segments as surfaces in the 3D view, or not."""
        self.editor.set_surface_representation_enabled(bool(is_shown))
