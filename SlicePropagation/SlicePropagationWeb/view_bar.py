"""The bar above the views: window and level, how segments are shown, the crosshair."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import (
    ACCENT,
    command_icon,
    give,
    number_field,
    percent_slider,
    tooltip,
)
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.second_dialog import add_blend
from SlicePropagationWeb.window_presets import preset_items


def add_view_bar(name: StateNames) -> None:
    """Add the bar to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(classes="sp-view-bar", v_if=name.volume_name):
        _add_presets(name)
        typed = "+$event.target.value"
        which = f"`Window and level of ${{{name.second_name}}}`"
        html.Span("2:", classes="sp-label sp-short", v_if=name.sets_second, title=(which,))
        html.Span("W", classes="sp-label sp-short", title="Width: how many intensities differ")
        number_field("Window", f"{name.window}[0]", give("width", typed))
        html.Span(
            "L", classes="sp-label sp-short", title="Level: the intensity that is medium grey"
        )
        number_field("Level", f"{name.window}[1]", give("level", typed))
        command_icon("reset_window", name)
        html.Div(style="flex: 1")
        add_blend(name)
        _add_fill(name)
        _add_toggle("Outline", "mdi-vector-polygon", "Outline of the segments", name.outline)
        _add_toggle(
            "Crosshair",
            "mdi-crosshairs",
            "Crosshair (X); with Shift it follows the mouse in all views",
            name.crosshair,
        )
        command_icon("keys", name)


def _add_presets(name: StateNames) -> None:
    with (
        vuetify3.VBtn(
            "Window",
            size="small",
            variant="tonal",
            append_icon="mdi-menu-down",
            raw_attrs=['aria-label="Presets of window and level"'],
        ),
        vuetify3.VMenu(activator="parent", location="bottom start"),
        vuetify3.VList(density="compact"),
    ):
        for item in preset_items():
            value = item["value"]
            is_there = {} if value == "automatic" else {"v_if": name.is_ct}
            with vuetify3.VListItem(
                click=give("preset", f"'{value}'"),
                raw_attrs=[f'data-preset="{value}"'],
                **is_there,
            ):
                vuetify3.VListItemTitle(item["title"])


def _add_fill(name: StateNames) -> None:
    """How opaque segments are in the slices."""
    html.Span("Fill", classes="sp-label sp-short sp-fill-label")
    hint = f"`Opacity of the segments: ${{{name.fill}}} %`"
    percent_slider(name.fill, "Opacity of the segments", hint)


def _add_toggle(label: str, icon: str, hint: str, value: str) -> None:
    with vuetify3.VBtn(
        icon=True,
        size="32",
        variant=(f"{value} ? 'tonal' : 'text'",),
        color=(f"{value} ? '{ACCENT}' : ''",),
        click=f"{value} = !{value}",
        raw_attrs=[f'aria-label="{label}"', f':aria-pressed="String({value})"'],
    ):
        vuetify3.VIcon(icon, size="18")
        tooltip(hint, "bottom")
