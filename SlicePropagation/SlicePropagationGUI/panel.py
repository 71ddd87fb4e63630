"""The panel: copies what a person chose to the logic, and what the logic says to the person."""

import slicer

from SlicePropagationLib.engines import ENGINES, default_engine
from SlicePropagationLib.errors import SlicePropagationError

PLANES = ("axial", "coronal", "sagittal")


class PropagationPanel:
    """Volume, segmentation, segment, plane and engine; Propagate, Stop, progress, keep or discard.

    Args:
        ui: the widgets of SlicePropagation.ui by name.
        logic: a PropagationLogic.
    """

    def __init__(self, ui, logic):
        self.ui, self.logic = ui, logic
        logic.onStep, logic.onDone, logic.onEdit = self.showStep, self.showEnd, self.showEdit
        for plane in PLANES:
            ui.planeComboBox.addItem(plane)
        for info in ENGINES.values():
            ui.engineComboBox.addItem(info.name)
        ui.engineComboBox.currentText = default_engine()
        ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.showState)
        ui.segmentSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.showState)
        ui.segmentSelector.connect("currentSegmentChanged(QString)", self.showState)
        ui.propagateButton.connect("clicked(bool)", self.propagate)
        ui.stopButton.connect("clicked(bool)", self.stop)
        ui.keepButton.connect("clicked(bool)", self.keep)
        ui.discardButton.connect("clicked(bool)", self.discard)
        ui.nextButton.connect("clicked(bool)", self.showNext)
        ui.undoButton.connect("clicked(bool)", self.undo)
        ui.redoButton.connect("clicked(bool)", self.redo)
        self.showState()

    # What a person does

    def propagate(self, *arguments):
        """Start a run of the segment chosen."""
        try:
            self.openChoice()
            started = self.logic.start(self.ui.engineComboBox.currentText)
            self.say("Propagating…" if started else "Everything is up to date; draw or correct a slice first.")
        except SlicePropagationError as error:
            self.say(str(error))
        self.showState()

    def stop(self, *arguments):
        """End the run within one slice."""
        self.logic.stop()

    def keep(self, *arguments):
        """Write the partial result."""
        self.logic.keep()
        self.say("Kept what had been propagated; Undo takes it back.")
        self.showState()

    def discard(self, *arguments):
        """Forget the partial result."""
        self.logic.discard()
        self.say("Discarded; the segmentation is as it was.")
        self.showState()

    def undo(self, *arguments):
        """Take the last run back."""
        self.say("Took the last run back." if self.logic.undo() else "Nothing to undo.")
        self.showState()

    def redo(self, *arguments):
        """Do the last undone run again."""
        self.say("Did the run again." if self.logic.redo() else "Nothing to redo.")
        self.showState()

    def showNext(self, *arguments):
        """Move the slice views to the slice most worth correcting."""
        try:
            self.openChoice()
            index = self.logic.nextSuspicious(self.ui.segmentSelector.currentSegmentID())
        except SlicePropagationError as error:
            self.say(str(error))
            return
        if index is None:
            self.say("No slice to check; propagate first.")
            return
        self.say(f"Check slice {index}: a correction there is expected to gain most.")
        from SlicePropagationMRML.geometry import sliceCenter
        center = sliceCenter(self.logic.document.volumeNode, self.logic.document.stack.axis, index)
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, center[0], center[1], center[2])

    # What the logic says

    def showStep(self, step):
        self.ui.progressBar.maximum = step.num_steps
        self.ui.progressBar.value = step.step
        self.say(f"Slice {step.step} of {step.num_steps}")

    def showEnd(self, error):
        if error is not None:
            self.say(str(error))
        elif self.logic.hasPartialResult:
            taken = self.logic.takenVoxels()
            report = "; ".join(f"{count} voxels from {name}" for name, count in taken.items())
            self.say(f"Keep the result? It takes {report}." if report else "Stopped. Keep or discard what is there?")
        else:
            self.say("Done; Undo takes the run back.")
        self.showState()

    def showEdit(self, changed):
        slices = ", ".join(str(index) for _, index in changed[:5])
        self.say(f"Slice {slices} changed; press Propagate to redo what it affects.")

    def sceneClosed(self):
        """The scene is empty now."""
        self.say("")
        self.showState()

    def leave(self):
        """The person went to another module; a run goes on."""

    def cleanup(self):
        """Forget the logic before the panel goes."""
        self.logic.onStep = self.logic.onDone = self.logic.onEdit = lambda argument: None

    # Below: choices and state

    def openChoice(self):
        """Open the nodes chosen, unless they are open already."""
        from SlicePropagationMRML.geometry import axisOfPlane
        volume, segmentation = self.ui.volumeSelector.currentNode(), self.ui.segmentSelector.currentNode()
        segmentIDs = [self.ui.segmentSelector.currentSegmentID()]
        axis = axisOfPlane(volume, self.ui.planeComboBox.currentText)
        document = self.logic.document
        isOpen = document is not None and (document.volumeNode, document.segmentationNode) == (volume, segmentation)
        if not isOpen or list(document.segments.values()) != segmentIDs or document.stack.axis != axis:
            self.logic.open(volume, segmentation, segmentIDs, axis)

    def showState(self, *arguments):
        """Enable what can be done, and say in the tooltip why the rest cannot."""
        reason = self.whyNot()
        self.ui.propagateButton.enabled = reason == ""
        self.ui.propagateButton.toolTip = reason or "Propagate from the annotated slices"
        self.ui.stopButton.enabled = self.logic.isRunning
        self.ui.stopButton.toolTip = "Stop within one slice" if self.logic.isRunning else "No run is under way"
        for button in (self.ui.keepButton, self.ui.discardButton):
            button.enabled = self.logic.hasPartialResult
            button.toolTip = "" if self.logic.hasPartialResult else "Only after a run was stopped, or when it would take voxels from another segment"
        self.ui.nextButton.enabled = reason == ""
        self.ui.nextButton.toolTip = reason or "Show the slice most worth correcting"

    def whyNot(self):
        """Why nothing can be propagated now; empty when it can."""
        if self.logic.isRunning:
            return "A run is under way"
        if self.logic.hasPartialResult:
            return "Keep or discard the last result first"
        if self.ui.volumeSelector.currentNode() is None:
            return "Choose a volume"
        if self.ui.segmentSelector.currentNode() is None or not self.ui.segmentSelector.currentSegmentID():
            return "Choose a segment that is drawn on at least one slice"
        return ""

    def say(self, text):
        """Show a sentence in the status line."""
        self.ui.statusLabel.text = text
