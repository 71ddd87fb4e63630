"""The dialog that opens a volume or a segmentation: uploads, the sample, and lists of files."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.dialog_parts import (
    FIND_FROM,
    add_problem,
    add_rest,
    dialog,
    file_list,
    find_field,
)
from SlicePropagationWeb.page_parts import give, progress_bar, shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.welcome import add_reading


def add_open_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with dialog(
        "Open a volume or a segmentation",
        "mdi-folder-open-outline",
        "640",
        v_model=name.is_open_dialog,
        persistent=(f"{name.upload} >= 0 || {name.is_fetching}",),
    ):
        with vuetify3.VCardText():
            with html.Div(v_if=name.is_fetching, role="status"):
                html.Div(shown(name.loading), classes="sp-value")
                add_reading(name, "'Reaching it'")
            with html.Div(v_else=True):
                _add_sources(name)
                html.Div(shown(name.upload_text), classes="sp-faint sp-gap")
                _add_upload_progress(name)
                _add_address(name)
                add_problem(name)
                choices = _load("file.path", "file.key")
                heading = "Choose one of its volumes or channels"  # of DICOM, or of OME-Zarr
                file_list(heading, name.choices, choices, "mdi-layers-outline", "series")
                _add_lists(name)
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn(
                "Cancel",
                classes="text-none",
                click=(
                    f"utils.page.cancel(); {name.is_fetching} && {give('stop_reading')};"
                    f" {name.is_open_dialog} = false"
                ),
            )


def _add_sources(name: StateNames) -> None:
    """What comes from the person's machine, and the sample."""
    with html.Div(classes="sp-row flex-wrap"):
        _add_source(
            name,
            "Upload files",
            "mdi-upload",
            f"utils.page.pick('{name.upload}', false)",
        )
        _add_source(
            name,
            "Upload a folder",
            "mdi-folder-upload-outline",
            f"utils.page.pick('{name.upload}', true)",
        )
        _add_source(name, "Load the sample", "mdi-image-outline", give("sample"))


def _add_source(
    name: StateNames,
    text: str,
    icon: str,
    click: str,
) -> None:
    vuetify3.VBtn(
        text,
        prepend_icon=icon,
        click=click,
        disabled=(f"{name.upload} >= 0",),
        variant="tonal",
        classes="text-none",
    )


def _add_address(name: StateNames) -> None:
    """Where the address of an image on another machine is typed."""
    fetch = f"{name.url} && {give('fetch', name.url)}"
    with html.Div(v_if=name.may_fetch, classes="sp-row mt-4"):
        vuetify3.VTextField(
            v_model=name.url,
            placeholder="Or the address of an image: https://…",
            prepend_inner_icon="mdi-link-variant",
            density="compact",
            variant="outlined",
            hide_details=True,
            type="url",
            raw_attrs=[
                "data-address",
                'aria-label="Address of an image"',
                f'@keydown.enter="{fetch}"',
            ],
        )
        vuetify3.VBtn(
            "Open",
            click=fetch,
            disabled=(f"!{name.url} || {name.upload} >= 0",),
            variant="tonal",
            classes="text-none",
            raw_attrs=['data-command="fetch"'],
        )


def _add_upload_progress(name: StateNames) -> None:
    with html.Div(v_if=f"{name.upload} >= 0", classes="mt-4"):
        with html.Div(v_if=f"{name.upload} < 100"):
            progress_bar("Upload", model_value=(name.upload,))
            html.Div(shown(f"`Uploading, ${{{name.upload}}} %`"), classes="sp-faint sp-gap")
        with html.Div(v_else=True):
            add_reading(name, "'Checking what came'")


def _add_lists(name: StateNames) -> None:
    find_field(
        name.find,
        f"{name.find} || {name.images}.length + {name.segmentations}.length > {FIND_FROM}",
    )
    recent = f"({name.find} ? [] : {name.recent})"
    file_list("Opened last", recent, _load("file.path"), "mdi-history", "recent")
    _add_found(
        "Segmentations, to go on with on this volume",
        name.segmentations,
        "continue",
        "mdi-shape-outline",
    )
    _add_found(
        "Volumes in the folders given to this program",
        name.images,
        "load",
        "mdi-cube-outline",
    )


def _load(*arguments: str) -> str:
    return give("load", *arguments)


def _add_found(heading: str, files: str, command: str, icon: str) -> None:
    """A list of files of the folders; where it is cut off, it says so."""
    file_list(heading, files, give(command, "file.path"), icon, command)
    add_rest(files)
