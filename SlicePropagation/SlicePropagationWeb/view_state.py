"""What can be done now, and why the rest cannot.

What the panel says, and what only the page has.
"""

from SlicePropagationMRML.presenting.states import Situation, viewState


def reasons(
    situation: Situation,
    *,
    can_undo: bool = False,
    can_redo: bool = False,
) -> dict[str, str]:
    """Why each command cannot be done now; an empty text where it can.

    Args:
        situation: the panel's Situation.
        can_undo: whether there is a step to take back.
        can_redo: whether there is a step to do again.

    Returns:
        {"open", "propagate", "stop", "decide", "choices", "edit", "next", "confirm", "empty",
        "undo", "redo", "save": text}
    """
    state = viewState(situation)
    nothing_to_undo = "" if can_undo else "Nothing to undo"
    nothing_to_redo = "" if can_redo else "Nothing to redo"
    waits = state.choices if situation.hasResult else ""
    return {
        "open": state.choices,
        "propagate": state.choices or state.propagate,
        "stop": "" if situation.isRunning else "No run is under way",
        "decide": state.decide,
        "choices": state.choices,
        "edit": state.export or waits,  # one may draw during a run
        "next": state.next,
        "confirm": state.confirm,
        "empty": state.empty,
        "undo": state.choices or nothing_to_undo,
        "redo": state.choices or nothing_to_redo,
        "save": state.export or state.choices,
    }
