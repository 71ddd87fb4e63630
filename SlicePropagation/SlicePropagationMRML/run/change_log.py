"""What was stored with the segments, in order: so that an undo or a redo is known for what it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from SlicePropagationLib.session import SliceState

Tags: TypeAlias = dict[str, dict[str, Any] | None]  # {segment ID: what its tag says}
# ({(label, slice): state}, history of the session)
Snapshot: TypeAlias = tuple[dict[tuple[int, int], SliceState], list[dict]]


@dataclass(frozen=True)
class Change:
    """One step of a person or an engine, for naming it when it is undone.

    Attributes:
        kind: "run", "edit", "confirm" or "empty" ("nothing here").
        segmentIDs: the segments it changed.
        slices: the slice indices it changed, ascending.
    """

    kind: str
    segmentIDs: tuple[str, ...]
    slices: tuple[int, ...]

    @classmethod
    def of(
        cls,
        kind: str,
        changed: Iterable[tuple[int, int]],
        segments: dict[int, str],
    ) -> "Change":
        """The change of some (label, slice) pairs; `segments` says {label: segment ID}."""
        changed = list(changed)
        labels = sorted({label for label, _ in changed})
        slices = {index for _, index in changed}
        return cls(kind, tuple(segments[label] for label in labels), tuple(sorted(slices)))


@dataclass(frozen=True)
class Travel:
    """An undo or a redo that was noticed.

    Attributes:
        isUndo: which way.
        change: over what, None when it is not known.
    """

    isUndo: bool
    change: Change | None


class ChangeLog:
    """The tags of some segments as they were written one after another, and where they stand.

    An undo in the Segment Editor brings tags back that were written before; they are found again
    here, with the session that belonged to them.

    Args:
        tags: as they are at first.
    """

    def __init__(self, tags: Tags) -> None:
        self._last = tags
        self._snapshots: dict[str, Snapshot] = {}
        self._changes: list[tuple[str, Change | None]] = [(_key(tags), None)]
        self._position = 0
        self._travel: Travel | None = None

    def isLast(self, tags: Tags) -> bool:
        """Whether tags are those that were read or written last."""
        return tags == self._last

    def snapshotOf(self, tags: Tags) -> Snapshot | None:
        """What was known when these tags were written, or None when that was not here."""
        return self._snapshots.get(_key(tags))

    def written(
        self,
        tags: Tags,
        change: Change,
        known: Snapshot,
    ) -> None:
        """Tags were written after a change, with what was known then; what was undone is gone."""
        key = _key(tags)
        self._last = tags
        self._snapshots[key] = known
        self._changes[self._position + 1 :] = [(key, change)]
        self._position += 1

    def found(self, tags: Tags) -> None:
        """Tags were found that are not the last ones: find out which way that was."""
        before = self._last
        self._last = tags
        key = _key(tags)
        known = [number for number, (stored, _) in enumerate(self._changes) if stored == key]
        if not known:
            isOlder = _clock(tags) < _clock(before)
            undone = self._changes[self._position][
                1
            ]  # at least, whatever another editor wrote since
            self._changes = [(key, None)]
            self._position = 0
            self._travel = Travel(True, undone) if isOlder else None  # newer: by another editor
            return
        position = min(known, key=lambda number: abs(number - self._position))
        isUndo = position < self._position
        step = position + 1 if isUndo else position
        self._travel = Travel(isUndo, self._changes[step][1])
        self._position = position

    def takeTravel(self) -> Travel | None:
        """The `Travel` that was noticed since the last call, or None."""
        travel = self._travel
        self._travel = None
        return travel


def _key(tags: Tags) -> str:
    return repr(sorted(tags.items()))


def _clock(tags: Tags) -> int:
    """The latest session clock in some tags; -1 without any."""
    known = [values["slices"].values() for values in tags.values() if values]
    clocks = [max(state[2:]) for states in known for state in states]
    return max(clocks, default=-1)
