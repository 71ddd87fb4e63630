"""Undo and redo: a step back or forth, and what is said of where it led."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from SlicePropagationMRML.run.events import Travelled

if TYPE_CHECKING:
    from SlicePropagationWeb.redo import Redo
    from SlicePropagationWeb.workflow import Workflow


class UndoCommands:
    """Takes steps back, and does them again.

    Args:
        workflow: the Workflow.
        redo: the Redo of corrections, whose old outlines are out of date then.
    """

    def __init__(self, workflow: "Workflow", redo: "Redo") -> None:
        self._flow = workflow
        self._logic = workflow.logic
        self._history = workflow.controller.history
        self._outlines = redo.outlines

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {"undo": self.undo, "redo": self.redo}

    def undo(self) -> None:
        """Take the last step back."""
        history = self._history
        if self._can_travel(history.can_undo, "Nothing to undo."):
            name = history.undone
            history.undo()
            self._arrived("Undone", name)

    def redo(self) -> None:
        """Do the last undone step again."""
        history = self._history
        if self._can_travel(history.can_redo, "Nothing to redo."):
            name = history.redone
            history.redo()
            self._arrived("Redone", name)

    def _can_travel(
        self,
        is_possible: bool,
        nothing: str,
    ) -> bool:
        if self._logic.isRunning or self._logic.hasPartialResult or not is_possible:
            self._flow.say(nothing)
            return False
        return True

    def _arrived(self, done: str, name: str) -> None:
        """Say where a step led to; where it has no name and segments came or went, only that it is done."""
        self._outlines.hide()
        travel = None
        session = self._flow.session
        document = session.document
        if document is not None and session.has_all_segments():
            self._logic.mergeEdits()
            travel = document.takeTravel()
        else:
            self._flow.open_session()
        if travel and not name:
            self._flow.say_event(Travelled(travel))
        else:
            self._flow.say(f"{done}: {name}." if name else f"{done}.")
        self._flow.worked()
