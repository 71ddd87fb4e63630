"""Going through the slices: by keys, and on their own."""

from SlicePropagationMRML.run.run import Schedule

from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.workflow import Workflow

PLAY_MS = 120  # a slice


class Player:
    """Shows one slice of the chosen plane after another.

    Args:
        workflow: the Workflow, which shows a slice.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        workflow: Workflow,
        schedule: Schedule,
        data: PanelState,
    ) -> None:
        self._workflow = workflow
        self._schedule = schedule
        self._data = data
        self._turn = 0  # a timer of an earlier pass does nothing

    def step(self, number: int) -> None:
        """Show the slice so many further; at most the last, at least the first."""
        last = self._data.num_slices - 1
        if last >= 0:
            self._workflow.jump(max(0, min(self._data.index + number, last)))

    def toggle(self) -> None:
        """Play through the slices that show the segment, or stop."""
        if self._data.is_playing:
            self.stop()
        elif self._data.num_slices > 1:
            self._begin()

    def stop(self) -> None:
        """Stay on the slice that is shown."""
        self._turn += 1
        self._data.is_playing = False

    def _begin(self) -> None:
        self._turn += 1
        self._data.is_playing = True
        first, last = self._span()
        if not first <= self._data.index < last:
            self._workflow.jump(first)
        self._later(last)

    def _later(self, last: int) -> None:
        turn = self._turn
        self._schedule(PLAY_MS, lambda: self._next(turn, last))

    def _next(self, turn: int, last: int) -> None:
        if turn != self._turn:
            return
        if self._data.index >= last:
            self.stop()
        else:
            self.step(1)
            self._later(last)

    def _span(self) -> tuple[int, int]:
        """First and last slice on which the segment is; all where it is on none."""
        shown = [
            index
            for index, cell in enumerate(self._data.cells)
            if cell["shown"] and cell["kind"] != "empty"
        ]
        if not shown:
            return 0, self._data.num_slices - 1
        return shown[0], shown[-1]
