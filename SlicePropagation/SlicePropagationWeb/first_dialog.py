"""The dialog of *Segment first*: the models that came with the program, one click each."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.dialog_parts import close_button, dialog
from SlicePropagationWeb.page_parts import give, shown
from SlicePropagationWeb.panel_state import StateNames

EXPLAINED = (
    "A model looks at the whole volume and fills the segments of its structures. What it finds is"
    " predicted, not drawn: review it, correct slices, and propagate from the corrections. Slices"
    " that you drew stay as they are."
)


def add_first_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog("Segment first", "mdi-auto-fix", "640", v_model=name.is_first_dialog):
        with vuetify3.VCardText():
            html.Div(EXPLAINED, classes="sp-faint")
            vuetify3.VAlert(
                v_if=name.first_reason,
                type="warning",
                variant="tonal",
                density="compact",
                classes="mt-4",
                text=(f"{name.first_reason} + '.'",),
            )
            _add_models(name)
        with vuetify3.VCardActions():
            close_button(name.is_first_dialog, "Cancel")


def _add_models(name: StateNames) -> None:
    with (
        vuetify3.VList(bg_color="transparent", lines="three", classes="mt-2"),
        vuetify3.VListItem(
            v_for=f"one in {name.first_models}",
            key="one.name",
            prepend_icon="mdi-shape-outline",
            click=give("segment_first", "one.name"),
            disabled=(f"!!{name.first_reason}",),
            raw_attrs=[
                ':data-model="one.name"',
                f':aria-disabled="String(!!{name.first_reason})"',
            ],
        ),
    ):
        vuetify3.VListItemTitle(shown("one.title"))
        html.Div(shown("one.text"), classes="sp-faint")
