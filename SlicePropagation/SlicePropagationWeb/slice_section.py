"""The row of buttons that change the segment on the slice shown."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import command_icon, give, number_field
from SlicePropagationWeb.panel_state import StateNames

ALONE = ("fill", "largest", "copy_previous", "copy_next")
BY_MARGIN = ("grow", "shrink")


def add_slice_commands(name: StateNames) -> None:
    """Add them to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(classes="sp-row sp-gap sp-slice-row"):
        for command in ALONE:
            command_icon(command, name, size="32")
        html.Div(style="flex: 1")
        for command in BY_MARGIN:
            command_icon(command, name, size="32")
        number_field("Margin", name.margin, give("margin", "+$event.target.value"))
        vuetify3.VBtn(
            text=(name.margin_unit,),
            size="small",
            variant="text",
            click=f"{name.margin_unit} = {name.margin_unit} === 'mm' ? 'px' : 'mm'",
            classes="sp-unit",
            title="Millimetres or pixels",
            raw_attrs=['aria-label="Unit of the margin"'],
        )
