"""What is told of a batch while its cases are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from SlicePropagationLib.propagation import SlicePrediction


class BatchWatch:
    """Is told how a batch goes, besides the outcomes; this one does nothing with it."""

    def found(self, num_cases: int) -> None:
        """The table is read, and nothing is done yet."""

    def begun(self, num_waiting: int) -> None:
        """Cases begin.

        Args:
            num_waiting: those that were not done before.
        """

    def stepped(self, prediction: SlicePrediction) -> None:
        """A slice of the one case that runs in this process is done."""
