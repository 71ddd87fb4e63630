"""What a person does about one slice after another: to the next doubtful one, confirm, nothing here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from SlicePropagationWeb.slice_numbers import number

if TYPE_CHECKING:
    from SlicePropagationWeb.workflow import Workflow


class ReviewCommands:
    """Goes through what a run filled.

    Args:
        workflow: the Workflow.
    """

    def __init__(self, workflow: "Workflow") -> None:
        self._flow = workflow
        self._logic = workflow.logic
        self._presenter = workflow.presenter
        self._data = workflow.data

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {"next": self.show_next, "confirm": self.confirm, "empty": self.mark_empty}

    def show_next(self) -> None:
        """Show the slice most worth correcting, and say why."""
        self._flow.say(self._to_next())

    def _to_next(self) -> str:
        """Show the slice most worth correcting; returns what there is to say about it."""
        index = self._logic.nextSuspicious(self._data.segment_id)
        if index is None:
            return self._presenter.suggested(None)
        self._flow.jump(index)
        return f"{self._presenter.suggested(number(index))} {self._flow.session.doubts(index)}."

    def confirm(self) -> None:
        """Vouch for the slice shown, as it is, and go on to the next one worth a look."""
        index = self._data.index
        self._logic.confirm(self._data.segment_id, index)
        said = self._presenter.confirmed(number(index))
        self._flow.say(f"{said} {self._to_next()}")
        self._flow.worked()

    def mark_empty(self) -> None:
        """Vouch that the structure is not on the slice shown."""
        self._logic.markEmpty(self._data.segment_id, self._data.index)
        self._flow.say(self._presenter.emptied(number(self._data.index)))
        self._flow.worked()
