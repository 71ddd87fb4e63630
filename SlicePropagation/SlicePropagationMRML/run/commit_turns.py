"""`CommitTurns`: a result on its way into the segments, over several turns of the event loop."""

import time
from collections.abc import Callable, Iterator

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.nodes.types import EditorNode
from SlicePropagationMRML.run.document_watch import DocumentWatch

OWN_EFFECT = "Propagate"  # the name of our effect in the Segment Editor; a key, never translated


class CommitTurns:
    """Writes step by step, for so long a turn.

    Args:
        editorNode: whose active effect rests from the first turn to the last, so that no stroke
            falls in between.
        watch: tells our writes from the person's.
        steps: what to write, a few milliseconds a step.
        isGone: whether an undo took back what was written.
    """

    def __init__(
        self,
        editorNode: EditorNode,
        watch: DocumentWatch,
        steps: Iterator[None],
        isGone: Callable[[], bool],
    ) -> None:
        self._editorNode = editorNode
        self._watch = watch
        self._steps = steps
        self._isGone = isGone
        self._numEdits = watch.numEdits
        self._effectName = ""
        self._isWritten = False

    def advance(self, seconds: float) -> bool:
        """Write for so long, or all of it when something else changed the segments.

        Whether anything is left; telling of the end takes a turn of its own.

        Raises:
            SlicePropagationError: a person took back what was written.
        """
        if self._isWritten:
            return False
        isAlone = self._watch.numEdits == self._numEdits
        if not isAlone and self._isGone():
            raise SlicePropagationError("Undone while it was written; nothing of the run is left.")
        now = time.perf_counter()
        end = now + (seconds if isAlone else float("inf"))
        isInTime = True
        with self._watch.writing():
            while isInTime and not self._isWritten:
                stepBegan = now
                self._isWritten = next(self._steps, self) is self
                now = time.perf_counter()
                # the next step may well take as long as this one
                isInTime = now + (now - stepBegan) < end
        return not isInTime

    def pauseDrawing(self) -> None:
        """Let the active effect rest, unless it is ours, which draws nothing and waits for the end."""
        name = self._editorNode.GetActiveEffectName()
        if name != OWN_EFFECT:
            self._effectName = self._effectName or name
            self._editorNode.SetActiveEffectName("")

    def end(self) -> None:
        """Give the effect back."""
        if self._effectName:
            self._editorNode.SetActiveEffectName(self._effectName)
