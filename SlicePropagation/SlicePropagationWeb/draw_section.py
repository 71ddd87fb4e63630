"""The panel's section "Draw": the segments, the tools and their options."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import TOOLS
from SlicePropagationWeb.masking_section import add_masking
from SlicePropagationWeb.page_parts import ACCENT, give, section, tooltip
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.segment_list import add_segment_buttons, add_segment_list
from SlicePropagationWeb.slice_section import add_slice_commands
from SlicePropagationWeb.tool_options import add_tool_options


def add_draw_section(name: StateNames) -> None:
    """Add the section to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with section("Draw"):
        html.Div(
            "Open a volume to draw on it.",
            classes="sp-faint",
            v_if=f"!{name.volume_name}",
        )
        with html.Div(v_if=name.volume_name):
            add_segment_list(name)
            add_segment_buttons(name)
            _add_tools(name)
            add_tool_options(name)
            add_slice_commands(name)
            add_masking(name)


def _add_tools(name: StateNames) -> None:
    with html.Div(classes="sp-row sp-tools sp-gap"):
        for number, (tool, (text, icon)) in enumerate(TOOLS.items(), 1):
            _add_tool(name, tool, f"{text} ({number})", icon)


def _add_tool(name: StateNames, tool: str, text: str, icon: str) -> None:
    is_taken = f"{name.tool} === '{tool}'"
    with vuetify3.VBtn(
        icon=True,
        rounded="lg",
        size="31",
        variant=(f"{is_taken} ? 'tonal' : 'text'",),
        color=(f"{is_taken} ? '{ACCENT}' : ''",),
        disabled=(f"!!{name.why}.edit",),
        click=give("tool", f"'{tool}'"),
        raw_attrs=[f'aria-label="{text}"', f'data-tool="{tool}"'],
    ):
        vuetify3.VIcon(icon, size="20")
        tooltip(text, "top")  # below are the options of the tool that was taken
