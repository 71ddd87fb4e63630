"""Keeping unsaved work, without holding the page up: what is kept is copied at once and written in a thread."""

from concurrent.futures import ThreadPoolExecutor

from SlicePropagationMRML.nodes.volume_files import volumeOf

WAIT_MS = 400  # a burst of changes is kept once


class Autosave:
    """Keeps the work of a workflow in its workspace.

    Args:
        workspace: the Workspace.
        workflow: the Workflow; its changes are what is kept.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.

    Attributes:
        source: the image that is open: a path, or "sample".
    """

    def __init__(self, workspace, workflow, schedule):
        self._workspace = workspace
        self._flow = workflow
        self._schedule = schedule
        self._writer = ThreadPoolExecutor(
            1,
            "autosave",
        )  # one thread: writes come in the order of the changes
        self._is_due = False
        self._last = None
        self.source = ""
        workflow.on_work = self.worked
        workflow.before_run = self._at_once

    def forget(self):
        """Drop what is kept: it was saved, or is not wanted."""
        self._is_due = False
        self._writer.submit(self._workspace.kept.forget).result()

    def replace(self, write):
        """Write the work elsewhere, in the thread that keeps it, and drop what is kept once that is done; returns the Future."""

        def job():
            write()
            self._workspace.kept.forget()

        self._is_due = False  # what changes from now on is kept again, after this
        return self._writer.submit(job)

    def set_aside(self):
        """Other work begins: what is not saved becomes a result; returns its name, or None."""
        self._finish()
        return self._writer.submit(self._workspace.set_aside).result()

    def close(self):
        """Keep what is due and wait until it is written.

        A run under way ends within one slice, and what was drawn meanwhile is kept.
        """
        logic = self._flow.logic
        if logic.isRunning:
            logic.stop()
            logic.runToEnd()
        self._finish()
        self._writer.shutdown()

    def _finish(self):
        if self._flow.logic.hasPartialResult:
            self._flow.logic.discard()
        if self._flow.take_over_strokes() or self._is_due:
            self._keep()

    def worked(self):
        """There is something to keep; it is kept a moment later."""
        if not self._is_due:
            self._schedule(WAIT_MS, self._later)
        self._is_due = True

    def _later(self):
        if self._is_due and (
            self._flow.logic.isRunning or self._flow.logic.hasPartialResult
        ):  # the session is ahead of the segments
            self._schedule(WAIT_MS, self._later)
        elif self._is_due:
            self._keep()

    def _at_once(self):
        if self._is_due:
            self._keep()

    def _keep(self):
        """Copy the session now, write it in the thread.

        An empty session, or one that waits for an answer, keeps nothing.
        """
        flow = self._flow
        self._is_due = False
        if flow.data.offer or not self._is_annotated():
            return
        if self._last is not None and self._last.done() and self._last.exception() is not None:
            flow.say(f"The autosave failed: {self._last.exception()}", is_error=True)
        self._last = self._writer.submit(
            self._workspace.kept.keep,
            volumeOf(flow.desk.volume),
            flow.snapshot(),
            flow.segment_list(),
            flow.used_engine(),
            image=self.source,
            title=flow.data.volume_name,
            plane=flow.data.plane,
            segment=flow.data.segment_id,
        )

    def _is_annotated(self):
        document = self._flow.logic.document
        return document is not None and any(
            document.session.anchors(label) for label in document.session.labels
        )
