"""`Ground`: the annotated slices that a run stands on, and whether they are still there."""

from collections.abc import Collection, Iterable

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.planning import gap_of, gap_slices
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.events import Edits

RUN_ENDED = "; the run ended and nothing was written"
RESULT_DROPPED = "; its result is dropped and nothing was written"


class Ground:
    """Tells when a run has nothing to stand on.

    What was drawn may be undone, erased or covered by the drawing of another segment meanwhile.

    Args:
        document: what the run fills.
        labels: which of its labels.
    """

    def __init__(self, document: Document, labels: Iterable[int]) -> None:
        self._document = document
        self._labels = sorted({label for label in labels if self._isDrawn(document, label)})
        self._anchors: dict[int, set[int]] = {}
        self.walked()

    def walked(self) -> None:
        """The walks begin from the annotated slices as they are now."""
        session = self._document.session
        self._anchors = {label: set(session.anchors(label)) for label in self._labels}

    def check(self, consequence: str) -> None:
        """Raise where a label is drawn on no slice any more.

        Args:
            consequence: what comes of it, as the end of the sentence that says so.

        Raises:
            SlicePropagationError: it is.
        """
        for label in self._labels:
            if not self._isDrawn(self._document, label):
                name = self._document.segmentName(label)
                raise SlicePropagationError(f"'{name}' is drawn on no slice any more{consequence}.")

    def checkResult(self, edits: Edits, touched: Collection[tuple[int, int]]) -> None:
        """Raise where a result that waits was walked from a slice that is annotated no more.

        Args:
            edits: the (label, slice) pairs whose anchors changed just now.
            touched: those that the run predicted.

        Raises:
            SlicePropagationError: it was.
        """
        for label, index in edits:
            if self._stoodOn(label, index) and self._hasPredicted(label, index, touched):
                name = self._document.segmentName(label)
                raise SlicePropagationError(
                    f"The drawing of '{name}' on slice {index}, from which slices were predicted,"
                    f" is gone{RESULT_DROPPED}."
                )

    def _stoodOn(self, label: int, index: int) -> bool:
        """Whether walks began from an anchor that is none any more."""
        isThere = self._document.session.is_anchor(label, index)
        return index in self._anchors.get(label, ()) and not isThere

    def _hasPredicted(self, label: int, index: int, touched: Collection[tuple[int, int]]) -> bool:
        """Whether anything was predicted in the gap that an anchor left."""
        gap = gap_of(index, self._document.session.anchors(label))
        around = gap_slices(gap, len(self._document.stack))
        return any(own == label and other in around for own, other in touched)

    @staticmethod
    def _isDrawn(document: Document, label: int) -> bool:
        """Whether any annotated slice shows the label."""
        session = document.session
        anchors = session.anchors(label)
        return any(not session.state(label, index).patch.is_empty for index in anchors)
