"""The page's undo: one history for strokes and runs alike, with tags following along."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from trame_slicer.segmentation.segmentation_undo_command import SegmentationLabelMapUndoCommand
from undo_stack import UndoCommand, UndoStack

from SlicePropagationWeb.kept_segmentation import KeptSegmentation

UNDO_LIMIT = 10


class _Snapshot(UndoCommand):
    """The segmentation as it was; undo and redo swap it with what is there."""

    def __init__(self, segmentation: Any, name: str) -> None:
        super().__init__()
        self._text = name
        self._segmentation = segmentation
        self._other = KeptSegmentation(segmentation.segmentation)

    def undo(self) -> None:
        now = KeptSegmentation(self._segmentation.segmentation)
        self._other.put_into(self._segmentation.segmentation)
        self._other = now
        self._segmentation.trigger_modified()

    redo = undo


@contextlib.contextmanager
def _stroke(segmentation: Any) -> Iterator[None]:
    """An undo step of what is written inside; it is there afterwards."""
    stack = segmentation.undo_stack
    before = _Snapshot(segmentation, "") if stack and segmentation.segmentation_node else None
    yield
    if before is not None:
        stack.push(before)


def keep_one_state_of_strokes() -> None:
    """Let the tools of trame-slicer keep what was there before a stroke, packed where it is large.

    Trame-slicer 2.0.0, which is pinned, keeps two whole copies of the segmentation for each.
    """
    SegmentationLabelMapUndoCommand.push_state_change = staticmethod(_stroke)


class EditHistory:
    """Undo and redo of a `trame_slicer` segmentation editor.

    Its tools put their strokes in by themselves.

    Args:
        editor: the SegmentationEditor.
        on_change: called when what can be undone changed.
    """

    def __init__(
        self,
        editor: Any,
        on_change: Callable[[], None],
    ) -> None:
        keep_one_state_of_strokes()
        self._editor = editor
        self._stack = UndoStack(undo_limit=UNDO_LIMIT)
        editor.set_undo_stack(self._stack)
        self._on_change = on_change
        self._stack.index_changed.connect(self._changed)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._stack.can_undo()

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._stack.can_redo()

    def clear(self) -> None:
        """Forget all steps."""
        self._stack.clear()

    @property
    def undone(self) -> str:
        """The name of the step that would be taken back; empty where it has none."""
        return self._stack.undo_text()

    @property
    def redone(self) -> str:
        """The name of the step that would be done again; empty where it has none."""
        return self._stack.redo_text()

    def save(self, name: str = "") -> None:
        """Make an undo step of what is about to be written.

        Args:
            name: what a person calls it, such as "Fill holes on slice 35".
        """
        self._stack.push(_Snapshot(self._editor.active_segmentation, name))

    def undo(self) -> None:
        """Take the last step back."""
        self._keeping_segment(self._stack.undo)

    def redo(self) -> None:
        """Do the last undone step again."""
        self._keeping_segment(self._stack.redo)

    def _keeping_segment(self, move: Callable[[], None]) -> None:
        """A step replaces all segments; the one that was chosen stays chosen."""
        chosen = self._editor.active_segment_id
        move()
        ids = self._editor.get_segment_ids()
        self._editor.set_active_segment_id(chosen if chosen in ids else next(iter(ids), ""))

    def _changed(self, *_: Any) -> None:
        self._on_change()
