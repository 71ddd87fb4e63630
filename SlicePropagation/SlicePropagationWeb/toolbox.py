"""All tools of the page, put together, and what they follow."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from SlicePropagationWeb.brush_size import BrushSize
from SlicePropagationWeb.outline_tools import OutlineTools
from SlicePropagationWeb.seed_tool import SeedTool
from SlicePropagationWeb.slice_commands import SliceCommands
from SlicePropagationWeb.smart_brush import SmartBrush
from SlicePropagationWeb.surprises import tell
from SlicePropagationWeb.threshold_tool import ThresholdTool
from SlicePropagationWeb.trace_tool import TraceTool

if TYPE_CHECKING:
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState, StateNames
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.workflow import Workflow


class Toolbox:
    """The tools and their options.

    Args:
        controller: the SegmentationController.
        views: the PageViews.
        workflow: the Workflow.
        data: the PanelState that the browser shows.

    Attributes:
        outlines: the OutlineTools.
        seeds: the SeedTool.
        traces: the TraceTool.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        views: "PageViews",
        workflow: "Workflow",
        data: "PanelState",
    ) -> None:
        self._controller = controller
        self._flow = workflow
        self._data = data
        self._brush = BrushSize(controller.editor, data)
        self._smart = SmartBrush(controller, data)
        self._slices = SliceCommands(workflow, data)
        self._threshold = ThresholdTool(controller, self._slices, data)
        give = partial(tell, workflow)
        self.outlines = OutlineTools(controller, views, self._slices, data, give, workflow.say)
        self.seeds = SeedTool(controller, views, self._slices, data, give)
        self.traces = TraceTool(controller, views, self._slices, data, give)
        controller.on_volume = self._fit
        controller.rules.on_refused = self._refused

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        controller = self._controller
        return {
            "tool": controller.take,
            "brush": self._brush.set,
            "thicker": self._brush.thicker,
            "thinner": self._brush.thinner,
            "tolerance": self._smart.set_tolerance,
            "lock": self._lock,
            **self._threshold.commands(),
            **self._slices.commands(),
            **self.outlines.commands(),
        }

    def follow(self, typed: Any, name: "StateNames") -> None:
        """Take over what the browser sets.

        Args:
            typed: the TypedState of the PanelState.
            name: names of its values in the browser.
        """
        typed.bind_changes(
            {
                name.sphere: self._choose(self._brush.set_sphere),
                name.smart: self._choose(self._smart.begin),
                name.outline_mode: self._choose(self.outlines.set_mode),
                name.threshold: self._choose(lambda _: self._threshold.show()),
                name.reach: self._choose(self._begin_range),
                name.overwrite: self._choose(self._controller.rules.set_overwrite),
            }
        )

    def _choose(self, call: Callable[[Any], object]) -> Callable[[Any], None]:
        return lambda value: tell(self._flow, call, value)

    def _begin_range(self, reach: str) -> None:
        """A range begins with the slice shown, unless it has that already."""
        data = self._data
        first, last = data.reach_span
        if reach == "range" and not first <= data.index <= last:
            data.reach_span = [data.index, data.index]

    def _fit(self) -> None:
        """Another volume is there."""
        self._brush.fit(self._controller.volume)
        self._smart.fit()
        self.traces.forget()
        self._threshold.fit(self._controller.volume)
        self._data.reach = "slice"

    def _lock(self, segment_id: str) -> None:
        self._controller.rules.toggle_lock(segment_id)
        self._flow.refresh()

    def _refused(self, segment_id: str) -> None:
        """Somebody drew in a locked segment."""
        listed = {segment["id"]: segment["name"] for segment in self._data.segments}
        name = listed.get(segment_id, segment_id)
        self._flow.say(f"{name} is locked; unlock it in the list to draw in it.", is_error=True)
