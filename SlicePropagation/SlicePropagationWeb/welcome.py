"""What lies over the views: a page without a volume, and what went wrong."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.loading import LAST_STAGE
from SlicePropagationWeb.page_parts import ACCENT, BLUE, command_button, give, progress_bar, shown
from SlicePropagationWeb.panel_state import StateNames


def add_welcome(name: StateNames) -> None:
    """Add what a page says before a volume is open.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with (
        html.Div(classes="sp-welcome", v_if=f"!{name.volume_name}"),
        html.Div(classes="sp-card"),
    ):
        html.Img(
            src="slice_propagation/icon.svg",
            width="72",
            height="72",
            alt="",
        )
        html.Div(
            "Annotate one slice; the segmentation grows to its neighbours.",
            classes="text-h6 mt-4",
        )
        html.Div(
            "Open a volume, paint the structure on one slice and press Propagate.",
            classes="sp-faint mt-2 mb-6",
        )
        _add_beginnings(name)
        _add_loading(name)


def _add_beginnings(name: StateNames) -> None:
    with html.Div(v_if=f"!{name.loading}", classes="sp-row justify-center"):
        command_button("open", variant="flat", color=BLUE)
        vuetify3.VBtn(
            "Load the sample",
            prepend_icon="mdi-image-outline",
            variant="tonal",
            classes="text-none",
            click=give("sample"),
        )


def _add_loading(name: StateNames) -> None:
    with html.Div(v_if=name.loading, classes="sp-loading", role="status"):
        _add_spinner(name.loading)
        add_reading(name, "'Finding the file'")


def _add_spinner(text: str) -> None:
    """The sign that something goes on, and what that is.

    Args:
        text: expression of it.
    """
    with html.Div(classes="sp-row justify-center"):
        vuetify3.VProgressCircular(
            indeterminate=True,
            size="22",
            width="2",
            color=ACCENT,
            raw_attrs=['aria-label="An image is being opened"'],
        )
        html.Span(shown(text), classes="sp-loading-name ml-3")


def add_reading(name: StateNames, first: str) -> None:
    """Add what is done with an image that is opened, and how far that is.

    Args:
        name: names of the PanelState's values in the browser.
        first: expression of what is said before the reading begins.
    """
    progress_bar(
        "How far the image is read",
        model_value=(f"Math.max({name.loading_percent}, 0)",),
        indeterminate=(f"{name.loading_percent} < 0",),
        classes="mt-3",
    )
    percent = f"{name.loading_percent} < 0 ? '…' : `, ${{{name.loading_percent}}} %`"
    html.Div(
        shown(f"({name.loading_stage} || {first}) + ({percent})"),
        classes="sp-faint sp-gap",
        raw_attrs=["data-reading"],
    )


def add_opening(name: StateNames) -> None:
    """Add what lies over the views while another volume is opened, and until each has a picture of it.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(v_if=f"{name.loading} && {name.volume_name}", classes="sp-opening"):
        _add_loading(name)
    with (
        html.Div(
            v_if=f"!{name.loading} && {name.volume_name}",
            classes="sp-opening sp-see-through",
            raw_attrs=["data-first-pictures"],  # of `www/first_pictures.js`
        ),
        html.Div(classes="sp-loading", role="status"),
    ):
        _add_spinner(f"`Opening ${{{name.volume_name}}}…`")
        progress_bar("The views are drawn", indeterminate=True, classes="mt-3")
        html.Div(f"{LAST_STAGE}…", classes="sp-faint sp-gap")


def add_alert(name: StateNames) -> None:
    """Add the message of an error; where a dialog is open, the dialog says it itself.

    Args:
        name: names of the PanelState's values in the browser.
    """
    is_said_elsewhere = f"({name.is_open_dialog} || {name.is_save_dialog})"
    with html.Div(
        classes="sp-alert",
        v_if=f"{name.is_error} && {name.message} && !{is_said_elsewhere}",
    ):
        vuetify3.VAlert(
            type="error",
            closable=True,
            text=(name.message,),
            density="compact",
            elevation=8,
            click_close=f"{name.is_error} = false; {name.message} = ''",
        )
    with html.Div(classes="sp-alert sp-warning", v_if=f"{name.is_warning} && {name.message}"):
        _add_warning(name)


def _add_warning(name: StateNames) -> None:
    """One act changed more than a person may have meant."""
    with vuetify3.VAlert(
        type="warning",
        closable=True,
        density="compact",
        elevation=8,
        click_close=f"{name.is_warning} = false",
    ):
        html.Span(shown(name.message))
        vuetify3.VBtn(
            "Undo",
            size="small",
            variant="flat",
            classes="ml-3 text-none",
            click=give("undo"),
        )
