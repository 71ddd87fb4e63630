"""`Workplace`: the document that is open, with its watch and the editor that writes into it."""

from collections.abc import Callable, Iterable

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationMRML.nodes.commit import ensureEditorNode
from SlicePropagationMRML.nodes.surfaces import surfacesToVoxels
from SlicePropagationMRML.nodes.types import (
    EditorLogic,
    Scene,
    Schedule,
    SegmentationNode,
    VolumeNode,
)
from SlicePropagationMRML.run.bystander import Bystander
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.document_watch import DocumentWatch
from SlicePropagationMRML.run.document_writer import DocumentWriter
from SlicePropagationMRML.run.events import Edits
from SlicePropagationMRML.run.step_log import StepLog


class Workplace:
    """Holds at most one document, and changes it; knows nothing of runs.

    Args:
        scene: the MRML scene.
        editorLogic: writes into the segments.
        schedule: the event loop's timer.
        look: called a moment after an edit or a move.
        frameMoved: called when the sequence of the volume shows another frame.
        waitMS: how long a moment after an edit is.

    Attributes:
        onStroke: called at once with each change by a person.
        hasConverted: whether what is open held surfaces, which became voxels.
    """

    def __init__(
        self,
        scene: Scene,
        editorLogic: EditorLogic,
        schedule: Schedule,
        look: Callable[[], object],
        frameMoved: Callable[[], object],
        waitMS: int,
    ) -> None:
        self._scene = scene
        self._editorLogic = editorLogic
        self._schedule = schedule
        self._look = look
        self._frameMoved = frameMoved
        self._waitMS = waitMS
        self.onStroke: Callable[[], object] = lambda: None
        self.hasConverted = False
        self._document: Document | None = None
        self._watch: DocumentWatch | None = None
        self._bystander: Bystander | None = None
        self._steps = StepLog()
        self._stepsNode: SegmentationNode = None  # Slicer's history, too, is of one segmentation

    @property
    def opened(self) -> Document | None:
        """The document that is open, or None."""
        return self._document

    @property
    def document(self) -> Document:
        """The document that is open.

        Raises:
            InputError: none is.
        """
        if self._document is None:
            raise InputError("Choose a volume and a segmentation first.")
        return self._document

    @property
    def watch(self) -> DocumentWatch:
        """The watch of the document that is open.

        Raises:
            InputError: none is.
        """
        if self._watch is None:
            raise InputError("Choose a volume and a segmentation first.")
        return self._watch

    @property
    def editorLogic(self) -> EditorLogic:
        """What writes into the segments."""
        return self._editorLogic

    def open(
        self,
        volumeNode: VolumeNode,
        segmentationNode: SegmentationNode,
        segmentIDs: Iterable[str],
        axis: int,
    ) -> None:
        """Work on these segments, in place of what is open.

        Args:
            volumeNode: the image.
            segmentationNode: what is drawn in.
            segmentIDs: the segments to work on.
            axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.

        Raises:
            InputError: they cannot be worked on; nothing is open then.
        """
        before = self._document
        stack = before.stackOf(volumeNode, axis) if before is not None else None
        self.mergeBystander()
        self.letGo()
        hasImage = volumeNode is not None and volumeNode.GetImageData() is not None
        self.hasConverted = False
        if segmentationNode is not None and hasImage:
            self.hasConverted = surfacesToVoxels(segmentationNode, volumeNode)
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        steps = self._stepsOf(segmentationNode)
        document = Document(
            self._scene, volumeNode, segmentationNode, segmentIDs, axis, stack, steps
        )
        self._document = document
        self._watch = DocumentWatch(
            document,
            self._schedule,
            self._look,
            self._frameMoved,
            lambda: self.onStroke(),
            self._waitMS,
        )
        self.useEditorNode()
        editorNode = self._editorLogic.GetSegmentEditorNode()
        self._bystander = Bystander(document, editorNode, steps, self._watch.writing)

    def _stepsOf(self, segmentationNode: SegmentationNode) -> StepLog:
        """What was done in a segmentation since it was the one that is worked on."""
        if segmentationNode is not self._stepsNode:
            self._steps = StepLog()
            self._stepsNode = segmentationNode
        return self._steps

    def forgetSteps(self) -> None:
        """The scene goes, and with it what was done."""
        self._steps = StepLog()
        self._stepsNode = None

    def openAgain(self, axis: int) -> None:
        """Work on the same segments, as the nodes are now, along an axis."""
        document = self.document
        segmentIDs = list(document.segments.values())
        self.open(document.volumeNode, document.segmentationNode, segmentIDs, axis)

    def useEditorNode(self) -> None:
        """Let the editor logic work on what is open, with a node of its own where it has none."""
        ensureEditorNode(self._editorLogic, self._scene)
        editorNode = self._editorLogic.GetSegmentEditorNode()
        document = self.document
        editorNode.SetAndObserveSegmentationNode(document.segmentationNode)
        editorNode.SetAndObserveSourceVolumeNode(document.volumeNode)
        self._editorLogic.SetSegmentationNode(document.segmentationNode)
        self._editorLogic.SetSourceVolumeNode(document.volumeNode)
        self._editorLogic.UpdateReferenceGeometryImage()

    def letGo(self) -> None:
        """Close the document, and stop watching."""
        if self._watch is not None:
            self._watch.remove()
        if self._bystander is not None:
            self._bystander.remove()
        self._bystander = None
        self._document = None
        self._watch = None

    def followBrowser(self) -> None:
        """Notice a sequence browser that came or went."""
        if self._watch is not None:
            self._watch.followBrowser()

    def mergeEdits(self) -> Edits:
        """Take over what a person drew; returns it."""
        self.mergeBystander()
        self.watch.seen()
        with self.watch.writing():
            return self.document.mergeEdits()

    def mergeBystander(self) -> None:
        """Take over what a person drew in the segment selected where it is not open."""
        if self._bystander is not None:
            self._bystander.merge()

    def adoptDrawing(self) -> Edits:
        """Store what was drawn before the segments were opened; returns it as edits."""
        drawn = self.document.drawing()
        if drawn:
            with self.watch.writing():
                self.document.writeTags("edit", drawn)
        return drawn

    def hasUnstoredEdits(self) -> bool:
        """Whether a person drew since the last look, so that what is stored does not know of it."""
        return self.watch.hasUnseen and not self.document.hasOtherTags()

    # One undo step each

    def confirm(
        self,
        segmentID: str,
        index: int,
        saveStateForUndo: Callable[[], object],
    ) -> None:
        """Vouch for a slice as it is.

        Args:
            segmentID: of which segment.
            index: the slice.
            saveStateForUndo: makes the undo step.
        """
        document = self.document
        label = document.labelOf(segmentID)
        with self.watch.writing():
            saveStateForUndo()
            document.session.confirm(label, index)
            document.writeTags("confirm", [(label, index)])

    def markEmpty(
        self,
        segmentID: str,
        index: int,
        saveStateForUndo: Callable[[], object],
    ) -> None:
        """Empty a slice, and vouch for it.

        Args:
            segmentID: of which segment.
            index: the slice.
            saveStateForUndo: makes the undo step.

        Raises:
            SlicePropagationError: masking protects voxels of the slice.
        """
        document = self.document
        label = document.labelOf(segmentID)
        with self.watch.writing():
            saveStateForUndo()
            numLeft = DocumentWriter(document, self._editorLogic).erase(label, index)
            document.writeTags("empty", [(label, index)])
        if numLeft:
            raise SlicePropagationError(
                "Masking protects {number} voxels of slice {index}; set the editable area to"
                " 'Everywhere' and try again.",
                number=numLeft,
                index=index,
            )

    def travel(self, move: Callable[[], object]) -> None:
        """Undo or redo with `move`, and follow it."""
        with self.watch.writing():
            move()
            self.document.mergeEdits()
