"""Keeping unsaved work, without holding the page up.

A stroke is in the journal before the next event is looked at. The whole work is copied a moment
later, and written in a thread.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.volume_files import volumeOf
from SlicePropagationMRML.run.run import Schedule
from SlicePropagationMRML.run.stroke_journal import Entry, StrokeJournal

if TYPE_CHECKING:
    from SlicePropagationWeb.workflow import Workflow
    from SlicePropagationWeb.workspace import Workspace

WAIT_MS = 400  # a burst of changes is kept once


class Autosave:
    """Keeps the work of a workflow in its workspace.

    Args:
        workspace: the Workspace.
        workflow: the Workflow; its changes are what is kept.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.

    Attributes:
        source: the image that is open: a path, or "sample".
        series: which volume of a DICOM folder it is, where a person chose one.
        second, second_series: the same of the image that is shown over it; empty without one.
        case: name of the case of the worklist that it is, or "".
        on_leave: called with that name, and the name of the result that unsaved work of it became
            or None, when other work begins.
        check: called with the case before work on it is written, in any thread; raises where that
            is somebody else's by now.
        is_lost: whether a case is somebody else's.
        journal: each stroke, on the disk before the next one.
    """

    def __init__(
        self,
        workspace: "Workspace",
        workflow: "Workflow",
        schedule: Schedule,
    ) -> None:
        self._workspace = workspace
        self._flow = workflow
        self._schedule = schedule
        # one thread: writes come in the order of the changes
        self._writer = ThreadPoolExecutor(1, "autosave")
        self._is_due = False
        self._last: Future[None] | None = None
        self.source = ""
        self.series = ""
        self.second = ""
        self.second_series = ""
        self.case = ""
        self.on_leave: Callable[[str, str | None], None] = lambda case, unsaved: None
        self.check: Callable[[str], None] = lambda case: None
        self.is_lost: Callable[[str], bool] = lambda case: False
        self.journal = StrokeJournal(workspace.recovery.journal)
        self._covered = 0
        workflow.on_work = self.worked
        workflow.before_run = self._at_once
        workflow.logic.onStroke(self.note)

    def begin(self, labels: str = "", entries: Sequence[Entry] = (), number: int = 0) -> None:
        """Another volume or segmentation is open: keep what is drawn on it from now on.

        Args:
            labels: the file that the segmentation came from.
            entries: of the journal that a crash left, which the nodes hold by now.
            number: of the last entry that the files hold which a crash left.
        """
        flow = self._flow
        header = {
            "at": time.strftime("%Y-%m-%d %H:%M"),
            "image": self.source,
            "series": self.series,
            "second": self.second,
            "second_series": self.second_series,
            "case": self.case,
            "title": flow.data.volume_name,
            "plane": flow.data.plane,
            "labels": labels,
        }
        if not entries and not flow.data.offer:
            self.journal.forget()
        self._covered = self.journal.number
        controller = flow.controller
        nodes = (controller.volume, controller.segmentation)
        self.journal.begin(*nodes, header, list(entries), number=number)
        if flow.data.offer:  # what a crash left waits for an answer
            self.journal.end()

    def answered(self) -> None:
        """What a crash left is settled: keep what is drawn on what is open, if anything is."""
        if self._flow.controller.segmentation is not None:
            self.begin()
            self.worked()

    def note(self) -> None:
        """Have what was drawn on the disk, before anything else is done."""
        try:
            is_new = self.journal.note()
        except OSError as error:
            self._flow.say(f"What was drawn cannot be kept ({error}); save.", is_error=True)
            return
        if is_new:
            self.worked()

    def forget(self) -> None:
        """Drop what is kept: it was saved, or is not wanted."""
        self._is_due = False
        self.journal.covered(self.journal.number)
        self._writer.submit(self._workspace.recovery.forget).result()

    def replace(self, write: Callable[[], object]) -> Future[None]:
        """Write the work elsewhere, and drop what is kept once that is done.

        Args:
            write: called in the thread that keeps the work.
        """
        self.note()
        number = self.journal.number

        def job() -> None:
            write()
            self._workspace.recovery.forget_files()
            self.journal.covered(number)

        self._is_due = False  # what changes from now on is kept again, after this
        return self._writer.submit(job)

    def set_aside(self, case: str = "") -> str | None:
        """Other work begins: what is not saved becomes a result; returns its name, or None.

        Args:
            case: of the worklist that it is on, where that is not the one that is open.
        """
        self._finish()
        self.journal.end()
        case = case or self.case
        kept_for = "" if self.is_lost(case) else case  # it may not take the place of theirs
        name = self._writer.submit(self._workspace.set_aside, kept_for).result()
        self.on_leave(case, name)
        return name

    def close(self) -> None:
        """Keep what is due and wait until it is written.

        A run under way ends within one slice, and what was drawn meanwhile is kept.
        """
        logic = self._flow.logic
        if logic.isRunning:
            logic.stop()
            logic.runToEnd()
        self._finish()
        self.journal.end()
        self._writer.shutdown()

    def _finish(self) -> None:
        if self._flow.logic.hasPartialResult:
            self._flow.logic.discard()
        if self._flow.session.take_over_strokes() or self._is_due:
            self._keep()
        if not self._flow.data.offer and not self._is_annotated():
            self.journal.forget()  # nothing is drawn

    def worked(self) -> None:
        """There is something to keep; it is kept a moment later."""
        if not self._is_due:
            self._schedule(WAIT_MS, self._later)
        self._is_due = True

    def _later(self) -> None:
        if not self._is_due:
            return
        logic = self._flow.logic
        if logic.hasUnseenEdits and not (logic.isRunning or logic.hasPartialResult):
            # The page has yet to tell of a stroke; to keep it now would take it over untold.
            self._schedule(WAIT_MS, self._later)
            return
        self._keep()

    def _at_once(self) -> None:
        if self._is_due:
            self._keep()

    def _keep(self) -> None:
        """Copy the session now, write it in the thread.

        An empty session, or one that waits for an answer, keeps nothing.
        """
        flow = self._flow
        self.note()
        self._is_due = False  # also for what was noted just now
        flow.session.take_over_strokes()
        if flow.data.offer or not self._is_annotated():
            return
        self._report_last()
        if not flow.logic.hasUnseenEdits:
            self._covered = self.journal.number
        self._last = self._writer.submit(
            self._write,
            self._covered,
            volumeOf(flow.controller.volume),
            flow.session.snapshot(),
            flow.session.segments(),
            flow.session.used_engine(),
            image=self.source,
            series=self.series,
            second=self.second,
            second_series=self.second_series,
            case=self.case,
            title=flow.data.volume_name,
            plane=flow.data.plane,
            segment=flow.data.segment_id,
        )

    def _write(
        self,
        number: int,
        *work: Any,
        **page: str,
    ) -> None:
        """Write the work, then forget the strokes that it holds; runs in the thread."""
        if page["case"]:
            self.check(page["case"])
        self._workspace.recovery.keep(*work, strokes=number, **page)
        self.journal.covered(number)

    def _report_last(self) -> None:
        """Say that the write before this one failed, where it did."""
        if self._last is None or not self._last.done():
            return
        error = self._last.exception()
        if error is not None:
            self._flow.say(f"The autosave failed: {error}", is_error=True)

    def _is_annotated(self) -> bool:
        document = self._flow.session.document
        if document is None:
            return False
        session = document.session
        return any(session.anchors(label) for label in session.labels)
