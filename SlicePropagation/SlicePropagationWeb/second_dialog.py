"""Choosing a second image, and blending it: the dialog, and its place in the bar above the views."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import LIGHT_BLUE, command_icon, give, shown, tooltip
from SlicePropagationWeb.panel_state import StateNames

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
    with (
        vuetify3.VDialog(v_model=name.is_second_dialog, width="560"),
        vuetify3.VCard(title="Second image", prepend_icon="mdi-layers-outline"),
    ):
        with vuetify3.VCardText():
            html.Div(LOOKED_AT, classes="sp-faint")
            _add_problem(name)
            _add_list("Choose one of its volumes", name.second_choices, "one.path, one.key")
            _add_find(name)
            is_found = (
                f"(one) => one.title.toLowerCase().includes(({name.find} || '').toLowerCase())"
            )
            found = f"{name.second_images}.filter({is_found})"
            _add_list("Images in the folders given to this program", found, "one.path")
            html.Div(
                "There is no other image in the folders given to this program; upload one with Open,"
                " then open this volume again.",
                v_if=f"!{name.second_images}.length",
                classes="sp-faint sp-gap",
            )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn("Cancel", classes="text-none", click=f"{name.is_second_dialog} = false")


def _add_problem(name: StateNames) -> None:
    vuetify3.VAlert(
        v_if=name.second_problem,
        type="error",
        variant="tonal",
        density="compact",
        classes="mt-4",
        text=(name.second_problem,),
    )


def _add_find(name: StateNames) -> None:
    vuetify3.VTextField(
        v_if=f"{name.second_images}.length > 12",
        v_model=name.find,
        placeholder="Find",
        prepend_inner_icon="mdi-magnify",
        density="compact",
        variant="outlined",
        hide_details=True,
        clearable=True,
        classes="mt-4",
    )


def _add_list(heading: str, files: str, arguments: str) -> None:
    """A list of files; a click shows one."""
    with html.Div(v_if=f"{files}.length", classes="mt-4"):
        html.Div(heading, classes="sp-heading")
        with vuetify3.VList(
            density="compact",
            max_height="260",
            bg_color="transparent",
            style="overflow-y: auto",
        ):
            vuetify3.VListItem(
                v_for=f"one in {files}",
                key="one.title",
                title=("one.title",),
                prepend_icon="mdi-cube-outline",
                click=give("load_second", arguments),
                raw_attrs=['data-open="second"'],
            )


def add_blend(name: StateNames) -> None:
    """Add the button that chooses a second image, or the slider that blends it.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(v_if=f"!{name.second_name}", classes="sp-wrap"):
        command_icon("second", name)
    with html.Div(v_if=name.second_name, classes="sp-blend"):
        vuetify3.VIcon("mdi-layers-outline", size="18")
        with vuetify3.VSlider(
            v_model=name.second_share,
            min=0,
            max=100,
            step=5,
            hide_details=True,
            density="compact",
            color=LIGHT_BLUE,
            thumb_size=12,
            track_size=3,
            classes="sp-fill",
            raw_attrs=['aria-label="Share of the second image"'],
        ):
            tooltip(
                shown(f"`{BLEND}: ${{{name.second_name}}}, ${{{name.second_share}}} %`"), "bottom"
            )
        with vuetify3.VBtn(
            icon=True,
            size="24",
            variant="text",
            click=give("remove_second"),
            raw_attrs=['data-command="remove_second"', 'aria-label="Remove the second image"'],
        ):
            vuetify3.VIcon("mdi-close", size="16")
            tooltip("Show the first image alone", "bottom")
