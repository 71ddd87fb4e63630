"""`Document`: the session of some segments of one segmentation on one volume, in step with the nodes."""

from collections.abc import Iterable
from typing import Any

from SlicePropagationLib.errors import (
    GeometryMismatchError,
    InputError,
    Phrase,
    SlicePropagationError,
)
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.slice_record import is_on_grid
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack, check_outline
from SlicePropagationMRML.nodes import tags
from SlicePropagationMRML.nodes.geometry import gridOf, segmentPatches, stackFromVolume
from SlicePropagationMRML.nodes.segment_names import SegmentNames
from SlicePropagationMRML.nodes.types import Scene, SegmentationNode, VolumeNode
from SlicePropagationMRML.run.change_log import Change, ChangeLog, Snapshot, Tags, Travel
from SlicePropagationMRML.run.restored_session import restoreFromTags
from SlicePropagationMRML.run.second_plane import hintedSlices
from SlicePropagationMRML.run.step_log import StepLog

NOTHING = Phrase()  # comes of it


class Document:
    """Nodes on one side, an `AnnotationSession` on the other.

    Attributes:
        session: the session; label n is the n-th of the segments.
        segments: {label: segment ID}.
        names: what a person calls the segments, also those that are gone.
        stack: the slices of the volume along the axis.
        engineName, modelHash: what walked last.

    Args:
        scene: where the nodes are.
        volumeNode: the image.
        segmentationNode: what is drawn in.
        segmentIDs: the segments to work on.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        stack: the volume's `SliceStack` along that axis, where it is at hand.
        steps: what was done in the segmentation before, also in other segments.

    Raises:
        InputError: a node or the segments are missing, or the volume cannot be worked on.
    """

    def __init__(
        self,
        scene: Scene,
        volumeNode: VolumeNode,
        segmentationNode: SegmentationNode,
        segmentIDs: Iterable[str],
        axis: int,
        stack: SliceStack | None = None,
        steps: StepLog | None = None,
    ) -> None:
        if volumeNode is None or segmentationNode is None:
            raise InputError("Choose a volume and a segmentation first.")
        if not segmentIDs:
            raise InputError(
                "Segmentation '{segmentation}' has no segment chosen; add a segment and draw on one"
                " slice.",
                segmentation=segmentationNode.GetName(),
            )
        self.scene = scene
        self.volumeNode = volumeNode
        self.segmentationNode = segmentationNode
        self.segments: dict[int, str] = dict(enumerate(segmentIDs, 1))
        self.names = SegmentNames(segmentationNode)
        self._steps = steps or StepLog()
        self._stackKey = _stackKey(volumeNode, axis)
        self.stack: SliceStack = stack or stackFromVolume(volumeNode, axis)
        self._grid = gridOf(volumeNode, segmentationNode)
        self.engineName = ""
        self.modelHash: str | None = None
        self._log = ChangeLog(self._currentTags())
        self.session: AnnotationSession = self._restored()

    # What it is

    def labelOf(self, segmentID: str) -> int:
        """The session's label of a segment."""
        return next(label for label, known in self.segments.items() if known == segmentID)

    def segmentName(self, label: int) -> str:
        """The name of a label's segment, also when the segment is gone."""
        return self.names.of(self.segments[label])

    def patches(self) -> dict[int, list[Patch]]:
        """{label: N `Patch`es} of what the segments hold now."""
        return {label: self.patchesOf(label) for label in self.segments}

    def patchesOf(self, label: int) -> list[Patch]:
        """What a label's segment holds now, a `Patch` a slice."""
        return segmentPatches(
            self.segmentationNode,
            self.segments[label],
            self.volumeNode,
            self.stack.axis,
        )

    def snapshot(self) -> Snapshot:
        """(states, events): {(label, slice): `SliceState`} and the history of the session as it is."""
        states = {
            (label, index): self.session.state(label, index)
            for label in self.segments
            for index in range(len(self.stack))
        }
        return states, list(self.session.history)

    # Whether the nodes are still those

    def check(self, consequence: Phrase = NOTHING) -> None:
        """Raise when a node or a segment is gone.

        Args:
            consequence: what comes of it, as the end of the sentence that says so.

        Raises:
            SlicePropagationError: the volume, the segmentation or a segment was removed, or the
                scene closed.
        """
        if not self.scene.IsNodePresent(self.volumeNode):
            raise SlicePropagationError(
                "The volume was removed from the scene{consequence}.", consequence=consequence
            )
        if not self.scene.IsNodePresent(self.segmentationNode):
            raise SlicePropagationError(
                "The segmentation was removed from the scene{consequence}.",
                consequence=consequence,
            )
        for label, segmentID in self.segments.items():
            name = self.segmentName(label)
            if self.segmentationNode.GetSegmentation().GetSegment(segmentID) is None:
                raise SlicePropagationError(
                    "Segment '{segment}' was deleted{consequence}.",
                    segment=name,
                    consequence=consequence,
                )

    def isIntact(self) -> bool:
        """Whether all nodes and segments are there, and the volume is where it was."""
        try:
            self.check()
        except SlicePropagationError:
            return False
        return not self.isElsewhere()

    def isElsewhere(self) -> bool:
        """Whether what the session holds is of no use for the volume any more.

        It lies elsewhere in the segmentation than when it was opened, or has other slices.
        """
        if self.volumeNode.GetImageData() is None:
            return True
        try:
            grid = gridOf(self.volumeNode, self.segmentationNode)
        except GeometryMismatchError:
            return True
        return not is_on_grid({"grid": self._grid}, grid)

    def stackOf(
        self,
        volumeNode: VolumeNode,
        axis: int,
    ) -> SliceStack | None:
        """The stack, where it is still that of the volume and the axis; making one takes a while."""
        isSame = self._stackKey == _stackKey(volumeNode, axis)
        return self.stack if isSame else None

    def renewStack(self) -> None:
        """Take the volume's voxels anew where something changed them in place, as a filter does.

        The grid is still the same.
        """
        axis = self.stack.axis
        key = _stackKey(self.volumeNode, axis)
        if key != self._stackKey:
            self.stack = stackFromVolume(self.volumeNode, axis)
            self.session.stack = self.stack
            self._stackKey = key

    # Between session and segments

    def mergeEdits(self) -> list[tuple[int, int]]:
        """Take over what the person did: an edit becomes a seed or a correction.

        After undo or redo tags are only read.

        Returns:
            The (label, slice) pairs whose anchors changed.
        """
        self.check()
        if self.hasOtherTags():
            self.session = self._restored()
            self._log.found(self._currentTags())
            return []
        changed = self._merged(self.session, self.patches())
        if changed:
            self.writeTags("edit", changed)
        return changed

    def hasOtherTags(self) -> bool:
        """Whether the tags are not those that were read or written last, as after undo or redo."""
        return not self._log.isLast(self._currentTags())

    def takeTravel(self) -> Travel | None:
        """The undo or redo since the last call, also of other segments; None without any."""
        own = self._log.takeTravel()
        return self._steps.travelled(self._tagText) or own

    def writeTags(
        self,
        kind: str = "edit",
        changed: Iterable[tuple[int, int]] = (),
        known: Snapshot | None = None,
    ) -> None:
        """Store provenance and confidence with the segments.

        Never called in answer to undo or redo.

        Args:
            kind: what is stored, as in `Change`.
            changed: the (label, slice) pairs that changed.
            known: a `snapshot`, where the session holds more than the segments do: a run is under
                way.
        """
        known = known or self.snapshot()
        self._steps.travelled(self._tagText)  # nobody asked about it
        before = self._tagTexts()
        for label, segmentID in self.segments.items():
            states = {index: known[0][label, index] for index in range(len(self.stack))}
            engineName, modelHash = self._engineOf(segmentID)
            tags.writeTags(
                self.segmentationNode,
                segmentID,
                self.volumeNode,
                self._grid,
                states,
                self.stack.axis,
                engineName,
                modelHash,
            )
        change = Change.of(kind, changed, self.segments)
        self._log.written(self._currentTags(), change, known)
        self._steps.wrote(change, before, self._tagTexts())

    def drawing(self) -> list[tuple[int, int]]:
        """All (label, slice) pairs that are annotated."""
        return [
            (label, index) for label in self.session.labels for index in self.session.anchors(label)
        ]

    def checkSeeds(self, labels: Iterable[int]) -> None:
        """Raise when all that was drawn of a label is a single pixel, or fills its slice.

        Raises:
            InputError: it does.
        """
        size = self.stack.slice_shape[0] * self.stack.slice_shape[1]
        for label in labels:
            anchors = self.session.anchors(label)
            areas = {index: self.session.state(label, index).patch.area for index in anchors}
            drawn = [(area, index) for index, area in areas.items() if area]
            if drawn and (max(drawn)[0] == 1 or min(drawn)[0] == size):
                area, index = drawn[0]
                check_outline(f"Segment '{self.segmentName(label)}'", index, area, size)

    # Below

    def _restored(self) -> AnnotationSession:
        """A session from the segments and their tags, with what was drawn since they were written."""
        session = AnnotationSession(self.stack, tuple(self.segments))
        masks = self.patches()
        known = self._log.snapshotOf(self._currentTags())
        if known is None:
            tagsOf = {label: self._tagsOf(segmentID) for label, segmentID in self.segments.items()}
            restoreFromTags(session, masks, tagsOf, self.volumeNode, self._grid)
        else:
            states, events = known
            for (label, index), state in states.items():
                session.restore(label, index, state)
            session.history = list(events)
        self._merged(session, masks)
        return session

    @staticmethod
    def _merged(session: AnnotationSession, masks: dict[int, list[Patch]]) -> list[tuple[int, int]]:
        """Take over what segments show; what was drawn in another plane is a hint."""
        hinted = set()
        for label, shown in masks.items():
            before = [session.state(label, index).patch for index in range(len(shown))]
            found = hintedSlices(session, label, shown, before)
            hinted |= {(label, index) for index in found}
        return session.merge_edits(masks, hinted)

    def _engineOf(self, segmentID: str) -> tuple[str, str | None]:
        """(name, hash of its weights) of what walked last in a segment, perhaps before it was opened."""
        if self.engineName:
            return self.engineName, self.modelHash
        before = self._tagsOf(segmentID) or {}
        return before.get("engine") or "", before.get("model_sha256")

    def _currentTags(self) -> Tags:
        return {segmentID: self._tagsOf(segmentID) for segmentID in self.segments.values()}

    def _tagsOf(self, segmentID: str) -> dict[str, Any] | None:
        return tags.readTags(self.segmentationNode, segmentID)

    def _tagTexts(self) -> dict[str, str | None]:
        return {segmentID: self._tagText(segmentID) for segmentID in self.segments.values()}

    def _tagText(self, segmentID: str) -> str | None:
        return tags.slicesText(self.segmentationNode, segmentID)


def _stackKey(volumeNode: VolumeNode, axis: int) -> tuple | None:
    """What changes with the voxels of a volume; None without any."""
    if volumeNode is None or volumeNode.GetImageData() is None:
        return None
    image = volumeNode.GetImageData()
    return volumeNode, axis, image, image.GetMTime(), tuple(volumeNode.GetSpacing())
