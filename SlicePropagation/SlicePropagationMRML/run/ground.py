"""`Ground`: the annotated slices that a run stands on, and whether they are still there."""

from collections.abc import Callable, Collection, Iterable

from SlicePropagationLib.errors import Phrase, SlicePropagationError
from SlicePropagationLib.planning import gap_of, gap_slices
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.events import Edits

RUN_ENDED = Phrase("; the run ended and nothing was written")
RESULT_DROPPED = Phrase("; its result is dropped and nothing was written")


class Ground:
    """Tells when a run has nothing to stand on.

    What was drawn may be undone, erased or covered by the drawing of another segment meanwhile.

    Args:
        document: what the run fills.
        labels: which of its labels.
        merge: takes over what a person drew since its last call, and returns it.
    """

    def __init__(
        self, document: Document, labels: Iterable[int], merge: Callable[[], Edits]
    ) -> None:
        self._document = document
        self._merge = merge
        self._labels = sorted({label for label in labels if self._isDrawn(document, label)})
        self._anchors = self._anchorsNow()

    def mergeIntoWalks(self) -> Edits:
        """Take over edits, from which walks start again; returns them.

        Raises:
            SlicePropagationError: a label is drawn on no slice any more.
        """
        edits = self._merge()
        self._check(RUN_ENDED)
        self._anchors = self._anchorsNow()
        return edits

    def mergeIntoResult(self, touched: Collection[tuple[int, int]]) -> None:
        """Take over edits where nothing walks any more.

        Args:
            touched: the (label, slice) pairs that the run predicted.

        Raises:
            SlicePropagationError: a label is drawn on no slice any more, or not on one that slices
                were predicted from.
        """
        edits = self._merge()
        self._check(RESULT_DROPPED)
        self._checkResult(edits, touched)

    def _anchorsNow(self) -> dict[int, set[int]]:
        """{label: the slices that walks begin from}."""
        session = self._document.session
        return {label: set(session.anchors(label)) for label in self._labels}

    def _check(self, consequence: Phrase) -> None:
        for label in self._labels:
            if not self._isDrawn(self._document, label):
                name = self._document.segmentName(label)
                raise SlicePropagationError(
                    "'{segment}' is drawn on no slice any more{consequence}.",
                    segment=name,
                    consequence=consequence,
                )

    def _checkResult(self, edits: Edits, touched: Collection[tuple[int, int]]) -> None:
        for label, index in edits:
            if self._stoodOn(label, index) and self._hasPredicted(label, index, touched):
                name = self._document.segmentName(label)
                raise SlicePropagationError(
                    "The drawing of '{segment}' on slice {index}, from which slices were predicted,"
                    " is gone{consequence}.",
                    segment=name,
                    index=index,
                    consequence=RESULT_DROPPED,
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
