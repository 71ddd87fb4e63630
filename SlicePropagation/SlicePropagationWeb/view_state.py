"""What can be done now, and why the rest cannot: what the panel says, and what only the page has."""

from SlicePropagationMRML.presenting.states import viewState


def reasons(situation, *, can_undo=False, can_redo=False):
    """Why each command cannot be done now; an empty text where it can.

    Args:
        situation: the panel's Situation.
        can_undo, can_redo: whether there is a step to take back, or to do again.

    Returns:
        {"open", "propagate", "stop", "decide", "choices", "edit", "next", "confirm", "empty",
        "undo", "redo", "save": text}
    """
    state = viewState(situation)
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
        "undo": state.choices or ("" if can_undo else "Nothing to undo"),
        "redo": state.choices or ("" if can_redo else "Nothing to redo"),
        "save": state.export or state.choices,
    }
