"""The options of the tool in the hand."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import OUTLINES, REACHES
from SlicePropagationWeb.page_parts import (
    ACCENT,
    check,
    give,
    list_name,
    number_field,
    shown,
    toggle_group,
    tooltip,
)
from SlicePropagationWeb.panel_state import StateNames

WITH_OPTIONS = ["paint", "erase", "draw", "threshold", "scissors", "seed", "trace"]
CUT_TEXTS = {
    "erase_inside": "Erase inside",
    "erase_outside": "Erase outside",
    "fill_inside": "Fill inside",
    "fill_outside": "Fill outside",
}
POLYGON_HINT = (
    "Click the corners. Double click or Enter closes, Backspace takes a corner back, Esc drops it."
)
SEED_HINT = (
    "Click into the structure for a first outline on this slice, or drag a box around it. Then mend"
    " it by hand."
)

TRACE_HINT = (
    "Point at the edge of the structure: the line goes where the picture is as bright as under the"
    " pointer. A click fills it on this slice."
)

SMART_HINT = (
    "A stroke takes only what is as bright as where it began, give or take the tolerance, and"
    " connected with the middle of the brush"
)


def add_tool_options(name: StateNames) -> None:
    """Add them to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    tool = name.tool
    with html.Div(classes="sp-tool-options", v_if=f"{WITH_OPTIONS}.includes({tool})"):
        with html.Div(v_if=f"['paint', 'erase'].includes({tool})"):
            _add_brush(name)
        with html.Div(v_if=f"['draw', 'scissors'].includes({tool})"):
            _add_outline(name)
        with html.Div(v_if=f"{tool} === 'threshold'"):
            _add_threshold(name)
        with html.Div(v_if=f"{tool} === 'scissors'", classes="sp-gap"):
            _add_cut(name)
        with html.Div(v_if=f"['threshold', 'scissors'].includes({tool})", classes="sp-gap"):
            _add_reach(name)
        with html.Div(v_if=f"{tool} === 'threshold'", classes="sp-row sp-gap"):
            _add_threshold_buttons(name)
        html.Div(SEED_HINT, v_if=f"{tool} === 'seed'", classes="sp-faint")
        html.Div(TRACE_HINT, v_if=f"{tool} === 'trace'", classes="sp-faint")


def _add_brush(name: StateNames) -> None:
    with html.Div(classes="sp-row"):
        html.Span("Brush", classes="sp-label sp-short")
        vuetify3.VSlider(
            model_value=(name.brush_mm,),
            update_modelValue=give("brush", "$event"),
            min=(f"{name.brush_bounds}[0]",),
            max=(f"{name.brush_bounds}[1]",),
            hide_details=True,
            density="compact",
            color=ACCENT,
            thumb_size=14,
            track_size=3,
            raw_attrs=['aria-label="Size of the brush"'],
        )
        number_field("Brush in mm", name.brush_mm, give("brush", "+$event.target.value"))
        html.Span("mm", classes="sp-faint")
    check("Ball: paints the slices beside it too", name.sphere)
    with html.Div(v_if=f"{name.tool} === 'paint'", classes="sp-row", title=SMART_HINT):
        check("Smart: similar intensities", name.smart)
        html.Span("±", classes="sp-faint", v_if=name.smart)
        with html.Div(v_if=name.smart):
            number_field("Tolerance", name.tolerance, give("tolerance", "+$event.target.value"))
    html.Div("[ and ], or Shift and the wheel, change the size.", classes="sp-faint")


def _add_outline(name: StateNames) -> None:
    toggle_group(name.outline_mode, OUTLINES, "outline")
    html.Div(POLYGON_HINT, v_if=f"{name.outline_mode} === 'polygon'", classes="sp-faint sp-gap")


def _add_threshold(name: StateNames) -> None:
    with html.Div(classes="sp-row"):
        for which, label in ((0, "Lowest intensity"), (1, "Highest intensity")):
            if which:
                html.Span("to", classes="sp-faint")
            ends = give("threshold_end", f"{which}", "+$event.target.value")
            number_field(label, f"{name.threshold}[{which}]", ends)
        html.Div(style="flex: 1")
        with vuetify3.VBtn(
            "Automatic",
            size="small",
            variant="text",
            click=give("find_range"),
            raw_attrs=['aria-label="Automatic range"'],
        ):
            tooltip("What is brighter than most, by the method of Otsu", "bottom")
    vuetify3.VRangeSlider(
        v_model=name.threshold,
        min=(f"{name.threshold_bounds}[0]",),
        max=(f"{name.threshold_bounds}[1]",),
        hide_details=True,
        density="compact",
        color=ACCENT,
        thumb_size=14,
        track_size=3,
        raw_attrs=['aria-label="Range of intensities"'],
    )


def _add_threshold_buttons(name: StateNames) -> None:
    """Paint in the range, or add all of it: neither makes annotated slices that nobody asked for."""
    with vuetify3.VBtn(
        "Use as mask",
        prepend_icon="mdi-transition-masked",
        size="small",
        variant="tonal",
        click=give("mask"),
    ):
        tooltip("Paint, and let tools and runs write in this range only", "bottom")
    where = f"{{slice: 'to this slice', range: 'to these slices', all: 'to all'}}[{name.reach}]"
    vuetify3.VBtn(
        shown(f"'Add ' + {where}"),
        prepend_icon="mdi-plus",
        size="small",
        variant="tonal",
        click=give("threshold"),
        disabled=(f"!!{name.why}.draw",),
        raw_attrs=['data-command="threshold"'],
    )


def _add_cut(name: StateNames) -> None:
    vuetify3.VSelect(
        v_model=name.scissors,
        items=([{"title": text, "value": cut} for cut, text in CUT_TEXTS.items()],),
        density="compact",
        variant="outlined",
        hide_details=True,
        raw_attrs=['data-choice="Cut"', *list_name("What the scissors do")],
    )


def _add_reach(name: StateNames) -> None:
    """Which slices the tool changes."""
    toggle_group(name.reach, REACHES, "reach")
    with html.Div(classes="sp-row sp-gap", v_if=f"{name.reach} === 'range'"):
        html.Span("Slices", classes="sp-label sp-short")
        for which, label in ((0, "First slice"), (1, "Last slice")):
            if which:
                html.Span("to", classes="sp-faint")
            ends = give("reach_end", f"{which}", "+$event.target.value")
            number_field(label, f"{name.reach_span}[{which}] + 1", ends)
        html.Span(shown(f"`of ${{{name.num_slices}}}`"), classes="sp-faint")
