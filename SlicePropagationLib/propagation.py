"""`propagate`: walk every run with an engine and fill the session.

The two walks of a gap are blended, overlaps of labels are resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib import planning
from SlicePropagationLib.confidence import ended_doubt, slice_confidence
from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationLib.planning import Gap, Run
from SlicePropagationLib.session import RUN, AnnotationSession, Event, Provenance, SliceState
from SlicePropagationLib.walk_under_way import Engine as Engine
from SlicePropagationLib.walk_under_way import WalkUnderWay

if TYPE_CHECKING:
    from SlicePropagationLib.stack import SliceStack

PRESENT = 0.5  # a pixel belongs to a label above this probability
HINTED = 2.0  # above all probabilities: no label takes what a person drew for another one
NEGLIGIBLE = 0.02  # probabilities below are not kept
FEW_LABELS = 16  # more are looked at only where they are near
LabelPair = tuple[int, int]


@dataclass(frozen=True)
class SlicePrediction:
    """One step of a run.

    Attributes:
        label, index: what was predicted; the mask and its confidence are in the session.
        touched: every (label, index) of the session that this step changed.
        step, num_steps: progress, "slice `step` of `num_steps`"; num_steps grows when an edit makes
            walks start again.
        is_final: False while the other walk of a gap has yet to pass here.
    """

    label: int
    index: int
    touched: tuple[tuple[int, int], ...]
    step: int
    num_steps: int
    is_final: bool


def propagate(
    session: AnnotationSession,
    engine: Engine,
    runs: Iterable[Run],
    *,
    allow_overlap: bool | Collection[LabelPair] = False,
    ends_at_once: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[SlicePrediction]:
    """Fill the targets of `runs`, one slice a step.

    Stop by not asking for the next, and keep what is there.

    All walks advance in turn. Where two walks of a gap have passed, they are blended. A pixel that
    several labels of the run claim goes to the most probable one; anchors and labels outside the
    run keep their pixels. When an anchor changes between two steps, the walks of that label in its
    gaps start again.

    Args:
        session: the AnnotationSession that is filled; one undoable step.
        engine: an `Engine`.
        runs: walks from `planning.plan_runs`, of one or several labels.
        allow_overlap: leave every label its own prediction, also where another one lies; of pairs
            of labels, only where the other one of a pair lies.
        ends_at_once: be done with all slices behind the end of a walk in one step, as when a
            history is done again, which counts them as one.
        is_stopped: asked while an engine prepares a walk; True ends all walks before their next
            slice.

    Yields:
        SlicePrediction for each finished slice.
    """
    propagation = _Propagation(session, engine, tuple(runs), allow_overlap, ends_at_once)
    return propagation.steps(is_stopped)


def drawn_overlaps(session: AnnotationSession) -> list[LabelPair]:
    """The pairs of labels, the lower one first, that a person drew over each other somewhere."""
    pairs = set()
    for index in range(len(session.stack)):
        drawn = [label for label in session.labels if session.is_anchor(label, index)]
        patches = {label: session.state(label, index).patch for label in drawn}
        pairs |= {pair for pair in combinations(drawn, 2) if _meet(*(patches[i] for i in pair))}
    return sorted(pairs)


def _is_empty(probability: np.ndarray) -> bool:
    return not (probability >= PRESENT).any()


def _meet(patch: Patch, other: Patch) -> bool:
    return patch.without(other).area < patch.area


def plan_session(
    session: AnnotationSession,
    labels: Sequence[int] | None = None,
    *,
    span: tuple[int, int] | None = None,
    direction: str = "both",
    everything: bool = False,
) -> list[Run]:
    """The runs that bring a session up to date: gaps with slices never predicted or stale.

    Args:
        session: what is to be brought up to date; it stays as it is.
        labels: labels to walk, default those that have an anchor.
        span: as in `planning.plan_runs`.
        direction: as in `planning.plan_runs`.
        everything: walk every gap, also those up to date.

    Raises:
        NoAnchorError: a label named, or every label of the session, has no anchor.
    """
    anchored = [label for label in session.labels if session.anchors(label)]
    runs = []
    for label in labels or anchored or session.labels:
        changed = None if everything else _waiting_in(session, label, span)
        runs += planning.plan_runs(
            session.anchors(label),
            len(session.stack),
            changed,
            label=label,
            span=span,
            direction=direction,
        )
    return runs


def _waiting_in(
    session: AnnotationSession,
    label: int,
    span: tuple[int, int] | None,
) -> set[int]:
    """The slices of a span that a run should fill."""
    first, last = span or (0, len(session.stack) - 1)
    return {index for index in session.waiting(label) if first <= index <= last}


class _Prediction(NamedTuple):
    """What a label predicts on a slice: probability patch, and the trust in it."""

    patch: Patch
    confidence: float


class _Propagation:
    """The state of one call of `propagate`."""

    def __init__(
        self,
        session: AnnotationSession,
        engine: Engine,
        runs: tuple[Run, ...],
        allow_overlap: bool | Collection[LabelPair],
        ends_at_once: bool,
    ) -> None:
        self.session = session
        self.engine = engine
        self.ends_at_once = ends_at_once
        self.allow_overlap = allow_overlap is True
        self.pairs = [] if isinstance(allow_overlap, bool) else [tuple(p) for p in allow_overlap]
        self.wanted = {(run.label, index) for run in runs for index in run.targets}
        self.runs = runs
        self.walks: list[WalkUnderWay] = []
        self.begun_at: dict[int, int] = {}  # {label: session clock when its latest walk began}
        self.step = 0
        self.num_steps = sum(len(run.targets) for run in runs)
        # {(label, index): {walk direction: probability patch}}, until blended
        self.passed: dict[tuple[int, int], dict[int, Patch]] = {}
        # {index: {label: what the label predicts there}}, of the labels of this run
        self.predicted: dict[int, dict[int, _Prediction]] = {}

    def steps(self, is_stopped: Callable[[], bool]) -> Iterator[SlicePrediction]:
        self.undo_step = self.session.open_step(RUN)
        self._record_run()
        self.seen_anchors = self.session.anchors_clock
        self._walk_on([WalkUnderWay(self.engine, self.session, run) for run in self.runs])
        while any(not walk.is_done for walk in self.walks):
            for walk in list(self.walks):
                self._restart_changed()
                if walk in self.walks and not walk.is_done:
                    if any(is_stopped() for _ in walk.get_ready()):
                        return
                    looks_on = walk.end is not None
                    prediction = self._advance(walk)
                    if not looks_on:  # however far it looks, the end of a walk is one step
                        self._count_step()
                    yield prediction

    def _walk_on(self, walks: list[WalkUnderWay]) -> None:
        self.walks = walks
        self.begun_at = {}
        for walk in walks:
            latest = self.begun_at.get(walk.run.label, walk.started_at)
            self.begun_at[walk.run.label] = max(latest, walk.started_at)

    # History

    def _record_run(self) -> None:
        event = {
            "event": "run",
            "steps": 0,
            "engine": self.engine.name,
            "allow_overlap": [list(pair) for pair in self.pairs] or self.allow_overlap,
            "runs": self.runs,
        }
        adaptation = getattr(self.engine, "adaptation", None)
        if adaptation is not None:
            labels = {run.label for run in self.runs}
            anchors = {label: self.session.anchors(label) for label in labels}
            event["adapt"] = adaptation.recorded(anchors)
        self._record(event)

    def _record(self, event: Event) -> None:
        self.event = event
        self.session.history.append(event)

    def _count_step(self) -> None:
        if self.session.history[-1] is not self.event:
            self._record({"event": "continue", "steps": 0})
        self.event["steps"] += 1

    # Edits during the run

    def _restart_changed(self) -> None:
        """Start the walks again whose gap saw an anchor change since they began."""
        if self.session.anchors_clock == self.seen_anchors:
            return
        self.seen_anchors = self.session.anchors_clock
        changed = [walk for walk in self.walks if self._has_changed(walk)]
        for walk in changed:
            self._forget(walk.run.label, walk.gap)
        again = []
        for label in sorted({walk.run.label for walk in changed}):
            walked = [walk for walk in changed if walk.run.label == label]
            again += self._walks_again(label, {i for walk in walked for i in walk.run.targets})
        self._walk_on([walk for walk in self.walks if walk not in changed] + again)
        left = [len(walk.run.targets) - walk.position for walk in self.walks]
        self.num_steps = self.step + sum(left)

    def _has_changed(self, walk: WalkUnderWay) -> bool:
        return self.session.anchor_changes(walk.run.label, walk.gap) != walk.changes

    def _forget(
        self,
        label: int,
        gap: Gap,
    ) -> None:
        for index in planning.gap_slices(gap, len(self.session.stack)):
            self.passed.pop((label, index), None)
            self.predicted.get(index, {}).pop(label, None)

    def _walks_again(
        self,
        label: int,
        targets: set[int],
    ) -> list[WalkUnderWay]:
        anchors = self.session.anchors(label)
        if not anchors:
            return []
        span = (min(targets), max(targets))
        runs = planning.plan_runs(
            anchors,
            len(self.session.stack),
            targets,
            label=label,
            span=span,
        )
        return [WalkUnderWay(self.engine, self.session, run) for run in runs]

    # One step

    def _advance(self, walk: WalkUnderWay) -> SlicePrediction:
        index, probability = walk.next_slice()
        indices = (index,)
        if probability is not None and not (walk.is_open and _is_empty(probability)):
            touched = self._settle(walk, index, probability)
        elif walk.is_open:
            indices, touched = self._end(walk, index)
        else:
            indices = (index, *walk.skip_rest())
            nothing = np.zeros(self.session.stack.slice_shape, np.float32)
            touched = [pair for passed in indices for pair in self._settle(walk, passed, nothing)]
        self.step += len(indices)
        return SlicePrediction(
            label=walk.run.label,
            index=index,
            touched=tuple(touched),
            step=self.step,
            num_steps=self.num_steps,
            is_final=self._is_final(walk, index),
        )

    def _end(
        self,
        walk: WalkUnderWay,
        index: int,
    ) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
        """The structure is not on this slice, says the walk, nor behind it.

        Returns:
            (the slices that are done with it, what changed): one slice as long as the engine says
            how probable the structure is there, all that are left where it does not.
        """
        if walk.end is None:
            walk.end_at(index)
        presence = walk.presence()
        looks_on = bool(presence) and not self.ends_at_once
        indices = (index,) if looks_on else (index, *walk.skip_rest())
        touched = []
        for other, doubt in zip(indices, self._doubts(walk, indices, presence), strict=True):
            touched += self._leave_empty(walk.run.label, other, 1 - doubt)
        return indices, touched

    def _doubts(
        self, walk: WalkUnderWay, indices: Sequence[int], presence: float | None
    ) -> list[float]:
        """How probable it is that the structure is on slices behind its end, from the first on.

        Args:
            walk: the walk that has ended.
            indices: the slices.
            presence: what the engine says of the first; None where it says nothing.
        """
        if presence is not None:
            return [presence, *(walk.presence() or 0.0 for _ in indices[1:])]
        end = indices[0]  # of a walk whose engine says nothing all is done at once
        return [ended_doubt(self.session, walk.run, index, end) for index in indices]

    def _leave_empty(self, label: int, index: int, confidence: float) -> list[tuple[int, int]]:
        """A label is not on a slice beyond its end; returns what changed."""
        if self.session.is_anchor(label, index):
            return []
        self.predicted.get(index, {}).pop(label, None)
        if not self.session.state(label, index).hint.is_empty:
            confidence = 0.0  # a person drew there what the walk did not find
        self.session.accept(label, index, EMPTY_MASK, confidence, self.undo_step)
        return [(label, index)]

    def _settle(
        self,
        walk: WalkUnderWay,
        index: int,
        probability: np.ndarray,
    ) -> list[tuple[int, int]]:
        """Blend with the other walk where it has passed, then resolve overlaps on the slice."""
        label = walk.run.label
        passed = self.passed.setdefault((label, index), {})
        walked = passed[walk.run.step] = _probability_patch(probability)
        settled = probability
        forward = backward = None
        if len(passed) == 2:
            forward, backward = self._pasted(passed[1]), self._pasted(passed[-1])
            settled = self._blend(walk, index, forward, backward)
            del self.passed[label, index]
        quality = self._quality(walk, index, settled)
        if quality is None:
            quality = slice_confidence(self.session, walk.run, index, settled, forward, backward)
        settled = self._with_hint(label, index, settled)
        patch = walked if settled is probability else _probability_patch(settled)
        own = _Prediction(patch, quality)
        predicted = self.predicted.setdefault(index, {})
        before = predicted.get(label, own)
        predicted[label] = own
        near = _near(predicted, [own.patch, before.patch])
        return self._resolve_overlaps(index, near)

    def _with_hint(self, label: int, index: int, probability: np.ndarray) -> np.ndarray:
        """A prediction in which what was drawn in another plane is certain."""
        hint = self.session.state(label, index).hint
        if hint.is_empty:
            return probability
        probability = probability.copy()
        probability[hint.window][hint.crop] = HINTED
        return probability

    def _quality(self, walk: WalkUnderWay, index: int, probability: np.ndarray) -> float | None:
        """What the engine itself expects of a slice; None where it says nothing."""
        expects = getattr(self.engine, "quality", None)
        if expects is None or not (probability >= PRESENT).any():
            return None
        return float(np.clip(expects(walk.run, index), 0.0, 1.0))

    def _pasted(self, patch: Patch) -> np.ndarray:
        """(H, W) float32 probability of a walk that has passed."""
        return patch.paste(self.session.stack.slice_shape).astype(np.float32)

    def _blend(
        self, walk: WalkUnderWay, index: int, forward: np.ndarray, backward: np.ndarray
    ) -> np.ndarray:
        blend = getattr(self.engine, "blend", blend_by_distance)
        return blend(self.session.stack, index, forward, backward, walk.gap, walk.anchors)

    def _is_final(
        self,
        walk: WalkUnderWay,
        index: int,
    ) -> bool:
        return (walk.run.label, index) not in self.passed or not any(
            other.run.label == walk.run.label
            and other.gap == walk.gap
            and other.run.step != walk.run.step
            for other in self.walks
        )

    # Labels that claim the same pixels

    def _resolve_overlaps(
        self,
        index: int,
        labels: Collection[int],
    ) -> list[tuple[int, int]]:
        """Write the masks of labels that have predicted this slice; returns what changed."""
        predicted = self.predicted[index]
        if self.allow_overlap:
            masks = {label: _mask_patch(predicted[label].patch) for label in labels}
        elif self.pairs:
            masks = {label: self._claim(label, index) for label in labels}
        else:
            rivals = _near(predicted, [predicted[label].patch for label in labels])
            claims = {label: predicted[label] for label in rivals}
            found = _most_probable(claims, self._occupied(index))
            masks = {label: found[label] for label in labels}
        touched = []
        for label, patch in masks.items():
            if self._accept_changed(label, index, patch, predicted[label].confidence):
                touched.append((label, index))
        if not self.allow_overlap:
            touched += self._trim_pending(index, masks)
        return touched

    def _claim(
        self,
        label: int,
        index: int,
    ) -> Patch:
        """What a label has of a slice on which some labels may lie over it."""
        friends = self._friends(label)
        predicted = self.predicted[index]
        rivals = {other: own for other, own in predicted.items() if other not in friends}
        return _most_probable(rivals, self._occupied(index, friends))[label]

    def _friends(self, label: int) -> set[int]:
        """The labels that may lie over a label, and it over them."""
        return {other for pair in self.pairs if label in pair for other in pair if other != label}

    def _occupied(
        self,
        index: int,
        friends: Collection[int] = (),
    ) -> np.ndarray:
        """(H, W) bool: what no label of the run may have, of anchors and labels outside the run."""
        occupied = np.zeros(self.session.stack.slice_shape, bool)
        for label in self.session.labels:
            if label in friends:
                continue
            state = self.session.state(label, index)
            if label not in self.predicted[index]:
                is_kept = self._is_kept(label, index, state)
                kept = state.patch if is_kept else state.hint
                occupied[kept.window] |= kept.crop
        return occupied

    def _is_kept(
        self,
        label: int,
        index: int,
        state: SliceState,
    ) -> bool:
        return state.provenance >= Provenance.SEED or (label, index) not in self.wanted

    def _accept_changed(
        self,
        label: int,
        index: int,
        patch: Patch,
        confidence: float,
    ) -> bool:
        """Store a mask where it, or the trust in it, differs from the session; whether it does."""
        state = self.session.state(label, index)
        is_new = state.written_at <= self.begun_at.get(label, self.session.clock)
        if is_new or state.confidence != confidence or not patch.equals(state.patch):
            self.session.accept(label, index, patch, confidence, self.undo_step)
            return True
        return False

    def _trim_pending(
        self,
        index: int,
        masks: dict[int, Patch],
    ) -> list[tuple[int, int]]:
        """Earlier predictions that this run has yet to replace make room for the new ones."""
        touched = []
        for label in self.session.labels:
            state = self.session.state(label, index)
            old = state.patch
            if label in masks or old.is_empty or self._is_kept(label, index, state):
                continue
            friends = self._friends(label)
            trimmed = old
            for other, patch in masks.items():
                if other not in friends:
                    trimmed = trimmed.without(patch)
            if trimmed is not old and not trimmed.equals(old):
                self.session.trim(label, index, trimmed, self.undo_step)
                touched.append((label, index))
        return touched


def _near(predicted: Mapping[int, _Prediction], patches: Sequence[Patch]) -> list[int]:
    """The labels whose predictions may lie on some patches; all of them where they are few."""
    if len(predicted) <= FEW_LABELS:
        return list(predicted)
    boxes = np.array([_box(own.patch) for own in predicted.values()])
    is_near = np.zeros(len(boxes), bool)
    for top, bottom, left, right in map(_box, patches):
        beside = (boxes[:, 0] >= bottom) | (boxes[:, 1] <= top)
        is_near |= ~(beside | (boxes[:, 2] >= right) | (boxes[:, 3] <= left))
    for patch in patches:
        is_near |= [own.patch is patch for own in predicted.values()]
    return [label for label, near in zip(predicted, is_near, strict=True) if near]


def _box(patch: Patch) -> tuple[int, int, int, int]:
    rows, columns = patch.window
    return rows.start, rows.stop, columns.start, columns.stop


def _probability_patch(probability: np.ndarray) -> Patch:
    part = Patch.cut(probability, probability >= NEGLIGIBLE)
    return Patch(part.top, part.left, part.crop.astype(np.float16))


def _mask_patch(probability: Patch) -> Patch:
    return Patch.cut(probability.crop >= PRESENT).moved(probability.top, probability.left)


def blend_by_distance(
    stack: SliceStack,
    index: int,
    forward: np.ndarray,
    backward: np.ndarray,
    gap: Gap,
    anchors: Mapping[int, np.ndarray],
) -> np.ndarray:
    """Weigh the two walks of a gap by how near their anchors are; (H, W) float32."""
    left, right = gap
    assert left is not None and right is not None, "two walks meet between anchors only"
    weight = np.float32((right - index) / (right - left))
    return weight * forward + (1 - weight) * backward


def _most_probable(predicted: Mapping[int, _Prediction], occupied: np.ndarray) -> dict[int, Patch]:
    """{label: mask patch}: each pixel to its most probable label, none that is occupied.

    Ties go to the lower number.
    """
    best = np.full(occupied.shape, np.float16(PRESENT))
    owner = np.zeros(occupied.shape, np.uint16)
    for label in sorted(predicted):
        own = predicted[label].patch
        window = own.window
        is_likely = (own.crop >= best[window]) & ~occupied[window]
        is_first = (owner[window] == 0) | (own.crop > best[window])
        wins = is_likely & is_first
        best[window][wins] = own.crop[wins]
        owner[window][wins] = label
    return {label: _owned(owner, label, own.patch) for label, own in predicted.items()}


def _owned(owner: np.ndarray, label: int, patch: Patch) -> Patch:
    """The pixels of a slice that a label owns; all of them lie where it predicted anything."""
    return Patch.cut(owner[patch.window] == label).moved(patch.top, patch.left)
