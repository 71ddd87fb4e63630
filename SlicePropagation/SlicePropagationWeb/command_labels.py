"""The texts, icons and keys of the page's commands.

What the desktop panel has too comes from where the panel takes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from SlicePropagationMRML.presenting.controls import (
    DEVICES,
    DIRECTIONS,
    KEYS,
    blockedReason,
    deviceTitles,
    directionTitles,
    engineNames,
    hints,
    legend,
    listedTitle,
)

from SlicePropagationLib.engines import ENGINES


@dataclass(frozen=True)
class Command:
    """A button.

    Attributes:
        text, icon: what it shows.
        does: what it does, for the tooltip.
        reason: which of the reasons of `view_state` can forbid it.
        key: the keyboard shortcut, empty where there is none.
    """

    text: str
    icon: str
    does: str
    reason: str
    key: str = ""


def _shared(
    name: str,
    text: str,
    icon: str,
    reason: str = "",
) -> Command:
    """A command of the panel: its hint and its key."""
    return Command(text, icon, hints()[name], reason or name, KEYS.get(name, "").lower())


COMMANDS = {
    "propagate": _shared("propagate", "Propagate", "mdi-arrow-expand-vertical"),
    "stop": Command("Stop", "mdi-stop", hints()["stop"], "stop", "Escape"),
    "keep": _shared("keep", "Keep", "mdi-check", "decide"),
    "discard": _shared("discard", "Discard", "mdi-close", "decide"),
    "next": _shared("next", "Next suspicious slice", "mdi-skip-next-outline"),
    "confirm": _shared("confirm", "Confirm slice", "mdi-check-circle-outline"),
    "empty": _shared("empty", "Nothing here", "mdi-circle-off-outline"),
    "undo": Command("Undo", "mdi-undo", "Take the last step back", "undo", "Ctrl+z"),
    "redo": Command("Redo", "mdi-redo", "Do the last undone step again", "redo", "Ctrl+y"),
    "save": Command(
        "Save",
        "mdi-content-save-outline",
        "Save the segmentation and the per-slice table",
        "save",
        "Ctrl+s",
    ),
    "open": Command(
        "Open",
        "mdi-folder-open-outline",
        "Open a volume, or a segmentation to go on with",
        "open",
        "Ctrl+o",
    ),
    "details": Command(
        "Details",
        "mdi-information-outline",
        "What the engines are, and where their weights come from",
        "details",
    ),
}
TOOLS = {
    "none": ("Move", "mdi-cursor-default-outline"),
    "paint": ("Paint", "mdi-brush"),
    "erase": ("Erase", "mdi-eraser"),
    "draw": ("Draw", "mdi-draw"),
    "threshold": ("Threshold", "mdi-contrast-box"),
    "scissors": ("Scissors", "mdi-content-cut"),
}
LEGEND_LINES, LEGEND_BELOW = legend()
LEGEND = [entry for line in LEGEND_LINES for entry in line]


def _items(names: Sequence[str], titles: Sequence[str]) -> list[dict[str, str]]:
    return [{"title": title, "value": name} for name, title in zip(names, titles, strict=True)]


DEVICE_ITEMS = _items(DEVICES, deviceTitles())


def engine_items() -> list[dict[str, Any]]:
    """All engines, for the browser; one that cannot walk here is disabled, with the reason."""
    return [_engine_item(name) for name in engineNames()]


def _engine_item(name: str) -> dict[str, Any]:
    blocked = blockedReason(name)
    return {
        "title": listedTitle(name),
        "value": name,
        "text": blocked or ENGINES[name].summary,
        "props": {
            "disabled": bool(blocked),
            "title": listedTitle(name),
            "subtitle": blocked or None,
        },
    }


def direction_items(ends: Sequence[str] = ("inferior", "superior")) -> list[dict[str, str]]:
    """The directions of a run, for the browser.

    Args:
        ends: where the slices begin and where they end in the patient.
    """
    return _items(DIRECTIONS, directionTitles(*ends))


def keys() -> dict[str, str]:
    """{key: command} of all shortcuts.

    Z and y alone undo and redo too, as in Slicer's Segment Editor.
    """
    named = {command.key: name for name, command in COMMANDS.items() if command.key}
    return named | {"z": "undo", "y": "redo"}


def shown_key(key: str) -> str:
    """How a key is written in a tooltip."""
    if key == "Escape":
        return "Esc"
    return key if key.startswith("Ctrl") else key.upper()
