"""The effect *Propagate*: preview, then apply or cancel, as in Grow from seeds.

The logic is that of the module's panel.
"""

import contextlib
import os

import qt
import slicer
import vtk
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

DIRECTIONS = ("both", "up", "down")
BEST_ENGINE = "best"  # that can walk here; Slicer stores no empty text


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Carries the selected segment from the slices it is drawn on to the others."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Propagate"  # a key, never translated
        scriptedEffect.title = _("Propagate")
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self._logic = None
        self._presenter = None
        self._observed = (None, None)  # the editor's node and the tag of our observer

    # What the Segment Editor asks for

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        copy = effects.qSlicerSegmentEditorScriptedEffect(None)
        copy.setPythonSource(__file__.replace("\\", "/"))
        return copy

    def icon(self):
        from SlicePropagation import sharedFolder

        path = os.path.join(sharedFolder(), "Resources", "Icons", "SlicePropagation.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self):
        return _(
            "Draw the segment on one slice, then press Preview: it is carried from slice to slice."
            " Apply writes the result, Cancel forgets it. The module Slice Propagation offers more:"
            " several segments, ranges, review of every slice."
        )

    def setupOptionsFrame(self):
        self.engineComboBox = qt.QComboBox()
        self.directionComboBox = qt.QComboBox()
        self.previewButton = qt.QPushButton(_("Preview"))
        self.applyButton = qt.QPushButton(_("Apply"))
        self.cancelButton = qt.QPushButton(_("Cancel"))
        self.progressBar = qt.QProgressBar()
        self.statusLabel = qt.QLabel()
        self.statusLabel.wordWrap = True
        for text in (_("Both directions"), _("Higher slices only"), _("Lower slices only")):
            self.directionComboBox.addItem(text)
        self.scriptedEffect.addLabeledOptionsWidget(_("Engine:"), self.engineComboBox)
        self.scriptedEffect.addLabeledOptionsWidget(_("Direction:"), self.directionComboBox)
        row = qt.QHBoxLayout()
        for button, act in (
            (self.previewButton, self.previewOrStop),
            (self.cancelButton, self.cancel),
            (self.applyButton, self.apply),
        ):
            row.addWidget(button)
            button.connect("clicked()", act)
        self.scriptedEffect.addOptionsWidget(row)
        self.scriptedEffect.addOptionsWidget(self.progressBar)
        self.scriptedEffect.addOptionsWidget(self.statusLabel)
        self.engineComboBox.connect("currentIndexChanged(int)", self._chosen)
        self.directionComboBox.connect("currentIndexChanged(int)", self._chosen)
        self._engines = []

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Engine", BEST_ENGINE)
        self.scriptedEffect.setParameterDefault("Direction", "both")

    def updateGUIFromMRML(self):
        if not self._engines:
            return
        for combo, names, value in (
            (self.engineComboBox, self._engines, self._engineName()),
            (self.directionComboBox, DIRECTIONS, self.scriptedEffect.parameter("Direction")),
        ):
            with _silent(combo):
                combo.setCurrentIndex(names.index(value) if value in names else 0)

    def updateMRMLFromGUI(self):
        # every write shows the node's parameters again, so both are read before the first
        engine = self._engines[self.engineComboBox.currentIndex]
        direction = DIRECTIONS[self.directionComboBox.currentIndex]
        self.scriptedEffect.setParameter("Engine", engine)
        self.scriptedEffect.setParameter("Direction", direction)

    def activate(self):
        from SlicePropagation import SlicePropagationLogic

        self._logic = SlicePropagationLogic().propagation
        # importable once the logic is there
        from SlicePropagationMRML.presenting.presenter import PreviewPresenter

        self._presenter = PreviewPresenter(self._logic)
        self._logic.saveStateForUndo = self.scriptedEffect.saveStateForUndo
        self._logic.events.connect(self._told)
        self._fillEngines()
        self._nameDirections()
        self.updateGUIFromMRML()
        self._observeSelection()
        self.statusLabel.text = ""
        self._showState()

    def deactivate(self):
        node, tag = self._observed
        if node is not None:
            node.RemoveObserver(tag)
        self._observed = (None, None)
        if self._logic is not None:
            self._logic.events.disconnect(self._told)
            self._logic.cleanup()
        self._logic = None

    def cleanup(self):
        self.deactivate()

    # What a person does

    def previewOrStop(self):
        """Begin a run whose result waits, or end the one under way within one slice."""
        if self._logic.isRunning:
            self._logic.stop()
            return
        with self._saying():
            if self._logic.hasPartialResult:
                self._logic.discard()
            self._open()
            isStarted = self._logic.start(
                self._engineName(),
                direction=self.scriptedEffect.parameter("Direction"),
                holdsResult=True,
            )
            self._presenter.begin()
            self.statusLabel.text = self._presenter.started(isStarted)
        self._showState()

    def apply(self):
        """Write the result, as one undo step."""
        from SlicePropagationGUI.questions import mayTakeDrawn

        with self._saying():
            self._logic.keepInTurns(mayTakeDrawn=mayTakeDrawn(self._logic.takings()))
        self._showState()

    def cancel(self):
        """Forget the result; the segment was never touched."""
        self._logic.discard()
        self.statusLabel.text = self._presenter.discarded()
        self._showState()

    # Below

    def _observeSelection(self):
        """The preview stays with its segment, and says so when another one is selected."""
        node = self.scriptedEffect.parameterSetNode()
        self._presenter.selectedID = self._selectedID()
        if node is not None:
            modified = vtk.vtkCommand.ModifiedEvent
            tag = node.AddObserver(modified, lambda caller, event: self._selected())
            self._observed = (node, tag)

    def _selectedID(self):
        node = self.scriptedEffect.parameterSetNode()
        return (node.GetSelectedSegmentID() or "") if node is not None else ""

    def _selected(self):
        """Something changed in the editor's node, perhaps which segment is selected."""
        isSame = self._logic is None or self._presenter.selectedID == self._selectedID()
        if isSame or self._logic.isRunning:
            return
        self._presenter.selectedID = self._selectedID()
        self._nameDirections()
        self.statusLabel.text = ""
        if self._logic.hasPartialResult:
            self.statusLabel.text = self._presenter.undecided(self._logic.takings())
        self._showState()

    def _open(self):
        node = self.scriptedEffect.parameterSetNode()
        axis = self._nameDirections()
        self._logic.shareEditorNode(node)
        segmentIDs = [self._selectedID()] if self._selectedID() else []
        self._logic.open(node.GetSourceVolumeNode(), node.GetSegmentationNode(), segmentIDs, axis)

    def _nameDirections(self):
        """Name the directions after the patient.

        Returns the axis that a walk would go along, None where there is nothing to walk through.
        """
        from SlicePropagationMRML.nodes.geometry import endsOfAxis
        from SlicePropagationMRML.presenting.choices import suggestAxis
        from SlicePropagationMRML.presenting.controls import directionTitles

        node = self.scriptedEffect.parameterSetNode()
        if node is None:
            return None
        volume = node.GetSourceVolumeNode()
        segmentation = node.GetSegmentationNode()
        segmentID = node.GetSelectedSegmentID()
        if volume is None or segmentation is None or not segmentID:
            return None
        axis = suggestAxis(slicer.mrmlScene, volume, segmentation, [segmentID])
        for index, text in enumerate(directionTitles(*endsOfAxis(volume, axis))):
            self.directionComboBox.setItemText(index, text)
        return axis

    def _fillEngines(self):
        from SlicePropagationGUI.engine_list import fillEngines
        from SlicePropagationMRML.presenting.controls import engineNames

        self._engines = []  # filling the list is no choice
        self.engineComboBox.clear()
        fillEngines(self.engineComboBox)
        self._engines = list(engineNames())

    def _engineName(self):
        from SlicePropagationLib.engines import default_engine

        chosen = self.scriptedEffect.parameter("Engine")
        return default_engine() if chosen in ("", BEST_ENGINE) else chosen

    def _chosen(self):
        if self._engines:
            self.updateMRMLFromGUI()

    def _told(self, event):
        """The logic tells something: say it, and show how far the run is."""
        self._presenter.selectedID = self._selectedID()
        text = self._presenter.sentence(event)
        if text is not None:
            self.statusLabel.text = text
        progress = self._presenter.progress(event)
        if progress is None:
            self._showState()
        else:
            value, maximum = progress
            self.progressBar.maximum = maximum
            self.progressBar.value = value

    def _showState(self):
        isRunning = self._logic.isRunning
        hasResult = self._logic.hasPartialResult
        wait = _("Wait for the run to end, or stop it")
        self._showPreviewButton(isRunning, hasResult)
        nothing = wait if isRunning else _("There is no preview yet")
        write = _("Write the preview into {name}, as one undo step")
        for button, text in (
            (self.applyButton, write.format(name=self._presenter.segmentName)),
            (self.cancelButton, _("Forget the preview")),
        ):
            button.enabled = hasResult
            button.toolTip = text if hasResult else nothing
        for combo, text in (
            (
                self.engineComboBox,
                _("What follows the structure; the trained network needs PyTorch"),
            ),
            (self.directionComboBox, _("Where the walk goes from the drawn slices")),
        ):
            combo.enabled = not isRunning
            combo.toolTip = wait if isRunning else text
        self.progressBar.visible = isRunning

    def _showPreviewButton(self, isRunning, hasResult):
        button = self.previewButton
        if isRunning:
            button.text = _("Stop")
            button.toolTip = _("Stop within one slice; what is there can be applied")
        else:
            isOfSelected = hasResult and self._presenter.isOfSelected
            button.text = _("Update") if isOfSelected else _("Preview")
            button.toolTip = _("Carry the selected segment to the other slices, to look at first")

    @contextlib.contextmanager
    def _saying(self):
        """Show what a person can do something about."""
        from SlicePropagationLib.errors import SlicePropagationError

        try:
            yield
        except SlicePropagationError as error:
            from SlicePropagationMRML.presenting.problems import problemText

            self.statusLabel.text = problemText(error)


@contextlib.contextmanager
def _silent(widget):
    """What a widget shows from now on is nobody's choice."""
    wasBlocked = widget.blockSignals(True)
    try:
        yield
    finally:
        widget.blockSignals(wasBlocked)
