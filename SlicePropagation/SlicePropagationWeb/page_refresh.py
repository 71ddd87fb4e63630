"""Bringing what the page shows up to date."""

import time
from typing import Any

from SlicePropagationMRML.nodes.types import Schedule
from SlicePropagationMRML.presenting.controls import adaptReason
from SlicePropagationMRML.presenting.messages import summaryText
from SlicePropagationMRML.presenting.review import Kind, SliceReview, reviewSlices
from SlicePropagationMRML.presenting.states import Situation
from SlicePropagationMRML.run.logic import PropagationLogic

from SlicePropagationLib.engines import ENGINES
from SlicePropagationWeb.page_session import PageSession
from SlicePropagationWeb.page_views import PageViews
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.segment_measures import ml_text, volumes_ml
from SlicePropagationWeb.segmentation_controller import SegmentationController
from SlicePropagationWeb.strip_cells import ANCHORS, cells, describe
from SlicePropagationWeb.view_state import reasons

STRIP_SECONDS = 0.2  # between two updates of the strip during a run
# After another slice came: its picture is to be on the screen before what stands around it.
AROUND_MS = 120


class PageRefresh:
    """Writes into the PanelState what is so now.

    Args:
        logic: a PropagationLogic.
        session: the PageSession.
        controller: the SegmentationController.
        views: the PageViews.
        data: the PanelState that the browser shows.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
    """

    def __init__(
        self,
        logic: PropagationLogic,
        session: PageSession,
        controller: SegmentationController,
        views: PageViews,
        data: PanelState,
        schedule: Schedule,
    ) -> None:
        self._logic = logic
        self._session = session
        self._controller = controller
        self._views = views
        self._data = data
        self._review: SliceReview | None = None
        self._strip_at = 0.0
        self._schedule = schedule
        self._is_behind = False

    def everything(self) -> None:
        """Bring the page up to date with the logic."""
        self._data.is_running = self._logic.isRunning
        self._data.is_waiting = self._logic.hasPartialResult
        self.segments()
        if not self._logic.isRunning:
            self.strip()
        self.position()
        self.reasons()

    def moved(self) -> None:
        """A view shows another slice; what stands around it follows in a moment."""
        volume = self._controller.volume
        if volume is None:
            return
        self._data.index = self._views.index(self._data.plane, volume)
        if not self._is_behind:
            self._is_behind = True
            self._schedule(AROUND_MS, self.catch_up)

    def catch_up(self) -> None:
        """Bring what stands around the slice that is shown up to date, if it is not."""
        if self._is_behind:
            self.position()

    def position(self) -> None:
        """Say which slice is shown, and what can be done there."""
        self._is_behind = False
        volume = self._controller.volume
        if volume is not None:
            self._data.index = self._views.index(self._data.plane, volume)
            self._show_corners(self._views.corners(volume))
            self.reasons()

    def _show_corners(self, corners: dict[str, dict[str, Any]]) -> None:
        """Say which slices the views show; what the pointer rested on may be on another one."""
        view = self._data.pointer.get("view", "")
        if corners.get(view) != self._data.corners.get(view):
            self._data.pointer = {}
        self._data.corners = corners

    def segments(self) -> None:
        """Show the segments, which one is chosen, and what limits the tools."""
        limits = self._controller.rules.limits()
        self._data.limits = list(limits or ())
        self._data.overwrite = self._controller.rules.overwrite()
        volumes = volumes_ml(self._session.document)
        self._data.segments = [
            {**segment, "ml": ml_text(volumes.get(segment["id"]))}
            for segment in self._controller.listed_segments()
        ]
        self._data.segment_id = self._controller.chosen_id()

    # The strip

    @property
    def is_strip_old(self) -> bool:
        """Whether it is time to draw the strip anew during a run."""
        return time.perf_counter() - self._strip_at > STRIP_SECONDS

    def strip(self) -> None:
        """Show where every slice of the segment came from; during a run only between two steps."""
        self._strip_at = time.perf_counter()
        document = self._session.document
        label = self._session.label
        if document is None or label is None:
            self._data.cells = []
            self._data.summary = ""
            self._review = None
            return
        self._review = reviewSlices(document.session, label)
        self._data.cells = cells(self._review)
        self._data.cell = -1  # what was said of a slice may be out of date
        summary = summaryText(self._review, document.segmentName(label))
        self._data.summary = summary.replace("<b>", "").replace("</b>", "")

    def cell(self, index: int) -> None:
        """Say what there is to say of a slice of the strip."""
        document = self._session.document
        label = self._session.label
        if document is None or label is None or self._review is None:
            return
        if 0 <= index < len(self._review):
            self._data.cell = index
            self._data.cell_text = describe(document.session, label, index)

    # What can be done

    def reasons(self) -> None:
        """Say what can be done now, and why the rest cannot."""
        engine = ENGINES[self._data.engine]
        self._data.has_device = engine.has_weights and not engine.missing
        self._data.adapt_reason = adaptReason(self._data.engine)
        history = self._controller.history
        self._data.why = reasons(
            self._situation(),
            can_undo=history.can_undo,
            can_redo=history.can_redo,
            locked=self._locked_name(),
            fills_all=self._data.scope == "drawn",
        )

    def _locked_name(self) -> str:
        """The name of the segment that is chosen, if it is locked."""
        chosen = (each for each in self._data.segments if each["id"] == self._data.segment_id)
        return next((each["name"] for each in chosen if each["locked"]), "")

    def _situation(self) -> Situation:
        """What the panel, too, knows when it says what can be done."""
        has_volume = self._controller.volume is not None
        return Situation(
            hasVolume=has_volume,
            hasSegmentation=has_volume,
            numSegments=int(bool(self._data.segment_id)),
            isRunning=self._data.is_running,
            hasResult=self._data.is_waiting,
            missing=ENGINES[self._data.engine].missing,
            isShown=True,
            **self._of_slices(),
        )

    def _of_slices(self) -> dict[str, Any]:
        """What of the situation the slices say, that is shown and the others."""
        review = self._review
        if review is None:
            return {}
        return {
            "hasSeed": self._has_seed(review),
            "hasHint": bool(review.isHinted.any()),
            "hasPrediction": review.count(Kind.PROPAGATED, Kind.STALE) > 0,
            **_of_slice(review, self._data.index),
        }

    def _has_seed(self, review: SliceReview) -> bool:
        """Whether something is annotated in what the next run fills."""
        document = self._session.document
        if self._data.scope == "drawn" and document is not None:
            session = document.session
            return any(session.anchors(label) for label in session.labels)
        return review.count(*ANCHORS) > 0


def _of_slice(review: SliceReview, index: int) -> dict[str, Any]:
    if index >= len(review):
        return {}
    is_anchor = Kind(int(review.kinds[index])) in ANCHORS
    is_empty = bool(review.isEmpty[index])
    return {"isAnchor": is_anchor, "isEmptyAnchor": is_anchor and is_empty}
