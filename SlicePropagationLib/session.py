"""`AnnotationSession`: everything known about one stack being annotated.

And the only place it changes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib import planning
from SlicePropagationLib.arrays import label_type
from SlicePropagationLib.errors import AnchorOverwriteError, ConfigError, GeometryMismatchError
from SlicePropagationLib.patch import EMPTY_MASK, Patch

if TYPE_CHECKING:
    from SlicePropagationLib.stack import SliceStack

MAX_LABEL = 65535
UNDO_LIMIT = 20
RUN = "Propagate"  # the name of the step of a run
OF_RUNS = ("run", "continue", "settle", "suggest")  # events that go with a run that is taken back

# {label: (N, H, W) bool mask, or N patches, or {slice index: mask or patch} for some slices}
Edits = Mapping[int, "np.ndarray | Sequence[Patch] | Mapping[int, np.ndarray | Patch]"]
Event = dict[str, Any]  # what happened, as `pipelines.replay` does it again


class Provenance(IntEnum):
    """Where one label on one slice came from."""

    EMPTY = 0
    PROPAGATED = 1
    SEED = 2  # drawn where there was no prediction
    CORRECTION = 3  # drawn over a prediction
    CONFIRMED = 4  # a prediction, or an empty slice, that a person vouched for


@dataclass(frozen=True)
class SliceState:
    """All that a session holds about one label on one slice; what undo keeps.

    Attributes:
        patch: the mask.
        provenance, confidence: as in the session.
        written_at: session clock when a prediction was last written here.
        changed_at: session clock when an anchor or a hint was last set, changed or removed here.
        hint: pixels of the mask that a person drew in another plane; nobody vouches for the slice
            by them, and what fills it keeps them.
        found_by: the model that found a prediction without a seed; "" for what walks predicted.
    """

    patch: Patch = EMPTY_MASK
    provenance: Provenance = Provenance.EMPTY
    confidence: float = float("nan")
    written_at: int = 0
    changed_at: int = 0
    hint: Patch = EMPTY_MASK
    found_by: str = ""


@dataclass
class Step:
    """One undoable step.

    Attributes:
        name: what a person did, or "Propagate".
        num_events: events in the history when it began.
        states: {(label, index): the state before it; after it, once undone}.
        events: what it recorded, once undone.
        undone_by: once undone, the event that says so, where the history has to say it.
    """

    name: str
    num_events: int
    states: dict[tuple[int, int], SliceState] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    undone_by: Event | None = None


class AnnotationSession:
    """One stack, its labels, and where every mask came from.

    Labels may overlap on slices that a person drew (an anchor is kept as drawn); `label_map` then
    shows the higher number on top of the lower.

    Attributes:
        stack: the `SliceStack` that is annotated.
        labels: the label numbers, ascending, each in 1..65535.
        provenance: (L, N) uint8, values of `Provenance`, one row per label in the order of
            `labels`.
        confidence: (L, N) float32 in [0, 1]; 1 for anchors, NaN where nothing was predicted.
        history: the events so far, in order: what a person did and which runs were made.
        anchors_clock: the clock when any anchor last changed; a cheap way to see that none did.
    """

    def __init__(
        self,
        stack: SliceStack,
        labels: Sequence[int] = (1,),
    ) -> None:
        if not labels or any(not 1 <= int(label) <= MAX_LABEL for label in labels):
            raise ConfigError(
                "Labels must lie between 1 and {max_label}, got {labels}; renumber them.",
                max_label=MAX_LABEL,
                labels=list(labels),
            )
        self.stack = stack
        self.labels = tuple(sorted({int(label) for label in labels}))
        self.history: list[Event] = []
        self.anchors_clock = 0
        self._clock = 0
        self._states: dict[int, dict[int, SliceState]] = {label: {} for label in self.labels}
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._runs: list[Step] = []

    # What is known

    def state(
        self,
        label: int,
        index: int,
    ) -> SliceState:
        """The `SliceState` of one label on one slice."""
        return self._row(label).get(index, SliceState())

    def mask(
        self,
        label: int,
        index: int,
    ) -> np.ndarray:
        """(H, W) bool mask of a label on a slice."""
        return self.state(label, index).patch.paste(self.stack.slice_shape)

    def masks(self, label: int) -> np.ndarray:
        """(N, H, W) bool mask of a label."""
        volume = np.zeros(self.stack.images.shape, bool)
        for index, state in self._known(label).items():
            volume[index][state.patch.window] = state.patch.crop
        return volume

    @property
    def provenance(self) -> np.ndarray:
        """(L, N) uint8, values of `Provenance`, one row per label in the order of `labels`."""
        rows = [self._line(label) for label in self.labels]
        return np.array([[state.provenance for state in row] for row in rows], np.uint8)

    @property
    def confidence(self) -> np.ndarray:
        """(L, N) float32 in [0, 1]; 1 for anchors, NaN where nothing was predicted."""
        rows = [self._line(label) for label in self.labels]
        return np.array([[state.confidence for state in row] for row in rows], np.float32)

    def _line(self, label: int) -> list[SliceState]:
        row = self._known(label)
        unknown = SliceState()
        return [row.get(index, unknown) for index in range(len(self.stack))]

    def areas(self, label: int) -> np.ndarray:
        """(N,) pixels of the label on each slice."""
        areas = np.zeros(len(self.stack), np.int64)
        for index, state in self._known(label).items():
            areas[index] = state.patch.area
        return areas

    def label_map(self, upwards: Sequence[int] | None = None) -> np.ndarray:
        """(N, H, W) uint8 label map, uint16 with labels beyond 255; 0 is background.

        Anchors lie on top of predictions, and among either labels that come later.

        Args:
            upwards: the labels from the bottom to the top; None for ascending numbers.
        """
        labels = np.zeros(self.stack.images.shape, label_type(self.labels[-1]))
        for wants_anchors in (False, True):
            for label in upwards or self.labels:
                for index, state in self._known(label).items():
                    if (state.provenance >= Provenance.SEED) == wants_anchors:
                        labels[index][state.patch.window][state.patch.crop] = label
        return labels

    def is_anchor(
        self,
        label: int,
        index: int,
    ) -> bool:
        """Whether a person vouches for the label on this slice."""
        return self.state(label, index).provenance >= Provenance.SEED

    def anchors(self, label: int) -> list[int]:
        """Slices on which a person vouches for `label`, ascending.

        Propagation never overwrites them.
        """
        known = self._known(label).items()
        return sorted(index for index, state in known if state.provenance >= Provenance.SEED)

    def hints(self, label: int) -> dict[int, Patch]:
        """{slice index: pixels that a person drew there in another plane}, ascending."""
        row = self._known(label)
        return {index: row[index].hint for index in sorted(row) if not row[index].hint.is_empty}

    def anchor_masks(self, label: int) -> dict[int, np.ndarray]:
        """{slice index: (H, W) bool mask} of all anchors of the label."""
        return {index: self.mask(label, index) for index in self.anchors(label)}

    def stale(self, label: int) -> np.ndarray:
        """(N,) bool: predicted slices whose gap saw an anchor set, changed or removed since."""
        stale = np.zeros(len(self.stack), bool)
        row = self._known(label)
        count = len(self.stack)
        changes = {index: state.changed_at for index, state in row.items() if state.changed_at}
        for gap in planning.list_gaps(self.anchors(label), count):
            nearby = [
                clock for index, clock in changes.items() if planning.touches(gap, {index}, count)
            ]
            latest = max(nearby, default=0)
            for index in planning.gap_slices(gap, count):
                state = row.get(index)
                if state is not None and state.provenance == Provenance.PROPAGATED:
                    stale[index] = state.written_at < latest
        return stale

    def waiting(self, label: int) -> list[int]:
        """Slices that a run should fill: never predicted, or stale; ascending."""
        stale = self.stale(label)
        return [
            index
            for index in range(len(self.stack))
            if stale[index] or self.state(label, index).provenance == Provenance.EMPTY
        ]

    def anchor_changes(
        self,
        label: int,
        gap: planning.Gap,
    ) -> tuple[tuple[int, int], ...]:
        """What happened to anchors at the ends of a gap or inside it.

        Returns:
            ((slice, session clock), ...), to compare with later.
        """
        count = len(self.stack)
        changes = [
            (index, state.changed_at)
            for index, state in self._known(label).items()
            if state.changed_at and planning.touches(gap, {index}, count)
        ]
        return tuple(sorted(changes))

    @property
    def clock(self) -> int:
        """Counts the changes; what was written earlier has a lower number."""
        return self._clock

    # What a person does

    def annotate(
        self, label: int, index: int, mask: np.ndarray, provenance: Provenance | None = None
    ) -> None:
        """Store a drawn mask; drawing over a prediction makes it a correction.

        Args:
            label: what was drawn.
            index: the slice that it was drawn on.
            mask: (H, W) bool.
            provenance: what it is, when that is known from elsewhere (a file); one of the three
                anchors.

        Raises:
            ConfigError: the session has no such label or slice.
            GeometryMismatchError: the mask is not of the size of the slices.
        """
        patch = self._checked_patch(index, mask)
        before = self.state(label, index).provenance
        kind = provenance or _kind_of_drawing(before)
        self._anchor(label, index, patch, kind, self.open_step("Draw"))
        self.history.append(
            {
                "event": "annotate",
                "label": label,
                "index": index,
                "patch": patch,
                "provenance": int(kind),
            }
        )

    def confirm(
        self,
        label: int,
        index: int,
        patch: Patch | None = None,
        *,
        was_changed: bool = False,
    ) -> None:
        """Vouch for a slice as it is.

        A prediction that is right, or an empty slice ("the structure is not here"). Where it was
        predicted from the anchors as they are, nothing becomes stale by it.

        Args:
            label: what is vouched for.
            index: the slice.
            patch: what was on it, where that is known from elsewhere (a record).
            was_changed: whether the person has just emptied it, so that it is not as predicted.
        """
        self._check_index(index)
        if self.is_anchor(label, index):
            return
        state = self.state(label, index)
        patch = state.patch if patch is None else patch
        is_as_predicted = (
            not was_changed
            and state.provenance == Provenance.PROPAGATED
            and patch.equals(state.patch)
            and not self.stale(label)[index]
        )
        step = self.open_step("Confirm")
        self._anchor(
            label, index, patch, Provenance.CONFIRMED, step, says_something_new=not is_as_predicted
        )
        self.history.append(
            {
                "event": "confirm",
                "label": label,
                "index": index,
                "patch": patch,
                **({"was_changed": True} if was_changed else {}),
            }
        )

    def release(
        self,
        label: int,
        index: int,
    ) -> None:
        """Take an anchor back: its mask goes, and the merged gap becomes stale."""
        if not self.is_anchor(label, index):
            return
        step = self.open_step("Release")
        self._anchor(label, index, EMPTY_MASK, Provenance.EMPTY, step)
        self.history.append(
            {
                "event": "release",
                "label": label,
                "index": index,
            }
        )

    def hint(self, label: int, index: int, patch: Patch) -> None:
        """Store the pixels of a slice that were drawn in another plane, in place of those before.

        They are no drawing of the slice: it is still to be filled, and what fills it keeps them.

        Args:
            label: what was drawn.
            index: a slice that nobody vouches for.
            patch: the pixels; none of them takes the hint back.
        """
        self._check_index(index)
        state = self.state(label, index)
        rest = state.patch.without(state.hint)
        shown = patch if state.provenance == Provenance.EMPTY else rest.joined(patch)
        self._clock += 1
        self.anchors_clock = self._clock
        state = replace(state, patch=shown, hint=patch, changed_at=self._clock)
        self._write(label, index, state, self.open_step("Draw"))
        self.history.append({"event": "hint", "label": label, "index": index, "patch": patch})

    def merge_edits(
        self, masks: Edits, hinted: Collection[tuple[int, int]] = ()
    ) -> list[tuple[int, int]]:
        """Take over what a person changed elsewhere (an editor, a file).

        A slice that differs from the session is a seed or a correction of its label. An erased
        prediction is a correction ("not here"), an erased drawing is an anchor taken back. A label
        that only lost pixels to another label's drawing keeps its provenance; a seed that lost all
        of them is taken back, as nothing that was drawn is left.

        Args:
            masks: {label: (N, H, W) bool mask, or N patches, or {slice index: (H, W) mask or patch}
                for some slices}.
            hinted: the (label, index) pairs on which all that was added was drawn in another
                plane.

        Returns:
            The (label, index) pairs that became, changed or stopped being anchors or hints.
        """
        edits = {
            (label, index): patch
            for label, volume in masks.items()
            for index, patch in self._differing(label, volume)
        }
        changed = []
        for edit in sorted(edits):
            if edit in hinted:
                self.hint(*edit, edits[edit])
                changed.append(edit)
            elif self._merge_edit(*edit, edits):
                changed.append(edit)
        return changed

    def resolve_overlap(
        self,
        label: int,
        index: int,
        patch: Patch,
    ) -> None:
        """Shrink a mask to what another label's drawing left of it.

        Who vouched for it still does.
        """
        self.trim(label, index, patch, self.open_step("Draw"))
        self.history.append(
            {
                "event": "cede",
                "label": label,
                "index": index,
                "patch": patch,
            }
        )

    def settle(
        self,
        label: int,
        index: int,
        patch: Patch,
    ) -> None:
        """Let a mask be what masking, or another segment, left of it; not an undoable step.

        Who vouched for it still does, and nothing becomes out of date.
        """
        state = self.state(label, index)
        self._put(label, index, replace(state, patch=patch, hint=state.hint.within(patch)))
        self.history.append(
            {
                "event": "settle",
                "label": label,
                "index": index,
                "patch": patch,
            }
        )

    def suggest(
        self,
        label: int,
        index: int,
        mask: np.ndarray | Patch,
        confidence: float,
        step: Step | None = None,
        *,
        by: str = "",
    ) -> None:
        """Take over a mask that something other than a walk found, of an earlier scan, say.

        It is a prediction like any other, and stands in the history, so that it can be done again.

        Args:
            label: what was found.
            index: the slice.
            mask: (H, W) bool, or its patch.
            confidence: trust in it, in [0, 1].
            step: the undoable step that it is part of; None for one of its own.
            by: the model that found it, where one did.

        Raises:
            AnchorOverwriteError: the slice is an anchor of this label.
        """
        patch = self._patch(index, mask)
        self.accept(label, index, patch, confidence, step, found_by=by)
        self.history.append(
            {
                "event": "suggest",
                "label": label,
                "index": index,
                "patch": patch,
                "confidence": float(confidence),
                **({"by": by} if by else {}),
            }
        )

    # What an engine does

    def accept(
        self,
        label: int,
        index: int,
        mask: np.ndarray | Patch,
        confidence: float,
        step: Step | None = None,
        *,
        found_by: str = "",
    ) -> None:
        """Store a predicted mask, with what was hinted, unless a person has vouched for this slice.

        Args:
            label: what was predicted.
            index: the slice.
            mask: (H, W) bool, or its patch.
            confidence: trust in it, in [0, 1].
            step: the undoable step that it is part of; None for one of its own.
            found_by: the model that found it without a seed, where one did.

        Raises:
            AnchorOverwriteError: the slice is an anchor of this label.
        """
        if self.is_anchor(label, index):
            raise AnchorOverwriteError(
                "Slice {index} of label {label} is annotated; propagation may not replace it.",
                index=index,
                label=label,
            )
        patch = self._patch(index, mask)
        self._clock += 1
        before = self.state(label, index)
        state = SliceState(
            patch=patch.joined(before.hint),
            provenance=Provenance.PROPAGATED,
            confidence=float(confidence),
            written_at=self._clock,
            changed_at=before.changed_at,
            hint=before.hint,
            found_by=found_by,
        )
        self._write(label, index, state, step or self.open_step("Accept"))

    def trim(
        self,
        label: int,
        index: int,
        patch: Patch,
        step: Step,
    ) -> None:
        """Shrink a mask without a change of provenance, confidence or age.

        A shrunk anchor makes its gaps stale.
        """
        self._clock += 1
        state = self.state(label, index)
        changed_at = state.changed_at
        if state.provenance >= Provenance.SEED:
            self.anchors_clock = self._clock
            changed_at = self._clock
        hint = state.hint.within(patch)
        state = replace(state, patch=patch, changed_at=changed_at, hint=hint)
        self._write(label, index, state, step)

    # Undo

    def open_step(self, name: str) -> Step:
        """Begin an undoable step; writes that name it are undone together."""
        step = Step(name, len(self.history))
        self._undo.append(step)
        del self._undo[:-UNDO_LIMIT]
        if name == RUN:  # however much is drawn meanwhile, it can be taken back
            self._runs = [*self._runs[1 - UNDO_LIMIT :], step]
        self._redo.clear()
        return step

    def undo(self) -> str | None:
        """Take the last step back; returns its name, or None when there is none."""
        if not self._undo:
            return None
        step = self._undo.pop()
        self._runs = [run for run in self._runs if run is not step]
        if self._run_went_on(step):
            # What it predicted since stays, so what it started from stays in the history too.
            step.undone_by = {"event": "undo"}
            self.history.append(step.undone_by)
        else:
            step.events = self.history[step.num_events :]
            del self.history[step.num_events :]
        self._redo.append(self._swap(step))
        return step.name

    def redo(self) -> str | None:
        """Do the last undone step again; returns its name, or None when there is none."""
        if not self._redo:
            return None
        step = self._redo.pop()
        if step.undone_by is None:
            self.history.extend(step.events)
        elif self.history[-1:] == [step.undone_by]:
            self.history.pop()
        else:  # the run went on without it
            self.history.append({"event": "redo"})
        step.events = []
        step.undone_by = None
        self._undo.append(self._swap(step))
        if step.name == RUN:
            self._runs.append(step)
        return step.name

    def take_back_run(self) -> None:
        """Forget the latest run: its predictions go, what a person did meanwhile stays."""
        if not self._runs:
            return
        step = self._runs.pop()
        self._undo = [other for other in self._undo if other is not step]
        for (label, index), state in step.states.items():
            now = self.state(label, index)
            if not self.is_anchor(label, index):
                self._row(label)[index] = _with_hint(state, now)
        later = [
            event for event in self.history[step.num_events :] if event["event"] not in OF_RUNS
        ]
        self.history[step.num_events :] = later

    def restore(
        self,
        label: int,
        index: int,
        state: SliceState,
    ) -> None:
        """Put back a state that was saved earlier (a file, segment tags); not an undoable step.

        The history says so: what was saved without its history is what this one begins with.
        """
        self._put(label, index, state)
        is_told = not math.isnan(state.confidence)
        self.history.append(
            {
                "event": "restore",
                "label": label,
                "index": index,
                "patch": state.patch,
                "provenance": int(state.provenance),
                "confidence": state.confidence if is_told else None,
                **({} if state.hint.is_empty else {"hint": state.hint}),
            }
        )

    # Below: the one way in

    def _put(self, label: int, index: int, state: SliceState) -> None:
        self._check_index(index)
        self._clock = max(self._clock, state.written_at, state.changed_at)
        self._row(label)[index] = state

    def _known(self, label: int) -> dict[int, SliceState]:
        """What is known of a label's slices; a copy, as a run may predict more in its thread."""
        return self._row(label).copy()

    def _row(self, label: int) -> dict[int, SliceState]:
        try:
            return self._states[label]
        except KeyError:
            raise ConfigError(
                "Label {label} is not part of this session, which has {labels}; choose"
                " one of these.",
                label=label,
                labels=list(self.labels),
            ) from None

    def _write(
        self,
        label: int,
        index: int,
        state: SliceState,
        step: Step,
    ) -> None:
        step.states.setdefault((label, index), self.state(label, index))
        self._row(label)[index] = state

    def _anchor(
        self,
        label: int,
        index: int,
        patch: Patch,
        provenance: Provenance,
        step: Step,
        *,
        says_something_new: bool = True,
    ) -> None:
        self._clock += 1
        self.anchors_clock = self._clock
        confidence = 1.0 if provenance >= Provenance.SEED else float("nan")
        changed_at = self._clock if says_something_new else 0
        state = SliceState(patch, provenance, confidence, changed_at=changed_at)
        self._write(label, index, state, step)

    def _run_went_on(self, step: Step) -> bool:
        """Whether a run that was under way when the step was made has predicted slices since."""
        return step.name != RUN and any(
            event["event"] == "continue" for event in self.history[step.num_events :]
        )

    def _swap(self, step: Step) -> Step:
        """Exchange a step's states with the session's."""
        for (label, index), state in list(step.states.items()):
            step.states[label, index] = self.state(label, index)
            self._row(label)[index] = state
        self._clock += 1
        self.anchors_clock = self._clock
        return step

    def _differing(
        self,
        label: int,
        volume: np.ndarray | Sequence[Patch] | Mapping[int, np.ndarray | Patch],
    ) -> Iterator[tuple[int, Patch]]:
        """(index, patch) of the slices of a label that are not as the session has them."""
        pairs: Iterable[tuple[int, np.ndarray | Patch]]
        pairs = volume.items() if isinstance(volume, Mapping) else enumerate(volume)
        for index, mask in pairs:
            patch = self._patch(index, mask)
            if not patch.equals(self.state(label, index).patch):
                yield index, patch

    def _merge_edit(
        self,
        label: int,
        index: int,
        edits: dict[tuple[int, int], Patch],
    ) -> bool:
        """Take over one slice of a label; whether it became, changed or stopped being an anchor."""
        patch = edits[label, index]
        state = self.state(label, index)
        is_covered_seed = patch.is_empty and state.provenance == Provenance.SEED
        if not is_covered_seed and self._only_lost_to_others(label, index, edits):
            self.resolve_overlap(label, index, patch)
            return state.provenance >= Provenance.SEED
        if state.provenance == Provenance.EMPTY and _is_part(patch, state.hint):
            self.hint(label, index, patch)  # of which some was erased
        elif patch.is_empty and state.provenance >= Provenance.SEED:
            self.release(label, index)
        else:
            self.annotate(label, index, patch.paste(self.stack.slice_shape))
        return True

    def _only_lost_to_others(
        self, label: int, index: int, edits: dict[tuple[int, int], Patch]
    ) -> bool:
        """Whether all that changed is that other labels' drawings took pixels from this one."""
        shape = self.stack.slice_shape
        before = self.mask(label, index)
        after = edits[label, index].paste(shape)
        lost = before & ~after
        gained = np.zeros(shape, bool)
        for (other, slice_index), patch in edits.items():
            if other != label and slice_index == index:
                gained |= patch.paste(shape)
        has_grown = (after & ~before).any()
        has_lost_more = (lost & ~gained).any()
        return bool(lost.any() and not has_grown and not has_lost_more)

    def _patch(
        self,
        index: int,
        mask: np.ndarray | Patch,
    ) -> Patch:
        return mask if isinstance(mask, Patch) else self._checked_patch(index, mask)

    def _checked_patch(
        self,
        index: int,
        mask: np.ndarray,
    ) -> Patch:
        self._check_index(index)
        if mask.shape != self.stack.slice_shape:
            raise GeometryMismatchError(
                "The mask is {shape}, the slices are {slice_shape}; draw on the same grid.",
                shape=mask.shape,
                slice_shape=self.stack.slice_shape,
            )
        return Patch.cut(mask.astype(bool))

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self.stack):
            raise ConfigError(
                "Slice {index} is not in the stack, which has slices 0 to {last}.",
                index=index,
                last=len(self.stack) - 1,
            )


def _is_part(patch: Patch, hint: Patch) -> bool:
    """Whether a mask is what is left of a hint."""
    return not hint.is_empty and patch.without(hint).is_empty


def _with_hint(state: SliceState, now: SliceState) -> SliceState:
    """A state of before, with what was hinted since."""
    if now.hint.equals(state.hint):
        return state
    patch = state.patch.without(state.hint).joined(now.hint)
    return replace(state, patch=patch, hint=now.hint, changed_at=now.changed_at)


def _kind_of_drawing(before: Provenance) -> Provenance:
    """What a drawing is, by what was on the slice before it."""
    is_over_prediction = before in (Provenance.PROPAGATED, Provenance.CORRECTION)
    return Provenance.CORRECTION if is_over_prediction else Provenance.SEED
