"""What dialogs are put together from: their frame, what went wrong, and lists of files."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import shown
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.workspace import MAX_LISTED

FIND_FROM = 12  # files on, they can be searched


@contextmanager
def dialog(title: str, icon: str, width: str, **options: Any) -> Iterator[None]:
    """A dialog over the page; to be entered with `with`.

    Args:
        title: what it is about, also for who cannot see it.
        icon: before the title.
        width: in pixels.
        options: of the dialog, such as v_model.
    """
    with (
        vuetify3.VDialog(width=width, raw_attrs=[f'aria-label="{title}"'], **options),
        vuetify3.VCard(title=title, prepend_icon=icon),
    ):
        yield


def close_button(value: str, text: str = "Close") -> None:
    """The button that closes a dialog, at the right of the row that is being built.

    Args:
        value: name of the browser's value that says whether the dialog is there.
        text: of the button.
    """
    vuetify3.VSpacer()
    vuetify3.VBtn(text, classes="text-none", click=f"{value} = false")


def add_problem(name: StateNames) -> None:
    """Add what went wrong to a dialog, which covers the message of the page.

    Args:
        name: names of the PanelState's values in the browser.
    """
    problem(f"{name.is_error} ? {name.message} : ''")


def problem(text: str) -> None:
    """What went wrong.

    Args:
        text: expression of the sentence, which is empty while nothing did.
    """
    vuetify3.VAlert(
        v_if=text,
        type="error",
        variant="tonal",
        density="compact",
        classes="mt-4",
        text=(text,),
    )


def find_field(value: str, condition: str) -> None:
    """Where a person types what the files of a list are called.

    Args:
        value: name of the browser's value.
        condition: expression that says whether it is there.
    """
    vuetify3.VTextField(
        v_if=condition,
        v_model=value,
        placeholder="Find",
        prepend_inner_icon="mdi-magnify",
        density="compact",
        variant="outlined",
        hide_details=True,
        clearable=True,
        classes="mt-4",
        raw_attrs=['aria-label="Find"'],
    )


def file_list(
    heading: str,
    files: str,
    click: str,
    icon: str,
    mark: str,
) -> None:
    """Files under a heading, while there are some; a click on one does something with it.

    Args:
        heading: above them.
        files: expression of [{"title", "path"}].
        click: what a click does with `file` in the browser.
        icon: before each.
        mark: what they are called in tests.
    """
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
                key="file.key || file.path",
                title=("file.title",),
                prepend_icon=icon,
                click=click,
                raw_attrs=[f'data-open="{mark}"'],
            )


def add_rest(files: str) -> None:
    """Add that there are more files than a list shows, where it is cut off.

    Args:
        files: expression of what it shows.
    """
    html.Div(
        f"{MAX_LISTED} are shown; type a part of the name or folder to find the others.",
        v_if=f"{files}.length >= {MAX_LISTED}",
        classes="sp-faint sp-gap",
    )


def downloads(files: str, mark: str = "file") -> None:
    """Buttons that download results.

    Each says that it does: a link that might lead away has trame end its connection.

    Args:
        files: expression of [name of a file].
        mark: what they are called in tests.
    """
    vuetify3.VBtn(
        shown("file"),
        v_for=f"file in {files}",
        key="file",
        href=("`download/${encodeURIComponent(file)}`",),
        prepend_icon="mdi-download",
        size="small",
        variant="tonal",
        classes="text-none mr-2 mb-2",
        raw_attrs=[f'data-download="{mark}"', ':download="file"'],
    )


def kind_check(value: str, kind: str, text: str, mark: str, **style: str) -> None:
    """A check box that puts a kind of file among those that are to be written.

    Args:
        value: name of the browser's list of kinds.
        kind: that is meant.
        text: beside the box.
        mark: what it is called in tests.
        style: of the box.
    """
    vuetify3.VCheckbox(
        v_model=value,
        value=kind,
        label=text,
        density="compact",
        hide_details=True,
        raw_attrs=[f'data-{mark}="{kind}"'],
        **style,
    )
