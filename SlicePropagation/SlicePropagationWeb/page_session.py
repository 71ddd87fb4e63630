"""The session of the segments that are open, along the plane that is chosen."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from SlicePropagationMRML.nodes.geometry import PLANES, axisOfPlane, endsOfAxis, obliqueness
from SlicePropagationMRML.nodes.tags import KEPT, readOrigin, readTag
from SlicePropagationMRML.nodes.volume_files import volumeOf
from SlicePropagationMRML.presenting.choices import otherSlicesText
from SlicePropagationMRML.presenting.messages import planeName
from SlicePropagationMRML.run.document import Document
from SlicePropagationMRML.run.events import Edits
from SlicePropagationMRML.run.logic import PropagationLogic

from SlicePropagationLib.files.record import check_places
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.exports import export_places, export_sources, write_exports
from SlicePropagationLib.pipelines.replay import renumbered
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationWeb.command_labels import direction_items
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.segmentation_controller import SegmentationController
from SlicePropagationWeb.strip_cells import doubts

SegmentNode: TypeAlias = Any  # vtkSegment


@dataclass(frozen=True)
class Exports:
    """What is written for other programs.

    Attributes:
        kinds: of `pipelines.exports.EXPORTS`.
        source: file or DICOM folder that the image came from.
    """

    kinds: tuple[str, ...] = ()
    source: str = ""


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

    def is_all_new(self, changed: Edits) -> bool:
        """Whether all that is drawn by now came with one edit."""
        document = self.document
        return document is not None and bool(changed) and set(document.drawing()) == set(changed)

    def doubts(self, index: int) -> str:
        """Why a slice of the segment chosen is worth a look; empty where none is chosen."""
        document = self.document
        label = self.label
        if document is None or label is None:
            return ""
        return doubts(document.session, label, index)

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
        exports: Exports | None = None,
    ) -> Callable[[], list[Path]]:
        """What writes the work as it is now when it is called, in any thread.

        Args:
            path: of the segmentation; per-slice table and record go beside it.
            seconds: that the last run took.
            exports: what is written beside it for other programs; the call returns their files.
        """
        self._logic.mergeEdits()
        exports = exports or Exports()
        return partial(
            _write,
            path,
            volumeOf(self._controller.volume, hasImage=bool(exports.kinds)),
            self.snapshot(),
            self.segments(),
            self.used_engine(),
            seconds,
            exports,
            image=self._data.volume_name,
        )

    def snapshot(self) -> AnnotationSession:
        """A copy of the session, without what a run predicts, that a thread may read.

        Its labels are those of the files, where segments came from one.
        """
        session = self._logic.session
        states, events = self._logic.known()
        numbers = {label: segment.label for label, segment in self._file_segments().items()}
        copy = AnnotationSession(session.stack, list(numbers.values()))
        for (label, index), state in states.items():
            copy.restore(numbers[label], index, state)
        copy.history = renumbered(events, numbers)
        return copy

    def segments(self) -> list[Segment]:
        """The segments for result files, as `snapshot` numbers them."""
        return list(self._file_segments().values())

    def _file_segments(self) -> dict[int, Segment]:
        """{label of the session: segment with the number that it had in its file, or a free one}."""
        document = self.document
        if document is None:
            return {}
        segmentation = self._controller.segmentation.GetSegmentation()
        nodes = {key: segmentation.GetSegment(name) for key, name in document.segments.items()}
        origins = {label: readOrigin(node) for label, node in nodes.items()}
        taken = {origin[0] for origin in origins.values() if origin is not None}
        free = (number for number in itertools.count(1) if number not in taken)
        used: set[int] = set()
        listed = {}
        for label, node in nodes.items():
            number, layer, value = origins[label] or (next(free), 0, 0)
            if number in used:  # a segment that was copied has the tags of the other one
                number, layer, value = next(free), 0, 0
            used.add(number)
            listed[label] = Segment(
                number,
                node.GetName(),
                document.segments[label],
                node.GetColor(),
                _kept_tags(node),
                layer,
                value,
            )
        return listed

    def used_engine(self) -> UsedEngine:
        """What walked last; before the first run, what is chosen."""
        document = self.document
        if document is None:
            return UsedEngine(self._data.engine, None)
        return UsedEngine(document.engineName or self._data.engine, document.modelHash)


def _write(
    path: Path,
    volume: Volume,
    session: AnnotationSession,
    segments: list[Segment],
    engine: UsedEngine,
    seconds: float,
    exports: Exports,
    **record: str,
) -> list[Path]:
    """Write a result and its exports; returns the files of these."""
    source = replace(volume, path=Path(exports.source))
    slices = export_sources(source, exports.kinds)  # where there are none, nothing is written
    check_places(path, others=export_places(path, exports.kinds))
    write_result(path, volume, session, segments, engine, seconds, **record)
    if not exports.kinds:
        return []
    return write_exports(path, exports.kinds, source, session, segments, slices, engine.name)


def _kept_tags(node: SegmentNode) -> str:
    """Slicer's own tags of a segment, as its files have them."""
    values = {name: readTag(node, name) for name in KEPT}
    return "".join(f"{name}:{value}|" for name, value in values.items() if value)
