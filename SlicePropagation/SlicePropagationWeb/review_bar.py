"""The review bar: one bar a slice, and what a person does about a slice."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import LEGEND, LEGEND_BELOW
from SlicePropagationWeb.page_part import PagePart
from SlicePropagationWeb.page_parts import check, command_button, give, shown, tooltip
from SlicePropagationWeb.panel_state import StateNames

DENSE = 120  # from so many slices on the strip has no lines between them


def add_review_bar(name: StateNames, cells: PagePart) -> None:
    """Add the bar to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
        cells: what `add_cells` fills: a part of its own, since it is large and the slice that is
            shown changes nothing in it.
    """
    with html.Div(classes="sp-review"):
        with html.Div(classes="sp-row", style="margin-bottom: 8px"):
            _add_commands(name)
        _add_strip(name, cells)
        with html.Div(classes="sp-row", style="margin-top: 6px"):
            html.Span(shown(name.summary), classes="sp-summary")
            _add_legend()


def _add_commands(name: StateNames) -> None:
    html.Span("Review", classes="sp-heading", style="margin: 0 6px 0 0")
    command_button(
        "next",
        name,
        variant="tonal",
        hint="top",
    )
    command_button(
        "confirm",
        name,
        variant="text",
        hint="top",
    )
    command_button(
        "empty",
        name,
        variant="text",
        hint="top",
    )
    _add_player(name)
    html.Div(style="flex: 1")
    check("Show 3D", name.show_3d, f"!{name.volume_name}")
    command_button(
        "details",
        name,
        variant="text",
        hint="top",
    )


def _add_player(name: StateNames) -> None:
    """Play through the slices, or stop."""
    text = f"{name.is_playing} ? 'Stop on this slice (Space)' : 'Play through the slices (Space)'"
    with vuetify3.VBtn(
        icon=True,
        size="32",
        variant="text",
        click=give("play"),
        disabled=(f"{name.num_slices} < 2",),
        raw_attrs=['aria-label="Play"', 'data-command="play"'],
    ):
        vuetify3.VIcon(icon=(f"{name.is_playing} ? 'mdi-pause' : 'mdi-play'",), size="20")
        tooltip(shown(text), "top")


def _add_strip(name: StateNames, cells: PagePart) -> None:
    with html.Div(
        classes=(f"['sp-strip', {{'sp-dense': {name.cells}.length > {DENSE}}}]",),
        raw_attrs=_slider(name),
    ):
        cells.place()
        left = f"calc(${{100 * {name.index} / {name.cells}.length}}% - 1px)"
        width = f"calc(${{100 / {name.cells}.length}}% + 2px)"
        html.Div(
            classes="sp-current",
            v_if=f"{name.cells}.length",
            style=(f"{{left: `{left}`, width: `{width}`}}",),
        )


def _slider(name: StateNames) -> list[str]:
    """What the strip is for who cannot see it: a slider, which the keys of the page move."""
    count = f"{name.cells}.length"
    kind = f"({name.cells}[{name.index}] || {{}}).kind"
    return [
        'aria-label="Slices"',
        'role="slider"',
        'tabindex="0"',
        'aria-valuemin="1"',
        f':aria-valuemax="Math.max({count}, 1)"',
        f':aria-valuenow="Math.min({name.index} + 1, Math.max({count}, 1))"',
        f':aria-valuetext="`Slice ${{{name.index} + 1}} of ${{{count}}}: ${{{kind}}}`"',
    ]


def add_cells(name: StateNames) -> None:
    """Add a bar for each slice.

    Args:
        name: names of the PanelState's values in the browser.
    """
    marks = "{'sp-stale': cell.stale, 'sp-absent': !cell.shown}"
    with html.Div(
        v_for=f"(cell, i) in {name.cells}",
        key="i",
        title=(f"i === {name.cell} ? {name.cell_text} : ''",),
        raw_attrs=[':data-slice="i"'],
        click=give("jump", "i"),
        mouseenter=give("describe", "i"),
        classes=(f"['sp-cell', 'sp-' + cell.kind, {marks}]",),
    ):
        html.Div(
            classes="sp-bar",
            style=("{height: 100 * cell.height + '%', '--mark': cell.color}",),
        )


def _add_legend() -> None:
    with html.Div(classes="sp-legend", title=LEGEND_BELOW):
        for color, text in LEGEND:
            with html.Span():
                html.Span(classes="sp-swatch", style=f"background: {color}")
                html.Span(text)
