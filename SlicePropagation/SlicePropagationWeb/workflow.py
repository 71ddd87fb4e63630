"""What a person does on the page, handed to the propagation logic, and what the logic says, shown on the page."""

import time
from dataclasses import dataclass

from SlicePropagationLib.engines import ENGINES, default_engine, offered_engines
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.outputs import write_result
from SlicePropagationLib.segmentation_file import Segment
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationMRML.volume_files import volumeOf
from SlicePropagationMRML.geometry import axisOfPlane, endsOfAxis
from SlicePropagationWeb import words
from SlicePropagationWeb.strip import cells, summary
from SlicePropagationWeb.view_state import Situation, reasons

STRIP_SECONDS = 0.2         # between two updates of the strip during a run


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
        self.logic, self.desk, self.views, self.data = logic, desk, views, data
        self.on_work = self.before_run = lambda: None
        self._strip_at, self._num_anchors, self._run_began, self._is_opening = 0.0, 0, 0.0, False
        self.timing = {}
        logic.onStep, logic.onDone, logic.onEdit = self._stepped, self._done, self._edited
        desk.on_change = self.segments_changed
        views.observe(self.show_position)
        data.engines = [{"title": ENGINES[name].title, "value": name, "text": _engine_text(ENGINES[name])} for name in offered_engines()]
        data.directions = words.directions()
        data.engine = default_engine()

    # What a person does

    def propagate(self):
        """Start a run of the segment chosen."""
        data = self.data
        self._run_began = time.perf_counter()
        self.timing = {}
        span = None if tuple(data.span) == (0, data.num_slices - 1) else tuple(data.span)
        if self.logic.absorb():
            self.on_work()
        self.before_run()
        started = self.logic.start(data.engine, span, data.direction, data.device, segmentIDs=[data.segment_id])
        self.say("Propagating…" if started else "Everything is up to date; draw or correct a slice first.")
        if started:
            data.step = data.num_steps = 0
        self.refresh()

    def stop(self):
        """End the run within one slice."""
        if self.logic.isRunning:
            self.logic.stop()

    def keep(self):
        """Write the partial result."""
        self.logic.keep()
        self.say("Kept what had been propagated; Undo takes it back.")
        self._worked()

    def discard(self):
        """Forget the partial result."""
        self.logic.discard()
        self.say("Discarded; the segmentation is as it was.")
        self._worked()

    def undo(self):
        """Take the last step back."""
        self._travel(self.desk.history.can_undo, self.desk.history.undo, "Took the last step back.", "Nothing to undo.")

    def redo(self):
        """Do the last undone step again."""
        self._travel(self.desk.history.can_redo, self.desk.history.redo, "Did the step again.", "Nothing to redo.")

    def show_next(self):
        """Show the slice most worth correcting."""
        index = self.logic.nextSuspicious(self.data.segment_id)
        if index is None:
            self.say("No slice to check; propagate first.")
            return
        self.jump(index)
        self.say(f"Check slice {index}: a correction there is expected to gain most.")

    def confirm(self):
        """Vouch for the slice shown, as it is."""
        self.logic.confirm(self.data.segment_id, self.data.index)
        self.say(f"Confirmed slice {self.data.index}.")
        self._worked()

    def mark_empty(self):
        """Vouch that the structure is not on the slice shown."""
        self.logic.markEmpty(self.data.segment_id, self.data.index)
        self.say(f"Nothing on slice {self.data.index}; propagation keeps it empty.")
        self._worked()

    def jump(self, index):
        """Show a slice of the chosen plane."""
        self.views.jump(self.data.plane, self.desk.volume, int(index))

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

    def save(self, path):
        """Write the segmentation, the per-slice table and the record beside each other."""
        document = self.logic.document
        self.logic.absorb()
        write_result(path, volumeOf(self.desk.volume), document.session, self.segment_list(), self.used_engine(), self.timing.get("seconds", 0.0), image=self.data.volume_name)
        self.say(f"Saved {path.name}, its per-slice table and its record in {path.parent}.")

    # The session of the nodes

    def open_session(self):
        """Work on all segments along the chosen axis; provenance comes back from their tags."""
        ids = self.desk.segment_ids()
        if self.logic.isRunning or not ids:
            self.refresh()
            return
        axis = axisOfPlane(self.desk.volume, self.data.plane)
        document = self.logic.document
        is_same_axis = document is not None and document.stack.axis == axis and document.volumeNode is self.desk.volume
        self._is_opening = True
        try:
            self.logic.open(self.desk.volume, self.desk.segmentation, ids, axis)
        finally:
            self._is_opening = False
        count = len(self.logic.document.stack)
        if not is_same_axis or self.data.num_slices != count:
            self.data.num_slices, self.data.span = count, [0, count - 1]
        self.data.directions = words.directions(*endsOfAxis(self.desk.volume, axis))
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

    def _stepped(self, step):
        now = time.perf_counter()
        elapsed = now - self._run_began
        self.timing.setdefault("first", elapsed)
        left = elapsed / step.step * (step.num_steps - step.step)
        self.data.step, self.data.num_steps = step.step, step.num_steps
        self.data.progress_text = f"Slice {step.step} of {step.num_steps}, {left:.0f} s left"
        if now - self._strip_at > STRIP_SECONDS:
            self.refresh_strip()
        self.views.refresh()

    def _done(self, error):
        self.timing["seconds"] = time.perf_counter() - self._run_began
        if error is not None:
            self.say(str(error), is_error=True)
        elif self.logic.hasPartialResult:
            taken = self.logic.takenVoxels()
            report = "; ".join(f"{count} voxels from {name}" for name, count in taken.items())
            self.say(f"Keep the result? It takes {report}." if report else "Stopped. Keep or discard what is there?")
        else:
            self.say(f"Done in {self.timing['seconds']:.1f} s; Undo takes the run back.")
            self.views.center_others(self.data.plane, self.desk.center(self.data.segment_id))
            self.views.reset_3d()
        self._worked()

    def _edited(self, changed):
        slices = ", ".join(str(index) for _, index in changed[:5])
        is_busy = self.logic.isRunning or self.logic.hasPartialResult
        if self.data.auto_update and not is_busy and self._has_propagated():
            self._worked()
            self.propagate()
            return
        if is_busy:
            self.say(f"Slice {slices} changed; the run starts again there.")
        else:
            self.say(f"Slice {slices} changed; press Propagate to redo what it affects." if self._has_propagated() else f"Slice {slices} is drawn; press Propagate.")
        if not is_busy:
            self._worked()

    def _has_propagated(self):
        """Whether the segment has predictions; a first drawing alone starts nothing."""
        session = self.logic.session
        row = session.labels.index(self.logic.document.labelOf(self.data.segment_id))
        return bool((session.provenance[row] == Provenance.PROPAGATED).any())

    # What is shown

    def say(self, text, *, is_error=False):
        """Show a sentence on the page."""
        self.data.message, self.data.is_error = text, is_error

    def show_position(self):
        """The large view shows another slice."""
        if self.desk.volume is not None:
            self.data.index = self.views.index(self.data.plane, self.desk.volume)

    def refresh(self):
        """Bring the page up to date with the logic."""
        self.data.is_running, self.data.is_waiting = self.logic.isRunning, self.logic.hasPartialResult
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
            self.data.cells, self.data.summary, self._num_anchors = [], "", 0
            return
        label = document.labelOf(self.data.segment_id)
        self.data.cells, self.data.summary = cells(document.session, label), summary(document.session, label)
        self._num_anchors = len(document.session.anchors(label))

    def refresh_segments(self):
        """Show the segments and which one is chosen."""
        self.data.segments, self.data.segment_id = self.desk.listed_segments(), self.desk.chosen_id()

    def refresh_reasons(self):
        """Say what can be done now, and why the rest cannot."""
        history = self.desk.history
        self.data.why = reasons(Situation(self.desk.volume is not None, bool(self.data.segment_id), self._num_anchors, self.data.is_running,
                                          self.data.is_waiting, history.can_undo, history.can_redo))

    def _worked(self):
        self.refresh()
        self.views.refresh()
        self.on_work()

    def _travel(self, is_possible, move, done, nothing):
        if self.logic.isRunning or self.logic.hasPartialResult or not is_possible:
            self.say(nothing)
            return
        move()
        if self.logic.document is not None and list(self.logic.document.segments.values()) == self.desk.segment_ids():
            self.logic.absorb()
        else:
            self.open_session()
        self.say(done)
        self._worked()


def _engine_text(info):
    return info.summary + (f" Needs {', '.join(info.missing)}, which is not installed." if info.missing else "")


def tell(workflow, command, *arguments):
    """Give a command; what a person can act on becomes a message on the page."""
    try:
        command(*arguments)
    except SlicePropagationError as error:
        workflow.say(str(error), is_error=True)
        workflow.refresh()
