"""What a person does at the panel, by button or key: each method is one of it."""

from typing import Protocol

import slicer
from SlicePropagationMRML.nodes.fine_slices import makeFine
from SlicePropagationMRML.nodes.first_segments import planeFor, segmentsFor
from SlicePropagationMRML.nodes.geometry import hasVoxels
from SlicePropagationMRML.nodes.slice_views import snapViews
from SlicePropagationMRML.nodes.slices_chart import showSlices
from SlicePropagationMRML.presenting.exports import writeTable
from SlicePropagationMRML.presenting.models import modelTitle
from SlicePropagationMRML.presenting.review import sliceColumns, sliceTable
from SlicePropagationMRML.presenting.states import Situation, viewState
from slicer.i18n import tr as _

from SlicePropagationGUI.questions import mayTakeDrawn


class View(Protocol):
    """What commands ask of the panel."""

    def say(self, text, isError=False):
        """Show a sentence in the status line, as what went wrong or as what there is to know."""

    def saying(self):
        """Errors that a person can do something about become text."""

    def situation(self):
        """What `viewState` needs to know."""

    def settle(self):
        """Refresh now if that is due."""

    def refresh(self):
        """Bring everything in line with what is chosen and drawn."""

    def showState(self):
        """Enable what can be done."""


class Commands:
    """Acts on the logic, and says what came of it.

    Args:
        logic: a PropagationLogic.
        presenter: a Presenter of that logic.
        sections: the Sections, whose controls say how.
        chosen: the Chosen, which knows what is worked on.
        view: a `View`: where it is said and shown.
    """

    def __init__(self, logic, presenter, sections, chosen, view):
        self._logic = logic
        self._presenter = presenter
        self._inputs = sections.inputs
        self._run = sections.run
        self._frames = sections.frames
        self._review = sections.review
        self._details = sections.details
        self._first = sections.first
        self._chosen = chosen
        self._view = view

    def propagateOrStop(self):
        """The one button."""
        if self._logic.isRunning:
            self.stop()
        else:
            self.propagate()

    def propagate(self):
        """Start a run of the segments chosen."""
        if self._logic.isRunning:
            return
        self._view.refresh()
        if not self._isPossible("propagate"):
            return
        with self._view.saying():
            isStarted = self._logic.start(
                self._run.engineName(),
                self._run.span(),
                self._run.direction(),
                self._run.device(),
                adapts=self._run.adapts(),
            )
            self._view.say(self._presenter.started(isStarted))
            if isStarted:
                self._begin()
        self._view.showState()

    def segmentFirst(self):
        """Have the model that is chosen fill the segments of its structures."""
        if not self._isPossible("first"):
            return
        model = self._first.model()
        with self._view.saying():
            segments = segmentsFor(self._inputs.segmentation(), model.structures, self._isBlank)
            self._run.choosePlane(planeFor(model, self._inputs.volume()))
            self._inputs.fill(list(segments.values()))
            self._view.refresh()
            self._logic.segmentFirst(model.name, segments, self._run.device())
            self._view.say(self._presenter.segmenting(modelTitle(model)))
            self._begin()
        self._view.showState()

    def carry(self):
        """Carry what is segmented to all frames."""
        if self._isPossible("carry"):
            with self._view.saying():
                engine = self._run.frameEngineName()
                self._logic.frames.carry(self._frames.isCyclic(), engine, self._run.device())
                self._view.say(self._presenter.carrying())
                self._begin()
            self._view.showState()

    def takeBack(self):
        """Take the last carrying back in all frames."""
        if self._isPossible("takeBack"):
            with self._view.saying():
                self._logic.frames.takeBack(self._inputs.segmentation())
            self._view.showState()

    def doAgain(self):
        """Do again, in all frames, what was taken back last."""
        if self._isPossible("doAgain"):
            with self._view.saying():
                self._logic.frames.doAgain(self._inputs.segmentation())
            self._view.showState()

    def stop(self):
        """End the run within one slice."""
        if self._logic.isRunning:
            self._logic.stop()
            self._view.say(self._presenter.stopping())

    def keep(self):
        """Write the result that waits; the logic tells when that is done."""
        if not self._hasResult():
            return
        if self._logic.hasPartialFrames:
            self._begin()
        with self._view.saying():
            mayTake = mayTakeDrawn(self._logic.takings())
            self._logic.keepInTurns(mayTakeDrawn=mayTake)
        self._view.showState()

    def discard(self):
        """Forget the result that waits."""
        if not self._hasResult():
            return
        areFrames = self._logic.hasPartialFrames
        self._logic.discard()
        self._view.say(self._presenter.discarded(areFrames=areFrames))
        self._view.refresh()

    def showNext(self):
        """Show the slice most worth correcting."""
        if self._isPossible("next"):
            index = self._logic.nextSuspicious(self._chosen.reviewed())
            if index is not None:
                self._review.jump(index)
            self._view.say(self._presenter.suggested(index))

    def confirm(self):
        """Vouch for the slice shown."""
        self._vouch("confirm", self._logic.confirm, self._presenter.confirmed)

    def markEmpty(self):
        """Say that the structure is not on the slice shown."""
        self._vouch("empty", self._logic.markEmpty, self._presenter.emptied)

    def runChosen(self):
        """Something about the run was chosen."""
        missing = self._run.missing()
        if missing:
            isReady = Situation(True, True, 1, True, missing=missing)
            self._view.say(viewState(isReady).propagate)
        self._view.refresh()

    def snap(self):
        """Turn the slice views onto the slices of the volume."""
        if self._inputs.volume() is not None:
            snapViews(slicer.mrmlScene, self._inputs.volume(), self._chosen.axis())
            self._review.follow()

    def install(self):
        """Install PyTorch, after asking."""
        from SlicePropagationGUI.dependencies import installTorch

        with self._view.saying():
            if installTorch():
                self._run.refreshEngines()
                self._view.say(_("PyTorch is installed."))
            else:
                self._view.say(
                    _("PyTorch was not installed; choose another engine, or install it later.")
                )
        self._view.refresh()

    def export(self):
        """Write the table of slices."""
        document = self._logic.document
        path = self._details.askPath(f"{document.segmentationNode.GetName()}.slices.csv")
        if not path:
            return
        rows = []
        for label, segmentID in document.segments.items():
            name = document.segmentName(label)
            rows += sliceTable(document.session, label, name, segmentID)
        try:
            writeTable(path, rows)
        except OSError as error:
            text = _("The table was not written: {error}").format(error=error)
            self._view.say(text, isError=True)
            return
        self._view.say(_("Wrote {number} rows to {path}.").format(number=len(rows), path=path))

    def chart(self):
        """Show the slices of the segment under review as a table and a chart of the scene."""
        document = self._logic.document
        if document is None:
            return
        segmentID = self._chosen.reviewed()
        label = document.labelOf(segmentID)
        chart = showSlices(
            slicer.mrmlScene,
            f"{document.segmentationNode.GetID()} {segmentID}",
            document.segmentName(label),
            sliceColumns(document.session, label),
        )
        slicer.modules.plots.logic().ShowChartInLayout(chart)
        self._view.say(
            _("Chart and table '{name}' show the slices as they are now.").format(
                name=chart.GetName()
            )
        )

    def makeFine(self):
        """Make a segmentation without stair steps, beside the one that is chosen."""
        segmentation = self._inputs.segmentation()
        name = _("{segmentation} on fine slices").format(segmentation=segmentation.GetName())
        with self._view.saying():
            makeFine(slicer.mrmlScene, self._inputs.volume(), segmentation, name)
            self._view.say(_("'{name}' is a segmentation of its own.").format(name=name))

    def removeFiles(self):
        """Delete what the extension keeps on the disk."""
        number = self._details.removeFiles()
        self._view.say(_("Removed {number} files.").format(number=number))
        self._view.showState()

    def _isBlank(self, segmentID):
        return not hasVoxels(self._inputs.segmentation(), segmentID)

    def _begin(self):
        """A run begins: its time, and its bar."""
        self._presenter.begin()
        self._run.begin()

    def _hasResult(self):
        """Whether a result waits; if not, the status line says when one would."""
        isThere = self._logic.hasPartialResult or self._logic.hasPartialFrames
        return isThere or self._isPossible("decide")

    def _isPossible(self, name):
        """Whether something can be done now.

        If not, the status line says why, as for a key whose button is disabled.
        """
        self._view.settle()
        reason = getattr(viewState(self._view.situation()), name)
        if reason:
            self._view.say(reason)
        return reason == ""

    def _vouch(self, name, act, sentence):
        if self._isPossible(name):
            index = self._review.index
            with self._view.saying():
                act(self._chosen.reviewed(), index)
                self._view.say(sentence(index))
            self._view.refresh()
