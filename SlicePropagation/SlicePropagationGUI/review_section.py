"""The slice strip, and what a person does about the slice that is shown."""

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
from SlicePropagationMRML.presenting.controls import hints, keyed, keysText, legend
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
        ui.legendLabel.text = f"{_legend()}<br>{keysText()}"  # below Details
        ui.reviewLabel.toolTip = _legend()
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
        isOpen = document is not None and segmentID in document.segments.values()
        self._segmentID = segmentID if isOpen else ""
        self._review = None
        if isOpen:
            label = document.labelOf(segmentID)
            self._review = reviewSlices(document.session, label)
            text = summaryText(self._review, document.segmentName(label))
        else:
            text = _hint(hasVolume)
        self.strip.setReview(self._review)
        self._ui.reviewLabel.text = text
        observed = [node for node, _tag in self._observations]
        if self._isObserving and observed != sliceNodes(slicer.mrmlScene):
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
        index = self._shownIndex()
        if index != self._index:
            self._index = index
            self.strip.setCurrent(index)
            self._moved()

    def _shownIndex(self):
        """The slice that the best view along the stack shows, or None."""
        document = self._logic.document
        if document is None:
            return None
        axis = document.stack.axis
        views = viewsAlong(slicer.mrmlScene, document.volumeNode, axis)
        if not views:
            return None
        index = indexInView(views[0], document.volumeNode, axis)
        return index if 0 <= index < len(document.stack) else None

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
        reasons = explainSlice(session, label, index) if isPredicted else None
        isHinted = bool(self._review.isHinted[index])
        return sliceText(index, len(self._review), kind, confidence, reasons, isHinted=isHinted)


def _legend():
    """What colours and shapes mean, as rich text in two lines."""
    lines, below = legend()
    cells = [" &nbsp; ".join(_cell(*entry) for entry in line) for line in lines]
    return "<br>".join([*cells, below])


def _cell(color, name):
    """A colour and its name, on one line."""
    return f'<span style="color:{color}">&#9632;</span>&nbsp;{name.replace(" ", "&nbsp;")}'


def _hint(hasVolume):
    """What stands there while there is nothing to review."""
    hint = _("Every slice of the segment will be shown here.")
    if hasVolume:
        return hint
    sample = _("No volume at hand? Take SlicePropagationAbdomen in the module Sample Data.")
    return f"{hint} {sample}"
