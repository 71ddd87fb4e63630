"""Keep the better of old and new, in the place of blending and of overwriting.

The slice-propagation thesis (section 4.3) names it as what a use of corrections should do: compare
the old segmentation of a slice with the one that a correction leads to, and keep the best. By what
they are compared it does not say. Here it is the confidence of each, that of the old one times its
Dice with the correction on the slice that was corrected: what a person had to draw anew is the one
thing that is known about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from SlicePropagationLib.confidence import soft_dice
from SlicePropagationLib.planning import Gap, Run
from SlicePropagationLib.propagation import PRESENT, Engine, SlicePrediction, propagate
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState
from SlicePropagationLib.stack import SliceStack

KEEPS = ("new", "better")  # what a correction leaves of the slices around it


class BetterWalkEngine:
    """An engine of whose two walks through a gap the surer one is kept on every slice.

    Args:
        engine: what walks.
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self.name = engine.name

    def __getattr__(self, name: str) -> Any:
        """What else the engine offers, such as `quality`."""
        return getattr(self.engine, name)

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Mapping[int, np.ndarray],
    ) -> Iterator[np.ndarray]:
        """As the engine walks."""
        return self.engine.walk(stack, run, anchors)

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: np.ndarray,
        backward: np.ndarray,
        gap: Gap,
        anchors: Mapping[int, np.ndarray],
    ) -> np.ndarray:
        """The walk whose probabilities are the more certain; of equal ones the nearer anchor's.

        One that has found nothing gives way to one that has found something.
        """
        left, right = gap
        assert left is not None and right is not None, "two walks meet between anchors only"
        sure = [certainty(forward), certainty(backward)]
        if sure[0] == sure[1]:
            return forward if index - left <= right - index else backward
        return forward if sure[0] > sure[1] else backward


def certainty(probability: np.ndarray) -> float:
    """Soft Dice of a prediction with its own mask; 0 where it has found nothing."""
    mask = probability >= PRESENT
    return soft_dice(probability, mask) if mask.any() else 0.0


def propagate_better(
    session: AnnotationSession,
    engine: Engine,
    runs: Iterable[Run],
    agreement: float = 1.0,
) -> Iterator[SlicePrediction]:
    """As `propagate`, but what was predicted before stays on slices where it was trusted more.

    Args:
        session: of one label.
        engine: what walks.
        runs: as `propagate` takes them.
        agreement: Dice of the old prediction with the correction, which its confidence is times.
    """
    runs = tuple(runs)
    before = {
        (run.label, index): session.state(run.label, index) for run in runs for index in run.targets
    }
    for step in propagate(session, BetterWalkEngine(engine), runs):
        if step.is_final:
            for label, index in step.touched:
                _restore_better(session, label, index, before.get((label, index)), agreement)
        yield step


def _restore_better(
    session: AnnotationSession,
    label: int,
    index: int,
    old: SliceState | None,
    agreement: float,
) -> None:
    """Give a slice its old mask back where that is trusted more; it is up to date then, too."""
    if old is None or old.provenance != Provenance.PROPAGATED or old.patch.is_empty:
        return
    new = session.state(label, index)
    trust = agreement * old.confidence
    if new.provenance == Provenance.PROPAGATED and trust > new.confidence:
        session.accept(label, index, old.patch, trust)
