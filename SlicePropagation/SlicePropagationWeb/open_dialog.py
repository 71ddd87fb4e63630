"""The dialog that opens a volume or a segmentation: uploads, the sample, and lists of files."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import give, progress_bar, shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.save_dialog import add_problem
from SlicePropagationWeb.workspace import MAX_LISTED

FIND_FROM = 12  # files on, they can be searched


def add_open_dialog(name: StateNames) -> None:
    """Add the dialog to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with (
        vuetify3.VDialog(
            v_model=name.is_open_dialog,
            persistent=(f"{name.upload} >= 0",),
            width="640",
        ),
        vuetify3.VCard(
            title="Open a volume or a segmentation",
            prepend_icon="mdi-folder-open-outline",
        ),
    ):
        with vuetify3.VCardText():
            _add_sources(name)
            html.Div(shown(name.upload_text), classes="sp-faint sp-gap")
            _add_upload_progress(name)
            add_problem(name)
            _add_choices(name)
            _add_find(name)
            _add_lists(name)
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn(
                "Cancel",
                classes="text-none",
                click=f"utils.page.cancel(); {name.is_open_dialog} = false",
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


def _add_upload_progress(name: StateNames) -> None:
    with html.Div(v_if=f"{name.upload} >= 0", classes="mt-4"):
        progress_bar(model_value=(name.upload,), indeterminate=(f"{name.upload} >= 100",))
        percent = f"`Uploading, ${{{name.upload}}} %`"
        html.Div(
            shown(f"{name.upload} < 100 ? {percent} : 'Reading…'"),
            classes="sp-faint sp-gap",
        )


def _add_find(name: StateNames) -> None:
    with html.Div(
        v_if=f"{name.find} || {name.images}.length + {name.segmentations}.length > {FIND_FROM}",
        classes="mt-4",
    ):
        vuetify3.VTextField(
            v_model=name.find,
            placeholder="Find",
            prepend_inner_icon="mdi-magnify",
            density="compact",
            variant="outlined",
            hide_details=True,
            clearable=True,
        )


def _add_choices(name: StateNames) -> None:
    """The volumes of a DICOM folder that holds several."""
    with html.Div(v_if=f"{name.choices}.length", classes="mt-4"):
        html.Div("Choose one of its volumes", classes="sp-heading")
        with vuetify3.VList(
            density="compact",
            max_height="220",
            bg_color="transparent",
            style="overflow-y: auto",
        ):
            vuetify3.VListItem(
                v_for=f"one in {name.choices}",
                key="one.key",
                title=("one.title",),
                prepend_icon="mdi-layers-outline",
                click=give("load", "one.path", "one.key"),
                raw_attrs=['data-open="series"'],
            )


def _add_lists(name: StateNames) -> None:
    _add_list("Opened last", f"({name.find} ? [] : {name.recent})", "load", "mdi-history", "recent")
    _add_list(
        "Segmentations, to go on with on this volume",
        name.segmentations,
        "continue",
        "mdi-shape-outline",
    )
    _add_list(
        "Volumes in the folders given to this program",
        name.images,
        "load",
        "mdi-cube-outline",
    )


def _add_list(
    heading: str,
    files: str,
    command: str,
    icon: str,
    mark: str = "",
) -> None:
    """A list of files; a click opens one."""
    with html.Div(v_if=f"{files}.length", classes="mt-4"):
        html.Div(heading, classes="sp-heading")
        with vuetify3.VList(
            density="compact",
            max_height="220",
            bg_color="transparent",
            style="overflow-y: auto",
        ):
            vuetify3.VListItem(
                v_for=f"file in {files}",
                key="file.path",
                title=("file.title",),
                prepend_icon=icon,
                click=give(command, "file.path"),
                raw_attrs=[f'data-open="{mark or command}"'],
            )
        html.Div(
            f"{MAX_LISTED} are shown; type a part of the name or folder to find the others.",
            v_if=f"{files}.length >= {MAX_LISTED}",
            classes="sp-faint sp-gap",
        )
