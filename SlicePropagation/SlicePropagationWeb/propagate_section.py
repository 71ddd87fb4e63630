"""The panel's section "Propagate", and below it what starts and ends a run."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import AFTER_CORRECTION_ITEMS, DEVICE_ITEMS
from SlicePropagationWeb.page_parts import (
    ACCENT,
    BLUE,
    GREEN,
    RED,
    check,
    command_button,
    give,
    progress_bar,
    section,
    select,
    shown,
    tooltip,
)
from SlicePropagationWeb.panel_state import StateNames

PLANES = ("axial", "coronal", "sagittal")
DEVICE_HINT = "Where the network runs; automatic takes a GPU where there is one"

CORRECTED_HINT = (
    "`When a correction makes slices around it out of date: redo them by itself, and show the old"
    " outline for two seconds`"
)


def add_propagate_section(name: StateNames) -> None:
    """Add the choices of a run to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with section("Propagate"):
        _add_planes(name)
        _add_range(name)
        select("Direction", name, name.direction, (name.directions,))
        engine = _found(name.engines, name.engine)
        select("Engine", name, name.engine, (name.engines,), f"{name.why}.choices || {engine}.text")
        with html.Div(v_if=name.has_device, classes="sp-gap"):
            hint = f"{name.why}.choices || '{DEVICE_HINT}'"
            select("Device", name, name.device, DEVICE_ITEMS, hint)
        reason = f"{name.why}.choices || {name.adapt_reason}"
        check(
            "Adapt to annotated slices",
            name.adapts,
            f"!!({reason})",
            hint=f"{reason} || {name.adapt_hint}",
        )
        select("Auto-update", name, name.after_correction, AFTER_CORRECTION_ITEMS, CORRECTED_HINT)
        check("Slice views follow the run", name.follow)


def _found(items: str, value: str) -> str:
    """Expression of the item with a value, {} where there is none."""
    return f"({items}.find((one) => one.value === {value}) || {{}})"


def _add_planes(name: StateNames) -> None:
    with html.Div(classes="sp-row"):
        html.Span("Slices", classes="sp-label")
        with vuetify3.VBtnToggle(
            model_value=(name.plane,),
            mandatory=True,
            density="compact",
            divided=True,
            variant="outlined",
            classes="flex-grow-1",
            style="height: 32px",
        ):
            for plane in PLANES:
                _add_plane(name, plane)


def _add_plane(name: StateNames, plane: str) -> None:
    with vuetify3.VBtn(
        plane.capitalize(),
        value=plane,
        size="small",
        click=give("plane", f"'{plane}'"),
        disabled=(f"!!{name.why}.choices",),
        classes="flex-grow-1",
        raw_attrs=[f'data-plane="{plane}"'],
    ):
        title = f"{_found(name.planes, repr(plane))}.title || '{plane.capitalize()}'"
        tooltip(shown(f"{name.why}.choices || {title}"), "bottom")


def _add_range(name: StateNames) -> None:
    with html.Div(classes="sp-row"):
        html.Span("Range", classes="sp-label")
        check(
            "To the end of the structure",
            name.to_the_end,
            f"!!{name.why}.choices || !{name.num_slices}",
        )
    with html.Div(classes="sp-row sp-range", v_if=f"!{name.to_the_end}"):
        html.Span(shown(f"{name.span}[0] + 1"), classes="sp-number")
        vuetify3.VRangeSlider(
            v_model=name.span,
            min=0,
            max=(f"Math.max({name.num_slices} - 1, 1)",),
            step=1,
            hide_details=True,
            density="compact",
            strict=True,
            color=ACCENT,
            disabled=(f"!!{name.why}.choices",),
            thumb_size=14,
            track_size=3,
            raw_attrs=['aria-label="First and last slice"'],
        )
        html.Span(shown(f"{name.span}[1] + 1"), classes="sp-number")


def add_run_footer(name: StateNames) -> None:
    """Add what starts and ends a run, and what came of it.

    It is always in sight, however tall the tool's options are.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(classes="sp-footer"):
        with html.Div(classes="sp-row"):
            large = {
                "is_wide": True,
                "hint": "end",
                "variant": "flat",
                "size": "large",
            }
            command_button("propagate", name, v_if=f"!{name.is_running}", color=BLUE, **large)
            command_button("stop", name, v_if=name.is_running, is_single=True, color=RED, **large)
        _add_progress(name)
        _add_decision(name)
        html.Div(
            shown(f"{name.is_error} ? '' : {name.message}"),
            classes="sp-message",
            raw_attrs=['aria-live="polite"'],
        )


def _add_progress(name: StateNames) -> None:
    with html.Div(v_if=name.is_running, classes="sp-gap"):
        progress_bar(
            "How far the run is",
            model_value=(f"{name.num_steps} ? 100 * {name.step} / {name.num_steps} : 0",),
            indeterminate=(f"!{name.num_steps}",),
        )
        text = shown(f"{name.progress_text} || 'Getting ready…'")
        html.Div(text, classes="sp-faint sp-gap")


def _add_decision(name: StateNames) -> None:
    """What to do with a run that was stopped."""
    with html.Div(
        v_if=name.is_waiting,
        classes="sp-row",
        style="margin-top: 10px",
    ):
        command_button(
            "keep",
            name,
            is_wide=True,
            variant="flat",
            color=GREEN,
        )
        command_button(
            "discard",
            name,
            is_wide=True,
            variant="tonal",
        )
