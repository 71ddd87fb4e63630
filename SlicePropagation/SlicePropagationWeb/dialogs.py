"""What lies over the page and is small.

Details, an autosave to go on with, a session that another tab has, a program that is gone.
"""

from pathlib import Path

from trame.widgets import html, vuetify3

from SlicePropagationWeb.dialog_parts import close_button, dialog, problem
from SlicePropagationWeb.export_dialog import add_export_dialog
from SlicePropagationWeb.first_dialog import add_first_dialog
from SlicePropagationWeb.info_dialogs import add_keys_dialog, add_table_dialog
from SlicePropagationWeb.open_dialog import add_open_dialog
from SlicePropagationWeb.page_parts import BLUE, give, shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.save_dialog import add_save_dialog
from SlicePropagationWeb.second_dialog import add_second_dialog
from SlicePropagationWeb.worklist_dialog import add_worklist_dialog

ICON = Path(__file__).with_name("www") / "icon.svg"
# In the page itself: a program that is gone gives no picture any more.
DRAWN_ICON = ICON.read_text(encoding="utf-8").replace(
    "<svg", '<svg width="72" height="72" aria-hidden="true"'
)
# What trame puts in place of the page when the connection is lost.
GONE = (
    f'<div class="sp-welcome"><div class="sp-card">{DRAWN_ICON}'
    '<div class="text-h6 mt-4">The program has ended, or cannot be reached.</div>\n'
    '<div class="sp-faint sp-gone mt-2 mb-6">Start it again, or wait for the network: this page goes on by'
    " itself. Work that was not saved is offered then.</div>\n"
    '<button class="sp-reload" onclick="location.reload()">Reload</button></div></div>'
)


def add_dialogs(name: StateNames) -> None:
    """Add all dialogs to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    is_ours = f"{name.owner} === utils.page.tab"
    add_open_dialog(name)
    add_save_dialog(name)
    add_second_dialog(name)
    add_first_dialog(name)
    add_worklist_dialog(name)
    add_export_dialog(name)
    _add_details(name)
    add_table_dialog(name)
    add_keys_dialog(name)
    _add_offer(name, is_ours)
    _add_take_over(name, is_ours)


def _add_take_over(name: StateNames, is_ours: str) -> None:
    with dialog(
        "The session is in use in another tab",
        "mdi-tab",
        "440",
        model_value=(f"!!{name.owner} && !({is_ours})",),
        persistent=True,
    ):
        vuetify3.VCardText(
            "One tab works at a time. Take over to go on here; the work stays as it is."
        )
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            vuetify3.VBtn(
                "Take over",
                variant="flat",
                color=BLUE,
                click="trigger('take_over', [utils.page.tab])",
                classes="text-none",
            )


def _add_details(name: StateNames) -> None:
    with dialog("Details", "mdi-information-outline", "640", v_model=name.is_details):
        with (
            vuetify3.VCardText(),
            html.Div(
                v_for=f"note in {name.notes}",
                key="note.title",
                classes="mb-3",
            ),
        ):
            html.Div(shown("note.title"), style="font-weight: 600")
            html.Div(shown("note.text"), classes="sp-faint")
        with vuetify3.VCardActions():
            close_button(name.is_details)


def _add_offer(name: StateNames, is_ours: str) -> None:
    with dialog(
        "Unsaved work",
        "mdi-history",
        "480",
        model_value=(f"!!{name.offer} && !{name.loading} && {is_ours}",),
        persistent=True,
    ):
        with vuetify3.VCardText():
            _add_what_is_offered(name.offer)
        with vuetify3.VCardActions():
            vuetify3.VSpacer()
            _add_answer("Discard it", "forget")
            _add_answer("Keep it as a file", "aside")
            _add_answer(
                "Go on",
                "restore",
                variant="flat",
                color=BLUE,
            )


def _add_what_is_offered(offer: str) -> None:
    title = f"${{{offer}.title}}"
    time = f"${{{offer}.at}}"
    text = f"There is unsaved work on {title} from {time}. Go on with it?"
    html.Div(shown(f"{offer} ? `{text}` : ''"))
    problem(f"{offer} && {offer}.problem")


def _add_answer(text: str, command: str, **style: str) -> None:
    vuetify3.VBtn(
        text,
        classes="text-none",
        click=give(command),
        raw_attrs=[f'data-command="{command}"'],
        **style,
    )
