"""`DocumentWatch`: what happens to the nodes of a document from outside."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from SlicePropagationMRML.nodes.edit_observer import DEBOUNCE_MS, EditObserver, PlaceObserver
from SlicePropagationMRML.nodes.sequence_frames import FrameWatch, browserOf
from SlicePropagationMRML.nodes.types import Schedule
from SlicePropagationMRML.run.document import Document


class DocumentWatch:
    """Watches for edits, for moves of the volume, and for another frame, as long as it is open.

    Args:
        document: what is watched.
        schedule: the event loop's timer.
        look: called a moment after an edit, and once a volume that was moved has come to rest.
        frameMoved: called at once when the sequence shows another frame, or starts or stops
            playing.
        stroke: called at once with each change by a person.
        waitMS: how long a moment after an edit is.
    """

    def __init__(
        self,
        document: Document,
        schedule: Schedule,
        look: Callable[[], object],
        frameMoved: Callable[[], object],
        stroke: Callable[[], object] = lambda: None,
        waitMS: int = DEBOUNCE_MS,
    ) -> None:
        self._document = document
        self._frameMoved = frameMoved
        self._edits = EditObserver(document.segmentationNode, schedule, look, stroke, waitMS)
        self._place = PlaceObserver(document, schedule, look)
        self._frames: FrameWatch | None = None
        self._numSeen = 0
        self.followBrowser()

    @property
    def numEdits(self) -> int:
        """How many events came so far that are not ours."""
        return self._edits.numEdits

    @property
    def hasUnseen(self) -> bool:
        """Whether any came since the last `seen`."""
        return self._edits.numEdits != self._numSeen

    def seen(self) -> None:
        """The edits up to now are taken over."""
        self._numSeen = self._edits.numEdits

    def writing(self) -> AbstractContextManager[None]:
        """While we write: nothing that happens inside is an edit."""
        return self._edits.writing()

    def followBrowser(self) -> None:
        """Find the sequence browser of the nodes, which may have come or gone since."""
        scene = self._document.scene
        browser = browserOf(scene, self._document.volumeNode)
        browser = browser or browserOf(scene, self._document.segmentationNode)
        if self._frames is not None:
            if self._frames.browser is browser:
                return
            self._frames.remove()
        self._frames = FrameWatch(browser, self._frameMoved) if browser is not None else None

    def remove(self) -> None:
        """Stop watching."""
        self._edits.remove()
        self._place.remove()
        if self._frames is not None:
            self._frames.remove()
            self._frames = None
