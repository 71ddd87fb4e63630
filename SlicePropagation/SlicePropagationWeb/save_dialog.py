"""The dialog that saves the segmentation, and offers what was saved for download."""

from trame.widgets import html, vuetify3

from SlicePropagationLib.pipelines.exports import EXPORTS
from SlicePropagationWeb.dialog_parts import (
    add_problem,
    close_button,
    dialog,
    downloads,
    kind_check,
)
from SlicePropagationWeb.page_parts import BLUE, command_button, give, list_name
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.workspace import SAVE_SUFFIXES

TITLES = {"dicom-seg": "DICOM SEG", "rtstruct": "DICOM RTSTRUCT", "fine": "Fine slices"}


def add_save_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    title = "Save the segmentation"
    with dialog(title, "mdi-content-save-outline", "520", v_model=name.is_save_dialog):
        with vuetify3.VCardText():
            _add_file_name(name)
            _add_exports(name)
            html.Div(
                "The per-slice table (.slices.csv) and the record (.json) are written beside it;"
                " with them it can be opened and gone on with.",
                classes="sp-faint sp-gap",
            )
            add_problem(name)
            _add_downloads(name)
        with vuetify3.VCardActions():
            command_button("export", variant="text")
            close_button(name.is_save_dialog)
            vuetify3.VBtn(
                "Save",
                variant="flat",
                color=BLUE,
                classes="text-none",
                loading=(name.is_saving,),
                click=give("write"),
                raw_attrs=['data-command="write"'],
            )


def _add_file_name(name: StateNames) -> None:
    with html.Div(classes="sp-row"):
        vuetify3.VTextField(
            v_model=name.save_name,
            label="Name",
            density="compact",
            variant="outlined",
            hide_details=True,
        )
        vuetify3.VSelect(
            v_model=name.save_suffix,
            items=(list(SAVE_SUFFIXES),),
            density="compact",
            variant="outlined",
            hide_details=True,
            style="max-width: 140px",
            raw_attrs=list_name("Kind of file"),
        )


def _add_exports(name: StateNames) -> None:
    html.Div("Also for other programs; DICOM ones need a DICOM image", classes="sp-faint sp-gap")
    with html.Div(classes="d-flex flex-wrap"):
        for kind in EXPORTS:
            title = TITLES.get(kind, kind.upper())
            kind_check(name.exports, kind, title, "export", classes="mr-3")


def _add_downloads(name: StateNames) -> None:
    with html.Div(v_if=f"{name.saved}.length", classes="mt-4"):
        html.Div("Saved; download", classes="sp-heading")
        downloads(name.saved)
