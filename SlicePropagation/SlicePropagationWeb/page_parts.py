"""What the page is put together from: sections, choices, check boxes and buttons of commands.

Each function adds to the place of the template that is being built, as trame's widgets do.
"""

import re
from collections.abc import Mapping
from typing import Any

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import COMMANDS, shown_key
from SlicePropagationWeb.panel_state import StateNames

BLUE = "#0072B2"  # Okabe and Ito, 2008: colours that a colour-blind person tells apart
ACCENT = "primary"  # a blue, as `www/theme.js` has it for each theme
RED = "#D55E00"
GREEN = "#00785A"
TOOLTIP_MS = "300"
SINGLE_CLICK = "$event.detail < 2 && "  # the second click of a double click does not count

# Vue puts a bound value in anew, over what is being typed, whenever anything on the page changes.
KEEPS_TYPED = (
    "@vue:before-update=\"({el}) => { el.typed = el.matches(':focus') ? el.value : null; }\"",
    '@vue:updated="({el}) => { if (el.typed !== null) el.value = el.typed; }"',
)


SHOWN = re.compile(r"\{\{ (.*) \}\}")


def shown(expression: str) -> str:
    """A text of the template: what an expression is in the browser."""
    return f"{{{{ {expression} }}}}"


def give(command: str, *arguments: str) -> str:
    """What a click does in the browser: give a command.

    Args:
        command: its name.
        arguments: expressions in the browser.
    """
    values = ", ".join([f"'{command}'", *arguments])
    return f"trigger('command', [{values}])"


def section(text: str) -> html.Div:
    """A part of the panel under a heading; to be entered with `with`."""
    part = html.Div(classes="sp-section")
    with part:
        html.Div(text, classes="sp-heading")
    return part


def tooltip(text: str, location: str, **options: Any) -> None:
    """What is said when the mouse rests on the widget that is being built.

    A screen reader is told without a mouse: the text stands there only while the tooltip is open.
    """
    found = SHOWN.fullmatch(text)
    says = found[1] if found else f"'{text}'"
    vuetify3.VTooltip(
        text,
        activator="parent",
        location=location,
        open_delay=TOOLTIP_MS,
        raw_attrs=[f':aria-label="{says}"', f":role=\"({says}) ? 'tooltip' : 'none'\""],
        **options,
    )


def list_name(label: str) -> list[str]:
    """What tells who cannot see it what a list to choose from is, closed and open.

    An open one that scrolls can be reached with the keyboard.

    Args:
        label: what it is.
    """
    opened = f"{{'aria-label': '{label}', tabindex: 0}}"
    return [f'aria-label="{label}"', f':list-props="{opened}"']


def select(
    text: str,
    name: StateNames,
    value: str,
    items: Any,
    hint: str | None = None,
) -> None:
    """A list to choose from, which cannot be opened while `why.choices` says why.

    Args:
        text: the label.
        name: names of the PanelState's values in the browser.
        value: name of the value that is chosen.
        items: (name of the items' value,), or the items.
        hint: expression of the tooltip; without it, why nothing can be chosen.
    """
    hint = hint or f"{name.why}.choices"
    with html.Div(classes="sp-row"):
        html.Span(text, classes="sp-label")
        with vuetify3.VSelect(
            v_model=value,
            items=items if isinstance(items, tuple) else (items,),
            density="compact",
            variant="outlined",
            hide_details=True,
            disabled=(f"!!{name.why}.choices",),
            raw_attrs=[f'data-choice="{text}"', *list_name(text)],
        ):
            tooltip(
                shown(hint),
                "right",
                max_width="320",
                disabled=(f"!({hint})",),
            )


def check(
    text: str,
    value: str,
    disabled: str = "false",
    hint: str = "",
) -> None:
    """A check box.

    Args:
        text: the label.
        value: name of the browser's value.
        disabled: expression that says whether it cannot be clicked.
        hint: expression of the tooltip, also while it cannot be clicked; none where it is empty.
    """
    with html.Div(classes="flex-grow-0"):  # what is disabled hears no mouse
        vuetify3.VCheckbox(
            v_model=value,
            label=text,
            density="compact",
            hide_details=True,
            color=ACCENT,
            classes="sp-check flex-grow-0",
            disabled=(disabled,),
        )
        if hint:
            tooltip(shown(hint), "right", max_width="320")


def percent_slider(value: str, label: str, hint: str) -> None:
    """A short slider from 0 to 100 %.

    Args:
        value: name of the browser's value.
        label: what it is, for who cannot see the page.
        hint: expression of the tooltip.
    """
    with vuetify3.VSlider(
        v_model=value,
        min=0,
        max=100,
        step=5,
        hide_details=True,
        density="compact",
        color=ACCENT,
        thumb_size=12,
        track_size=3,
        classes="sp-fill",
        raw_attrs=[f'aria-label="{label}"'],
    ):
        tooltip(shown(hint), "bottom")


def progress_bar(label: str, **options: Any) -> None:
    """A bar that says how far something is.

    Args:
        label: what it is, for who cannot see it.
        options: of the bar.
    """
    named = [f'aria-label="{label}"']
    vuetify3.VProgressLinear(height=6, rounded=True, color=ACCENT, raw_attrs=named, **options)


def command_button(
    key: str,
    name: StateNames | None = None,
    *,
    is_wide: bool = False,
    is_single: bool = False,
    v_if: str | None = None,
    hint: str = "bottom",
    **style: Any,
) -> None:
    """A button of `COMMANDS`; where it is disabled, its tooltip says why.

    Args:
        key: name of the command.
        name: names of the PanelState's values in the browser; without them nothing forbids it.
        is_wide: whether it takes the room that there is.
        is_single: whether the second click of a double click does not count.
        v_if: expression that says whether it is there.
        hint: where the tooltip stands.
        style: of the button.
    """
    with _wrapped(
        key,
        name,
        is_wide=is_wide,
        v_if=v_if,
        hint=hint,
    ):
        vuetify3.VBtn(
            COMMANDS[key].text,
            prepend_icon=COMMANDS[key].icon,
            click=(SINGLE_CLICK if is_single else "") + give(key),
            **_shared(key, name),
            **style,
        )


def number_field(label: str, value: str, change: str) -> None:
    """A number that a person may type.

    Args:
        label: what it is, for who cannot see the page.
        value: expression of the number that holds.
        change: what the browser does with another one.
    """
    html.Input(
        type="number",
        value=(value,),
        classes="sp-typed",
        change=f"{change}; $event.target.value = {value}",
        raw_attrs=[
            'step="any"',
            f'aria-label="{label}"',
            '@keydown.enter="$event.target.blur()"',
            *KEEPS_TYPED,
        ],
    )


def toggle_group(value: str, titles: Mapping[str, str], what: str) -> None:
    """Buttons, one of which is pressed.

    Args:
        value: name of the browser's value.
        titles: {what it is set to: text of the button}.
        what: is chosen, for tests.
    """
    with vuetify3.VBtnToggle(
        v_model=value,
        mandatory=True,
        density="compact",
        divided=True,
        variant="outlined",
        classes="sp-toggle",
    ):
        for key, text in titles.items():
            vuetify3.VBtn(
                text,
                value=key,
                size="small",
                classes="flex-grow-1",
                raw_attrs=[f'data-{what}="{key}"'],
            )


def command_icon(key: str, name: StateNames, size: str = "36") -> None:
    """A button of `COMMANDS` that shows its icon only."""
    with (
        _wrapped(key, name),
        vuetify3.VBtn(
            icon=True,
            size=size,
            variant="text",
            click=give(key),
            **_shared(key, name),
        ),
    ):
        vuetify3.VIcon(COMMANDS[key].icon, size="20")


def _wrapped(
    key: str,
    name: StateNames | None,
    *,
    is_wide: bool = False,
    v_if: str | None = None,
    hint: str = "bottom",
) -> html.Div:
    """What lies around a button: a disabled one has no tooltip of its own."""
    command = COMMANDS[key]
    does = f"{command.does} ({shown_key(command.key)})" if command.key else command.does
    condition = {"v_if": v_if} if v_if else {}
    wrap = html.Div(classes="sp-wrap sp-wide" if is_wide else "sp-wrap", **condition)
    with wrap:
        tooltip(shown(f"{_why(key, name)} || '{does}'"), hint)
    return wrap


def _shared(key: str, name: StateNames | None) -> dict[str, Any]:
    return {
        "disabled": (f"!!({_why(key, name)})",),
        "raw_attrs": [f'data-command="{key}"', f'aria-label="{COMMANDS[key].text}"'],
    }


def _why(key: str, name: StateNames | None) -> str:
    """Expression of the reason that forbids a command."""
    reason = COMMANDS[key].reason
    return f"{name.why}.{reason}" if name is not None and reason else "''"
