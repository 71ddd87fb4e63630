"""`Engine`, what walks, and `WalkUnderWay`, a run of `propagate` that asks it for slice after slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np

from SlicePropagationLib import planning
from SlicePropagationLib.planning import Run

if TYPE_CHECKING:
    from SlicePropagationLib.session import AnnotationSession
    from SlicePropagationLib.stack import SliceStack


class Engine(Protocol):
    """What walks: a way to predict the mask of a slice from annotated ones.

    An engine may also offer `blend(stack, index, forward, backward, gap, anchors)`, which returns
    the (H, W) float32 probability of a slice between the two anchors of `gap` from the walks that
    came from the left and from the right. And `quality(run, index)`, which returns the Dice in
    [0, 1] that it expects of the slice it has just yielded; without it the confidence is estimated
    from what the prediction looks like. And `presence(stack, run, anchors)`, which returns an
    iterator of how probable it is that the structure is on each target of a run beyond the
    outermost anchor, or None; it is asked where the walk has ended, and may end early. And
    `prepare(stack, run, anchors)`, an iterator over moments of work before the first slice of a
    walk, between which a person can stop it; with it `adaptation`, an `Adaptation` that the history
    shall keep, or None.
    """

    @property
    def name(self) -> str:
        """What results say that walked."""
        ...

    def walk(
        self, stack: SliceStack, run: Run, anchors: Mapping[int, np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Predict the slices of `run` outward from its anchor.

        Args:
            stack: the read-only SliceStack; every slice may be looked at.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of ALL anchors of that label, for engines with
                a memory.

        Yields:
            (H, W) float32 probability of the label for each target in turn. Returning early says
            that the structure has ended.
        """
        ...


class WalkUnderWay:
    """One run under way, until it or the structure ends.

    Args:
        engine: an `Engine`; walks are lazy, nothing is asked yet.
        session: with the annotated slices, which are read once.
        run: where it walks.

    Attributes:
        run, gap: the run, and the anchors on both sides of its targets.
        anchors: {slice index: (H, W) bool mask} of the label when the walk began.
        started_at, changes: the session's clock then, and how often the anchors of the gap had
            changed.
        position: how many targets it has passed.
        end: the first slice beyond the structure, once the walk has come there.
    """

    def __init__(
        self,
        engine: Engine,
        session: AnnotationSession,
        run: Run,
    ) -> None:
        anchors = session.anchor_masks(run.label)
        self.run = run
        self.gap = planning.gap_of(run.targets[0], anchors)
        self.anchors = anchors
        self.started_at = session.clock
        self.changes = session.anchor_changes(run.label, self.gap)
        self.position = 0
        self.end: int | None = None
        self._predictions = engine.walk(session.stack, run, anchors)
        self._prepare = getattr(engine, "prepare", _needs_nothing)
        self._ask_presence = getattr(engine, "presence", _knows_nothing)
        self._stack = session.stack
        self._presence: Iterator[float] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the walk leads beyond the outermost anchor."""
        return None in self.gap

    @property
    def is_done(self) -> bool:
        """Whether the walk has passed its last target."""
        return self.position == len(self.run.targets)

    def get_ready(self) -> Iterator[None]:
        """What the engine does before the first slice, in moments; nothing later on."""
        if self.position == 0:
            yield from self._prepare(self._stack, self.run, self.anchors)

    def next_slice(self) -> tuple[int, np.ndarray | None]:
        """(index, (H, W) probability or None once the structure has ended)."""
        probability = next(self._predictions, None) if self.end is None else None
        index = self.run.targets[self.position]
        self.position += 1
        return index, probability

    def end_at(self, index: int) -> None:
        """The structure has ended before a slice, the one just passed."""
        self.end = index
        told = self._ask_presence(self._stack, self.run, self.anchors)
        self._presence = told and islice(told, self.position - 1, None)

    def presence(self) -> float | None:
        """How probable it is that the structure is on the slice just passed, beyond its end.

        0 where the engine says no more; None for an engine that never says anything.
        """
        return None if self._presence is None else next(self._presence, 0.0)

    def skip_rest(self) -> tuple[int, ...]:
        """The targets not walked, which the walk then counts as done."""
        rest = self.run.targets[self.position :]
        self.position = len(self.run.targets)
        return rest


def _needs_nothing(
    stack: SliceStack, run: Run, anchors: Mapping[int, np.ndarray]
) -> Iterator[None]:
    """What an engine does before a walk that begins at once."""
    return iter(())


def _knows_nothing(stack: SliceStack, run: Run, anchors: Mapping[int, np.ndarray]) -> None:
    """What an engine says of slices beyond the end that says nothing."""
