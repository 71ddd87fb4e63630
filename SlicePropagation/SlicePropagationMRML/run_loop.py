"""The turns of a run: one step of the engine at a time on the worker, everything that touches nodes on the main thread."""

from SlicePropagationLib.engine import propagate
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.worker import FINISHED

POLL_MS = 30            # shorter intervals starve the worker of Python's lock


class RunLoop:
    """The part of `PropagationLogic` that drives a run which `start` began."""

    def _walk(self, session, runs, mayOverlap):
        """The steps of a run; the engine is made with the first one, on the worker, as importing PyTorch takes seconds."""
        engine = self._engine.make()
        self._numRuns += 1
        yield from propagate(session, engine, runs, allow_overlap=mayOverlap)

    def _poll(self):
        if self._steps is not None:
            self._advance(timeout=None)
        if self._steps is not None:
            self._schedule(POLL_MS, self._poll)

    def _advance(self, timeout):
        result = self._worker.poll(timeout)
        if result is None:
            return
        step, error = result
        try:
            self.document.check()
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
        except Exception as problem:            # a bug must not leave a run that never ends
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
            self.keep()
        self.onDone(None)

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
        """Take over edits while the segments do not hold the run's predictions yet; returns what changed."""
        edits = {}
        for label, masks in self.document.masks().items():
            edited = (masks != self._drawn[label]).any(axis=(1, 2)).nonzero()[0]
            edits[label] = {int(index): masks[index] for index in edited}
            self._drawn[label] = masks
        changed = self.session.absorb(edits)
        if changed:
            self.onEdit(changed)
        return changed

    def _abort(self, problem):
        """End a run between two steps; nothing of it is written."""
        self._steps.close()
        self._steps = None
        self._takeBack()
        self._clear()
        self.onDone(problem)
        self._checkNodes()

    def _endNow(self, problem):
        """End a run without waiting for its step: what the worker still finishes is dropped, with the session."""
        self._steps = self._frames = None
        self._clear()
        self._letGo()
        self.onDone(problem)

    def _clear(self):
        if self.preview is not None:
            self.preview.remove()
        self.preview, self._touched = None, []

    def _letGo(self):
        if self._observer is not None:
            self._observer.remove()
        if self._frameWatch is not None:
            self._frameWatch.remove()
        self.document = self._observer = self._frameWatch = None
