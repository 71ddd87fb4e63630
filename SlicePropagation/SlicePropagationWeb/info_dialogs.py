"""Dialogs that only tell: the table of segments, and the keys."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import MOUSE, key_rows
from SlicePropagationWeb.dialog_parts import close_button, dialog
from SlicePropagationWeb.page_parts import shown
from SlicePropagationWeb.panel_state import StateNames

COLUMNS = (
    ("Volume", "volume"),
    ("Slices", "slices"),
    ("Annotated", "drawn"),
    ("Intensity, mean ± SD", "intensity"),
)


def add_table_dialog(name: StateNames) -> None:
    """Add the table of segments to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog("Segments", "mdi-table", "680", v_model=name.is_table):
        with vuetify3.VCardText(), html.Table(classes="sp-table"):
            with html.Thead(), html.Tr():
                for text in ("Segment", *(text for text, _ in COLUMNS)):
                    html.Th(text)
            with html.Tbody(), html.Tr(v_for=f"row in {name.measures}", key="row.id"):
                with html.Td():
                    swatch = "{background: row.color}"
                    html.Span(classes="sp-swatch", style=(swatch,))
                    html.Span(shown("row.name"))
                for _, key in COLUMNS:
                    html.Td(shown(f"row.{key}"))
        with vuetify3.VCardActions():
            close_button(name.is_table)


def add_keys_dialog(name: StateNames) -> None:
    """Add the keys and what the mouse does to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog("Keys and mouse", "mdi-keyboard-outline", "640", v_model=name.is_keys):
        with vuetify3.VCardText(), html.Div(classes="sp-keys"):
            for key, text in (*key_rows(), *MOUSE):
                with html.Div():
                    html.Kbd(key)
                    html.Span(text)
        with vuetify3.VCardActions():
            again = f"{name.is_keys} = false; utils.page.firstSteps()"
            vuetify3.VBtn("Show the first steps again", classes="text-none", click=again)
            close_button(name.is_keys)
