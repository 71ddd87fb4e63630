"""The words, icons and keys of the page's commands.

What the desktop panel has too comes from where the panel takes it.
"""

from dataclasses import dataclass

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


def _shared(name, text, icon, reason=""):
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
DEVICE_ITEMS = [{"title": title, "value": name} for name, title in zip(DEVICES, deviceTitles())]


def engine_items():
    """All engines, for the browser; one that cannot walk here is disabled, with the reason."""
    blocked = {name: blockedReason(name) for name in engineNames()}
    return [
        {
            "title": listedTitle(name),
            "value": name,
            "text": blocked[name] or ENGINES[name].summary,
            "props": {
                "disabled": bool(blocked[name]),
                "title": listedTitle(name),
                "subtitle": blocked[name] or None,
            },
        }
        for name in engineNames()
    ]


def direction_items(ends=None):
    """The directions of a run, for the browser.

    `ends` say where the slices begin and end in the patient.
    """
    titles = directionTitles(*ends) if ends else directionTitles("inferior", "superior")
    return [{"title": title, "value": name} for name, title in zip(DIRECTIONS, titles)]


def keys():
    """{key: command} of all shortcuts.

    Z and y alone undo and redo too, as in Slicer's Segment Editor.
    """
    return {command.key: name for name, command in COMMANDS.items() if command.key} | {
        "z": "undo",
        "y": "redo",
    }


def shown_key(key):
    """How a key is written in a tooltip."""
    return {"Escape": "Esc"}.get(key, key if key.startswith("Ctrl") else key.upper())
