"""The panel's section "Draw": the segments, the tools and their options."""

from trame.widgets import html, vuetify3
from trame_slicer.app.ui.segmentation import (
    DrawEffectUI,
    PaintEffectUI,
    ScissorsEffectUI,
    ThresholdEffectUI,
)

from SlicePropagationWeb.command_labels import TOOLS
from SlicePropagationWeb.page_parts import LIGHT_BLUE, give, section, shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.segment_list import add_segment_buttons, add_segment_list

WITH_OPTIONS = ["paint", "erase", "draw", "threshold", "scissors"]


class DrawSection:
    """Adds the section to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.

    Attributes:
        threshold: the threshold tool's part of the page.
    """

    def __init__(self, name: StateNames) -> None:
        self.name = name
        with section("Draw"):
            html.Div(
                "Open a volume to draw on it.",
                classes="sp-faint",
                v_if=f"!{name.volume_name}",
            )
            with html.Div(v_if=name.volume_name):
                add_segment_list(self.name)
                add_segment_buttons(self.name)
                self._tools()
                self._tool_options()
                self._limit()

    def _tools(self) -> None:
        with html.Div(classes="sp-row sp-tools sp-gap"):
            for tool, (text, icon) in TOOLS.items():
                self._tool(tool, text, icon)

    def _tool(
        self,
        tool: str,
        text: str,
        icon: str,
    ) -> None:
        is_taken = f"{self.name.tool} === '{tool}'"
        with vuetify3.VBtn(
            icon=True,
            rounded="lg",
            size="38",
            variant=(f"{is_taken} ? 'tonal' : 'text'",),
            color=(f"{is_taken} ? '{LIGHT_BLUE}' : ''",),
            disabled=(f"!!{self.name.why}.edit",),
            click=give("tool", f"'{tool}'"),
            raw_attrs=[f'aria-label="{text}"', f'data-tool="{tool}"'],
        ):
            vuetify3.VIcon(icon, size="22")
            vuetify3.VTooltip(text, activator="parent", location="bottom")

    def _tool_options(self) -> None:
        tool = self.name.tool
        with html.Div(classes="sp-tool-options", v_if=f"{WITH_OPTIONS}.includes({tool})"):
            PaintEffectUI(v_if=f"['paint', 'erase'].includes({tool})")
            DrawEffectUI(v_if=f"{tool} === 'draw'")
            self.threshold = ThresholdEffectUI(v_if=f"{tool} === 'threshold'")
            ScissorsEffectUI(v_if=f"{tool} === 'scissors'")

    def _limit(self) -> None:
        name = self.name
        with html.Div(v_if=name.limit_text, classes="sp-tool-options sp-row"):
            html.Span(shown(name.limit_text), classes="sp-faint")
            vuetify3.VBtn(
                "Paint everywhere",
                size="small",
                variant="tonal",
                click=give("everywhere"),
            )
