"""`SliceRun`: a run through slices. One step of the engine at a time on the worker; nodes on the main thread."""

from collections.abc import Generator, Iterator

from SlicePropagationLib.engines import model_hash
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.planning import Run as PlannedRun
from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationMRML.nodes.preview import Preview
from SlicePropagationMRML.run.change_log import Snapshot
from SlicePropagationMRML.run.commit_turns import CommitTurns
from SlicePropagationMRML.run.document_writer import DocumentWriter
from SlicePropagationMRML.run.edits_during_run import EditsDuringRun
from SlicePropagationMRML.run.engine_choice import EngineChoice
from SlicePropagationMRML.run.events import Edits, Event, Finished, Kept, Stepped
from SlicePropagationMRML.run.first_models import ModelChoice
from SlicePropagationMRML.run.ground import RUN_ENDED, Ground
from SlicePropagationMRML.run.neighbours import Changes, Taking
from SlicePropagationMRML.run.run import POLL_MS, TURN_SECONDS, Phase, Run, RunTools
from SlicePropagationMRML.run.run_order import Order
from SlicePropagationMRML.run.worker import FINISHED
from SlicePropagationMRML.run.workplace import Workplace

# after a step was handed out, as a fast engine has the next one at once; doubled until it comes
FIRST_POLL_MS = 4
STEP_SECONDS = 0.008  # that a step is waited for right after the one before: many take no longer
NEXT_POLL_MS = 1  # until then; with 0 the window would not get its turn between two slices


class SliceRun(Run):
    """Predicts into the session and shows it in a preview; writes it as one undo step at the end.

    An edit made meanwhile goes into the session between two steps, and its gaps start again.

    Attributes:
        preview: what is predicted so far.
        hasEdits: whether an edit was noticed that is not taken over yet.

    Args:
        place: what is open, to be filled.
        tools: what runs share.
        engine: what walks, or what segments.
        order: what to do.
        runs: the walks that are due, as `RunOrder.plan` says.
    """

    def __init__(
        self,
        place: Workplace,
        tools: RunTools,
        engine: EngineChoice | ModelChoice,
        order: Order,
        runs: list[PlannedRun],
    ) -> None:
        super().__init__(tools)
        document = place.document
        editorNode = place.editorLogic.GetSegmentEditorNode()
        self.hasEdits = False
        self._place = place
        self._document = document
        self._watch = place.watch
        self._editorLogic = place.editorLogic
        self._writer = DocumentWriter(document, place.editorLogic)
        self._edits = EditsDuringRun(document, place.watch, tools.events)
        self._ground = Ground(document, [run.label for run in runs], self._merge)
        self._engine = engine
        self._order = order
        self._mayOverlap = editorNode.GetOverwriteMode() == editorNode.OverwriteNone
        self._touched: list[tuple[int, int]] = []
        self._numWalks = 0
        self._steps = self._walk(document.session, runs)
        self._commit: CommitTurns | None = None
        self._mayTakeDrawn = False
        self._written: Changes = {}
        self._endedEarly = False  # whether it was stopped before a walk had begun
        self._hasSaved = False  # whether anything of the result may be in the segments
        self._outcome: Event = Finished()
        self.preview = Preview(
            document.scene,
            document.volumeNode,
            document.segmentationNode,
            document.segments,
            document.stack,
        )

    def begin(self) -> None:
        """Ask for the first step."""
        self._tools.worker.request(self._steps)
        self._tools.schedule(POLL_MS, self._poll)

    def advance(self, timeout: float | None = None) -> bool:
        if self._commit is not None:
            self._advanceCommit(self._commit)
            return True
        result = self._tools.worker.poll(timeout)
        if result is not None:
            self._take(*result)
        return result is not None

    def mergeEdits(self) -> None:
        """Take over what a person drew while the result waits; it may leave nothing to stand on."""
        try:
            self._ground.mergeIntoResult(self._touched)
        except SlicePropagationError as problem:
            self._drop(problem)

    def known(self) -> Snapshot:
        """What a person did up to now, beside what was known before the run."""
        return self._edits.known()

    def takings(self) -> list[Taking]:
        """What writing the result would take from segments outside the run."""
        if not self._document.isIntact():
            return []  # it will never be written
        return self._writer.takings(self._changes())

    def keep(self, *, mayTakeDrawn: bool = False) -> None:
        self.mergeEdits()
        if self.isWaiting:
            self._mayTakeDrawn = mayTakeDrawn
            self._write(Kept())
            self.advance()

    def discard(self) -> None:
        """Forget the result; the segmentation was never touched."""
        self._forget()
        self.abandon()

    def abandon(self) -> None:
        super().abandon()
        self.preview.remove()

    # Predicting

    def _walk(
        self, session: AnnotationSession, runs: list[PlannedRun]
    ) -> Generator[SlicePrediction, None, None]:
        """The steps of some walks.

        The engine is made with the first one, on the worker, as importing PyTorch takes seconds.
        """
        engine = self._engine.make()
        self._numWalks += 1
        yield from self._order.steps(
            session,
            engine,
            runs,
            allow_overlap=self._mayOverlap,
            is_stopped=self._endsEarly,
        )

    def _endsEarly(self) -> bool:
        """Asked on the worker while the engine gets ready, which may take seconds."""
        self._endedEarly = self.phase is Phase.STOPPING
        return self._endedEarly

    def _poll(self, wait: int = POLL_MS) -> None:
        if self._commit is None and self.isBusy:
            isThere = self.advance(STEP_SECONDS if wait == NEXT_POLL_MS else None)
            wait = NEXT_POLL_MS if isThere else min(max(2 * wait, FIRST_POLL_MS), POLL_MS)
        if self._commit is None and self.isBusy:
            self._tools.schedule(wait, lambda: self._poll(wait))

    def _take(
        self,
        step: SlicePrediction,
        error: Exception | None,
    ) -> None:
        """Take over the step that the worker has finished."""
        try:
            self._document.check(RUN_ENDED)
            if self._document.isElsewhere():
                raise SlicePropagationError(
                    "The volume was moved or replaced{consequence}.", consequence=RUN_ENDED
                )
            if error is not None:
                raise error
            if step is FINISHED:
                self._waitOrDrop() if self._endedEarly else self._finish()
                return
            self._show(step)
        except SlicePropagationError as problem:
            self._fail(problem)
            return
        except Exception as problem:  # a bug must not leave a run that never ends
            self._fail(problem)
            raise
        if self.phase is Phase.STOPPING:
            self._steps.close()
            self._waitOrDrop()
        else:
            self._tools.worker.request(self._steps)

    def _show(self, step: SlicePrediction) -> None:
        """Between two steps the session is ours: show the step, and let in an edit made meanwhile."""
        self._touched += step.touched
        self.preview.show(self._document.session, step.touched)
        self._tools.events.emit(Stepped(step))
        if self.hasEdits:
            self.hasEdits = False
            self._ground.mergeIntoWalks()

    def _merge(self) -> Edits:
        self._place.mergeBystander()
        return self._edits.merge()

    def _finish(self) -> None:
        """Write the result, unless that takes voxels from a segment outside the run: a person decides.

        An edit that came in at the last moment has its gaps walked first.
        """
        isEdited = bool(self._ground.mergeIntoWalks())
        runs = self._order.plan(self._document.session) if isEdited else []
        if runs:
            self._steps = self._walk(self._document.session, runs)
            self._tools.worker.request(self._steps)
        elif self._order.holdsResult or self.takings():
            self._wait()
        else:
            self._write(Finished())

    def _waitOrDrop(self) -> None:
        """Stopped: there is something to keep, or nothing yet."""
        if self._endedEarly and not self._touched:
            self._drop(
                SlicePropagationError(
                    "Stopped before the first slice was there; nothing was written."
                )
            )
        elif self._touched or not self._order.comesAtOnce:
            self._wait()
        else:
            self._drop(
                SlicePropagationError(
                    "Stopped before the model had seen all slices; nothing was written."
                )
            )

    def _wait(self) -> None:
        self.phase = Phase.WAITING
        self._tools.events.emit(Finished())

    # Writing

    def _write(self, outcome: Event) -> None:
        """Begin to write; `outcome` is told at the end."""
        self.phase = Phase.WRITING
        self._outcome = outcome
        editorNode = self._editorLogic.GetSegmentEditorNode()
        self._commit = CommitTurns(editorNode, self._watch, self._commitSteps(), self._isGone)
        self._tools.schedule(0, self._pollCommit)

    def _commitSteps(self) -> Iterator[None]:
        """Write the result as one undo step, a few milliseconds a step."""
        engine = self._engine.make()
        self._ground.mergeIntoWalks()  # of a moment ago; from now on drawing rests
        yield
        changes = self._changes()
        yield
        if not self._mayTakeDrawn:
            changes = self._writer.spared(changes)
            yield
        self._written = changes
        if any(changes.values()):  # else the editor has no step, and undo would take another back
            self._hasSaved = True
            self._tools.saveStateForUndo()
        self._document.engineName = engine.name
        self._document.modelHash = model_hash(engine)
        yield
        yield from self._writer.writeSteps(changes, self._edits.drawn)
        yield
        self._document.writeTags("run", self._touched)

    def _pollCommit(self) -> None:
        if self.isBusy:
            self.advance()
        if self.isBusy:
            self._tools.schedule(0, self._pollCommit)

    def _advanceCommit(self, commit: CommitTurns) -> None:
        try:
            self._document.check(RUN_ENDED)
            if commit.advance(TURN_SECONDS):
                commit.pauseDrawing()
                return
        except Exception as problem:  # neither nodes that went, nor a bug, may leave it for ever
            if self._hasSaved:
                self._takeBackWritten()
            else:
                self._forget()
            self._end(Finished(problem))
            if not isinstance(problem, SlicePropagationError):
                raise
            return
        self._end(self._outcome)

    # The end

    def _changes(self) -> Changes:
        return self._writer.changes(self._touched, mayOverlap=self._mayOverlap)

    def _isGone(self) -> bool:
        return self._hasSaved and self._writer.isGone(self._written)

    def _takeBackWritten(self) -> None:
        """The session forgets the run, of which the segments may hold a part."""
        if self._document.isIntact() and self._isGone():
            # Redo would bring back the part that was there when it was undone, as if drawn.
            with self._watch.writing():
                self._writer.forgetRedo()
        self._takeBack()

    def _takeBack(self) -> None:
        for _ in range(self._numWalks):
            self._document.session.take_back_run()

    def _forget(self) -> None:
        """The session holds what the segments do; what a person did meanwhile stays."""
        if not self._document.isIntact():  # then it is of no use any more
            return
        self._edits.merge()
        self._takeBack()
        # Another segment may have been drawn over what was there before the run.
        for label in self._document.segments:
            self._writer.follow(label)

    def _fail(self, problem: Exception) -> None:
        """End between two steps; nothing is written."""
        self._steps.close()
        self._drop(problem)

    def _drop(self, problem: Exception) -> None:
        """The result is forgotten for a reason that is told."""
        try:
            self._forget()
        finally:
            self._end(Finished(problem))

    def _end(self, event: Event) -> None:
        self.abandon()
        if self._commit is not None:
            self._commit.end()
        self._tools.ended(self, event)
