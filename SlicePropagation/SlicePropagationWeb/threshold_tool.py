"""Threshold: a range of intensities, to paint in or to add to the slices that the tool reaches."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import intensityRange
from trame_slicer.segmentation import SegmentationEffectThreshold

from SlicePropagationLib.errors import InputError
from SlicePropagationWeb.reach import reached, with_end

if TYPE_CHECKING:
    from SlicePropagationMRML.nodes.types import VolumeNode

    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.slice_commands import SliceCommands


class ThresholdTool:
    """The range of the tool, which the `trame_slicer` tool shows in the views.

    Args:
        controller: the SegmentationController.
        slices: the SliceCommands, which write.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        slices: "SliceCommands",
        data: "PanelState",
    ) -> None:
        self._controller = controller
        self._slices = slices
        self._data = data
        self._effect: Any = controller.editor.get_effect(SegmentationEffectThreshold)
        self._is_found = False
        controller.editor.active_effect_name_changed.connect(self._taken)

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {
            "threshold": self._apply,
            "mask": self._use_as_mask,
            "find_range": self._find,
            "threshold_end": self._set_end,
            "reach_end": self._set_reach,
            "limit": self._limit,
            "limit_end": self._set_limit,
        }

    def fit(self, volume_node: "VolumeNode") -> None:
        """Another volume is there; its range is found when the tool is taken."""
        self._data.threshold_bounds = list(intensityRange(volume_node))
        self._data.threshold = list(self._data.threshold_bounds)
        self._is_found = False

    def show(self) -> None:
        """Have the views show the range of the page."""
        lowest, highest = (_short(each) for each in self._data.threshold)
        self._data.threshold = [lowest, highest]
        self._effect.set_threshold_min_max_values((lowest, highest))

    def _taken(self, _name: str) -> None:
        if self._effect.is_active and not self._is_found:
            self._find()

    def _find(self) -> None:
        """Find the range by the method of Otsu: what is brighter than most."""
        if not self._effect.is_active:
            return
        self._effect.auto_threshold()
        self._is_found = True
        self._data.threshold = [
            _short(each) for each in self._effect.get_threshold_min_max_values()
        ]
        self.show()

    def _set_end(self, which: int, value: float) -> None:
        self._data.threshold = _in_order(self._data.threshold, which, value)
        self.show()

    def _apply(self) -> None:
        """Add what is in the range to the segment, on the slices that are reached."""
        data = self._data
        stack = self._slices.document.stack
        lowest, highest = data.threshold
        slices = reached(data.reach, data.index, data.reach_span, len(stack))
        wanted = {
            index: mask | ((stack.images[index] >= lowest) & (stack.images[index] <= highest))
            for index, mask in self._slices.masks(slices).items()
        }
        if not self._slices.write("Threshold", wanted):
            raise InputError("Nothing more is in the range there; change it, or its slices.")

    def _use_as_mask(self) -> None:
        """Let tools and runs write in the range only, and paint."""
        lowest, highest = self._data.threshold
        self._controller.rules.set_limits(lowest, highest)
        self._controller.take("paint")

    def _set_reach(self, which: int, number: float) -> None:
        data = self._data
        data.reach_span = with_end(data.reach_span, which, number, data.num_slices)

    # The range that may be written on

    def _limit(self, is_on: bool) -> None:
        """Limit tools and runs to a range of intensities, at first that of the threshold; or lift it."""
        rules = self._controller.rules
        if is_on:
            lowest, highest = self._data.threshold
            rules.set_limits(lowest, highest)
        else:
            rules.lift_limits()

    def _set_limit(self, which: int, value: float) -> None:
        limits = self._controller.rules.limits() or self._data.threshold
        lowest, highest = _in_order(list(limits), which, value)
        self._controller.rules.set_limits(lowest, highest)


def _in_order(ends: list[float], which: int, value: float) -> list[float]:
    """A range with another end; the other end goes along where they would cross."""
    lowest, highest = (value, ends[1]) if which == 0 else (ends[0], value)
    return [float(min(lowest, value)), float(max(highest, value))]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
