"""The panel: one screen from top to bottom; each section has its controller, and this file ties them to the logic."""

import slicer
from slicer.i18n import tr as _

from SlicePropagationGUI.details import DetailsSection
from SlicePropagationGUI.drawing import DrawSection
from SlicePropagationGUI.inputs import InputSection
from SlicePropagationGUI.narrator import Narrator
from SlicePropagationGUI.reviewing import ReviewSection
from SlicePropagationGUI.running import RunSection
from SlicePropagationGUI.shortcuts import Shortcuts
from SlicePropagationGUI.states import Situation, viewState
from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.choices import axisOfSegments, suggestAxis
from SlicePropagationMRML.files import removeDownloadedFiles, writeTable
from SlicePropagationMRML.review import Kind, sliceTable
from SlicePropagationMRML.settings import PanelSettings
from SlicePropagationMRML.views import snapViews


class PropagationPanel:
    """Input, Draw, Propagate, Review, Details.

    Args:
        root: the widget of SlicePropagation.ui.
        ui: its children by name.
        logic: a PropagationLogic.
        parameterNode: a function that returns the module's parameter node.
        folder: where sample data is kept.
    """

    def __init__(self, root, ui, logic, parameterNode, folder):
        self.ui, self.logic, self._folder = ui, logic, folder
        self.settings = PanelSettings(parameterNode)
        self._isEntered = self._isBusy = self._isReady = False
        self._problem = ""
        self.draw = DrawSection(ui, self.refresh)
        self.draw.attach()
        self.inputs = InputSection(ui, self.settings, self.refresh)
        self.run = RunSection(ui, self.settings, self.chosen, {
            "propagate": self.propagateOrStop, "keep": self.keep, "discard": self.discard, "install": self.install, "snap": self.snap})
        self.review = ReviewSection(ui, self.settings, logic, {"next": self.showNext, "confirm": self.confirm, "empty": self.markEmpty}, self.showState)
        self.details = DetailsSection(ui, folder, {"export": self.export, "remove": self.removeFiles})
        self.shortcuts = Shortcuts(root, {"propagate": self.propagate, "next": self.showNext, "confirm": self.confirm,
                                          "empty": self.markEmpty, "keep": self.keep, "discard": self.discard}, self.stop)
        self.narrator = Narrator(self)
        self._sceneTags = [slicer.mrmlScene.AddObserver(event, lambda caller, name: self.restore())
                           for event in (slicer.vtkMRMLScene.EndCloseEvent, slicer.vtkMRMLScene.EndBatchProcessEvent)]
        self._isReady = True
        self.refresh()

    # The person comes and goes

    def enter(self):
        """The module is shown."""
        self._isEntered = True
        self.draw.enter()
        self.shortcuts.install()
        self.review.observe()
        self.refresh()

    def leave(self):
        """Another module is shown; a run goes on."""
        self._isEntered = False
        self.shortcuts.uninstall()
        self.review.stop()
        self.draw.exit()

    def restore(self):
        """The scene is another one now: closed, loaded or restored."""
        if slicer.mrmlScene.IsBatchProcessing() or not self._isReady:
            return
        self.draw.attach()
        self.run.restore()
        self.inputs.restore()
        if self._isEntered:
            self.review.observe()

    def cleanup(self):
        """Forget everything before the panel goes."""
        self._isReady = False           # its widgets live on for a moment, and tell of changes
        if self._isEntered:
            self.leave()
        self.narrator.cleanup()
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._sceneTags = []
        self.inputs.cleanup()
        self.draw.cleanup()

    # What a person does

    def propagateOrStop(self):
        """The one button."""
        if self.logic.isRunning:
            self.stop()
        else:
            self.propagate()

    def propagate(self):
        """Start a run of the segments chosen."""
        self.refresh()
        reason = viewState(self.situation()).propagate
        if reason or self.logic.isRunning:
            self.say(reason)
            return
        with self.saying():
            isStarted = self.logic.start(self.run.engineName(), self.run.span(), self.run.direction(), self.run.device())
            self.say(_("Propagating…") if isStarted else _("Everything is up to date; draw on a slice or correct one first."))
            if isStarted:
                self.run.begin()
        self.showState()

    def stop(self):
        """End the run within one slice."""
        if self.logic.isRunning:
            self.logic.stop()
            self.say(_("Stopping after this slice…"))

    def keep(self):
        """Write the result that waits."""
        if self.logic.hasPartialResult:
            with self.saying():
                self.logic.keep()
                self.say(_("Kept. Undo takes it back in one step."))
            self.refresh()

    def discard(self):
        """Forget the result that waits."""
        if self.logic.hasPartialResult:
            self.logic.discard()
            self.say(_("Discarded; the segments are as they were."))
            self.refresh()

    def showNext(self):
        """Show the slice most worth correcting."""
        if viewState(self.situation()).next == "":
            index = self.logic.nextSuspicious(self.reviewed())
            if index is None:
                self.say(_("No slice is worth correcting any more."))
                return
            self.review.jump(index)
            self.say(_("Slice {index}: a correction here is expected to gain most. Correct it, or confirm it.").format(index=index))

    def confirm(self):
        """Vouch for the slice shown."""
        self._vouch("confirm", self.logic.confirm, _("Slice {index} is confirmed; runs start from it and keep it."))

    def markEmpty(self):
        """Say that the structure is not on the slice shown."""
        self._vouch("empty", self.logic.markEmpty, _("Slice {index} is empty and stays so."))

    def chosen(self):
        """Something about the run was chosen."""
        if self.run.missing():
            self.say(viewState(Situation(True, True, 1, True, missing=self.run.missing())).propagate)
        self.refresh()

    def snap(self):
        """Turn the slice views onto the slices of the volume."""
        if self.inputs.volume() is not None:
            snapViews(slicer.mrmlScene, self.inputs.volume())

    def install(self):
        """Install PyTorch, after asking."""
        from SlicePropagationGUI.pytorch import installTorch
        with self.saying():
            if installTorch():
                self.run.refreshEngines()
                self.say(_("PyTorch is installed."))
        self.refresh()

    def export(self):
        """Write the table of slices."""
        document = self.logic.document
        path = self.details.askPath(f"{document.segmentationNode.GetName()}.slices.csv")
        if path:
            rows = [row for label in document.segments for row in sliceTable(document.session, label, document.segmentName(label))]
            try:
                writeTable(path, rows)
            except OSError as error:
                self.say(_("The table was not written: {error}").format(error=error))
                return
            self.say(_("Wrote {number} rows to {path}.").format(number=len(rows), path=path))

    def removeFiles(self):
        """Delete what the extension keeps on the disk."""
        self.say(_("Removed {number} files.").format(number=removeDownloadedFiles(self._folder)))
        self.showState()

    # What is shown

    def reviewed(self):
        """ID of the segment that the strip shows: the one selected in the editor, when it is worked on."""
        document = self.logic.document
        if document is None:
            return ""
        known = list(document.segments.values())
        return self.inputs.selectedSegment() if self.inputs.selectedSegment() in known else known[0]

    def refresh(self):
        """Bring everything in line with what is chosen and drawn."""
        if self._isBusy or not self._isReady or slicer.mrmlScene.IsBatchProcessing():
            return
        self._isBusy = True                     # setting nodes and names fires the events that call this
        try:
            self.draw.show(self.inputs.volume(), self.inputs.segmentation())
            if not self.logic.isRunning and not self.logic.hasPartialResult:
                self._open()
            self.review.show(self.reviewed())
        finally:
            self._isBusy = False
        self.showState()

    def showState(self):
        """Enable what can be done; say in tooltips why the rest cannot."""
        if not self._isReady:
            return
        situation = self.situation()
        state = viewState(situation)
        self.inputs.setEnabled(state.choices)
        self.run.showState(state, situation)
        self.review.showState(state)
        self.details.showState(state)
        self.draw.setKeys(not situation.isRunning)
        self.shortcuts.setStopKey(situation.isRunning and self._isEntered)

    def situation(self):
        """What `viewState` needs to know."""
        document, index = self.logic.document, self.review.index
        known = dict(hasVolume=self.inputs.volume() is not None, hasSegmentation=self.inputs.segmentation() is not None,
                     numSegments=len(self.inputs.segmentIDs()), isRunning=self.logic.isRunning, hasResult=self.logic.hasPartialResult,
                     missing=self.run.missing(), problem=self._problem, isShown=index is not None)
        if document is None or self.review.review is None:
            return Situation(**known)
        kinds, session, label = self.review.review.kinds, document.session, document.labelOf(self.reviewed())
        isAnchor = index is not None and kinds[index] in (Kind.SEED, Kind.CORRECTION, Kind.CONFIRMED)
        return Situation(**known, hasSeed=any(session.anchors(label) for label in document.segments),
                         hasPrediction=self.review.review.count(Kind.PROPAGATED, Kind.STALE) > 0, isAnchor=isAnchor,
                         isEmptyAnchor=isAnchor and session.state(label, index).patch.is_empty)

    def say(self, text):
        """Show a sentence in the status line."""
        self.ui.statusLabel.text = text

    def saying(self):
        """Errors that a person can do something about become text; bugs go on as they are."""
        return self.narrator.errors()

    def axis(self):
        """The axis to propagate along: the person's choice, else that of the annotation, else that of the view in use."""
        chosen = self.run.chosenAxis()
        if chosen is not None:
            return chosen
        return suggestAxis(slicer.mrmlScene, self.inputs.volume(), self.inputs.segmentation(), self.inputs.segmentIDs())

    # Below

    def _open(self):
        """Let the logic work on what is chosen, unless it does already."""
        volume, segmentation, segmentIDs = self.inputs.volume(), self.inputs.segmentation(), self.inputs.segmentIDs()
        document, self._problem = self.logic.document, ""
        if volume is None or segmentation is None or not segmentIDs:
            self.logic.close()
            self.run.showStack(volume, 0, _count(volume, 0))
            return
        isSame = (document is not None and (document.volumeNode, document.segmentationNode) == (volume, segmentation)
                  and list(document.segments.values()) == segmentIDs)
        axis = document.stack.axis if isSame and self.run.chosenAxis() is None else self.axis()     # looking at every voxel takes a while
        if isSame and document.stack.axis == axis:
            self.run.showStack(volume, axis, _count(volume, axis))
            return
        try:
            self.logic.shareEditorNode(self.draw.node)
            self.logic.open(volume, segmentation, segmentIDs, axis)
        except SlicePropagationError as error:
            self._problem = str(error)
            self.logic.close()
            self.say(self._problem)
        self.run.showStack(volume, axis, _count(volume, axis))

    def _vouch(self, name, act, text):
        if getattr(viewState(self.situation()), name) == "":
            index = self.review.index
            with self.saying():
                act(self.reviewed(), index)
                self.say(text.format(index=index))
            self.refresh()

    def axisOfSeed(self):
        """The axis that the first drawing shows, unless the person chose one."""
        if self.run.chosenAxis() is not None:
            return self.run.chosenAxis()
        return axisOfSegments(self.inputs.volume(), self.inputs.segmentation(), self.inputs.segmentIDs())


def _count(volume, axis):
    """How many slices a volume has along an axis."""
    image = volume.GetImageData() if volume is not None else None
    return image.GetDimensions()[2 - axis] if image is not None else 0
