"""Watches a segmentation for edits by the person; our own writes do not count, and a burst of edits counts once."""

import contextlib

import slicer

DEBOUNCE_MS = 200


class EditObserver:
    """Calls `onEdit` a moment after the person changed a segment.

    Attributes:
        numEdits: how many events came so far that are not ours.

    Args:
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
    """

    def __init__(self, segmentationNode, schedule, onEdit):
        self._schedule, self._onEdit = schedule, onEdit
        self._isOurs, self._isWaiting, self.numEdits = False, False, 0
        self._segmentation = segmentationNode.GetSegmentation()
        events = (slicer.vtkSegmentation.SourceRepresentationModified, slicer.vtkSegmentation.SegmentModified)
        self._tags = [self._segmentation.AddObserver(event, self._changed) for event in events]

    @contextlib.contextmanager
    def writing(self):
        """While we write: nothing that happens inside is an edit."""
        self._isOurs = True
        try:
            yield
        finally:
            self._isOurs = False

    def remove(self):
        """Stop watching."""
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._tags = []

    def _changed(self, caller, event):
        if self._isOurs:
            return
        self.numEdits += 1
        if self._isWaiting:
            return
        self._isWaiting = True
        self._schedule(DEBOUNCE_MS, self._report)

    def _report(self):
        self._isWaiting = False
        if self._tags:
            self._onEdit()
