"""The brush: its diameter in millimetres, and whether it is a sphere."""

from typing import TYPE_CHECKING, Any

from trame_slicer.segmentation import (
    BrushDiameterMode,
    SegmentationEffectErase,
    SegmentationEffectPaint,
)

from SlicePropagationLib.errors import InputError

if TYPE_CHECKING:
    from SlicePropagationMRML.nodes.types import VolumeNode

    from SlicePropagationWeb.panel_state import PanelState

FIRST_SHARE = 0.03  # of the volume's width: about a tenth of an organ
LARGEST_SHARE = 0.15
STEP = 1.2  # of the keys


class BrushSize:
    """Keeps the brushes of a `trame_slicer` segmentation editor as the page says, in millimetres.

    Args:
        editor: the SegmentationEditor.
        data: the PanelState that the browser shows.
    """

    def __init__(self, editor: Any, data: "PanelState") -> None:
        self._data = data
        kinds = (SegmentationEffectPaint, SegmentationEffectErase)
        self._brushes = [editor.get_effect(kind) for kind in kinds]
        for brush in self._brushes:
            brush.parameters_changed.connect(self._turned)

    def fit(self, volume_node: "VolumeNode") -> None:
        """Another volume is there; the brush keeps its size if that is one there."""
        spacing = volume_node.GetSpacing()
        sizes = volume_node.GetImageData().GetDimensions()
        width = max(step * count for step, count in zip(spacing, sizes, strict=True))
        lowest, highest = min(spacing), LARGEST_SHARE * width
        self._data.brush_bounds = [_rounded(lowest), _rounded(highest)]
        is_one = lowest <= self._data.brush_mm <= highest
        self.set(self._data.brush_mm if is_one else FIRST_SHARE * width)

    def set(self, diameter_mm: float) -> None:
        """Take a diameter, as far as the volume has room for it.

        Raises:
            InputError: it is not above 0.
        """
        if not diameter_mm > 0:
            raise InputError(
                f"A brush of {diameter_mm:g} mm paints nothing; type a number above 0."
            )
        lowest, highest = self._data.brush_bounds
        self._data.brush_mm = _rounded(min(max(diameter_mm, lowest), highest))
        self._apply()

    def thicker(self) -> None:
        """A larger brush."""
        self.set(self._data.brush_mm * STEP)

    def thinner(self) -> None:
        """A smaller brush."""
        self.set(self._data.brush_mm / STEP)

    def set_sphere(self, is_sphere: bool) -> None:
        """Let it paint a ball, over several slices, or a disc on the slice shown."""
        for brush in self._brushes:
            brush.set_use_sphere_brush(is_sphere)

    def _apply(self) -> None:
        for brush in self._brushes:
            with brush.parameters_changed.emit_blocked():
                brush.set_brush_diameter(self._data.brush_mm, BrushDiameterMode.Absolute)

    def _turned(self) -> None:
        """Slicer changed the size of the brush in the hand, as with Shift and the wheel."""
        for brush in self._brushes:
            diameter = brush.get_brush_diameter()
            if brush.is_active and _rounded(diameter) != self._data.brush_mm:
                self.set(diameter)


def _rounded(diameter: float) -> float:
    return float(f"{diameter:.3g}")
