"""`Bystander`: the segment that is selected in the editor, where it is not one of those worked on."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import vtk

from SlicePropagationMRML.nodes.types import EditorNode
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.step_log import StepLog


class Bystander:
    """Has what a person draws in such a segment known as drawn, as if it were open.

    Its tags would go on to call it predicted, and the next run could take it away. What it showed
    before the stroke is known from when it was selected.

    Args:
        document: what is open.
        editorNode: whose selection counts.
        steps: what was done in the segmentation.
        writing: tells our writes from the person's.
    """

    def __init__(
        self,
        document: Document,
        editorNode: EditorNode,
        steps: StepLog,
        writing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._worked = document
        self._node = editorNode
        self._steps = steps
        self._writing = writing
        self._segmentID = ""
        self._document: Document | None = None
        modified = vtk.vtkCommand.ModifiedEvent
        self._tag = editorNode.AddObserver(modified, lambda caller, event: self._follow())
        self._follow()

    def merge(self) -> None:
        """Take over what a person drew in it."""
        if self._document is not None and self._document.isIntact():
            with self._writing():
                self._document.mergeEdits()

    def remove(self) -> None:
        """Look at it no longer."""
        self._node.RemoveObserver(self._tag)
        self._document = None

    def _follow(self) -> None:
        """Another segment may be selected."""
        selected = self._node.GetSelectedSegmentID() or ""
        if selected == self._segmentID:
            return
        self.merge()
        self._segmentID = selected
        self._document = self._opened(selected) if self._isOutside(selected) else None

    def _isOutside(self, segmentID: str) -> bool:
        worked = self._worked
        isThere = worked.segmentationNode.GetSegmentation().GetSegment(segmentID) is not None
        isOfThese = self._node.GetSegmentationNode() is worked.segmentationNode
        isOpen = segmentID in worked.segments.values()
        return isThere and isOfThese and not isOpen and worked.isIntact()

    def _opened(self, segmentID: str) -> Document:
        worked = self._worked
        return Document(
            worked.scene,
            worked.volumeNode,
            worked.segmentationNode,
            [segmentID],
            worked.stack.axis,
            worked.stack,
            self._steps,
        )
