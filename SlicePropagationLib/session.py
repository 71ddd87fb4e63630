"""`AnnotationSession`: everything known about one stack being annotated, and the only place it changes."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from SlicePropagationLib import planning
from SlicePropagationLib.errors import AnchorOverwriteError, ConfigError, GeometryMismatchError
from SlicePropagationLib.patch import EMPTY_MASK, Patch

MAX_LABEL = 255
UNDO_LIMIT = 20


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
        changed_at: session clock when an anchor was last set, changed or removed here.
    """

    patch: Patch = EMPTY_MASK
    provenance: Provenance = Provenance.EMPTY
    confidence: float = float("nan")
    written_at: int = 0
    changed_at: int = 0


@dataclass
class Step:
    """One undoable step: the states before it (after it, once undone), and the events it recorded or, once undone, the one that says so."""

    name: str
    num_events: int
    states: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    undone_by: dict | None = None


class AnnotationSession:
    """One stack, its labels, and where every mask came from.

    Labels may overlap on slices that a person drew (an anchor is kept as drawn); `label_map` then
    shows the higher
    number on top of the lower.

    Attributes:
        stack: the `SliceStack` that is annotated.
        labels: the label numbers, ascending, each in 1..255.
        provenance: (L, N) uint8, values of `Provenance`, one row per label in the order of
            `labels`.
        confidence: (L, N) float32 in [0, 1]; 1 for anchors, NaN where nothing was predicted.
        history: the events so far, in order: what a person did and which runs were made.
        anchors_clock: the clock when any anchor last changed; a cheap way to see that none did.
    """

    def __init__(self, stack, labels=(1,)):
        if not labels or any(not 1 <= int(label) <= MAX_LABEL for label in labels):
            raise ConfigError(
                f"Labels must lie between 1 and {MAX_LABEL}, got {list(labels)}; renumber them."
            )
        self.stack = stack
        self.labels = tuple(sorted({int(label) for label in labels}))
        self.history = []
        self._states = {label: {} for label in self.labels}
        self._clock = self.anchors_clock = 0
        self._undo = []
        self._redo = []

    # What is known

    def state(self, label, index):
        """The `SliceState` of one label on one slice."""
        return self._row(label).get(index, SliceState())

    def mask(self, label, index):
        """(H, W) bool mask of a label on a slice."""
        return self.state(label, index).patch.paste(self.stack.slice_shape)

    def masks(self, label):
        """(N, H, W) bool mask of a label."""
        volume = np.zeros(self.stack.images.shape, bool)
        for index, state in self._row(label).items():
            volume[index][state.patch.window] = state.patch.crop
        return volume

    @property
    def provenance(self):
        return np.array(
            [
                [self.state(label, index).provenance for index in range(len(self.stack))]
                for label in self.labels
            ],
            np.uint8,
        )

    @property
    def confidence(self):
        return np.array(
            [
                [self.state(label, index).confidence for index in range(len(self.stack))]
                for label in self.labels
            ],
            np.float32,
        )

    def areas(self, label):
        """(N,) pixels of the label on each slice."""
        areas = np.zeros(len(self.stack), np.int64)
        for index, state in self._row(label).items():
            areas[index] = state.patch.area
        return areas

    def label_map(self):
        """(N, H, W) uint8 label map, 0 is background.

        Anchors lie on top of predictions, higher labels on lower ones.
        """
        labels = np.zeros(self.stack.images.shape, np.uint8)
        for wants_anchors in (False, True):
            for label in self.labels:
                for index, state in self._row(label).items():
                    if (state.provenance >= Provenance.SEED) == wants_anchors:
                        labels[index][state.patch.window][state.patch.crop] = label
        return labels

    def is_anchor(self, label, index):
        """Whether a person vouches for the label on this slice."""
        return self.state(label, index).provenance >= Provenance.SEED

    def anchors(self, label):
        """Slices on which a person vouches for `label`, ascending.

        Propagation never overwrites them.
        """
        return sorted(index for index in self._row(label) if self.is_anchor(label, index))

    def anchor_masks(self, label):
        """{slice index: (H, W) bool mask} of all anchors of the label."""
        return {index: self.mask(label, index) for index in self.anchors(label)}

    def stale(self, label):
        """(N,) bool: predicted slices whose gap saw an anchor set, changed or removed since."""
        stale = np.zeros(len(self.stack), bool)
        row = self._row(label)
        anchors = self.anchors(label)
        changed = {index: state.changed_at for index, state in row.items() if state.changed_at}
        for gap in planning.list_gaps(anchors, len(self.stack)):
            latest = max(
                (
                    time
                    for index, time in changed.items()
                    if planning.touches(gap, {index}, len(self.stack))
                ),
                default=0,
            )
            for index in planning.gap_slices(gap, len(self.stack)):
                state = row.get(index)
                stale[index] = (
                    state is not None
                    and state.provenance == Provenance.PROPAGATED
                    and state.written_at < latest
                )
        return stale

    def waiting(self, label):
        """Slices that a run should fill: never predicted, or stale; ascending."""
        stale = self.stale(label)
        return [
            index
            for index in range(len(self.stack))
            if stale[index] or self.state(label, index).provenance == Provenance.EMPTY
        ]

    def anchor_changes(self, label, gap):
        """What happened to anchors at the ends of a gap or inside it: ((slice, session clock), ...), to compare with later."""
        count = len(self.stack)
        return tuple(
            sorted(
                (index, state.changed_at)
                for index, state in self._row(label).items()
                if state.changed_at and planning.touches(gap, {index}, count)
            )
        )

    @property
    def clock(self):
        """Counts the changes; what was written earlier has a lower number."""
        return self._clock

    # What a person does

    def annotate(self, label, index, mask, provenance=None):
        """Store a drawn (H, W) mask; drawing over a prediction makes it a correction.

        Args:
            provenance: what it is, when that is known from elsewhere (a file); one of the three
                anchors.
        """
        patch = self._checked_patch(index, mask)
        predicted = self.state(label, index).provenance in (
            Provenance.PROPAGATED,
            Provenance.CORRECTION,
        )
        kind = provenance or (Provenance.CORRECTION if predicted else Provenance.SEED)
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

    def confirm(self, label, index):
        """Vouch for a slice as it is: a prediction that is right, or an empty slice ("the structure is not here")."""
        self._check_index(index)
        if self.is_anchor(label, index):
            return
        step = self.open_step("Confirm")
        self._anchor(label, index, self.state(label, index).patch, Provenance.CONFIRMED, step)
        self.history.append({"event": "confirm", "label": label, "index": index})

    def release(self, label, index):
        """Take an anchor back: its mask goes, and the merged gap becomes stale."""
        if not self.is_anchor(label, index):
            return
        step = self.open_step("Release")
        self._anchor(label, index, EMPTY_MASK, Provenance.EMPTY, step)
        self.history.append({"event": "release", "label": label, "index": index})

    def absorb(self, masks):
        """Take over what a person changed elsewhere (an editor, a file).

        A slice that differs from the session is a seed or a correction of its label. An erased
        prediction is a
        correction ("not here"), an erased drawing is an anchor taken back. A label that only lost
        pixels to another
        label's drawing keeps its provenance; a seed that lost all of them is taken back, as nothing
        that was drawn is left.

        Args:
            masks: {label: (N, H, W) bool mask, or N patches, or {slice index: (H, W) mask or patch}
                for some slices}.

        Returns:
            The (label, index) pairs that became, changed or stopped being anchors.
        """
        edits = {
            (label, index): patch
            for label, volume in masks.items()
            for index, patch in self._differing(label, volume)
        }
        return [edit for edit in sorted(edits) if self._absorb_slice(*edit, edits)]

    def cede(self, label, index, patch):
        """Shrink a mask to what another label's drawing left of it.

        Who vouched for it still does.
        """
        self.trim(label, index, patch, self.open_step("Draw"))
        self.history.append({"event": "cede", "label": label, "index": index, "patch": patch})

    # What an engine does

    def accept(self, label, index, mask, confidence, step=None):
        """Store a predicted mask, unless a person has vouched for this slice.

        Raises:
            AnchorOverwriteError: the slice is an anchor of this label.
        """
        if self.is_anchor(label, index):
            raise AnchorOverwriteError(
                f"Slice {index} of label {label} is annotated; propagation may not replace it."
            )
        patch = mask if isinstance(mask, Patch) else self._checked_patch(index, mask)
        self._clock += 1
        changed_at = self.state(label, index).changed_at
        self._write(
            label,
            index,
            SliceState(patch, Provenance.PROPAGATED, float(confidence), self._clock, changed_at),
            step or self.open_step("Accept"),
        )

    def trim(self, label, index, patch, step):
        """Shrink a mask without a change of provenance, confidence or age.

        A shrunk anchor makes its gaps stale.
        """
        self._clock += 1
        state = self.state(label, index)
        changed_at = state.changed_at
        if state.provenance >= Provenance.SEED:
            changed_at = self.anchors_clock = self._clock
        self._write(label, index, replace(state, patch=patch, changed_at=changed_at), step)

    # Undo

    def open_step(self, name):
        """Begin an undoable step; writes that name it are undone together."""
        step = Step(name, len(self.history))
        self._undo.append(step)
        del self._undo[:-UNDO_LIMIT]
        self._redo.clear()
        return step

    def undo(self):
        """Take the last step back; returns its name, or None when there is none."""
        if not self._undo:
            return None
        step = self._undo.pop()
        if self._run_went_on(
            step
        ):  # what it predicted since stays, so what it started from stays in the history too
            step.undone_by = {"event": "undo"}
            self.history.append(step.undone_by)
        else:
            step.events, self.history[step.num_events :] = self.history[step.num_events :], []
        self._redo.append(self._swap(step))
        return step.name

    def redo(self):
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
        return step.name

    def take_back_run(self):
        """Forget the latest run: its predictions go, what a person did meanwhile stays."""
        step = next((step for step in reversed(self._undo) if step.name == "Propagate"), None)
        if step is None:
            return
        self._undo.remove(step)
        for (label, index), state in step.states.items():
            if not self.is_anchor(label, index):
                self._row(label)[index] = state
        later = [
            event
            for event in self.history[step.num_events :]
            if event["event"] not in ("run", "continue")
        ]
        self.history[step.num_events :] = later

    def restore(self, label, index, state):
        """Put back a state that was saved earlier (a file, segment tags); not an undoable step."""
        self._check_index(index)
        self._clock = max(self._clock, state.written_at, state.changed_at)
        self._row(label)[index] = state

    # Below: the one way in

    def _row(self, label):
        try:
            return self._states[label]
        except KeyError:
            raise ConfigError(
                f"Label {label} is not part of this session, which has {list(self.labels)}; choose"
                " one of these."
            ) from None

    def _write(self, label, index, state, step):
        step.states.setdefault((label, index), self.state(label, index))
        self._row(label)[index] = state

    def _anchor(self, label, index, patch, provenance, step):
        self._clock += 1
        self.anchors_clock = self._clock
        confidence = 1.0 if provenance >= Provenance.SEED else float("nan")
        self._write(label, index, SliceState(patch, provenance, confidence, 0, self._clock), step)

    def _run_went_on(self, step):
        """Whether a run that was under way when the step was made has predicted slices since."""
        return step.name != "Propagate" and any(
            event["event"] == "continue" for event in self.history[step.num_events :]
        )

    def _swap(self, step):
        """Exchange a step's states with the session's."""
        for (label, index), state in list(step.states.items()):
            step.states[label, index] = self.state(label, index)
            self._row(label)[index] = state
        self._clock += 1
        self.anchors_clock = self._clock
        return step

    def _differing(self, label, volume):
        pairs = volume.items() if isinstance(volume, dict) else enumerate(volume)
        for index, mask in pairs:
            patch = mask if isinstance(mask, Patch) else self._checked_patch(index, mask)
            if not patch.equals(self.state(label, index).patch):
                yield index, patch

    def _absorb_slice(self, label, index, edits):
        patch = edits[label, index]
        state = self.state(label, index)
        is_covered_seed = patch.is_empty and state.provenance == Provenance.SEED
        if not is_covered_seed and self._only_lost_to_others(label, index, edits):
            self.cede(label, index, patch)
            return state.provenance >= Provenance.SEED
        if patch.is_empty and state.provenance >= Provenance.SEED:
            self.release(label, index)
        else:
            self.annotate(label, index, patch.paste(self.stack.slice_shape))
        return True

    def _only_lost_to_others(self, label, index, edits):
        shape = self.stack.slice_shape
        before = self.mask(label, index)
        after = edits[label, index].paste(shape)
        taken = before & ~after
        gained = np.zeros(shape, bool)
        for (other, slice_index), patch in edits.items():
            if other != label and slice_index == index:
                gained |= patch.paste(shape)
        return bool(taken.any()) and not (after & ~before).any() and not (taken & ~gained).any()

    def _checked_patch(self, index, mask):
        self._check_index(index)
        if mask.shape != self.stack.slice_shape:
            raise GeometryMismatchError(
                f"The mask is {mask.shape}, the slices are {self.stack.slice_shape}; draw on the"
                " same grid."
            )
        return Patch.cut(mask.astype(bool))

    def _check_index(self, index):
        if not 0 <= index < len(self.stack):
            raise ConfigError(
                f"Slice {index} is not in the stack, which has slices 0 to {len(self.stack) - 1}."
            )
