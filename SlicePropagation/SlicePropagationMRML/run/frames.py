"""`Frames`: carrying what is segmented in one frame of a sequence to all of them, and the way back."""

from collections.abc import Callable

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.nodes.types import SegmentationNode
from SlicePropagationMRML.run.current_run import CurrentRun
from SlicePropagationMRML.run.events import Edits
from SlicePropagationMRML.run.frame_step import FrameHistory, FrameStep
from SlicePropagationMRML.run.run import RunTools
from SlicePropagationMRML.run.workplace import Workplace


class Frames:
    """Begins runs through all frames.

    Args:
        place: what is open.
        current: where a run is put.
        history: the last time that frames were carried to.
        tools: what runs share.
        mergeEdits: takes over what a person drew a moment ago.
    """

    def __init__(
        self,
        place: Workplace,
        current: CurrentRun,
        history: FrameHistory,
        tools: RunTools,
        mergeEdits: Callable[[], Edits],
    ) -> None:
        self._place = place
        self._current = current
        self._history = history
        self._tools = tools
        self._mergeEdits = mergeEdits

    def carry(self, isCyclic: bool = True) -> None:
        """Begin to carry what is segmented in this frame, and in others, to all other frames.

        The segmentation follows the frames afterwards. Frames that a person segmented, and slices
        of other frames that a person corrected, stay as they are. Nothing is written before
        everything is computed. The editor's undo knows one frame only; `takeBack` takes this back
        in all.

        Args:
            isCyclic: the last frame is followed by the first, as in a heart beat.

        Raises:
            SlicePropagationError: no sequence browser drives the volume, the segmentation follows
                another one, nothing is drawn, the frames differ in size, or a run is under way.
        """
        from SlicePropagationMRML.run.frame_run import carryFrames  # SciPy; not at start-up

        self._prepare()
        document = self._place.document
        run = carryFrames(document, isCyclic, self._tools, self._history, self._mergeAndLetGo)
        self._current.begin(run)

    def takeBack(self) -> None:
        """Begin to give all frames what they held before they were carried.

        Or, when that was done last, what carrying made of them. Frames that a person changed since
        stay as they are.

        Raises:
            SlicePropagationError: nothing was carried, or a run is under way.
        """
        from SlicePropagationMRML.run.frame_run import FrameReturn

        self._prepare()
        if self._history.last is None:
            raise SlicePropagationError("Nothing was carried to all frames yet.")
        self._place.letGo()
        self._current.begin(FrameReturn(self._history.last, self._tools))

    def stepOf(self, segmentationNode: SegmentationNode) -> FrameStep | None:
        """The step that can be taken back, or done again, in a segmentation; None without one."""
        return self._history.stepOf(segmentationNode)

    def _prepare(self) -> None:
        self._current.checkIdle()
        if self._place.opened is not None:
            self._mergeEdits()

    def _mergeAndLetGo(self) -> None:
        """Before frames are written: the node holds other segments in a moment."""
        if self._place.opened is not None:
            self._mergeEdits()
            self._place.letGo()
