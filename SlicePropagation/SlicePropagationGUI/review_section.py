"""The section *Review*: the slice strip, and what a person does about the slice that is shown."""

import numpy as np
import slicer
from SlicePropagationMRML.nodes.slice_views import (
    indexInView,
    jumpViews,
    observeViews,
    sliceNodes,
    stopObserving,
    viewsAlong,
)
from SlicePropagationMRML.presenting.controls import hints, keyed, legend
from SlicePropagationMRML.presenting.messages import sliceText, summaryText
from SlicePropagationMRML.presenting.review import Kind, explainSlice, reviewSlices
from slicer.i18n import tr as _

from SlicePropagationGUI.slice_strip import SliceStrip


class ReviewSection:
    """Shows one segment's slices.

    Args:
        ui: the widgets of the panel by name.
        settings: a PanelSettings.
        logic: a PropagationLogic.
        moved: called after the slice shown changed.
    """

    def __init__(self, ui, settings, logic, moved):
        self._ui = ui
        self._settings = settings
        self._logic = logic
        self._moved = moved
        self._segmentID = ""
        self._review = None
        self._index = None
        self._observations = []
        self._isObserving = False
        self.strip = SliceStrip(self._describe, self.jump)
        ui.stripFrame.layout().addWidget(self.strip)
        ui.legendLabel.text = _legend()
        ui.autoUpdateCheckBox.checked = settings.isOn("autoUpdate")
        ui.autoUpdateCheckBox.connect(
            "toggled(bool)",
            lambda isOn: settings.set("autoUpdate", bool(isOn)),
        )

    def connectTo(self, commands):
        """Let the buttons do something."""
        ui = self._ui
        for button, command in (
            (ui.nextButton, commands.showNext),
            (ui.confirmButton, commands.confirm),
            (ui.emptyButton, commands.markEmpty),
        ):
            button.connect("clicked()", command)

    def isAutoUpdate(self):
        """Whether a run follows every correction."""
        return self._settings.isOn("autoUpdate")

    @property
    def index(self):
        """The slice that a view along the stack shows, or None."""
        return self._index

    @property
    def review(self):
        """The SliceReview on show, or None."""
        return self._review

    def show(self, segmentID, *, hasVolume=True):
        """Show a segment's slices.

        Nothing when it is not worked on, with a hint for those who have no volume.
        """
        document = self._logic.document
        self._segmentID = (
            segmentID if document is not None and segmentID in document.segments.values() else ""
        )
        self._review = (
            reviewSlices(document.session, document.labelOf(segmentID)) if self._segmentID else None
        )
        self.strip.setReview(self._review)
        if self._review is not None:
            self._ui.reviewLabel.text = summaryText(
                self._review,
                document.segmentName(document.labelOf(segmentID)),
            )
        else:
            hint = _("Every slice of the segment will be shown here.")
            self._ui.reviewLabel.text = (
                hint
                if hasVolume
                else f"{hint} "
                + _("No volume at hand? Take SlicePropagationAbdomen in the module Sample Data.")
            )
        self._ui.legendLabel.visible = self._review is not None
        if self._isObserving and [node for node, _tag in self._observations] != sliceNodes(
            slicer.mrmlScene
        ):
            self.observe()  # a view came or went
        self.follow()

    def jump(self, index):
        """Show a slice in the views."""
        document = self._logic.document
        if document is not None:
            label = document.labelOf(self._segmentID) if self._segmentID else None
            jumpViews(slicer.mrmlScene, document, index, label)
            self.follow()

    def follow(self):
        """Mark the slice that the views show."""
        document = self._logic.document
        index = None
        if document is not None:
            views = viewsAlong(slicer.mrmlScene, document.volumeNode, document.stack.axis)
            index = (
                indexInView(views[0], document.volumeNode, document.stack.axis) if views else None
            )
            index = index if index is not None and 0 <= index < len(document.stack) else None
        if index != self._index:
            self._index = index
            self.strip.setCurrent(index)
            self._moved()

    def showState(self, state):
        """Enable what can be done, and say why the rest cannot."""
        ui = self._ui
        for button, reason, command in (
            (ui.nextButton, state.next, "next"),
            (ui.confirmButton, state.confirm, "confirm"),
            (ui.emptyButton, state.empty, "empty"),
        ):
            button.enabled = reason == ""
            button.toolTip = reason or keyed(hints()[command], command)

    def observe(self):
        """Follow the slice views from now on."""
        self.stop()
        self._isObserving = True
        self._observations = observeViews(slicer.mrmlScene, self.follow)
        self.follow()

    def stop(self):
        """Follow the slice views no longer."""
        stopObserving(self._observations)
        self._isObserving = False
        self._observations = []

    def _describe(self, index):
        session = self._logic.session
        label = self._logic.document.labelOf(self._segmentID)
        kind = Kind(int(self._review.kinds[index]))
        confidence = float(self._review.confidence[index])
        isPredicted = kind in (Kind.PROPAGATED, Kind.STALE) and not np.isnan(confidence)
        return sliceText(
            index,
            len(self._review),
            kind,
            confidence,
            explainSlice(session, label, index) if isPredicted else None,
        )


def _legend():
    """What colours and shapes mean, as rich text in two lines."""
    lines, below = legend()
    cells = [
        " &nbsp; ".join(
            f'<span style="color:{color}">&#9632;</span>&nbsp;{name.replace(" ", "&nbsp;")}'
            for color, name in line
        )
        for line in lines
    ]
    return "<br>".join([*cells, below])
