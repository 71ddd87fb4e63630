"""`AnnotatedSegmentation`: the session of some segments of one segmentation on one volume, kept in step with the nodes."""

from dataclasses import replace

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.slice_record import restore_slices
from SlicePropagationMRML import commit, tags
from SlicePropagationMRML.geometry import segmentMask, stackFromVolume


class AnnotatedSegmentation:
    """Nodes on one side, an `AnnotationSession` on the other.

    Attributes:
        session: the session; label n is the n-th of the segments.
        segments: {label: segment ID}.
    """

    def __init__(self, scene, volumeNode, segmentationNode, segmentIDs, axis):
        if volumeNode is None or segmentationNode is None:
            raise InputError("Choose a volume and a segmentation first.")
        if not segmentIDs:
            raise InputError(f"Segmentation '{segmentationNode.GetName()}' has no segment chosen; add a segment and draw on one slice.")
        self.scene, self.volumeNode, self.segmentationNode = scene, volumeNode, segmentationNode
        self.segments = dict(enumerate(segmentIDs, 1))
        self.stack = stackFromVolume(volumeNode, axis)
        self.engineName, self.modelHash = "", None
        self._lastTags, self._commits, self._events = {}, {}, []
        self.session = self._restored()

    def labelOf(self, segmentID):
        """The session's label of a segment."""
        return next(label for label, known in self.segments.items() if known == segmentID)

    def check(self):
        """Raise when a node or a segment is gone.

        Raises:
            SlicePropagationError: the volume, the segmentation or a segment was removed, or the scene closed.
        """
        for node, kind in ((self.volumeNode, "volume"), (self.segmentationNode, "segmentation")):
            if not self.scene.IsNodePresent(node):
                raise SlicePropagationError(f"The {kind} was removed from the scene; the run ended and nothing was written.")
        for segmentID in self.segments.values():
            if self.segmentationNode.GetSegmentation().GetSegment(segmentID) is None:
                raise SlicePropagationError(f"Segment '{segmentID}' was deleted; the run ended and nothing was written.")

    def masks(self):
        """{label: (N, H, W) bool} of what the segments hold now."""
        return {label: self.stack.from_volume_array(segmentMask(self.segmentationNode, segmentID, self.volumeNode)) for label, segmentID in self.segments.items()}

    def absorb(self):
        """Take over what the person did: an edit becomes a seed or a correction; after undo or redo tags are only read.

        Returns:
            The (label, slice) pairs whose anchors changed.
        """
        self.check()
        if self._currentTags() != self._lastTags:
            self.session = self._restored()
            return []
        changed = self.session.absorb(self.masks())
        if changed:
            self.writeTags()
        return changed

    def writeTags(self):
        """Store provenance and confidence with the segments; never called in answer to undo or redo."""
        for label, segmentID in self.segments.items():
            tags.writeTags(self.segmentationNode, segmentID, self.session, label, self.engineName, self.modelHash)
        self._lastTags = self._currentTags()
        self._events = list(self.session.history)
        states = {(label, index): self.session.state(label, index) for label in self.segments for index in range(len(self.stack))}
        self._commits[self._key(self._lastTags)] = (states, len(self._events))

    def changes(self, touched):
        """{label: (add, remove)}, (N, H, W) bool each, that a run's slices want in the segments.

        Args:
            touched: the (label, slice) pairs that the run predicted.
        """
        masks = self.masks()
        slices = {label: {index for touchedLabel, index in touched if touchedLabel == label} for label in self.segments}
        return {label: commit.changedVoxels(self.session, label, slices[label], masks[label]) for label in self.segments if slices[label]}

    def taken(self, changes, editorNode):
        """{segment name: voxels} that writing the changes would take from segments outside the run."""
        added = sum((self.stack.to_volume(add) for add, _ in changes.values()), start=self.stack.to_volume(self.session.label_map() < 0))
        written = {self.segments[label] for label in changes}
        return commit.countTaken(self.segmentationNode, written, self.volumeNode, added, editorNode)

    def write(self, changes, editorLogic):
        """Write changes through the segment editor logic, and let the session know what masking left of them."""
        for isRemoval in (True, False):
            for label, (add, remove) in changes.items():
                voxels = self.stack.to_volume(remove if isRemoval else add)
                commit.writeSegment(editorLogic, self.segmentationNode, self.segments[label], self.volumeNode, voxels, isRemoval=isRemoval)
        for label, masks in self.masks().items():
            for index in range(len(self.stack)):
                state, patch = self.session.state(label, index), Patch.cut(masks[index])
                if not patch.equals(state.patch):
                    self.session.restore(label, index, replace(state, patch=patch))

    def _restored(self):
        """A session from the segments and their tags, with what was drawn since the tags were written absorbed."""
        session, masks, current = AnnotationSession(self.stack, tuple(self.segments)), self.masks(), self._currentTags()
        states, numEvents = self._commits.get(self._key(current), (None, 0))
        if states is not None:
            for (label, index), state in states.items():
                session.restore(label, index, state)
        else:
            self._restoreFromTags(session, masks)
        session.history = self._events[:numEvents]
        session.absorb(masks)
        self._lastTags = current
        return session

    def _restoreFromTags(self, session, masks):
        for label, segmentID in self.segments.items():
            values = tags.readTags(self.segmentationNode, segmentID)
            if values is not None and values["axis"] == self.stack.axis:
                restore_slices(session, label, masks[label], values)

    def _currentTags(self):
        return {segmentID: tags.readTags(self.segmentationNode, segmentID) for segmentID in self.segments.values()}

    @staticmethod
    def _key(currentTags):
        return repr(sorted(currentTags.items()))
