"""The session of the segments that are open, along the plane that is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from SlicePropagationMRML.nodes.geometry import PLANES, axisOfPlane, endsOfAxis, obliqueness
from SlicePropagationMRML.nodes.volume_files import volumeOf
from SlicePropagationMRML.presenting.choices import otherSlicesText
from SlicePropagationMRML.presenting.messages import planeName
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.logic import PropagationLogic

from SlicePropagationLib.files.segmentation_file import Segment
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationWeb.command_labels import direction_items
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.segmentation_controller import SegmentationController


@dataclass(frozen=True)
class UsedEngine:
    """What walked last, as result files name it."""

    name: str
    model_sha256: str | None


class PageSession:
    """What the logic has open, and what is written of it.

    Args:
        logic: a PropagationLogic.
        controller: the SegmentationController, which has the nodes.
        data: the PanelState; its plane is the one that is chosen.

    Attributes:
        is_opening: whether nodes change because they are opened, and not by a person.
    """

    def __init__(
        self,
        logic: PropagationLogic,
        controller: SegmentationController,
        data: PanelState,
    ) -> None:
        self._logic = logic
        self._controller = controller
        self._data = data
        self.is_opening = False

    # What is open

    @property
    def document(self) -> Document | None:
        """What the logic works on, or None."""
        return self._logic.document

    @property
    def label(self) -> int | None:
        """The session's label of the segment that is chosen, None where it has none."""
        document = self.document
        segment_id = self._data.segment_id
        if document is None or segment_id not in document.segments.values():
            return None
        return document.labelOf(segment_id)

    def has_all_segments(self) -> bool:
        """Whether the session is of the segments that there are now."""
        document = self.document
        if document is None:
            return False
        return list(document.segments.values()) == self._controller.segment_ids()

    def first_anchor(self) -> int | None:
        """The first slice of the segment chosen that a person drew or vouched for."""
        document = self.document
        label = self.label
        if document is None or label is None:
            return None
        return next(iter(document.session.anchors(label)), None)

    def other_slices(self) -> str:
        """Why what is stored with the segments does not count along the plane that is chosen.

        Empty where it does.
        """
        controller = self._controller
        return otherSlicesText(
            controller.volume,
            controller.segmentation,
            controller.segment_ids(),
            self._axis(),
        )

    def _axis(self) -> int:
        return axisOfPlane(self._controller.volume, self._data.plane)

    # Opening

    def open(self) -> None:
        """Work on all segments along the chosen plane; provenance comes back from their tags.

        During a run, or where there is no segment, nothing happens.
        """
        controller = self._controller
        ids = controller.segment_ids()
        if self._logic.isRunning or not ids:
            return
        axis = self._axis()
        is_same_stack = self._is_stack_of(axis)
        self.is_opening = True
        try:
            self._logic.open(controller.volume, controller.segmentation, ids, axis)
        finally:
            self.is_opening = False
        self._fit_range(is_same_stack)
        ends = endsOfAxis(controller.volume, axis)
        self._data.directions = direction_items(ends)
        self._data.planes = [self._plane_item(plane) for plane in PLANES]

    def _is_stack_of(self, axis: int) -> bool:
        """Whether the slices that are open are those along an axis of the volume."""
        document = self.document
        if document is None:
            return False
        return document.stack.axis == axis and document.volumeNode is self._controller.volume

    def _fit_range(self, is_same_stack: bool) -> None:
        """Let a run go to the end: a range of other slices means nothing here."""
        data = self._data
        count = len(self._logic.session.stack)
        if is_same_stack and data.num_slices == count:
            return
        data.num_slices = count
        data.span = [0, count - 1]
        data.to_the_end = True

    def _plane_item(self, plane: str) -> dict[str, str]:
        volume = self._controller.volume
        angle = obliqueness(volume, axisOfPlane(volume, plane))
        return {"value": plane, "title": planeName(plane, angle)}

    def take_over_strokes(self) -> bool:
        """Take over what was drawn a moment ago, which the logic will only tell of.

        Returns:
            Whether there was anything.
        """
        if self.document is None or self._logic.run is not None:
            return False
        return bool(self._logic.mergeEdits())

    # Writing

    def result(
        self,
        path: Path,
        seconds: float,
    ) -> Callable[[], object]:
        """What writes the work as it is now when it is called, in any thread.

        Args:
            path: of the segmentation; per-slice table and record go beside it.
            seconds: that the last run took.
        """
        self._logic.mergeEdits()
        return partial(
            write_result,
            path,
            volumeOf(self._controller.volume),
            self.snapshot(),
            self.segments(),
            self.used_engine(),
            seconds,
            image=self._data.volume_name,
        )

    def snapshot(self) -> AnnotationSession:
        """A copy of the session, without what a run predicts, that a thread may read."""
        session = self._logic.session
        states, events = self._logic.known()
        copy = AnnotationSession(session.stack, session.labels)
        for (label, index), state in states.items():
            copy.restore(label, index, state)
        copy.history = list(events)
        return copy

    def segments(self) -> list[Segment]:
        """The segments for result files; label n is the n-th of the session."""
        document = self.document
        if document is None:
            return []
        segmentation = self._controller.segmentation.GetSegmentation()
        listed = []
        for label, segment_id in document.segments.items():
            segment = segmentation.GetSegment(segment_id)
            name = segment.GetName()
            listed.append(Segment(label, name, segment_id, segment.GetColor()))
        return listed

    def used_engine(self) -> UsedEngine:
        """What walked last; before the first run, what is chosen."""
        document = self.document
        if document is None:
            return UsedEngine(self._data.engine, None)
        return UsedEngine(document.engineName or self._data.engine, document.modelHash)
