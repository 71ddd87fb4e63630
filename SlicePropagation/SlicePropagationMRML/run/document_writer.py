"""From the session into the segments, through Slicer's own masking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationMRML.nodes import commit
from SlicePropagationMRML.nodes.types import EditorLogic
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.neighbours import Changes, Taking, spare, takings


class DocumentWriter:
    """Writes what a session holds into the segments of its document.

    Args:
        document: the document.
        editorLogic: a vtkSlicerSegmentEditorLogic; masking and overwrite mode are those of its
            node.

    Attributes:
        hasBegun: whether voxels of `writeSteps` may be in the segments.
    """

    def __init__(
        self,
        document: Document,
        editorLogic: EditorLogic,
    ) -> None:
        self._document = document
        self._editorLogic = editorLogic
        self.hasBegun = False

    def changes(
        self,
        touched: Iterable[tuple[int, int]],
        *,
        mayOverlap: bool,
    ) -> Changes:
        """What a run's slices want in the segments.

        Args:
            touched: the (label, slice) pairs that the run predicted.
            mayOverlap: whether segments may overlap.
        """
        slices: dict[int, set[int]] = {label: set() for label in self._document.segments}
        for label, index in touched:
            slices[label].add(index)
        patches = self._document.patches()
        return {
            label: commit.changedPatches(
                self._document.session,
                label,
                indices,
                patches[label],
                mayOverlap=mayOverlap,
            )
            for label, indices in slices.items()
            if indices
        }

    def takings(self, changes: Changes) -> list[Taking]:
        """What changes would take from segments outside the run."""
        return takings(self._document, changes, self._editorLogic.GetSegmentEditorNode())

    def spared(self, changes: Changes) -> Changes:
        """The same changes without what they would take from slices that a person drew."""
        return spare(changes, [taking for taking in self.takings(changes) if taking.isDrawn])

    def write(self, changes: Changes) -> None:
        """Write changes, and let the session know what masking left of them."""
        for _ in self.writeSteps(changes):
            pass

    def writeSteps(
        self, changes: Changes, drawn: Mapping[int, Sequence[Patch]] | None = None
    ) -> Iterator[None]:
        """The same in steps of some milliseconds each, for several turns of the event loop.

        Args:
            changes: what to write.
            drawn: {label: patches before the first step}; what comes between two steps and is of
                neither was drawn meanwhile, and counts as such.
        """
        for number, steps in enumerate(self._writes(changes)):
            self.hasBegun = number > 0  # the first prepares masking
            while True:
                with commit.selectionKept(self._editorLogic):
                    if next(steps, steps) is steps:
                        break
                yield
        for label in self._document.segments:
            yield
            self.follow(label, drawn[label] if drawn else None)

    def isGone(self, changes: Changes) -> bool:
        """Whether nothing of the changes is in the segments, although writing them has begun.

        An undo took it back, of whatever editor.
        """
        if not self.hasBegun:
            return False
        for label, slices in changes.items():
            shown = self._document.patchesOf(label)
            for index, (added, removed) in slices.items():
                left = added.without(shown[index])
                if left.area < added.area or not removed.without(shown[index]).is_empty:
                    return False
        return True

    def forgetRedo(self) -> None:
        """What was undone cannot be done again: editors forget it once a segment is modified."""
        segmentation = self._document.segmentationNode.GetSegmentation()
        for segmentID in self._document.segments.values():
            segmentation.GetSegment(segmentID).Modified()

    def follow(self, label: int, drawn: Sequence[Patch] | None = None) -> None:
        """Let the session know what a segment holds, without a change of provenance.

        Masking, or another segment, has the rest.

        Args:
            label: of the segment.
            drawn: as of `writeSteps`, of this label.
        """
        session = self._document.session
        for index, patch in enumerate(self._document.patchesOf(label)):
            known = session.state(label, index).patch
            if patch.equals(known):
                continue
            if drawn is not None and not patch.without(known).without(drawn[index]).is_empty:
                session.annotate(label, index, patch.paste(session.stack.slice_shape))
            else:
                session.settle(label, index, patch)

    def erase(
        self,
        label: int,
        index: int,
    ) -> int:
        """Empty one slice of a label as far as masking lets it, and vouch for the empty slice.

        Returns:
            How many voxels masking protected; when there are any, the slice is a correction with
            just these.
        """
        session = self._document.session
        shown = self._document.patchesOf(label)[index]
        self.write({label: {index: (EMPTY_MASK, shown)}})
        left = session.state(label, index).patch
        if left.is_empty:
            session.release(label, index)
            session.confirm(label, index, was_changed=not shown.is_empty)
        else:
            session.annotate(label, index, left.paste(self._document.stack.slice_shape))
        return left.area

    def _writes(self, changes: Changes) -> Iterator[Iterator[None]]:
        """Generators that make a commit: what masking needs, then removals, then additions."""
        document = self._document
        if changes:
            yield commit.prepareMasking(self._editorLogic, document.segments[min(changes)])
        for isRemoval in (True, False):
            for label, slices in changes.items():
                patches = {index: change[isRemoval] for index, change in slices.items()}
                yield commit.writeBands(
                    self._editorLogic,
                    document.segmentationNode,
                    document.segments[label],
                    document.volumeNode,
                    document.stack.axis,
                    patches,
                    isRemoval=isRemoval,
                )
