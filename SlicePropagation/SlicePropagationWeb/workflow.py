"""What a person does on the page, handed to the logic, and what the logic says, shown there."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from SlicePropagationMRML.nodes.types import Schedule
from SlicePropagationMRML.presenting.controls import adaptHint
from SlicePropagationMRML.presenting.messages import otherAxisText, otherGridText
from SlicePropagationMRML.presenting.presenter import Presenter
from SlicePropagationMRML.run.events import (
    Edited,
    Edits,
    Event,
    Finished,
    Kept,
    Stepped,
)
from SlicePropagationMRML.run.logic import PropagationLogic

from SlicePropagationLib.engines import default_engine
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.segmenters.catalogue import ShippedModel
from SlicePropagationWeb.command_labels import direction_items, engine_items
from SlicePropagationWeb.edit_texts import (
    MANY,
    annotated_text,
    count_taken,
    redone_text,
    taken_text,
)
from SlicePropagationWeb.page_refresh import PageRefresh
from SlicePropagationWeb.page_session import Exports, PageSession
from SlicePropagationWeb.page_views import PageViews
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.redo import HELD_SECONDS, Redo
from SlicePropagationWeb.segmentation_controller import SegmentationController
from SlicePropagationWeb.slice_numbers import event_in_numbers, number
from SlicePropagationWeb.surprises import tell, unexpected


class Workflow:
    """The panel's commands.

    Args:
        logic: a PropagationLogic.
        controller: the SegmentationController, which knows volume, segmentation and tools.
        views: the PageViews.
        data: the PanelState that the browser shows.
        redo: the Redo, which says when a correction redoes its gap by itself.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.

    Attributes:
        session: the PageSession.
        presenter: the Presenter, which has the sentences.
        on_work: called after every change that an autosave should keep.
        before_run: called before a run begins, while the session is still ours.
    """

    def __init__(
        self,
        logic: PropagationLogic,
        controller: SegmentationController,
        views: PageViews,
        data: PanelState,
        redo: Redo,
        schedule: Schedule,
    ) -> None:
        self._redo = redo
        self._is_redoing = False
        self._is_walk = False  # what a run with an engine takes says how long the next one will
        self.logic = logic
        self.controller = controller
        self.views = views
        self.data = data
        self.session = PageSession(logic, controller, data)
        self.on_work: Callable[[], None] = lambda: None
        self.before_run: Callable[[], None] = lambda: None
        self._refresh = PageRefresh(logic, self.session, controller, views, data, schedule)
        self.presenter = Presenter(logic)
        self.presenter.firstSlice = number(0)
        self._began_at = 0
        self._follows = True
        self._seconds = 0.0
        logic.events.connect(self._told)
        controller.on_change = self._segments_changed
        views.observe(self._refresh.moved)
        data.engines = engine_items()
        data.directions = direction_items()
        data.engine = default_engine()
        data.adapt_hint = adaptHint()

    # Runs

    def propagate(self) -> None:
        """Start a run of the segment chosen, or of all that are drawn."""
        self._begin_run(is_redo=False)

    def _begin_run(self, *, is_redo: bool) -> None:
        """Start a run; one that redoes what a correction affects leaves the views where they are."""
        data = self.data
        self._prepare_run(is_walk=True)
        filled = self._filled()
        if is_redo:
            self._redo.begin(filled)
        first, last = data.span
        is_started = self.logic.start(
            data.engine,
            None if data.to_the_end else (first, last),
            data.direction,
            data.device,
            segmentIDs=filled,
            adapts=data.adapts and not data.adapt_reason,
        )
        self._is_redoing = is_redo and is_started
        self.say(self.presenter.started(is_started))
        if is_started:
            self._begin_progress(follows=not is_redo)
        if self._is_redoing:  # pictures of its slices would take as long as the slices
            self.views.hold(HELD_SECONDS)
        self.refresh()

    def segment_first(self, model: ShippedModel, segment_ids: dict[int, str]) -> None:
        """Start a run of a model that needs no seed.

        Args:
            model: the ShippedModel.
            segment_ids: {label of its results: segment}.
        """
        self._prepare_run(is_walk=False)
        self.logic.segmentFirst(model.name, segment_ids, self.data.device)
        self._is_redoing = False
        self.say(self.presenter.segmenting(model.title))
        self._begin_progress(follows=False)
        self.refresh()

    def _prepare_run(self, *, is_walk: bool) -> None:
        self._is_walk = is_walk
        self.presenter.begin()
        self._seconds = 0.0
        if self.session.take_over_strokes():
            self.on_work()
        self.before_run()
        self._redo.outlines.hide()
        self._redo.pace.begin()

    def _begin_progress(self, *, follows: bool) -> None:
        self.data.step = 0
        self.data.num_steps = 0
        self._began_at = self.data.index
        self._follows = follows

    def _filled(self) -> list[str]:
        """The segments that a run fills."""
        if self.data.scope == "drawn":
            return self.controller.rules.fillable(self.session.document)
        return [self.data.segment_id]

    def stop(self) -> None:
        """End the run within one slice."""
        if self.logic.isRunning:
            self.logic.stop()
            self.say(self.presenter.stopping())

    def keep(self) -> None:
        """Write the partial result, in turns: the page goes on answering."""
        self.logic.keepInTurns()
        self.refresh()

    def discard(self) -> None:
        """Forget the partial result."""
        self.logic.discard()
        self.say(self.presenter.discarded())
        self.worked()

    # Which slice is shown

    def jump(self, index: int) -> None:
        """Show a slice of the chosen plane; during a run, the views stay there."""
        self._follows = False
        self.views.work_in(self.data.plane)
        self._show(index)

    def _show(self, index: int) -> None:
        self.views.jump(self.data.plane, self.controller.volume, int(index))

    def show_annotation(self) -> None:
        """Show the first slice of the segment chosen that a person drew or vouched for."""
        index = self.session.first_anchor()
        if index is not None:
            self.jump(index)

    def describe(self, index: int) -> None:
        """The mouse rests on a slice of the strip."""
        self._refresh.cell(int(index))

    # What is worked on

    def choose_segment(self, segment_id: str) -> None:
        """Work on another segment."""
        self.controller.choose(segment_id)
        self.refresh()

    def choose_plane(self, plane: str) -> None:
        """Propagate along another axis; its slices get the large view."""
        self.data.plane = plane
        self.views.enlarge(plane)
        if self.controller.volume is None:
            return
        self.open_session()
        text = self.session.other_slices()
        holds_no_longer = self.data.message in (otherAxisText(), otherGridText())
        if text or holds_no_longer:
            self.say(text)

    def open_session(self) -> None:
        """Work on all segments along the chosen plane."""
        self._redo.outlines.hide()
        self.session.open()
        self.refresh()

    def _segments_changed(self) -> None:
        """The list of segments may have changed.

        A new one joins the session, a removed one leaves it.
        """
        if self.session.is_opening:
            return
        if not self.logic.isRunning and not self.session.has_all_segments():
            self.open_session()
            self.on_work()
        self.data.tool = self.controller.tool()
        chosen = self.data.segment_id
        self._refresh.segments()
        if self.data.segment_id != chosen and not self.logic.isRunning:
            self._refresh.strip()
        self._refresh.reasons()

    def result(self, path: Path, exports: Exports | None = None) -> Callable[[], list[Path]]:
        """What writes the work as it is now when it is called, in any thread."""
        return self.session.result(path, self._seconds, exports)

    # What the logic says

    def _told(self, event: Event) -> None:
        match event:
            case Stepped(step):
                self._stepped(event, step.index)
            case Finished(problem):
                self._finished(event, problem)
            case Kept():
                self.say_event(event)
                self.worked()
            case Edited(changed):
                self._edited(event, changed)

    def _stepped(
        self,
        event: Stepped,
        index: int,
    ) -> None:
        data = self.data
        if self._is_walk:
            self._redo.pace.stepped(event.prediction.step)
        data.step = event.prediction.step
        data.num_steps = event.prediction.num_steps
        data.progress_text = self.presenter.sentence(event) or ""
        if self._refresh.is_strip_old:
            self._refresh.strip()
            if data.follow and self._follows:
                self._show(index)
            self.views.refresh()

    def _finished(
        self,
        event: Finished,
        problem: Exception | None,
    ) -> None:
        self._seconds = self.presenter.seconds()
        is_redone, self._is_redoing = self._is_redoing, False
        if problem is None or isinstance(problem, SlicePropagationError):
            self.say_event(event, is_error=problem is not None)
        else:
            self.say(unexpected(problem, "The run"), is_error=True)
        if problem is None and not self.logic.hasPartialResult:
            self._redo.pace.finished(self._redo.engine)
            if is_redone:
                self._show_redone()
            else:
                self._show_whole()
        if is_redone:
            self.views.release()
        self.worked()

    def _show_redone(self) -> None:
        """Show for a moment what a correction changed around it."""
        document = self.session.document
        if document is None:
            return
        self._redo.outlines.show(document)
        self.say(redone_text(self._seconds, is_shown=self._redo.outlines.is_shown))

    def _show_whole(self) -> None:
        """Show where a run began; in the other views the middle of what it filled, and all in 3D."""
        if self.data.follow and self._follows:
            self._show(self._began_at)
        center = self.controller.center(self.data.segment_id)
        if center is not None:
            self.views.center_others(self.data.plane, center)
        self.views.reset_3d()

    def _edited(
        self,
        event: Edited,
        changed: Edits,
    ) -> None:
        calls_for_run = self.presenter.callsForRun(changed)
        drawn = [edit for edit in changed if edit[1] not in event.hints]
        num_taken = count_taken(drawn, self.session.label, self.data.cells)
        said = self.presenter.sentence(event_in_numbers(event))
        if self.session.is_all_new(changed):
            self.views.reset_3d()  # nothing was to be seen there before
        if self.logic.isRunning or self.logic.hasPartialResult:
            self.on_work()
        else:
            self.worked()
        if num_taken > MANY:  # as it may not have been meant so, nothing runs by itself
            self.say(taken_text(num_taken, said), is_warning=True)
        elif calls_for_run and self._redo.is_due(self._filled()):
            tell(self, partial(self._begin_run, is_redo=True))
        else:
            self.say(annotated_text(drawn, said))

    # What is shown

    def say(
        self,
        text: str,
        *,
        is_error: bool = False,
        is_warning: bool = False,
    ) -> None:
        """Show a sentence on the page; a warning comes with a button that undoes."""
        self.data.message = text
        self.data.is_error = is_error
        self.data.is_warning = is_warning

    def say_event(
        self,
        event: Event,
        *,
        is_error: bool = False,
    ) -> None:
        """Show what there is to say of an event."""
        self.say(self.presenter.sentence(event_in_numbers(event)) or "", is_error=is_error)

    def forget_error(self) -> None:
        """An old error has nothing to say in a dialog that opens."""
        if self.data.is_error:
            self.say("")

    def refresh(self) -> None:
        """Bring the page up to date with the logic."""
        self._refresh.everything()

    def catch_up(self) -> None:
        """Bring up to date what waited for the picture of another slice."""
        self._refresh.catch_up()

    def refresh_reasons(self) -> None:
        """Say what can be done now, and why the rest cannot."""
        self._refresh.reasons()

    def worked(self) -> None:
        """Something changed that a person sees, and that is to be kept."""
        self.refresh()
        self.views.refresh()
        self.on_work()
