"""What a command of the page may be given: its values, checked before it is called."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from SlicePropagationMRML.nodes.geometry import PLANES

from SlicePropagationLib.errors import InputError
from SlicePropagationWeb.allowed_values import MAX_PATH, MAX_TEXT, is_number, is_text, is_whole
from SlicePropagationWeb.checked_state import shown
from SlicePropagationWeb.command_labels import COMMANDS, TOOLS
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.window_presets import AUTOMATIC, CT_PRESETS
from SlicePropagationWeb.worklist import MOST

MAX_SIZE = 1e5  # of a brush or a margin
MOST_STEPS = 1_000_000  # several keys at once
VIEWS = ("Red", "Green", "Yellow", "ThreeD")
COLOR = re.compile("#[0-9a-fA-F]{6}")
Check = Callable[[object, PanelState], bool]


def _slice(value: object, data: PanelState) -> bool:
    return is_whole(value) and 0 <= value < max(data.num_slices, 1)


def _segment(value: object, data: PanelState) -> bool:
    return any(segment["id"] == value for segment in data.segments)


def _plane(value: object, data: PanelState) -> bool:
    return isinstance(value, str) and value in PLANES


def _tool(value: object, data: PanelState) -> bool:
    return isinstance(value, str) and value in TOOLS


def _name(value: object, data: PanelState) -> bool:
    return is_text(value, MAX_TEXT)


def _color(value: object, data: PanelState) -> bool:
    return isinstance(value, str) and COLOR.fullmatch(value) is not None


def _place(value: object, data: PanelState) -> bool:
    return is_whole(value) and abs(value) == 1


def _steps(value: object, data: PanelState) -> bool:
    return is_whole(value) and abs(value) <= MOST_STEPS


def _view(value: object, data: PanelState) -> bool:
    return isinstance(value, str) and value in VIEWS


def _preset(value: object, data: PanelState) -> bool:
    return isinstance(value, str) and (value == AUTOMATIC or value in CT_PRESETS)


def _intensity(value: object, data: PanelState) -> bool:
    return is_number(value)


def _size(value: object, data: PanelState) -> bool:
    return is_number(value) and abs(float(str(value))) < MAX_SIZE


def _end(value: object, data: PanelState) -> bool:
    return is_whole(value) and value in (0, 1)


def _truth(value: object, data: PanelState) -> bool:
    return isinstance(value, bool)


def _path(value: object, data: PanelState) -> bool:
    return is_text(value, MAX_PATH)


def _case(value: object, data: PanelState) -> bool:
    return data.has_cases and is_text(value, MAX_TEXT)


def _model(value: object, data: PanelState) -> bool:
    return any(model["name"] == value for model in data.first_models)


def _row(value: object, data: PanelState) -> bool:
    return is_whole(value) and 0 <= value < MOST


ARGUMENTS: dict[str, tuple[tuple[str, Check], ...]] = {
    "jump": (("slice", _slice),),
    "describe": (("slice", _slice),),
    "choose": (("segment", _segment),),
    "remove": (("segment", _segment),),
    "toggle": (("segment", _segment),),
    "rename": (("segment", _segment), ("name", _name)),
    "color": (("segment", _segment), ("colour", _color)),
    "toggle_3d": (("segment", _segment),),
    "reorder": (("segment", _segment), ("place", _place)),
    "step": (("number of slices", _steps),),
    "fit": (("view", _view),),
    "maximise": (("view", _view),),
    "preset": (("preset", _preset),),
    "width": (("width", _intensity),),
    "level": (("level", _intensity),),
    "plane": (("plane", _plane),),
    "tool": (("tool", _tool),),
    "brush": (("size", _size),),
    **dict.fromkeys(("margin", "tolerance"), (("size", _size),)),
    "threshold_end": (("end", _end), ("intensity", _intensity)),
    "limit_end": (("end", _end), ("intensity", _intensity)),
    "reach_end": (("end", _end), ("slice", _size)),
    "limit": (("choice", _truth),),
    "lock": (("segment", _segment),),
    **dict.fromkeys(("load", "load_second"), (("path", _path), ("volume", _path))),
    "continue": (("path", _path),),
    "fetch": (("address", _path),),
    "segment_first": (("model", _model),),
    "open_case": (("case", _case),),
    "rows": (("row", _row),),
}
CAN_LACK = {"load": 1, "load_second": 1}  # how many of the last values may be left out
# Which reason of `view_state` forbids a command that is no button of COMMANDS.
REASONS = {
    "load": "open",
    "continue": "open",
    "fetch": "open",
    "sample": "open",
    "open_case": "open",
    "make_export": "open",
    "segment_first": "first",
    "plane": "choices",
    "tool": "edit",
    "threshold": "draw",
    **dict.fromkeys(("limit", "limit_end"), "choices"),
    **dict.fromkeys(("remove", "reorder"), "choices"),
}


def check_arguments(
    name: str,
    arguments: Sequence[Any],
    data: PanelState,
) -> None:
    """Refuse values that a command cannot have.

    Args:
        name: of the command.
        arguments: what the browser sent.
        data: the PanelState, which says what there is.

    Raises:
        InputError: there are too many or too few, or one of them cannot be.
    """
    expected = ARGUMENTS.get(name, ())
    if not 0 <= len(expected) - len(arguments) <= CAN_LACK.get(name, 0):
        raise InputError(
            f"The command '{shown(name)}' has {len(expected)} values, and {len(arguments)} came;"
            " reload the page."
        )
    for value, (what, check) in zip(arguments, expected, strict=False):
        if not check(value, data):
            raise InputError(f"There is no {what} '{shown(value)}'; choose one of the page.")


def blocked(name: str, why: dict[str, str]) -> str:
    """Why a command cannot be given now; empty where it can."""
    reason = COMMANDS[name].reason if name in COMMANDS else REASONS.get(name, "")
    return why.get(reason, "")
