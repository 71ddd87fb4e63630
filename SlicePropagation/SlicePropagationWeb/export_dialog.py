"""The dialog that makes a zip file of results for other programs and people."""

from trame.widgets import html, vuetify3

from SlicePropagationLib.pipelines.case_export import REPORT
from SlicePropagationWeb.dialog_parts import (
    add_problem,
    close_button,
    dialog,
    downloads,
    kind_check,
)
from SlicePropagationWeb.page_parts import BLUE, give, progress_bar, shown
from SlicePropagationWeb.panel_state import StateNames

KIND_TEXTS = {
    REPORT: "Report, one page a case (HTML)",
    "stl": "Meshes (STL)",
    "fine": "On fine slices, without stair steps",
    "dicom-seg": "DICOM SEG, where the image is DICOM",
    "rtstruct": "DICOM RTSTRUCT, where the image is DICOM",
}


def add_export_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog("Export", "mdi-folder-zip-outline", "520", v_model=name.is_export):
        with vuetify3.VCardText():
            _add_scopes(name)
            _add_kinds(name)
            add_problem(name)
            _add_progress(name)
        with vuetify3.VCardActions():
            close_button(name.is_export)
            vuetify3.VBtn(
                "Make the zip file",
                variant="flat",
                color=BLUE,
                classes="text-none",
                disabled=(f"{name.export_percent} >= 0",),
                click=give("make_export"),
                raw_attrs=['data-command="make_export"'],
            )


def _add_scopes(name: StateNames) -> None:
    count = f"{name.cases}.counts.saved + {name.cases}.counts.reviewed"
    with vuetify3.VRadioGroup(
        v_model=name.export_scope,
        v_if=name.has_cases,
        density="compact",
        hide_details=True,
        classes="mb-3",
    ):
        vuetify3.VRadio(
            label=(f"`The case that is open: ${{{name.case}.name || 'none'}}`",),
            value="case",
            disabled=(f"!!{name.why}.save",),
            raw_attrs=['data-scope="case"'],
        )
        vuetify3.VRadio(
            label=(f"`All cases that are saved: ${{{name.cases}.counts ? {count} : 0}}`",),
            value="all",
            raw_attrs=['data-scope="all"'],
        )


def _add_kinds(name: StateNames) -> None:
    html.Div(
        "What is open is saved first. In the zip file are its segmentation, per-slice table and"
        " record, and besides",
        classes="sp-faint",
    )
    for kind, text in KIND_TEXTS.items():
        kind_check(name.export_kinds, kind, text, "export-kind")


def _add_progress(name: StateNames) -> None:
    with html.Div(v_if=f"{name.export_percent} >= 0", classes="mt-3"):
        progress_bar("How far the export is", model_value=(name.export_percent,))
        with html.Div(classes="sp-row sp-gap"):
            html.Span(shown(name.export_text), classes="sp-faint", style="flex: 1")
            vuetify3.VBtn(
                "Stop",
                size="small",
                variant="text",
                classes="text-none",
                click=give("stop_export"),
                raw_attrs=['data-command="stop_export"'],
            )
    with html.Div(v_if=f"{name.export_percent} < 0 && {name.export_text}", classes="mt-3"):
        html.Div(shown(name.export_text), classes="sp-faint")
        with html.Div(v_if=name.exported, classes="mt-2"):
            downloads(f"[{name.exported}]", "zip")
