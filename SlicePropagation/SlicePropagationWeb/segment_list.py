"""The list of segments: which one is worked on, its name and colour, and what is shown of it."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.page_parts import command_button, give, shown
from SlicePropagationWeb.panel_state import StateNames

# A click on one of these is not one on its line, which would choose the segment.
ALONE = "@click.stop"
# Put in once: a value that is bound is put in anew, over what was typed, whenever the page changes.
NAMED = '@vue:mounted="({el}) => { el.value = segment.name; el.focus(); el.select(); }"'


def add_segment_list(name: StateNames) -> None:
    """Add the list to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(
        v_for=f"(segment, place) in {name.segments}",
        key="segment.id",
        classes=(f"['sp-segment', {{'sp-chosen': segment.id === {name.segment_id}}}]",),
        click=give("choose", "segment.id"),
        raw_attrs=[':data-segment="segment.id"'],
    ):
        _add_color()
        _add_name(name)
        html.Span(shown("segment.ml"), classes="sp-number sp-faint")
        with _button("toggle", "Show or hide"):
            eye = "segment.visible ? 'mdi-eye-outline' : 'mdi-eye-off-outline'"
            vuetify3.VIcon(icon=(eye,), size="17")
        with _button("lock", "Lock or unlock"):
            locked = "segment.locked ? 'mdi-lock-outline' : 'mdi-lock-open-variant-outline'"
            vuetify3.VIcon(icon=(locked,), size="16")
        _add_menu(name)
        with _button("remove", "Delete segment"):
            vuetify3.VIcon("mdi-delete-outline", size="17")


def add_segment_buttons(name: StateNames) -> None:
    """Add what is below the list.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(classes="sp-row sp-gap sp-close"):
        vuetify3.VBtn(
            "Add segment",
            prepend_icon="mdi-plus",
            size="small",
            variant="text",
            click=give("add"),
            disabled=(f"!{name.volume_name}",),
        )
        command_button("first", name, size="small", variant="text")
        command_button("table", name, size="small", variant="text")


def _add_color() -> None:
    """The segment's colour; a click on it lets the browser's own dialog choose another."""
    html.Input(
        type="color",
        value=("segment.color",),
        classes="sp-color",
        change=give("color", "segment.id", "$event.target.value"),
        raw_attrs=[ALONE, 'aria-label="Segment colour"', 'title="Choose another colour"'],
    )


def _add_name(name: StateNames) -> None:
    """The name; a double click renames, Enter chooses the segment without a mouse."""
    is_renamed = f"{name.renamed} === segment.id"
    html.Span(
        shown("segment.name"),
        v_if=f"!({is_renamed})",
        classes="sp-name",
        dblclick=f"{name.renamed} = segment.id",
        title="Double click to rename",
        raw_attrs=[
            'role="button"',
            'tabindex="0"',
            f':aria-pressed="String(segment.id === {name.segment_id})"',
            f'@keydown.enter="{give("choose", "segment.id")}"',
        ],
    )
    html.Input(
        v_if=is_renamed,
        blur=f"{give('rename', 'segment.id', '$event.target.value')}; {name.renamed} = ''",
        raw_attrs=[
            ALONE,
            NAMED,
            'aria-label="Segment name"',
            '@keydown.enter="$event.target.blur()"',
            '@keydown.esc="$event.target.value = segment.name; $event.target.blur()"',
        ],
    )


def _button(
    command: str,
    text: str,
) -> vuetify3.VBtn:
    return vuetify3.VBtn(
        icon=True,
        size="26",
        variant="text",
        raw_attrs=[
            f'{ALONE}="{give(command, "segment.id")}"',
            f'aria-label="{text}"',
            f'title="{text}"',
        ],
    )


def _add_menu(name: StateNames) -> None:
    """What is done less often to a segment."""
    text = "More about this segment"
    with (
        vuetify3.VBtn(
            icon=True,
            size="26",
            variant="text",
            raw_attrs=[f'aria-label="{text}"', f'title="{text}"'],
        ),
    ):
        vuetify3.VIcon("mdi-dots-vertical", size="17")
        with (
            vuetify3.VMenu(activator="parent", location="bottom end"),
            vuetify3.VList(density="compact"),
        ):
            _add_choice("Rename", "mdi-pencil-outline", f"{name.renamed} = segment.id")
            in_3d = "segment.in_3d ? 'Hide in 3D' : 'Show in 3D'"
            _add_choice(shown(in_3d), "mdi-cube-outline", give("toggle_3d", "segment.id"))
            up = give("reorder", "segment.id", "-1")
            _add_choice("Move up", "mdi-arrow-up", up, "!place")
            down = give("reorder", "segment.id", "1")
            is_last = f"place === {name.segments}.length - 1"
            _add_choice("Move down", "mdi-arrow-down", down, is_last)


def _add_choice(text: str, icon: str, click: str, disabled: str = "false") -> None:
    said = [f':aria-disabled="String({disabled})"']
    with vuetify3.VListItem(prepend_icon=icon, click=click, disabled=(disabled,), raw_attrs=said):
        vuetify3.VListItemTitle(text)
