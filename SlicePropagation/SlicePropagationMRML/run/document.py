"""`AnnotatedSegmentation`: the session of some segments of one segmentation on one volume, kept in step with the nodes."""

from dataclasses import dataclass, replace

from SlicePropagationLib.errors import GeometryMismatchError, InputError, SlicePropagationError
from SlicePropagationLib.patch import EMPTY_MASK
from SlicePropagationLib.pipelines.slice_record import in_system, is_on_grid, restore_slices
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState
from SlicePropagationLib.stack import check_outline
from SlicePropagationMRML.nodes import commit, tags
from SlicePropagationMRML.nodes.geometry import (
    gridOf,
    isLeftHanded,
    segmentPatches,
    stackFromVolume,
)


@dataclass(frozen=True)
class Change:
    """One step of a person or an engine, for naming it when it is undone.

    Attributes:
        kind: "run", "edit", "confirm" or "empty" ("nothing here").
        labels: the labels it changed.
        slices: the slice indices it changed, ascending.
    """

    kind: str
    labels: tuple
    slices: tuple


@dataclass(frozen=True)
class Travel:
    """An undo or a redo that was noticed: which way, and over which `Change` (None when it is not known)."""

    isUndo: bool
    change: Change | None


class AnnotatedSegmentation:
    """Nodes on one side, an `AnnotationSession` on the other.

    Attributes:
        session: the session; label n is the n-th of the segments.
        segments: {label: segment ID}.

    Args:
        stack: the volume's `SliceStack` along that axis, where it is at hand.
    """

    def __init__(self, scene, volumeNode, segmentationNode, segmentIDs, axis, stack=None):
        if volumeNode is None or segmentationNode is None:
            raise InputError("Choose a volume and a segmentation first.")
        if not segmentIDs:
            raise InputError(
                f"Segmentation '{segmentationNode.GetName()}' has no segment chosen; add a segment"
                " and draw on one slice."
            )
        self.scene = scene
        self.volumeNode = volumeNode
        self.segmentationNode = segmentationNode
        self.segments = dict(enumerate(segmentIDs, 1))
        self.stack = stack or stackFromVolume(volumeNode, axis)
        self._grid = gridOf(volumeNode, segmentationNode)
        self.engineName = ""
        self.modelHash = None
        self._lastTags = {}
        self._tagsBefore = {}
        self._commits = {}
        self._changes = [(self._key(self._currentTags()), None)]
        self._position = 0
        self._travel = None
        self.session = self._restored()

    def labelOf(self, segmentID):
        """The session's label of a segment."""
        return next(label for label, known in self.segments.items() if known == segmentID)

    def segmentName(self, label):
        """The name of a label's segment; its ID when the segment is gone."""
        segment = self.segmentationNode.GetSegmentation().GetSegment(self.segments[label])
        return segment.GetName() if segment is not None else self.segments[label]

    def takeTravel(self):
        """The `Travel` that `absorb` noticed since the last call, or None."""
        travel = self._travel
        self._travel = None
        return travel

    def check(self):
        """Raise when a node or a segment is gone.

        Raises:
            SlicePropagationError: the volume, the segmentation or a segment was removed, or the
                scene closed.
        """
        for node, kind in ((self.volumeNode, "volume"), (self.segmentationNode, "segmentation")):
            if not self.scene.IsNodePresent(node):
                raise SlicePropagationError(
                    f"The {kind} was removed from the scene; the run ended and nothing was written."
                )
        for segmentID in self.segments.values():
            if self.segmentationNode.GetSegmentation().GetSegment(segmentID) is None:
                raise SlicePropagationError(
                    f"Segment '{segmentID}' was deleted; the run ended and nothing was written."
                )

    def isElsewhere(self):
        """Whether the volume lies elsewhere in the segmentation than when it was opened, or has other slices: what the session holds is of no use there."""
        if self.volumeNode.GetImageData() is None:
            return True
        try:
            return not is_on_grid(
                {"grid": self._grid},
                gridOf(self.volumeNode, self.segmentationNode),
            )
        except GeometryMismatchError:
            return True

    def hasOtherTags(self):
        """Whether the segments' tags are not those that were read or written last, as after undo or redo."""
        return self._currentTags() != self._lastTags

    def patches(self):
        """{label: N `Patch`es} of what the segments hold now."""
        return {
            label: segmentPatches(
                self.segmentationNode,
                segmentID,
                self.volumeNode,
                self.stack.axis,
            )
            for label, segmentID in self.segments.items()
        }

    def absorb(self):
        """Take over what the person did: an edit becomes a seed or a correction.

        After undo or redo tags are only read.

        Returns:
            The (label, slice) pairs whose anchors changed.
        """
        self.check()
        if self.hasOtherTags():
            self._tagsBefore = self._lastTags
            self.session = self._restored()
            self._noticeTravel()
            return []
        changed = self.session.merge_edits(self.patches())
        if changed:
            self.writeTags("edit", changed)
        return changed

    def snapshot(self):
        """(states, events): {(label, slice): `SliceState`} and the history of the session as it is."""
        states = {
            (label, index): self.session.state(label, index)
            for label in self.segments
            for index in range(len(self.stack))
        }
        return states, list(self.session.history)

    def writeTags(self, kind="edit", changed=(), known=None):
        """Store provenance and confidence with the segments.

        Never called in answer to undo or redo.

        Args:
            kind, changed: what is stored, as in `Change`; `changed` holds (label, slice) pairs.
            known: a `snapshot`, where the session holds more than the segments do: a run is under
                way.
        """
        known = known or self.snapshot()
        for label, segmentID in self.segments.items():
            states = {index: known[0][label, index] for index in range(len(self.stack))}
            tags.writeTags(
                self.segmentationNode,
                segmentID,
                self.volumeNode,
                self._grid,
                states,
                self.stack.axis,
                self.engineName,
                self.modelHash,
            )
        self._lastTags = self._currentTags()
        self._commits[self._key(self._lastTags)] = known
        change = Change(
            kind,
            tuple(sorted({label for label, _ in changed})),
            tuple(sorted({index for _, index in changed})),
        )
        self._changes[self._position + 1 :] = [(self._key(self._lastTags), change)]
        self._position += 1

    def checkSeeds(self, labels):
        """Raise when all that was drawn of a label is a single pixel, or fills its slice.

        Raises:
            InputError: it does.
        """
        size = self.stack.slice_shape[0] * self.stack.slice_shape[1]
        for label in labels:
            drawn = [
                (self.session.state(label, index).patch.area, index)
                for index in self.session.anchors(label)
            ]
            drawn = [(area, index) for area, index in drawn if area]
            if drawn and (max(drawn)[0] == 1 or min(drawn)[0] == size):
                check_outline(
                    f"Segment '{self.segmentName(label)}'",
                    drawn[0][1],
                    drawn[0][0],
                    size,
                )

    def changes(self, touched, *, mayOverlap):
        """{label: {slice: (add, remove)}}, `Patch`es, that a run's slices want in the segments.

        Args:
            touched: the (label, slice) pairs that the run predicted.
            mayOverlap: whether segments may overlap.
        """
        patches = self.patches()
        slices = {
            label: {index for touchedLabel, index in touched if touchedLabel == label}
            for label in self.segments
        }
        return {
            label: commit.changedPatches(
                self.session,
                label,
                slices[label],
                patches[label],
                mayOverlap=mayOverlap,
            )
            for label in self.segments
            if slices[label]
        }

    def taken(self, changes, editorNode):
        """{segment name: voxels} that writing the changes would take from segments outside the run."""
        added = {}
        for slices in changes.values():
            for index, (add, _) in slices.items():
                added.setdefault(index, []).append(add)
        written = {self.segments[label] for label in changes}
        return commit.countTaken(
            self.segmentationNode,
            written,
            self.volumeNode,
            self.stack.axis,
            added,
            editorNode,
        )

    def write(self, changes, editorLogic):
        """Write changes through the segment editor logic, and let the session know what masking left of them."""
        for _ in self.writeSteps(changes, editorLogic):
            pass

    def writeSteps(self, changes, editorLogic):
        """The same in steps of some milliseconds each, for several turns of the event loop."""
        for steps in self._writes(changes, editorLogic):
            while True:
                with commit.selectionKept(editorLogic):
                    if next(steps, steps) is steps:
                        break
                yield
        for label in self.segments:
            yield
            self.follow(label)

    def follow(self, label):
        """Let the session know what a segment holds, without a change of provenance: masking, or another segment, has the rest."""
        for index, patch in enumerate(
            segmentPatches(
                self.segmentationNode,
                self.segments[label],
                self.volumeNode,
                self.stack.axis,
            )
        ):
            state = self.session.state(label, index)
            if not patch.equals(state.patch):
                self.session.restore(label, index, replace(state, patch=patch))

    def _writes(self, changes, editorLogic):
        """Generators that make a commit, in order: what masking needs, then removals, then additions."""
        if changes:
            yield commit.prepareMasking(editorLogic, self.segments[min(changes)])
        for isRemoval in (True, False):
            for label, slices in changes.items():
                patches = {index: change[isRemoval] for index, change in slices.items()}
                yield commit.writeBands(
                    editorLogic,
                    self.segmentationNode,
                    self.segments[label],
                    self.volumeNode,
                    self.stack.axis,
                    patches,
                    isRemoval=isRemoval,
                )

    def erase(self, label, index, editorLogic):
        """Empty one slice of a label as far as masking lets it, and vouch for the empty slice.

        Returns:
            How many voxels masking protected; when there are any, the slice is a correction with
            just these.
        """
        self.write({label: {index: (EMPTY_MASK, self.patches()[label][index])}}, editorLogic)
        left = self.session.state(label, index).patch
        if left.is_empty:
            self.session.release(label, index)
            self.session.confirm(label, index)
        else:
            self.session.annotate(label, index, left.paste(self.stack.slice_shape))
        return left.area

    def _restored(self):
        """A session from the segments and their tags, with what was drawn since the tags were written absorbed."""
        session = AnnotationSession(self.stack, tuple(self.segments))
        masks = self.patches()
        current = self._currentTags()
        states, events = self._commits.get(self._key(current), (None, ()))
        if states is not None:
            for (label, index), state in states.items():
                session.restore(label, index, state)
        else:
            self._restoreFromTags(session, masks)
        session.history = list(events)
        session.merge_edits(masks)
        self._lastTags = current
        return session

    def _restoreFromTags(self, session, masks):
        for label, segmentID in self.segments.items():
            values = tags.readTags(self.segmentationNode, segmentID)
            if (
                values is not None
                and values["axis"] == self.stack.axis
                and is_on_grid(values, self._grid)
            ):
                values = in_system(
                    values,
                    len(self.stack),
                    is_left_handed=isLeftHanded(self.volumeNode),
                )
                restore_slices(session, label, masks[label], values)
                for index in session.anchors(
                    label
                ):  # a drawing that was erased while nobody watched is no anchor
                    state = session.state(label, index)
                    if state.provenance == Provenance.SEED and state.patch.is_empty:
                        session.restore(label, index, SliceState())

    def _noticeTravel(self):
        """Find out which way the tags went along the changes so far."""
        key = self._key(self._lastTags)
        known = [position for position, (stored, _) in enumerate(self._changes) if stored == key]
        if not known:
            isOlder = self._clock(self._lastTags) < self._clock(self._tagsBefore)
            self._changes = [(key, None)]
            self._position = 0
            self._travel = (
                Travel(True, None) if isOlder else None
            )  # newer: written by another editor
            return
        position = min(known, key=lambda position: abs(position - self._position))
        isUndo = position < self._position
        self._travel = Travel(isUndo, self._changes[position + 1 if isUndo else position][1])
        self._position = position

    def _currentTags(self):
        return {
            segmentID: tags.readTags(self.segmentationNode, segmentID)
            for segmentID in self.segments.values()
        }

    @staticmethod
    def _clock(tagsOfSegments):
        """The latest session clock in some tags; -1 without any."""
        return max(
            (
                max(state[2:])
                for values in tagsOfSegments.values()
                if values
                for state in values["slices"].values()
            ),
            default=-1,
        )

    @staticmethod
    def _key(currentTags):
        return repr(sorted(currentTags.items()))
