"""What a browser may set, and to what.

The page's own controls set nothing else; but whoever has the token can send anything.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from SlicePropagationMRML.nodes.geometry import PLANES
from SlicePropagationMRML.presenting.controls import DEVICES, DIRECTIONS

from SlicePropagationLib.drawing.scissors import CUTS
from SlicePropagationLib.engines import ENGINES
from SlicePropagationLib.pipelines.case_export import KINDS
from SlicePropagationLib.pipelines.exports import EXPORTS
from SlicePropagationWeb.case_order import ALL, ORDERS
from SlicePropagationWeb.case_records import STATUSES
from SlicePropagationWeb.command_labels import (
    AFTER_CORRECTION,
    EXPORT_SCOPES,
    MARGIN_UNITS,
    OUTLINES,
    OVERWRITES,
    REACHES,
    SCOPES,
    TOOLS,
)
from SlicePropagationWeb.workspace import SAVE_SUFFIXES

PANEL = "work__PanelState__"  # before the names of the PanelState's values
MAX_TEXT = 200
MAX_PATH = 4096
State = Mapping[str, Any]
Rule = Callable[[Any, State], bool]


def is_number(value: object) -> bool:
    """Whether a value is a finite number, and no truth value."""
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and abs(value) < 2**53 and math.isfinite(value)


def is_whole(value: object) -> bool:
    """Whether a value is an int, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: object, longest: int = MAX_TEXT) -> bool:
    """Whether a value is a text in one line that is not too long."""
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def may_set(key: str, value: object, state: State) -> bool:
    """Whether a browser may give a value of the page's state this value.

    Args:
        key: name in the state of the server.
        value: what the browser sent.
        state: the state as it is.
    """
    rule = RULES.get(key)
    return rule is not None and rule(value, state)


def is_choice(name: str, value: object, state: State) -> bool:
    """Whether a value of the PanelState can be one, whoever set it; True where anything can."""
    rule = CHOICES.get(name)
    return rule is None or rule(value, state)


def _one_of(*values: object) -> Rule:
    return lambda value, state: isinstance(value, (str, int)) and value in values


def _some_of(*values: object) -> Rule:
    one = _one_of(*values)

    def rule(value: object, state: State) -> bool:
        if not isinstance(value, (list, tuple)) or len(value) > len(values):
            return False
        return all(one(part, state) for part in value)

    return rule


def _truth(value: object, state: State) -> bool:
    return isinstance(value, bool)


def _false(value: object, state: State) -> bool:
    return value is False


def _empty(value: object, state: State) -> bool:
    return value == ""


def _percent(value: object, state: State) -> bool:
    return is_whole(value) and -1 <= value <= 100


def _share(value: object, state: State) -> bool:
    return is_whole(value) and 0 <= value <= 100


def _name(value: object, state: State) -> bool:
    return is_text(value)


def _searched(value: object, state: State) -> bool:
    return value is None or is_text(value)


def _address(value: object, state: State) -> bool:
    return value is None or is_text(value, MAX_PATH)


def _span(value: object, state: State) -> bool:
    """Two slices of the volume that is open, in their order."""
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(map(is_whole, value)):
        return False
    first, last = value
    return 0 <= first <= last < max(state[f"{PANEL}num_slices"] or 0, 1)


def _segment(value: object, state: State) -> bool:
    """One of the segments that are listed, or none."""
    segments = state[f"{PANEL}segments"] or []
    return value == "" or any(segment["id"] == value for segment in segments)


def _pair(value: object, state: State) -> bool:
    """Two numbers in their order."""
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(map(is_number, value)):
        return False
    return value[0] <= value[1]


def _within(slider: str) -> Rule:
    """A slice, as the slider below a view counts them."""

    def rule(value: object, state: State) -> bool:
        return is_whole(value) and 1 <= value <= state[f"{slider}max_value"]

    return rule


CHOICES: dict[str, Rule] = {
    "plane": _one_of(*PLANES),
    "direction": _one_of(*DIRECTIONS),
    "engine": _one_of(*ENGINES),
    "device": _one_of(*DEVICES),
    "save_suffix": _one_of(*SAVE_SUFFIXES),
    "exports": _some_of(*EXPORTS),
    "span": _span,
    "export_scope": _one_of(*EXPORT_SCOPES),
    "export_kinds": _some_of(*KINDS),
    "cases_status": _one_of(ALL, *STATUSES),
    "cases_order": _one_of(*ORDERS),
    "segment_id": _segment,
    "tool": _one_of(*TOOLS),
    "scope": _one_of(*SCOPES),
    "after_correction": _one_of(*AFTER_CORRECTION),
    "fill": _share,
    "second_share": _share,
    "overwrite": _one_of(*OVERWRITES),
    "reach": _one_of(*REACHES),
    "scissors": _one_of(*CUTS),
    "outline_mode": _one_of(*OUTLINES),
    "margin_unit": _one_of(*MARGIN_UNITS),
    "threshold": _pair,
}
TOOL_CHOICES = ("overwrite", "reach", "scissors", "outline_mode", "margin_unit", "threshold")
_PANEL_RULES: dict[str, Rule] = {
    **{
        name: CHOICES[name]
        for name in (
            *("direction", "engine", "device", "save_suffix", "exports", "span", "scope"),
            "after_correction",
            *TOOL_CHOICES,
        )
    },
    **dict.fromkeys(("to_the_end", "follow", "adapts", "show_3d"), _truth),
    **dict.fromkeys(("is_details", "is_table", "is_keys", "is_second_dialog"), _truth),
    **dict.fromkeys(("is_open_dialog", "is_save_dialog", "is_first_dialog"), _truth),
    **dict.fromkeys(("outline", "crosshair", "sphere", "smart"), _truth),
    **dict.fromkeys(("fill", "second_share"), _share),
    **dict.fromkeys(("is_error", "is_warning"), _false),  # a message is closed
    "message": _empty,
    "upload": _percent,
    **dict.fromkeys(("find", "cases_find"), _searched),
    **{name: CHOICES[name] for name in ("cases_status", "cases_order")},
    **{name: CHOICES[name] for name in ("export_scope", "export_kinds")},
    **dict.fromkeys(("is_cases", "is_export"), _truth),
    "url": _address,
    "save_name": _name,
    "renamed": _segment,
}
RULES: dict[str, Rule] = {
    **{f"{PANEL}{name}": rule for name, rule in _PANEL_RULES.items()},
    **{
        f"{view}__SliderState__value": _within(f"{view}__SliderState__")
        for view in ("Red", "Green", "Yellow")
    },
}
