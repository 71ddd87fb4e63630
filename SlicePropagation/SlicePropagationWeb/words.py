"""The words, icons and keys of the page's commands, in the order of the panel."""

from dataclasses import dataclass


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


COMMANDS = {
    "propagate": Command("Propagate", "mdi-arrow-expand-vertical", "Fill the slices that are not annotated or out of date", "propagate", "p"),
    "stop": Command("Stop", "mdi-stop", "Stop within one slice; you choose whether to keep what is there", "stop", "Escape"),
    "keep": Command("Keep", "mdi-check", "Write the result into the segments, as one undo step", "decide", "k"),
    "discard": Command("Discard", "mdi-close", "Forget the result; the segments stay as they were", "decide", "d"),
    "next": Command("Next suspicious slice", "mdi-skip-next-outline", "Show the slice whose correction is expected to gain most", "next", "n"),
    "confirm": Command("Confirm slice", "mdi-check-circle-outline", "The slice shown is right: it is kept as it is, and runs start from it", "review", "c"),
    "nothing": Command("Nothing here", "mdi-circle-off-outline", "The structure is not on the slice shown: it is emptied and kept empty", "review", "e"),
    "undo": Command("Undo", "mdi-undo", "Take the last step back", "undo", "Ctrl+z"),
    "redo": Command("Redo", "mdi-redo", "Do the last undone step again", "redo", "Ctrl+y"),
    "save": Command("Save", "mdi-content-save-outline", "Save the segmentation and the per-slice table", "save", "Ctrl+s"),
    "open": Command("Open", "mdi-folder-open-outline", "Open a volume", "open", "Ctrl+o"),
}
TOOLS = {
    "none": ("Move", "mdi-cursor-default-outline"),
    "paint": ("Paint", "mdi-brush"),
    "erase": ("Erase", "mdi-eraser"),
    "draw": ("Draw", "mdi-draw"),
    "threshold": ("Threshold", "mdi-contrast-box"),
    "scissors": ("Scissors", "mdi-content-cut"),
}
LEGEND = (("seed", "#56B4E9"), ("correction", "#E69F00"), ("confirmed", "#009E73"), ("propagated, height = confidence", "#F0E442"), ("not propagated yet", "#3A3F47"))
DEVICES = [{"title": "Automatic", "value": "auto"}, {"title": "CPU", "value": "cpu"}, {"title": "CUDA", "value": "cuda"}]


def directions(start="", end=""):
    """The directions of a run; `start` and `end` say where the slices begin and end in the patient."""
    return [{"title": "Both directions", "value": "both"}, {"title": f"Towards {end or 'higher slices'}", "value": "up"}, {"title": f"Towards {start or 'lower slices'}", "value": "down"}]


def keys():
    """{key: command} of all shortcuts; z and y alone undo and redo too, as in Slicer's Segment Editor."""
    return {command.key: name for name, command in COMMANDS.items() if command.key} | {"z": "undo", "y": "redo"}


def shown_key(key):
    """How a key is written in a tooltip."""
    return {"Escape": "Esc"}.get(key, key if key.startswith("Ctrl") else key.upper())
