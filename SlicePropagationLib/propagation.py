"""`propagate`: walk every run with an engine, blend the two walks of a gap, resolve overlaps, fill the session."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from SlicePropagationLib import planning
from SlicePropagationLib.confidence import ended_confidence, slice_confidence
from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationLib.session import Provenance

PRESENT = 0.5  # a pixel belongs to a label above this probability
NEGLIGIBLE = 0.02  # probabilities below are not kept


class Engine(Protocol):
    """What walks: a way to predict the mask of a slice from annotated ones.

    An engine may also offer `blend(stack, index, forward, backward, gap, anchors)`, which returns
    the (H, W) float32
    probability of a slice between the two anchors of `gap` from the walks that came from the left
    and from the right.
    """

    name: str

    def walk(self, stack, run, anchors):
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


def propagate(session, engine, runs, *, allow_overlap=False):
    """Fill the targets of `runs`, one slice a step.

    Stop by not asking for the next, and keep what is there.

    All walks advance in turn. Where two walks of a gap have passed, they are blended. A pixel that
    several labels of the
    run claim goes to the most probable one; anchors and labels outside the run keep their pixels.
    When an anchor changes
    between two steps, the walks of that label in its gaps start again.

    Args:
        session: the AnnotationSession that is filled; one undoable step.
        engine: an `Engine`.
        runs: walks from `planning.plan_runs`, of one or several labels.
        allow_overlap: leave every label its own prediction, also where another one lies.

    Yields:
        SlicePrediction for each finished slice.
    """
    return _Propagation(session, engine, tuple(runs), allow_overlap).steps()


def plan_session(session, labels=None, *, span=None, direction="both", everything=False):
    """The runs that bring a session up to date: gaps with slices never predicted or stale.

    Args:
        labels: labels to walk, default those that have an anchor.
        span, direction: as in `planning.plan_runs`.
        everything: walk every gap, also those up to date.

    Raises:
        NoAnchorError: a label named, or every label of the session, has no anchor.
    """
    wanted = (
        labels or [label for label in session.labels if session.anchors(label)] or session.labels
    )
    runs = []
    for label in wanted:
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


def _waiting_in(session, label, span):
    first, last = span or (0, len(session.stack) - 1)
    return {index for index in session.waiting(label) if first <= index <= last}


class _Walk:
    """One run under way: asks the engine for slice after slice until the run or the structure ends."""

    def __init__(self, engine, session, run):
        anchors = session.anchor_masks(run.label)
        self.run, self.gap = run, planning.gap_of(run.targets[0], anchors)
        self.anchors = anchors
        self.started_at = session.clock
        self.changes = session.anchor_changes(run.label, self.gap)
        self.position = 0
        self._predictions = engine.walk(session.stack, run, anchors)

    @property
    def is_open(self):
        """Whether the walk leads beyond the outermost anchor."""
        return None in self.gap

    @property
    def is_done(self):
        return self.position == len(self.run.targets)

    def next_slice(self):
        """(index, (H, W) probability or None once the structure has ended)."""
        probability = next(self._predictions, None)
        index = self.run.targets[self.position]
        self.position += 1
        return index, probability

    def skip_rest(self):
        """The targets not walked, which the walk then counts as done."""
        rest = self.run.targets[self.position :]
        self.position = len(self.run.targets)
        return rest


class _Propagation:
    """The state of one call of `propagate`."""

    def __init__(self, session, engine, runs, allow_overlap):
        self.session = session
        self.engine = engine
        self.allow_overlap = allow_overlap
        self.wanted = {(run.label, index) for run in runs for index in run.targets}
        self.runs = runs
        self.walks = []
        self.step = 0
        self.num_steps = sum(len(run.targets) for run in runs)
        self.passed = {}  # (label, index) -> {walk direction: probability patch}, until blended
        # index -> {label: probability patch}, what each label of this run predicts there
        self.claims = {}

    def steps(self):
        self.undo_step = self.session.open_step("Propagate")
        self._record("run")
        self.seen_anchors = self.session.anchors_clock
        self.walks = [_Walk(self.engine, self.session, run) for run in self.runs]
        while any(not walk.is_done for walk in self.walks):
            for walk in list(self.walks):
                self._restart_changed()
                if walk in self.walks and not walk.is_done:
                    prediction = self._advance(walk)
                    self._count_step()
                    yield prediction

    # History

    def _record(self, kind):
        event = {"event": kind, "steps": 0}
        if kind == "run":
            event |= {
                "engine": self.engine.name,
                "allow_overlap": self.allow_overlap,
                "runs": self.runs,
            }
        self.event = event
        self.session.history.append(event)

    def _count_step(self):
        if self.session.history[-1] is not self.event:
            self._record("continue")
        self.event["steps"] += 1

    # Edits during the run

    def _restart_changed(self):
        """Start the walks again whose gap saw an anchor change since they began."""
        session = self.session
        if session.anchors_clock == self.seen_anchors:
            return
        self.seen_anchors = session.anchors_clock
        changed = [
            walk
            for walk in self.walks
            if session.anchor_changes(walk.run.label, walk.gap) != walk.changes
        ]
        for label, gap in {(walk.run.label, walk.gap): None for walk in changed}:
            self._forget(label, gap)
        for label in sorted({walk.run.label for walk in changed}):
            self.walks += self._walks_again(
                label,
                {
                    index
                    for walk in changed
                    if walk.run.label == label
                    for index in walk.run.targets
                },
            )
        self.walks = [walk for walk in self.walks if walk not in changed]
        self.num_steps = self.step + sum(
            len(walk.run.targets) - walk.position for walk in self.walks
        )

    def _forget(self, label, gap):
        for index in planning.gap_slices(gap, len(self.session.stack)):
            self.passed.pop((label, index), None)
            self.claims.get(index, {}).pop(label, None)

    def _walks_again(self, label, targets):
        anchors = self.session.anchors(label)
        if not anchors:
            return []
        span = (min(targets), max(targets))
        runs = planning.plan_runs(anchors, len(self.session.stack), targets, label=label, span=span)
        return [_Walk(self.engine, self.session, run) for run in runs]

    # One step

    def _advance(self, walk):
        index, probability = walk.next_slice()
        if probability is None or (walk.is_open and not (probability >= PRESENT).any()):
            indices = (index, *walk.skip_rest())
            touched = self._end(walk, indices)
        else:
            indices = (index,)
            touched = self._settle(walk, index, probability)
        self.step += len(indices)
        return SlicePrediction(
            walk.run.label,
            index,
            tuple(touched),
            self.step,
            self.num_steps,
            self._is_final(walk, index),
        )

    def _end(self, walk, indices):
        """The structure is not in these slices, says this walk."""
        if not walk.is_open:
            nothing = np.zeros(self.session.stack.slice_shape, np.float32)
            return [touched for index in indices for touched in self._settle(walk, index, nothing)]
        touched = []
        for index in indices:
            if not self.session.is_anchor(walk.run.label, index):
                self.claims.get(index, {}).pop(walk.run.label, None)
                self.session.accept(
                    walk.run.label,
                    index,
                    EMPTY_MASK,
                    ended_confidence(self.session, walk.run, index, indices[0]),
                    self.undo_step,
                )
                touched.append((walk.run.label, index))
        return touched

    def _settle(self, walk, index, probability):
        """Blend with the other walk where it has passed, then share the slice among the labels."""
        label = walk.run.label
        passed = self.passed.setdefault((label, index), {})
        passed[walk.run.step] = Patch.cut(probability.astype(np.float16), probability >= NEGLIGIBLE)
        forward, backward = (
            (
                passed[step].paste(self.session.stack.slice_shape).astype(np.float32)
                if step in passed
                else None
            )
            for step in (1, -1)
        )
        if forward is not None and backward is not None:
            probability = self._blend(walk, index, forward, backward)
            del self.passed[label, index]
        confidence = slice_confidence(self.session, walk.run, index, probability, forward, backward)
        claim = Patch.cut(probability.astype(np.float16), probability >= NEGLIGIBLE)
        self.claims.setdefault(index, {})[label] = (claim, confidence)
        return self._share(index)

    def _blend(self, walk, index, forward, backward):
        blend = getattr(self.engine, "blend", blend_by_distance)
        return blend(self.session.stack, index, forward, backward, walk.gap, walk.anchors)

    def _is_final(self, walk, index):
        return (walk.run.label, index) not in self.passed or not any(
            other.run.label == walk.run.label
            and other.gap == walk.gap
            and other.run.step != walk.run.step
            for other in self.walks
        )

    # Labels that claim the same pixels

    def _share(self, index):
        """Write the masks of every label that has predicted this slice; returns what changed."""
        claims = self.claims[index]
        shape = self.session.stack.slice_shape
        if self.allow_overlap:
            masks = {
                label: Patch.cut(claim.crop >= PRESENT).moved(claim.top, claim.left)
                for label, (claim, _) in claims.items()
            }
        else:
            masks = _most_probable(claims, shape, self._taken(index, claims))
        touched = []
        for label, patch in masks.items():
            if self._accept_changed(label, index, patch, claims[label][1]):
                touched.append((label, index))
        return touched + ([] if self.allow_overlap else self._trim_pending(index, masks))

    def _taken(self, index, claims):
        """(H, W) pixels that no label of the run may take: anchors, and labels outside the run."""
        taken = np.zeros(self.session.stack.slice_shape, bool)
        for label in self.session.labels:
            state = self.session.state(label, index)
            if label not in claims and (
                state.provenance >= Provenance.SEED or (label, index) not in self.wanted
            ):
                taken[state.patch.window] |= state.patch.crop
        return taken

    def _accept_changed(self, label, index, patch, confidence):
        state = self.session.state(label, index)
        is_new = state.written_at <= self._begun_at(label)
        if is_new or state.confidence != confidence or not patch.equals(state.patch):
            self.session.accept(label, index, patch, confidence, self.undo_step)
            return True
        return False

    def _begun_at(self, label):
        return max(
            (walk.started_at for walk in self.walks if walk.run.label == label),
            default=self.session.clock,
        )

    def _trim_pending(self, index, masks):
        """Earlier predictions that this run has yet to replace make room for the new ones."""
        touched = []
        for label in self.session.labels:
            old = self.session.state(label, index).patch
            if (
                (label, index) not in self.wanted
                or label in masks
                or old.is_empty
                or self.session.is_anchor(label, index)
            ):
                continue
            kept = old.paste(self.session.stack.slice_shape)
            for patch in masks.values():
                kept[patch.window] &= ~patch.crop
            trimmed = Patch.cut(kept)
            if not trimmed.equals(old):
                self.session.trim(label, index, trimmed, self.undo_step)
                touched.append((label, index))
        return touched


def blend_by_distance(stack, index, forward, backward, gap, anchors):
    """Weigh the two walks of a gap by how near their anchors are; (H, W) float32."""
    left, right = gap
    weight = np.float32((right - index) / (right - left))
    return weight * forward + (1 - weight) * backward


def _most_probable(claims, shape, taken):
    """{label: mask patch}: each pixel to its most probable label, ties to the lower number, none that is taken."""
    best = np.full(shape, np.float16(PRESENT))
    owner = np.zeros(shape, np.uint8)
    for label in sorted(claims):
        claim, _ = claims[label]
        window = claim.window
        wins = (
            (claim.crop >= best[window])
            & ~taken[window]
            & ((owner[window] == 0) | (claim.crop > best[window]))
        )
        best[window][wins] = claim.crop[wins]
        owner[window][wins] = label
    return {label: Patch.cut(owner == label) for label in claims}
