"""What a person does on the page, handed to the propagation logic, and what the logic says, shown on the page."""

import time
from dataclasses import dataclass
from functools import partial

from SlicePropagationMRML.nodes.geometry import PLANES, axisOfPlane, endsOfAxis, obliqueness
from SlicePropagationMRML.nodes.volume_files import volumeOf
from SlicePropagationMRML.presenting.choices import otherSlicesText
from SlicePropagationMRML.presenting.messages import (
    otherAxisText,
    otherGridText,
    planeName,
    summaryText,
)
from SlicePropagationMRML.presenting.presenter import Presenter
from SlicePropagationMRML.presenting.review import Kind, reviewSlices
from SlicePropagationMRML.presenting.states import Situation
from SlicePropagationMRML.run.events import Edited, Finished, Kept, Stepped, Travelled

from SlicePropagationLib.engines import ENGINES, default_engine
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.segmentation_file import Segment
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationWeb import command_labels as words
from SlicePropagationWeb.strip_cells import ANCHORS, cells, describe
from SlicePropagationWeb.view_state import reasons

STRIP_SECONDS = 0.2  # between two updates of strip and views during a run


@dataclass(frozen=True)
class UsedEngine:
    """What walked last, as result files name it."""

    name: str
    model_sha256: str | None


class Workflow:
    """The panel's commands.

    Args:
        logic: a PropagationLogic.
        desk: the Desk, which knows volume, segmentation and tools.
        views: the Views.
        data: the PanelState that the browser shows.

    Attributes:
        on_work: called after every change that an autosave should keep.
        before_run: called before a run begins, while the session is still ours.
    """

    def __init__(self, logic, desk, views, data):
        self.logic = logic
        self.desk = desk
        self.views = views
        self.data = data
        self.on_work = self.before_run = lambda: None
        self.presenter = Presenter(logic)
        self._strip_at = 0.0
        self._review = None
        self._is_opening = False
        self._began_at = 0
        self.timing = {}
        logic.events.connect(self._told)
        desk.on_change = self.segments_changed
        views.observe(self.show_position)
        data.engines = words.engine_items()
        data.directions = words.direction_items()
        data.engine = default_engine()

    # What a person does

    def propagate(self):
        """Start a run of the segment chosen."""
        data = self.data
        self.presenter.begin()
        self.timing = {}
        span = None if data.to_the_end else tuple(data.span)
        if self.take_over_strokes():
            self.on_work()
        self.before_run()
        started = self.logic.start(
            data.engine,
            span,
            data.direction,
            data.device,
            segmentIDs=[data.segment_id],
        )
        self.say(self.presenter.started(started))
        if started:
            data.step = data.num_steps = 0
            self._began_at = data.index
        self.refresh()

    def stop(self):
        """End the run within one slice."""
        if self.logic.isRunning:
            self.logic.stop()
            self.say(self.presenter.stopping())

    def keep(self):
        """Write the partial result, in turns: the page goes on answering."""
        self.logic.keepInTurns()
        self.refresh()

    def discard(self):
        """Forget the partial result."""
        self.logic.discard()
        self.say(self.presenter.discarded())
        self._worked()

    def undo(self):
        """Take the last step back."""
        self._travel(
            self.desk.history.can_undo,
            self.desk.history.undo,
            "Undone.",
            "Nothing to undo.",
        )

    def redo(self):
        """Do the last undone step again."""
        self._travel(
            self.desk.history.can_redo,
            self.desk.history.redo,
            "Redone.",
            "Nothing to redo.",
        )

    def show_next(self):
        """Show the slice most worth correcting."""
        index = self.logic.nextSuspicious(self.data.segment_id)
        if index is not None:
            self.jump(index)
        self.say(self.presenter.suggested(index))

    def confirm(self):
        """Vouch for the slice shown, as it is."""
        self.logic.confirm(self.data.segment_id, self.data.index)
        self.say(self.presenter.confirmed(self.data.index))
        self._worked()

    def mark_empty(self):
        """Vouch that the structure is not on the slice shown."""
        self.logic.markEmpty(self.data.segment_id, self.data.index)
        self.say(self.presenter.emptied(self.data.index))
        self._worked()

    def jump(self, index):
        """Show a slice of the chosen plane."""
        self.views.jump(self.data.plane, self.desk.volume, int(index))

    def show_annotation(self):
        """Show the first slice of the segment chosen that a person drew or vouched for."""
        document = self.logic.document
        if document is not None and self.data.segment_id in document.segments.values():
            anchors = document.session.anchors(document.labelOf(self.data.segment_id))
            if anchors:
                self.jump(anchors[0])

    def describe(self, index):
        """The mouse rests on a slice of the strip."""
        document = self.logic.document
        index = int(index)
        if (
            document is not None
            and self._review is not None
            and 0 <= index < len(self._review)
            and self.data.segment_id in document.segments.values()
        ):
            self.data.cell = index
            self.data.cell_text = describe(
                document.session, document.labelOf(self.data.segment_id), index
            )

    def choose_segment(self, segment_id):
        """Work on another segment."""
        self.desk.choose(segment_id)
        self.refresh()

    def choose_plane(self, plane):
        """Propagate along another axis; its slices get the large view."""
        self.data.plane = plane
        self.views.enlarge(plane)
        if self.desk.volume is not None:
            self.open_session()
            text = self.other_slices()
            if text or self.data.message in (
                otherAxisText(),
                otherGridText(),
            ):  # which holds no longer
                self.say(text)

    def other_slices(self):
        """Why what is stored with the segments does not count along the chosen plane of the volume; empty where it does."""
        return otherSlicesText(
            self.desk.volume,
            self.desk.segmentation,
            self.desk.segment_ids(),
            axisOfPlane(self.desk.volume, self.data.plane),
        )

    def result(self, path):
        """What writes the work as it stands now, when it is called, in any thread: segmentation, per-slice table and record beside each other."""
        self.logic.mergeEdits()
        return partial(
            write_result,
            path,
            volumeOf(self.desk.volume),
            self.snapshot(),
            self.segment_list(),
            self.used_engine(),
            self.timing.get("seconds", 0.0),
            image=self.data.volume_name,
        )

    def take_over_strokes(self):
        """Take over what was drawn a moment ago, which the observer will only tell of.

        Whether there was anything.
        """
        return (
            self.logic.document is not None
            and not self.logic.isRunning
            and bool(self.logic.mergeEdits())
        )

    # The session of the nodes

    def open_session(self):
        """Work on all segments along the chosen axis; provenance comes back from their tags."""
        ids = self.desk.segment_ids()
        if self.logic.isRunning or not ids:
            self.refresh()
            return
        axis = axisOfPlane(self.desk.volume, self.data.plane)
        document = self.logic.document
        is_same_axis = (
            document is not None
            and document.stack.axis == axis
            and document.volumeNode is self.desk.volume
        )
        self._is_opening = True
        try:
            self.logic.open(self.desk.volume, self.desk.segmentation, ids, axis)
        finally:
            self._is_opening = False
        count = len(self.logic.document.stack)
        if not is_same_axis or self.data.num_slices != count:
            self.data.num_slices = count
            self.data.span = [0, count - 1]
            self.data.to_the_end = True  # a range of other slices means nothing here
        self.data.directions = words.direction_items(endsOfAxis(self.desk.volume, axis))
        self.data.planes = [
            {
                "value": plane,
                "title": planeName(
                    plane,
                    obliqueness(self.desk.volume, axisOfPlane(self.desk.volume, plane)),
                ),
            }
            for plane in PLANES
        ]
        self.refresh()

    def segments_changed(self):
        """The list of segments may have changed: a new one joins the session, a removed one leaves it."""
        if self._is_opening:
            return
        document = self.logic.document
        known = None if document is None else list(document.segments.values())
        if not self.logic.isRunning and known != self.desk.segment_ids():
            self.open_session()
            self.on_work()
        self.data.tool = self.desk.tool()
        self.refresh_segments()
        self.refresh_reasons()

    def segment_list(self):
        """The library's segments for result files; label n is the n-th of the session."""
        segmentation = self.desk.segmentation.GetSegmentation()
        listed = []
        for label, segment_id in self.logic.document.segments.items():
            segment = segmentation.GetSegment(segment_id)
            listed.append(Segment(label, segment.GetName(), segment_id, segment.GetColor()))
        return listed

    def used_engine(self):
        """What walked last; before the first run, what is chosen."""
        document = self.logic.document
        return UsedEngine(document.engineName or self.data.engine, document.modelHash)

    def snapshot(self):
        """A copy of the session that a thread may read while the work goes on."""
        session = self.logic.session
        copy = AnnotationSession(session.stack, session.labels)
        for label in session.labels:
            for index in range(len(session.stack)):
                copy.restore(label, index, session.state(label, index))
        copy.history = list(session.history)
        return copy

    # What the logic says

    def _told(self, event):
        match event:
            case Stepped(step):
                self._stepped(event, step)
            case Finished(problem):
                self._finished(event, problem)
            case Kept():
                self.say(self.presenter.sentence(event))
                self._worked()
            case Edited(changed):
                self._edited(event, changed)

    def _stepped(self, event, step):
        self.timing.setdefault("first", self.presenter.seconds())
        self.data.step, self.data.num_steps = self.presenter.progress(event)
        self.data.progress_text = self.presenter.sentence(event)
        if time.perf_counter() - self._strip_at > STRIP_SECONDS:
            self.refresh_strip()
            if self.data.follow:
                self.jump(step.index)
            self.views.refresh()

    def _finished(self, event, problem):
        self.timing["seconds"] = self.presenter.seconds()
        self.say(self.presenter.sentence(event), is_error=problem is not None)
        if problem is None and not self.logic.hasPartialResult:
            if self.data.follow:
                self.jump(self._began_at)  # where the person was before the views followed the run
            self.views.center_others(self.data.plane, self.desk.center(self.data.segment_id))
            self.views.reset_3d()
        self._worked()

    def _edited(self, event, changed):
        calls_for_run = self.presenter.callsForRun(changed)
        if not self.logic.isRunning and not self.logic.hasPartialResult:
            self._worked()
        if calls_for_run and self.data.auto_update:
            self.propagate()
        else:
            self.say(self.presenter.sentence(event))

    # What is shown

    def say(self, text, *, is_error=False):
        """Show a sentence on the page."""
        self.data.message = text
        self.data.is_error = is_error

    def forget_error(self):
        """An old error has nothing to say in a dialog that opens."""
        if self.data.is_error:
            self.say("")

    def show_position(self):
        """The large view shows another slice."""
        if self.desk.volume is not None:
            self.data.index = self.views.index(self.data.plane, self.desk.volume)
            self.refresh_reasons()

    def refresh(self):
        """Bring the page up to date with the logic."""
        self.data.is_running = self.logic.isRunning
        self.data.is_waiting = self.logic.hasPartialResult
        self.refresh_segments()
        if not self.logic.isRunning:
            self.refresh_strip()
        self.show_position()
        self.refresh_reasons()

    def refresh_strip(self):
        """Show where every slice of the segment came from; during a run only between two steps."""
        self._strip_at = time.perf_counter()
        document = self.logic.document
        if document is None or self.data.segment_id not in document.segments.values():
            self.data.cells = []
            self.data.summary = ""
            self._review = None
            return
        label = document.labelOf(self.data.segment_id)
        self._review = reviewSlices(document.session, label)
        self.data.cells = cells(self._review)
        summary = summaryText(self._review, document.segmentName(label))
        self.data.summary = summary.replace("<b>", "").replace("</b>", "")
        self.data.cell = -1  # what was said of a slice may be out of date

    def refresh_segments(self):
        """Show the segments, which one is chosen, and what limits the tools."""
        limits = self.desk.intensity_range()
        self.data.limit_text = (
            f"Tools and runs write on intensities from {limits[0]:.4g} to {limits[1]:.4g} only."
            if limits
            else ""
        )
        self.data.segments = self.desk.listed_segments()
        self.data.segment_id = self.desk.chosen_id()

    def refresh_reasons(self):
        """Say what can be done now, and why the rest cannot."""
        history = self.desk.history
        self.data.has_device = (
            ENGINES[self.data.engine].has_weights and not ENGINES[self.data.engine].missing
        )
        self.data.why = reasons(
            self._situation(),
            can_undo=history.can_undo,
            can_redo=history.can_redo,
        )

    def _situation(self):
        """What the panel, too, knows when it says what can be done."""
        review = self._review
        index = self.data.index
        has_volume = self.desk.volume is not None
        kind = (
            Kind(int(review.kinds[index]))
            if review is not None and index < len(review)
            else Kind.UNKNOWN
        )
        has = lambda *kinds: review is not None and review.count(*kinds) > 0
        return Situation(
            has_volume,
            has_volume,
            int(bool(self.data.segment_id)),
            has(*ANCHORS),
            self.data.is_running,
            self.data.is_waiting,
            ENGINES[self.data.engine].missing,
            isShown=True,
            hasPrediction=has(Kind.PROPAGATED, Kind.STALE),
            isAnchor=kind in ANCHORS,
            isEmptyAnchor=kind in ANCHORS and bool(review.isEmpty[index]),
        )

    def _worked(self):
        self.refresh()
        self.views.refresh()
        self.on_work()

    def _travel(self, is_possible, move, done, nothing):
        if self.logic.isRunning or self.logic.hasPartialResult or not is_possible:
            self.say(nothing)
            return
        move()
        document = self.logic.document
        if document is not None and list(document.segments.values()) == self.desk.segment_ids():
            self.logic.mergeEdits()
            travel = document.takeTravel()
            self.say(self.presenter.sentence(Travelled(travel)) if travel else done)
        else:
            self.open_session()
            self.say(done)
        self._worked()


def tell(workflow, command, *arguments):
    """Give a command; what a person can act on becomes a message on the page."""
    try:
        command(*arguments)
    except SlicePropagationError as error:
        workflow.say(str(error), is_error=True)
        workflow.refresh()
