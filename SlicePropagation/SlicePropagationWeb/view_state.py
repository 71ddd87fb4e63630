"""What can be done now, and why the rest cannot: a pure function of the state of the work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """The state of the work, as far as it decides what can be done.

    Attributes:
        has_volume, has_segment: whether there is a volume, and a segment chosen.
        num_anchors: slices of the segment that a person vouches for.
        is_running, is_waiting: whether a run is under way, or a result waits for keep or discard.
        can_undo, can_redo: whether there is a step to take back, or to do again.
    """

    has_volume: bool = False
    has_segment: bool = False
    num_anchors: int = 0
    is_running: bool = False
    is_waiting: bool = False
    can_undo: bool = False
    can_redo: bool = False


def reasons(situation):
    """Why each command cannot be done now; an empty text where it can.

    Returns:
        {"propagate", "stop", "decide", "edit", "review", "next", "undo", "redo", "save": text}
    """
    busy = _busy(situation)
    missing = _missing(situation)
    edit = busy or missing
    undrawn = "Draw the structure on at least one slice first" if not situation.num_anchors else ""
    return {
        "propagate": edit or undrawn,
        "stop": "" if situation.is_running else "No run is under way",
        "decide": "" if situation.is_waiting else "Only after a run was stopped, or when it would take voxels from another segment",
        "edit": missing or ("Keep or discard the last result first" if situation.is_waiting else ""),
        "review": edit,
        "next": edit or undrawn,
        "undo": busy or ("" if situation.can_undo else "Nothing to undo"),
        "redo": busy or ("" if situation.can_redo else "Nothing to redo"),
        "save": edit,
    }


def _busy(situation):
    if situation.is_running:
        return "A run is under way"
    return "Keep or discard the last result first" if situation.is_waiting else ""


def _missing(situation):
    if not situation.has_volume:
        return "Open a volume first"
    return "" if situation.has_segment else "Add a segment first"
