"""What happens to the nodes from outside: edits, undo, nodes and segments that go, the scene that closes."""

from SlicePropagationLib.errors import SlicePropagationError

RESULT_DROPPED = "The volume was moved or replaced; the result is dropped and nothing was written."
LOOK_AGAIN = "The volume was moved or replaced; look at the slice again."


class NodeWatch:
    """The part of `PropagationLogic` that answers to the scene."""

    def look(self):
        """Take over what changed in the segmentation, and tell.

        The observer calls this a moment after an edit.
        """
        if self.document is None:
            return
        if self._hasRun:
            self._hasEdits = True
            return
        try:
            if self._openMoved():
                return
            changed = self._turnToSeed() or ([] if self.hasPartialResult else self.absorb())
            if self.hasPartialResult:
                self._absorbDuringRun()
        except SlicePropagationError as problem:
            self._drop(problem)
            return
        self._noticeTravel()
        if changed:
            self.onEdit(changed)
        self.onTouch()

    def _turnToSeed(self):
        """Before anything is annotated, the axis may still follow the first drawing.

        Returns the edits when it does.
        """
        document = self.document
        session = self.session
        if self.hasPartialResult or any(session.anchors(label) for label in session.labels):
            return []
        axis = self.axisOfSeed()
        if axis is not None and axis != document.stack.axis:
            self.open(
                document.volumeNode,
                document.segmentationNode,
                list(document.segments.values()),
                axis,
            )
            return self._adoptDrawing()
        return []

    def _adoptDrawing(self):
        """Store what was drawn before the segments were opened; returns it as edits."""
        drawn = [
            (label, index) for label in self.session.labels for index in self.session.anchors(label)
        ]
        if drawn:
            with self._observer.writing():
                self.document.writeTags("edit", drawn)
        return drawn

    def _openMoved(self, problem=None):
        """Open anew when the volume was moved, or its image replaced by one of another size.

        Whether it was.

        Args:
            problem: what that ended.

        Raises:
            SlicePropagationError: a node or a segment is gone, or the volume cannot be worked on
                any more.
        """
        document = self.document
        observer = self._observer
        document.check()
        if self._hasRun or not document.isElsewhere():  # a run notices by itself, within one slice
            return False
        if self.hasPartialResult:
            problem = SlicePropagationError(RESULT_DROPPED)
            self._clear()
        hasEdits = observer.numEdits != self._numEditsKnown and not document.hasOtherTags()
        self.open(
            document.volumeNode,
            document.segmentationNode,
            list(document.segments.values()),
            document.stack.axis,
        )
        if hasEdits:  # a moment before: what is stored for the place before does not know of it
            self._adoptDrawing()
        self.onMove(problem)
        return True

    def _checkPlace(self):
        """Raise when the volume was moved or replaced a moment ago, and nobody has seen where its slices are now."""
        hadResult = self.hasPartialResult
        if self._openMoved():
            raise SlicePropagationError(RESULT_DROPPED if hadResult else LOOK_AGAIN)

    def _afterAbort(self, problem):
        """What the run did not survive, the nodes may not have survived either."""
        self._checkNodes()
        if self.document is None:
            return
        try:
            self._openMoved(problem)
        except SlicePropagationError as another:
            self._drop(another)

    def _drop(self, problem):
        """Let go of nodes that are gone."""
        self._clear()
        self._letGo()
        self.onClosed(problem)

    def _checkNodes(self):
        """Let go when a node or a segment is gone; a run notices by itself, within one slice."""
        if self.document is None or self._hasRun:
            return
        try:
            self.document.check()
        except SlicePropagationError as problem:
            self._drop(problem)

    def _sceneCloses(self, caller, event):
        """The scene goes: the run ends with a message, and nothing is written."""
        if self.isRunning:
            self._endNow(
                SlicePropagationError(
                    "The scene was closed; the run ended and nothing was written."
                )
            )
        self._heldFrames = self._frameStep = None
        self._clear()
        self._letGo()

    def _noticeTravel(self):
        travel = self.document.takeTravel()
        if travel is not None:
            self.onTravel(travel)
