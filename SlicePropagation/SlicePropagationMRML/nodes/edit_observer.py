"""Watches a segmentation for edits by the person, and its volume for moves.

Our own writes do not count, and a burst counts once.
"""

import contextlib
from collections.abc import Callable, Iterator

import slicer
import vtk

from SlicePropagationMRML.nodes.types import OpenDocument, Schedule, SegmentationNode

DEBOUNCE_MS = 100
# without an event, and what was dragged has come to rest; replacing an image makes several events
# at once
REST_MS = 100


class EditObserver:
    """Calls `onEdit` a moment after the person changed a segment.

    Attributes:
        numEdits: how many events came so far that are not ours.

    Args:
        segmentationNode: what is watched.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        onEdit: what is called.
        onStroke: called at once with each change that is not ours, however many there are.
        waitMS: the moment.
    """

    def __init__(
        self,
        segmentationNode: SegmentationNode,
        schedule: Schedule,
        onEdit: Callable[[], object],
        onStroke: Callable[[], object] = lambda: None,
        waitMS: int = DEBOUNCE_MS,
    ) -> None:
        self._schedule = schedule
        self._waitMS = waitMS
        self._onEdit = onEdit
        self._onStroke = onStroke
        self._isOurs = False
        self._isWaiting = False
        self.numEdits = 0
        self._segmentation = segmentationNode.GetSegmentation()
        events = (
            slicer.vtkSegmentation.SourceRepresentationModified,
            slicer.vtkSegmentation.SegmentModified,
            slicer.vtkSegmentation.SegmentRemoved,  # perhaps one that is worked on
        )
        self._tags = [self._segmentation.AddObserver(event, self._changed) for event in events]

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """While we write: nothing that happens inside is an edit."""
        self._isOurs = True
        try:
            yield
        finally:
            self._isOurs = False

    def remove(self) -> None:
        """Stop watching."""
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._tags = []

    def _changed(
        self,
        caller: object,
        event: object,
    ) -> None:
        if self._isOurs:
            return
        self.numEdits += 1
        self._onStroke()
        if self._isWaiting:
            return
        self._isWaiting = True
        self._schedule(self._waitMS, self._report)

    def _report(self) -> None:
        self._isWaiting = False
        if self._tags:
            self._onEdit()


class PlaceObserver:
    """Calls `onMove` once a volume that was moved, or got other slices, has come to rest.

    Args:
        document: knows whether the volume is elsewhere.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        onMove: what is called.
    """

    def __init__(
        self, document: OpenDocument, schedule: Schedule, onMove: Callable[[], object]
    ) -> None:
        self._document = document
        self._schedule = schedule
        self._onMove = onMove
        self._isWaiting = False
        self._numEvents = 0
        volume = document.volumeNode
        segmentation = document.segmentationNode
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        watched = [
            (volume, vtk.vtkCommand.ModifiedEvent),
            (volume, moved),
            (volume, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent),
            (segmentation, moved),
        ]
        self._tags = [(node, node.AddObserver(event, self._changed)) for node, event in watched]

    def remove(self) -> None:
        """Stop watching."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []

    def _changed(
        self,
        caller: object,
        event: object,
    ) -> None:
        self._numEvents += 1
        if not self._isWaiting and self._document.isElsewhere():
            self._isWaiting = True
            self._wait()

    def _wait(self) -> None:
        numEvents = self._numEvents
        self._schedule(REST_MS, lambda: self._report(numEvents))

    def _report(self, numEvents: int) -> None:
        if self._tags and self._numEvents != numEvents:  # it is still being dragged
            self._wait()
            return
        self._isWaiting = False
        if self._tags:
            self._onMove()
