"""What can be done now, and why the rest cannot.

What the panel says, and what only the page has.
"""

from SlicePropagationMRML.presenting.states import Situation, viewState


def reasons(
    situation: Situation,
    *,
    can_undo: bool = False,
    can_redo: bool = False,
    locked: str = "",
    fills_all: bool = False,
) -> dict[str, str]:
    """Why each command cannot be done now; an empty text where it can.

    Args:
        situation: the panel's Situation.
        can_undo: whether there is a step to take back.
        can_redo: whether there is a step to do again.
        locked: name of the segment that is chosen, where it is locked.
        fills_all: whether the next run fills all segments that are not locked.

    Returns:
        {"open", "propagate", "stop", "decide", "choices", "edit", "draw", "first", "next", "confirm", "empty",
        "undo", "redo", "save": text}
    """
    state = viewState(situation)
    nothing_to_undo = "" if can_undo else "Nothing to undo"
    nothing_to_redo = "" if can_redo else "Nothing to redo"
    waits = state.choices if situation.hasResult else ""
    lock = f"{locked} is locked; unlock it in the list to change it" if locked else ""
    edit = state.export or waits  # one may draw during a run
    return {
        "open": state.choices,
        "propagate": state.choices or state.propagate or ("" if fills_all else lock),
        "stop": "" if situation.isRunning else "No run is under way",
        "decide": state.decide,
        "choices": state.choices,
        "edit": edit,
        "draw": edit or lock,
        "first": state.first,
        "next": state.next,
        "confirm": state.confirm,
        "empty": state.empty or lock,
        "undo": state.choices or nothing_to_undo,
        "redo": state.choices or nothing_to_redo,
        "save": state.export or state.choices,
    }
