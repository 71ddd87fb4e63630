"""The turns of a run: one step of the engine at a time on the worker, everything that touches nodes on the main thread."""

import time

from SlicePropagationLib.engines import model_hash
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.propagation import propagate
from SlicePropagationMRML.run.worker import FINISHED

TURN_SECONDS = 0.03  # of our work in one turn of the event loop
POLL_MS = 30  # asking more often than this for long starves the worker of Python's lock
# after a step was handed out, as a fast engine has the next one at once; doubled until it comes
FIRST_POLL_MS = 4


class CommitRun:
    """A result on its way into the segments, over several turns.

    Args:
        editorNode: whose active effect rests from the first turn to the last, so that no stroke
            falls in between.
        observer: an EditObserver.
        steps: generator of `document.writeSteps`.
        done: called at the end.
    """

    def __init__(self, editorNode, observer, steps, done):
        self._editorNode = editorNode
        self._observer = observer
        self._steps = steps
        self.done = done
        self._numEdits = observer.numEdits
        self._effectName = ""
        self._isWritten = False

    def advance(self, seconds):
        """Write for so long, or all of it when something else changed the segments.

        Whether anything is left.
        """
        if self._isWritten:
            return False
        now = time.perf_counter()
        end = now + (seconds if self._observer.numEdits == self._numEdits else float("inf"))
        isInTime = True
        with self._observer.writing():
            while isInTime and not self._isWritten:
                stepBegan = now
                self._isWritten = next(self._steps, self) is self
                now = time.perf_counter()
                isInTime = (
                    now + (now - stepBegan) < end
                )  # the next step may well take as long as this one
        return not isInTime  # telling of the end takes a turn of its own then

    def pauseDrawing(self):
        """Let the active effect rest."""
        self._effectName = self._effectName or self._editorNode.GetActiveEffectName()
        self._editorNode.SetActiveEffectName("")

    def end(self):
        """Give the effect back."""
        if self._effectName:
            self._editorNode.SetActiveEffectName(self._effectName)


class RunLoop:
    """The part of `PropagationLogic` that drives a run which `start` began."""

    @property
    def _hasRun(self):
        """Whether a run through slices holds the session: it predicts, or its result is being written."""
        return self._steps is not None or self._commit is not None

    def _walk(self, session, runs, mayOverlap):
        """The steps of a run.

        The engine is made with the first one, on the worker, as importing PyTorch takes seconds.
        """
        engine = self._engine.make()
        self._numRuns += 1
        yield from propagate(session, engine, runs, allow_overlap=mayOverlap)

    def _poll(self, wait=POLL_MS):
        if self._steps is not None:
            wait = FIRST_POLL_MS if self._advance(timeout=None) else min(2 * wait, POLL_MS)
        if self._steps is not None:
            self._schedule(wait, lambda: self._poll(wait))

    def _advance(self, timeout):
        """Take over the step that the worker has finished; whether there was one."""
        result = self._worker.poll(timeout)
        if result is not None:
            self._takeStep(*result)
        return result is not None

    def _takeStep(self, step, error):
        try:
            self.document.check()
            if self.document.isElsewhere():
                raise SlicePropagationError(
                    "The volume was moved or replaced; the run ended and nothing was written."
                )
            if error is not None:
                raise error
            if step is FINISHED:
                self._finish()
                return
            self._show(step)
            self._takeEdits()
        except SlicePropagationError as problem:
            self._abort(problem)
            return
        except Exception as problem:  # a bug must not leave a run that never ends
            self._abort(problem)
            raise
        if self._isStopping:
            self._steps.close()
            self._steps = None
            self.onDone(None)
        else:
            self._worker.request(self._steps)

    def _finish(self):
        """Write the result, unless that takes voxels from a segment outside the run: then the person decides.

        An edit that came in at the last moment has its gaps walked first.
        """
        runs = self._replan() if self._absorbDuringRun() else []
        if runs:
            self._steps = self._propagate(runs)
            self._worker.request(self._steps)
            return
        self._steps = None
        if not self._holdsResult and not self.takenVoxels():
            self._beginCommit(lambda: self.onDone(None))
        else:
            self.onDone(None)

    def _commitSteps(self):
        """Write the result as one undo step, a few milliseconds a step."""
        document = self.document
        changes = document.changes(self._touched, mayOverlap=self._mayOverlap)
        yield
        self.saveStateForUndo()
        document.engineName = self._engine.engine.name
        document.modelHash = model_hash(self._engine.engine)
        yield
        yield from document.writeSteps(changes, self.editorLogic)
        yield
        document.writeTags("run", self._touched)

    def _beginCommit(self, done):
        self._commit = CommitRun(
            self.editorLogic.GetSegmentEditorNode(),
            self._observer,
            self._commitSteps(),
            done,
        )
        self._schedule(0, self._pollCommit)

    def _pollCommit(self):
        if self._commit is not None:
            self._advanceCommit()
        if self._commit is not None:
            self._schedule(0, self._pollCommit)

    def _advanceCommit(self):
        commit = self._commit
        try:
            self.document.check()
            if commit.advance(TURN_SECONDS):
                commit.pauseDrawing()
                return
        except (
            Exception
        ) as problem:  # nodes that went, or a bug: neither may leave a run that never ends
            self._commit = None
            commit.end()
            self._takeBack()
            self._clear()
            self.onDone(problem)
            self._checkNodes()
            if not isinstance(problem, SlicePropagationError):
                raise
            return
        self._commit = None
        self._clear()
        commit.end()
        commit.done()
        if self._hasEdits:
            self._hasEdits = False
            self.look()

    def _takeBack(self):
        for _ in range(self._numRuns):
            self.session.take_back_run()

    def _show(self, step):
        self._touched += step.touched
        self.preview.show(self.session, step.touched)
        self.onStep(step)

    def _takeEdits(self):
        """Between two steps the session is ours: an edit made during the run goes in, and its gaps start again."""
        if self._hasEdits:
            self._hasEdits = False
            self._absorbDuringRun()

    def _absorbDuringRun(self):
        """Take over edits while the segments do not hold the run's predictions yet.

        Returns what changed.
        """
        edits = {}
        self._numEditsKnown = self._observer.numEdits
        for label, patches in self.document.patches().items():
            edits[label] = {
                index: patch
                for index, (patch, before) in enumerate(zip(patches, self._drawn[label]))
                if not patch.equals(before)
            }
            self._drawn[label] = patches
        changed = self.session.merge_edits(edits)
        if changed:
            if (
                not self.document.hasOtherTags()
            ):  # after an undo in the Segment Editor tags are only read, or there would be no redo
                self._storeDuringRun(changed)
            self.onEdit(changed)
        return changed

    def _storeDuringRun(self, edits):
        """Tag edits beside what was known before the run, whose predictions the segments do not hold: each stroke is an undo step of its own, kept result or not."""
        states, events = self._known
        states |= {edit: self.session.state(*edit) for edit in edits}
        during = [
            event
            for event in self.session.history[len(events) :]
            if event["event"] not in ("run", "continue")
        ]
        with self._observer.writing():
            self.document.writeTags("edit", edits, known=(dict(states), events + during))

    def _abort(self, problem):
        """End a run between two steps; nothing of it is written."""
        self._steps.close()
        self._steps = None
        self._takeBack()
        self._clear()
        self.onDone(problem)
        self._afterAbort(problem)

    def _endNow(self, problem):
        """End a run without waiting for its step: what the worker still finishes is dropped, with the session."""
        self._steps = self._frames = self._heldFrames = self._commit = None
        self._clear()
        self._letGo()
        self.onDone(problem)

    def _clear(self):
        if self.preview is not None:
            self.preview.remove()
        self.preview = None
        self._touched = []

    def _letGo(self):
        if self._observer is not None:
            self._observer.remove()
        if self._frameWatch is not None:
            self._frameWatch.remove()
        if self._placeObserver is not None:
            self._placeObserver.remove()
        self.document = self._observer = self._placeObserver = self._frameWatch = None
