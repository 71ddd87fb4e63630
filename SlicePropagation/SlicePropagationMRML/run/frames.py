"""`Frames`: carrying what is segmented in one frame of a sequence to all of them, and the way back."""

from collections.abc import Callable

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.nodes.types import SegmentationNode
from SlicePropagationMRML.run.current_run import CurrentRun
from SlicePropagationMRML.run.engine_choice import EngineChoice
from SlicePropagationMRML.run.events import Edits
from SlicePropagationMRML.run.frame_history import FrameHistory
from SlicePropagationMRML.run.frame_step import FrameStep
from SlicePropagationMRML.run.run import RunTools
from SlicePropagationMRML.run.workplace import Workplace

# Follows a structure along time as well as along an axis; the shipped network has only seen
# neighbouring slices.
FRAME_ENGINE = "registration"


class Frames:
    """Begins runs through all frames.

    Args:
        place: what is open.
        current: where a run is put.
        history: the times that frames were carried to.
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
        self._choice = EngineChoice()

    def carry(
        self,
        isCyclic: bool = True,
        engineName: str | None = None,
        device: str = "auto",
    ) -> None:
        """Begin to carry what is segmented in this frame, and in others, to all other frames.

        The segmentation follows the frames afterwards. Frames that a person segmented, and slices
        of other frames that a person corrected, stay as they are. Nothing is written before
        everything is computed. The editor's undo knows one frame only; `takeBack` takes this back
        in all.

        Args:
            isCyclic: the last frame is followed by the first, as in a heart beat.
            engineName: name of an engine or a model file; None for the one that is best along time.
            device: where it computes.

        Raises:
            SlicePropagationError: no sequence browser drives the volume, the segmentation follows
                another one, nothing is drawn, the frames differ in size, the engine is not there,
                or a run is under way.
        """
        from SlicePropagationMRML.run.frame_run import carryFrames  # SciPy; not at start-up

        self._prepare()
        self._choice = self._choice.changedTo(engineName or FRAME_ENGINE, device)
        run = carryFrames(
            self._place.document,
            isCyclic,
            self._choice,
            self._tools,
            self._history,
            self._mergeAndLetGo,
        )
        self._current.begin(run)

    def takeBack(self, segmentationNode: SegmentationNode) -> None:
        """Begin to give all frames what they held before they were carried the last time.

        Frames that a person changed since stay as they are.

        Raises:
            SlicePropagationError: nothing was carried, or a run is under way.
        """
        step = self._history.toTakeBack(segmentationNode)
        if step is None:
            raise SlicePropagationError("Nothing was carried to all frames yet.")
        self._return(step, isUndo=True)

    def doAgain(self, segmentationNode: SegmentationNode) -> None:
        """Begin to give all frames what carrying made of them, which was taken back last.

        Frames that a person changed since stay as they are.

        Raises:
            SlicePropagationError: nothing was taken back, or a run is under way.
        """
        step = self._history.toDoAgain(segmentationNode)
        if step is None:
            raise SlicePropagationError("Nothing was undone in all frames.")
        self._return(step, isUndo=False)

    def canTakeBack(self, segmentationNode: SegmentationNode | None) -> bool:
        """Whether frames of a segmentation can get back what they held before."""
        return self._history.toTakeBack(segmentationNode) is not None

    def canDoAgain(self, segmentationNode: SegmentationNode | None) -> bool:
        """Whether what was taken back in a segmentation can be done again."""
        return self._history.toDoAgain(segmentationNode) is not None

    def _return(self, step: FrameStep, isUndo: bool) -> None:
        from SlicePropagationMRML.run.frame_run import FrameReturn

        self._prepare()
        self._place.letGo()
        self._current.begin(FrameReturn(step, isUndo, self._tools, self._history))

    def _prepare(self) -> None:
        self._current.checkIdle()
        if self._place.opened is not None:
            self._mergeEdits()

    def _mergeAndLetGo(self) -> None:
        """Before frames are written: the node holds other segments in a moment."""
        if self._place.opened is not None:
            self._mergeEdits()
            self._place.letGo()
