"""The dialog that saves the segmentation, and offers what was saved for download."""

from trame.widgets import html, vuetify3

from SlicePropagationLib.pipelines.exports import EXPORTS
from SlicePropagationWeb.page_parts import BLUE, command_button, give, shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.workspace import SAVE_SUFFIXES

TITLES = {"dicom-seg": "DICOM SEG", "rtstruct": "DICOM RTSTRUCT", "fine": "Fine slices"}


def add_save_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with (
        vuetify3.VDialog(v_model=name.is_save_dialog, width="520"),
        vuetify3.VCard(title="Save the segmentation", prepend_icon="mdi-content-save-outline"),
    ):
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
            vuetify3.VSpacer()
            vuetify3.VBtn("Close", classes="text-none", click=f"{name.is_save_dialog} = false")
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
        )


def _add_exports(name: StateNames) -> None:
    html.Div("Also for other programs; DICOM ones need a DICOM image", classes="sp-faint sp-gap")
    with html.Div(classes="d-flex flex-wrap"):
        for kind in EXPORTS:
            vuetify3.VCheckbox(
                v_model=name.exports,
                value=kind,
                label=TITLES.get(kind, kind.upper()),
                density="compact",
                hide_details=True,
                classes="mr-3",
                raw_attrs=[f'data-export="{kind}"'],
            )


def _add_downloads(name: StateNames) -> None:
    with html.Div(v_if=f"{name.saved}.length", classes="mt-4"):
        html.Div("Saved; download", classes="sp-heading")
        vuetify3.VBtn(
            shown("file"),
            v_for=f"file in {name.saved}",
            key="file",
            href=("`download/${encodeURIComponent(file)}`",),
            prepend_icon="mdi-download",
            size="small",
            variant="tonal",
            classes="text-none mr-2 mb-2",
        )


def add_problem(name: StateNames) -> None:
    """Add what went wrong to a dialog, which covers the message of the page.

    Args:
        name: names of the PanelState's values in the browser.
    """
    vuetify3.VAlert(
        v_if=f"{name.is_error} && {name.message}",
        type="error",
        variant="tonal",
        density="compact",
        classes="mt-4",
        text=(name.message,),
    )
