"""What lies on the views: names, buttons, and what stands at the edges of a slice."""

from typing import TYPE_CHECKING, Any

from trame.widgets import html, vuetify3
from trame_client.widgets.core import HTML_CTX

from SlicePropagationWeb.page_parts import give, shown, tooltip
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.slice_sliders import add_slice_slider

if TYPE_CHECKING:
    from trame_server.core import Server

TAGS = {
    "axial": "Red",
    "coronal": "Green",
    "sagittal": "Yellow",
}
COLORS = {
    "Red": "#F34A33",
    "Green": "#6DAD4A",
    "Yellow": "#EFD64D",
}
GREY = "#9AA3AF"
SAME_SLICE_MM = 0.01
EDGES = ("left", "right", "top", "bottom")


def add_three_d_controls(view: Any, name: StateNames) -> None:
    """Add name and buttons of the 3D view, and why it is empty.

    Args:
        view: the `trame_slicer` view.
        name: names of the PanelState's values in the browser.
    """
    _add_head(view.get_singleton_tag(), "3D", GREY, name)
    html.Div(
        "Switch on 'Show 3D' to see the segments as surfaces.",
        v_if=f"!{name.show_3d}",
        classes="sp-empty-3d sp-faint",
    )


def add_slice_controls(server: "Server", view: Any, name: StateNames) -> None:
    """Add name and buttons of a slice view, what stands at its edges, and the slider below it.

    Args:
        server: the trame server.
        view: the `trame_slicer` view.
        name: names of the PanelState's values in the browser.
    """
    # `trame_slicer` makes the element that all of a view is in. Rules of the style sheet that find it
    # by what it holds (:has) would have the browser style the whole page anew at every change.
    HTML_CTX.element_stack[-1].classes = "sp-slice-view"
    tag = view.get_singleton_tag()
    plane = next(plane for plane in TAGS if TAGS[plane] == tag)
    html.Canvas(classes="sp-brush", raw_attrs=[f'data-brush="{tag}"'])  # of `www/brush_canvas.js`
    _add_trace(tag, name)
    _add_head(tag, plane.capitalize(), COLORS[tag], name)
    _add_edges(tag, name)
    add_slice_slider(server, tag, plane, COLORS[tag])


def _add_trace(tag: str, name: StateNames) -> None:
    """The line of level tracing, in mm of the view's plane: it stays in place when the view moves."""
    plane = f"{name.corners}.{tag}.plane"
    is_here = (
        f"{name.tool} === 'trace' && {name.trace}.view === '{tag}' && {name.corners}.{tag}"
        f" && Math.abs({name.trace}.depth - {plane}.depth) < {SAME_SLICE_MM}"
    )
    corner = f"${{{plane}.u - {plane}.width / 2}} ${{-{plane}.v - {plane}.height / 2}}"
    box = f"`{corner} ${{{plane}.width}} ${{{plane}.height}}`"
    points = f'vector-effect="non-scaling-stroke" :points="{name.trace}.points"'
    html.Svg(
        [f'<polygon class="{kind}" {points} />' for kind in ("sp-trace-edge", "sp-trace-line")],
        classes="sp-trace",
        v_if=is_here,
        raw_attrs=[f':viewBox="{box}"', 'preserveAspectRatio="none"', 'aria-hidden="true"'],
    )


def _add_head(tag: str, text: str, color: str, name: StateNames) -> None:
    """Name, and the buttons that fit and maximise."""
    style = f"border-color: {color}"
    named = f"@vue:mounted=\"({{el}}) => utils.page.namePicture(el, '{text} view')\""
    marks = [f'data-view="{tag}"', named]
    with html.Div(classes="sp-view-name", style=style, raw_attrs=marks):
        html.Span(text)
        fit = give("fit", f"'{tag}'")
        with _button(f"Fit {text} view", "Fit to view", fit):
            vuetify3.VIcon("mdi-fit-to-screen-outline", size="16")
        is_alone = f"{name.maximised} === '{tag}'"
        icon = f"{is_alone} ? 'mdi-arrow-collapse' : 'mdi-arrow-expand'"
        hint = shown(f"{is_alone} ? 'Show all views' : 'Maximise'")
        with _button(f"Maximise {text} view", hint, give("maximise", f"'{tag}'")):
            vuetify3.VIcon(icon=(icon,), size="16")


def _button(label: str, hint: str, click: str) -> vuetify3.VBtn:
    button = vuetify3.VBtn(
        icon=True,
        size="x-small",
        variant="text",
        click=click,
        raw_attrs=[f'aria-label="{label}"'],
    )
    with button:
        tooltip(hint, "bottom")
    return button


def _add_edges(tag: str, name: StateNames) -> None:
    here = f"({name.corners}.{tag} || {{}})"
    with html.Div(
        classes="sp-edges", v_if=f"{name.corners}.{tag}", raw_attrs=[f'data-edges="{tag}"']
    ):
        for edge in EDGES:
            html.Span(shown(f"{here}.{edge}"), classes=f"sp-edge sp-at-{edge}")
        with html.Div(classes="sp-where"):
            pointer = f"{name.pointer}.view === '{tag}' ? {name.pointer}.text : ''"
            html.Div(shown(pointer), classes="sp-pointer")
            html.Span(shown(f"{here}.slice"))
            html.Span(shown(f"' · ' + {here}.place"), classes="sp-place")
        with html.Div(classes="sp-scale"):
            html.Span(shown(f"{here}.bar"))
    html.Div(
        classes="sp-scale-bar",
        v_if=f"{name.corners}.{tag}",
        style=(f"{{width: {here}.share + '%'}}",),
    )
