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
from SlicePropagationMRML.presenting.models import firstHint

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
    "first": Command(
        "Segment first",
        "mdi-auto-fix",
        firstHint(),
        "first",
    ),
    "table": Command(
        "Table",
        "mdi-table",
        "Volume, slices and intensity of every segment",
        "edit",
    ),
    "reset_window": Command(
        "Reset window",
        "mdi-restore",
        "Window and level as they were at first",
        "",
        "r",
    ),
    "second": Command(
        "Second image",
        "mdi-layers-plus",
        "Show another image of the same patient over this one, such as T2 or PET",
        "",
    ),
    "cases": Command("Cases", "mdi-format-list-checks", "The list of cases", "", "w"),
    "next_case": Command(
        "Next case",
        "mdi-skip-forward-outline",
        "Open the next case that is not done; what is unsaved of this one is kept",
        "open",
    ),
    "save_next": Command(
        "Save and next",
        "mdi-content-save-move-outline",
        "Save this case, and open the next one that is not done",
        "save",
        "Ctrl+Enter",
    ),
    "reviewed": Command(
        "Reviewed",
        "mdi-check-decagram-outline",
        "Say that this case is reviewed; it counts once the case is saved",
        "",
    ),
    "export": Command(
        "Export",
        "mdi-folder-zip-outline",
        "Results with reports, DICOM SEG and meshes in one zip file",
        "",
    ),
    "keys": Command("Keys", "mdi-keyboard-outline", "All keys and what the mouse does", "", "?"),
}
_ON_SLICE = {
    "fill": ("Fill holes", "mdi-format-color-fill", "Fill the holes of the segment"),
    "largest": ("Keep largest piece", "mdi-chart-bubble", "Keep the largest piece of the segment"),
    "copy_previous": (
        "Copy from previous slice",
        "mdi-arrow-up-bold-box-outline",
        "Take over the mask of the slice before",
    ),
    "copy_next": (
        "Copy from next slice",
        "mdi-arrow-down-bold-box-outline",
        "Take over the mask of the slice after",
    ),
    "grow": ("Grow", "mdi-arrow-expand-all", "Grow the segment by the margin"),
    "shrink": ("Shrink", "mdi-arrow-collapse-all", "Shrink the segment by the margin"),
}
COMMANDS |= {
    key: Command(text, icon, f"{does}, on this slice", "draw")
    for key, (text, icon, does) in _ON_SLICE.items()
}
TOOLS = {
    "none": ("Move", "mdi-cursor-move"),
    "window": ("Window and level", "mdi-contrast-circle"),
    "paint": ("Paint", "mdi-brush"),
    "erase": ("Erase", "mdi-eraser"),
    "draw": ("Draw", "mdi-draw"),
    "threshold": ("Threshold", "mdi-contrast-box"),
    "scissors": ("Scissors", "mdi-content-cut"),
    "seed": ("Click to seed", "mdi-target"),
    "trace": ("Level tracing", "mdi-vector-curve"),
}
REACHES = {"slice": "This slice", "range": "From … to", "all": "All slices"}
OUTLINES = {"freehand": "Freehand", "polygon": "Polygon"}
OVERWRITES = {
    "all": "Overwrite all",
    "visible": "Overwrite visible",
    "under": "Draw under: overwrite none",
    "overlap": "Overlap",
}
OVERWRITE_ITEMS = [{"title": text, "value": mode} for mode, text in OVERWRITES.items()]
MARGIN_UNITS = ("mm", "px")
ALL_SLICES = 100_000  # more than a volume has
STEP_KEYS: dict[str, list[Any]] = {
    "ArrowUp": ["step", 1],
    "ArrowRight": ["step", 1],
    "ArrowDown": ["step", -1],
    "ArrowLeft": ["step", -1],
    "PageUp": ["step", 10],
    "PageDown": ["step", -10],
    "End": ["step", ALL_SLICES],
    "Home": ["step", -ALL_SLICES],
}
OTHER_KEYS: dict[str, list[Any]] = {
    " ": ["play"],
    "x": ["crosshair"],
    "b": ["swap"],
    "[": ["thinner"],
    "]": ["thicker"],
    "z": ["undo"],
    "y": ["redo"],
    "Ctrl+Shift+z": ["redo"],
}
MOUSE = (
    ("Wheel", "Slice by slice"),
    ("Ctrl+wheel", "Zoom"),
    ("Shift+wheel", "Size of the brush"),
    ("Right drag", "Window and level"),
    ("Middle drag", "Move the picture"),
    ("Shift+move", "The other views show the same place"),
    ("Double click", "Close a polygon; maximise a view, with Move in the hand"),
)
LEGEND_LINES, LEGEND_BELOW = legend()
LEGEND = [entry for line in LEGEND_LINES for entry in line]


def _items(names: Sequence[str], titles: Sequence[str]) -> list[dict[str, str]]:
    return [{"title": title, "value": name} for name, title in zip(names, titles, strict=True)]


DEVICE_ITEMS = _items(DEVICES, deviceTitles())


AFTER_CORRECTION = {
    "quick": "If it takes under 1 s",
    "always": "After each correction",
    "never": "Off",
}
AFTER_CORRECTION_ITEMS = [{"title": text, "value": wish} for wish, text in AFTER_CORRECTION.items()]

EXPORT_SCOPES = ("case", "all")
SCOPES = ("selected", "drawn")
SCOPE_ITEMS = _items(SCOPES, ("Selected segment", "All drawn segments"))


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


def keys() -> dict[str, list[Any]]:
    """{key: [command, its values]} of all shortcuts.

    Z and y alone undo and redo too, as in Slicer's Segment Editor.
    """
    named = {command.key: [name] for name, command in COMMANDS.items() if command.key}
    tools = {str(number): ["tool", tool] for number, tool in enumerate(TOOLS, 1)}
    return named | tools | STEP_KEYS | OTHER_KEYS


def shown_key(key: str) -> str:
    """How a key is written in a tooltip."""
    if key == "Escape":
        return "Esc"
    *with_it, letter = key.split("+")
    return "+".join([*with_it, letter.upper() if len(letter) == 1 else letter])


def key_rows() -> list[tuple[str, str]]:
    """[(key, what it does)] of all shortcuts, for a person."""
    commands = [
        (shown_key(command.key), command.text) for command in COMMANDS.values() if command.key
    ]
    tools = [(str(number), text) for number, (text, _) in enumerate(TOOLS.values(), 1)]
    others = [
        ("Z", "Undo"),
        ("Y, Ctrl+Shift+Z", "Redo"),
        ("↑ ↓ ← →", "Slice by slice"),
        ("Page ↑ ↓", "Ten slices"),
        ("Home, End", "First and last slice"),
        ("Space", "Play through the slices"),
        ("X", "Crosshair"),
        ("B", "First or second image"),
        ("[, ]", "Smaller or larger brush"),
        ("Enter", "Close the polygon that is open"),
        ("Backspace", "Take its last corner back"),
        ("Esc", "Drop it"),
    ]
    return [*commands, *tools, *others]
