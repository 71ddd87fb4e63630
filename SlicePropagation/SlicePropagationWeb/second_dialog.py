"""Choosing a second image, and blending it: the dialog, and its place in the bar above the views."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.dialog_parts import (
    FIND_FROM,
    add_rest,
    close_button,
    dialog,
    file_list,
    find_field,
    problem,
)
from SlicePropagationWeb.page_parts import command_icon, give, percent_slider, tooltip
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.workspace import MAX_LISTED

LOOKED_AT = (
    "It is shown over the volume that is open, in its own place and with its own window. What you draw"
    " and propagate stays on the volume that is open."
)
BLEND = "How much of the second image is shown; B changes over"


def add_second_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog("Second image", "mdi-layers-outline", "560", v_model=name.is_second_dialog):
        with vuetify3.VCardText():
            html.Div(LOOKED_AT, classes="sp-faint")
            problem(name.second_problem)
            _add_list(
                "Choose one of its volumes or channels",
                name.second_choices,
                "file.path",
                "file.key",
            )
            find_field(name.find, f"{name.find} || {name.second_images}.length > {FIND_FROM}")
            words = f"({name.find} || '').toLowerCase().split(' ')"
            is_found = f"(one) => {words}.every((word) => one.title.toLowerCase().includes(word))"
            found = f"{name.second_images}.filter({is_found}).slice(0, {MAX_LISTED})"
            _add_list("Images in the folders given to this program", found, "file.path")
            add_rest(found)
            html.Div(
                "There is no other image in the folders given to this program; upload one with Open,"
                " then open this volume again.",
                v_if=f"!{name.second_images}.length",
                classes="sp-faint sp-gap",
            )
        with vuetify3.VCardActions():
            close_button(name.is_second_dialog, "Cancel")


def _add_list(heading: str, files: str, *arguments: str) -> None:
    """A list of files; a click shows one."""
    file_list(heading, files, give("load_second", *arguments), "mdi-cube-outline", "second")


def add_blend(name: StateNames) -> None:
    """Add the button that chooses a second image, or the slider that blends it.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(v_if=f"!{name.second_name}", classes="sp-wrap"):
        command_icon("second", name)
    with html.Div(v_if=name.second_name, classes="sp-blend"):
        vuetify3.VIcon("mdi-layers-outline", size="18")
        hint = f"`{BLEND}: ${{{name.second_name}}}, ${{{name.second_share}}} %`"
        percent_slider(name.second_share, "Share of the second image", hint)
        with vuetify3.VBtn(
            icon=True,
            size="24",
            variant="text",
            click=give("remove_second"),
            raw_attrs=['data-command="remove_second"', 'aria-label="Remove the second image"'],
        ):
            vuetify3.VIcon("mdi-close", size="16")
            tooltip("Show the first image alone", "bottom")
