"""What lies over the page: opening, saving, an autosave to go on with, a session that another tab has."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.workspace import MAX_LISTED, SAVE_SUFFIXES

# What trame puts in place of the page when the connection is lost.
GONE = """<div class="sp-welcome"><div class="sp-card"><img src="slice_propagation/icon.svg" width="72" height="72" alt="">
<div class="text-h6 mt-4">The program has ended, or cannot be reached.</div>
<div class="sp-faint mt-2 mb-6">Start it again, or wait for the network: this page goes on by itself. Work that was not saved is offered then.</div>
<button class="sp-reload" onclick="location.reload()">Reload</button></div></div>"""


def add_dialogs(name):
    """Add all dialogs to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    is_ours = f"{name.owner} === utils.page.tab"
    _open_dialog(name)
    _save_dialog(name)
    _details(name)
    _offer(name, is_ours)
    with (
        vuetify3.VDialog(
            model_value=(f"!!{name.owner} && !({is_ours})",),
            persistent=True,
            width="440",
        ),
        vuetify3.VCard(title="The session is in use in another tab", prepend_icon="mdi-tab"),
    ):
        vuetify3.VCardText(
            "One tab works at a time. Take over to go on here; the work stays as it is."
        )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn(
                "Take over",
                variant="flat",
                color="#0072B2",
                click="trigger('take_over', [utils.page.tab])",
                classes="text-none",
            )


def _open_dialog(name):
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
            busy = {
                "disabled": (f"{name.upload} >= 0",),
                "variant": "tonal",
                "classes": "text-none",
            }
            with html.Div(classes="sp-row flex-wrap"):
                vuetify3.VBtn(
                    "Upload files",
                    prepend_icon="mdi-upload",
                    click=f"utils.page.pick('{name.upload}', false)",
                    **busy,
                )
                vuetify3.VBtn(
                    "Upload a folder",
                    prepend_icon="mdi-folder-upload-outline",
                    click=f"utils.page.pick('{name.upload}', true)",
                    **busy,
                )
                vuetify3.VBtn(
                    "Load the sample",
                    prepend_icon="mdi-image-outline",
                    click="trigger('command', ['sample'])",
                    **busy,
                )
            html.Div(f"{{{{ {name.upload_text} }}}}", classes="sp-faint sp-gap")
            with html.Div(v_if=f"{name.upload} >= 0", classes="mt-4"):
                vuetify3.VProgressLinear(
                    model_value=(name.upload,),
                    height=6,
                    rounded=True,
                    color="#56B4E9",
                )
                html.Div(
                    f"{{{{ {name.upload} < 100 ? `Uploading, ${{{name.upload}}} %` : 'Reading…'"
                    " }}",
                    classes="sp-faint sp-gap",
                )
            _problem(name)
            with html.Div(
                v_if=f"{name.images}.length + {name.segmentations}.length > 12",
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
            _listed(
                "Segmentations, to go on with on this volume",
                name.segmentations,
                name.find,
                "continue",
                "mdi-shape-outline",
            )
            _listed(
                "Volumes in the folders given to this program",
                name.images,
                name.find,
                "load",
                "mdi-cube-outline",
            )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn(
                "Cancel",
                classes="text-none",
                click=f"utils.page.cancel(); {name.is_open_dialog} = false",
            )


def _listed(heading, files, find, command, icon):
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
                v_for=(
                    f"file in {files}.filter((one) => one.title.toLowerCase().includes(({find} ||"
                    " '').toLowerCase()))"
                ),
                key="file.path",
                title=("file.title",),
                prepend_icon=icon,
                click=f"trigger('command', ['{command}', file.path])",
                raw_attrs=[f'data-open="{command}"'],
            )
        html.Div(
            f"The first {MAX_LISTED} are listed; start the program with a folder further down as"
            " --data to see the others.",
            v_if=f"{files}.length >= {MAX_LISTED}",
            classes="sp-faint sp-gap",
        )


def _save_dialog(name):
    with (
        vuetify3.VDialog(v_model=name.is_save_dialog, width="520"),
        vuetify3.VCard(title="Save the segmentation", prepend_icon="mdi-content-save-outline"),
    ):
        with vuetify3.VCardText():
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
            html.Div(
                "The per-slice table (.slices.csv) and the record (.json) are written beside it;"
                " with them it can be opened and gone on with.",
                classes="sp-faint sp-gap",
            )
            _problem(name)
            with html.Div(v_if=f"{name.saved}.length", classes="mt-4"):
                html.Div("Saved; download", classes="sp-heading")
                vuetify3.VBtn(
                    "{{ file }}",
                    v_for=f"file in {name.saved}",
                    key="file",
                    href=("`download/${encodeURIComponent(file)}`",),
                    prepend_icon="mdi-download",
                    size="small",
                    variant="tonal",
                    classes="text-none mr-2 mb-2",
                )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn("Close", classes="text-none", click=f"{name.is_save_dialog} = false")
            vuetify3.VBtn(
                "Save",
                variant="flat",
                color="#0072B2",
                classes="text-none",
                loading=(name.is_saving,),
                click="trigger('command', ['write'])",
                raw_attrs=['data-command="write"'],
            )


def _problem(name):
    """What went wrong, in a dialog, which covers the message of the page."""
    vuetify3.VAlert(
        v_if=f"{name.is_error} && {name.message}",
        type="error",
        variant="tonal",
        density="compact",
        classes="mt-4",
        text=(name.message,),
    )


def _details(name):
    with (
        vuetify3.VDialog(v_model=name.is_details, width="640"),
        vuetify3.VCard(title="Details", prepend_icon="mdi-information-outline"),
    ):
        with (
            vuetify3.VCardText(),
            html.Div(v_for=f"note in {name.notes}", key="note.title", classes="mb-3"),
        ):
            html.Div("{{ note.title }}", style="font-weight: 600")
            html.Div("{{ note.text }}", classes="sp-faint")
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn("Close", classes="text-none", click=f"{name.is_details} = false")


def _offer(name, is_ours):
    with (
        vuetify3.VDialog(
            model_value=(f"!!{name.offer} && !{name.loading} && {is_ours}",),
            persistent=True,
            width="480",
        ),
        vuetify3.VCard(title="Unsaved work", prepend_icon="mdi-history"),
    ):
        with vuetify3.VCardText():
            html.Div(
                f"{{{{ {name.offer} ? `There is unsaved work on ${{{name.offer}.title}} from"
                f" ${{{name.offer}.at}}. Go on with it?` : '' }}}}"
            )
            vuetify3.VAlert(
                v_if=f"{name.offer} && {name.offer}.problem",
                type="error",
                variant="tonal",
                density="compact",
                classes="mt-4",
                text=(f"{name.offer} && {name.offer}.problem",),
            )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            for text, command in (("Discard it", "forget"), ("Keep it as a file", "aside")):
                vuetify3.VBtn(
                    text,
                    classes="text-none",
                    click=f"trigger('command', ['{command}'])",
                    raw_attrs=[f'data-command="{command}"'],
                )
            vuetify3.VBtn(
                "Go on",
                variant="flat",
                color="#0072B2",
                classes="text-none",
                click="trigger('command', ['restore'])",
                raw_attrs=['data-command="restore"'],
            )
