"""`StepLog`: the steps in the segments of one segmentation, whichever of them were open then or are now."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from SlicePropagationMRML.run.change_log import Change, Travel

# the text that a segment carries about its slices; None for a segment that is gone
TagOf = Callable[[str], str | None]


class _Step(NamedTuple):
    """One change, and what its segments carried before and after it: {segment ID: text}."""

    change: Change
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]

    def isAt(self, tags: Mapping[str, str | None], tagOf: TagOf) -> bool:
        """Whether its segments carry these texts, as far as they are there."""
        present = {name: tagOf(name) for name in tags if tagOf(name) is not None}
        return bool(present) and all(tags[name] == text for name, text in present.items())

    def isUndone(self, tagOf: TagOf) -> bool:
        """Whether none of its segments carries what it wrote."""
        present = {name: tagOf(name) for name in self.after if tagOf(name) is not None}
        return bool(present) and all(self.after[name] != text for name, text in present.items())


class StepLog:
    """Knows by what the segments carry which step was undone or done again.

    A document knows of its own segments only, and the Segment Editor undoes what was done to all.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._numDone = 0

    def wrote(
        self,
        change: Change,
        before: Mapping[str, str | None],
        after: Mapping[str, str | None],
    ) -> None:
        """A step was done; what was undone before it cannot be done again.

        Args:
            change: what it was.
            before: {segment ID: what it carried}, of the segments that were written.
            after: the same afterwards.
        """
        changed = [name for name in after if after[name] != before[name]]
        step = _Step(
            change,
            {name: before[name] for name in changed},
            {name: after[name] for name in changed},
        )
        self._steps[self._numDone :] = [step]
        self._numDone += 1

    def travelled(self, tagOf: TagOf) -> Travel | None:
        """The undo or redo since the last call, or None."""
        return self._redone(tagOf) or self._undone(tagOf)

    def _undone(self, tagOf: TagOf) -> Travel | None:
        first = self._numDone
        while first and self._steps[first - 1].isUndone(tagOf):
            first -= 1
        if first == self._numDone:
            return None
        step = self._steps[first]
        if not step.isAt(step.before, tagOf):  # another editor wrote; nothing is known any more
            self._steps = []
            self._numDone = 0
            return None
        self._numDone = first
        return Travel(True, step.change)

    def _redone(self, tagOf: TagOf) -> Travel | None:
        ahead = range(len(self._steps), self._numDone, -1)
        done = [number for number in ahead if self._at(number, tagOf)]
        if not done:
            return None
        self._numDone = done[0]
        return Travel(False, self._steps[done[0] - 1].change)

    def _at(self, number: int, tagOf: TagOf) -> bool:
        step = self._steps[number - 1]
        return step.isAt(step.after, tagOf)
