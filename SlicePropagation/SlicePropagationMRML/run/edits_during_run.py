"""`EditsDuringRun`: strokes of a person while the segments do not hold the run's predictions yet."""

from collections.abc import Mapping
from dataclasses import replace

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import OF_RUNS, Provenance
from SlicePropagationMRML.run.change_log import Snapshot
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.document_watch import DocumentWatch
from SlicePropagationMRML.run.events import Edited, Edits, Event
from SlicePropagationMRML.run.second_plane import hintedSlices, hintsOf
from SlicePropagationMRML.run.signal import Signal


class EditsDuringRun:
    """Compares the segments with what was drawn in them before, and not with the session.

    Attributes:
        drawn: {label: patches} of the segments at the last call of `merge`.

    Args:
        document: what the run fills.
        watch: its watch.
        events: where edits are told.
    """

    def __init__(
        self,
        document: Document,
        watch: DocumentWatch,
        events: Signal[Event],
    ) -> None:
        self._document = document
        self._watch = watch
        self._events = events
        self.drawn = document.patches()
        self._known = document.snapshot()

    def merge(self) -> Edits:
        """Take over what a person drew since the last call; returns it."""
        self._watch.seen()
        edits = {}
        as_predicted = []
        hinted = set()
        session = self._document.session
        for label, patches in self._document.patches().items():
            edits[label] = _differing(patches, self.drawn[label])
            as_predicted += self._as_predicted(label, edits[label])
            found = hintedSlices(session, label, patches, self.drawn[label])
            hinted |= {(label, index) for index in found}
            self.drawn[label] = patches
        changed = session.merge_edits(edits, hinted)
        for label, index in as_predicted:
            mask = session.mask(label, index)
            session.annotate(label, index, mask)
            changed.append((label, index))
        if changed:
            self._learn(edits, changed)
            # After an undo in the Segment Editor tags are only read, or there would be no redo.
            if not self._document.hasOtherTags():
                with self._watch.writing():
                    self._document.writeTags("edit", changed, known=self.known())
            self._events.emit(Edited(changed, hintsOf(session, changed)))
        return changed

    def known(self) -> Snapshot:
        """What was known before the run, whose predictions the segments do not hold, and edits since.

        Each stroke is an undo step of its own, kept result or not.
        """
        states, events = self._known
        since = self._document.session.history[len(events) :]
        during = [event for event in since if event["event"] not in OF_RUNS]
        return dict(states), events + during

    def _as_predicted(self, label: int, edits: Mapping[int, Patch]) -> Edits:
        """Slices where a person drew just what the run has predicted, and no segment shows yet.

        To the session nothing is other there; without the run nobody would vouch for it.
        """
        session = self._document.session
        return [
            (label, index)
            for index, patch in edits.items()
            if patch.equals(session.state(label, index).patch)
            and not session.is_anchor(label, index)
            and not patch.without(self.drawn[label][index]).is_empty
        ]

    def _learn(
        self,
        drawn: dict[int, dict[int, Patch]],
        edits: Edits,
    ) -> None:
        """Remember edits beside what was known before the run."""
        session = self._document.session
        states, _ = self._known
        for label, patches in drawn.items():
            for index, patch in patches.items():  # also what only lost pixels to another
                state = states[label, index]
                hint = state.hint.within(patch)
                states[label, index] = replace(state, patch=patch, hint=hint)
        for label, index in edits:
            now = session.state(label, index)
            if now.provenance == Provenance.PROPAGATED:  # by the run; only the hint is the person's
                before = states[label, index]
                now = replace(before, hint=now.hint, changed_at=now.changed_at)
            states[label, index] = now


def _differing(patches: list[Patch], before: list[Patch]) -> dict[int, Patch]:
    """The slices whose patch is another one now."""
    pairs = enumerate(zip(patches, before, strict=True))
    return {index: patch for index, (patch, old) in pairs if not patch.equals(old)}
