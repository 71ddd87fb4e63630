"""The row at the top: volume, segmentation, and the segments that a run fills."""

import qt
import slicer
from SlicePropagationMRML.presenting.choices import drawnSegments
from slicer.i18n import tr as _

from SlicePropagationGUI.filling import Filling

SCOPES = ("selected", "drawn", "checked")


class InputSection:
    """What is worked on.

    Args:
        ui: the widgets of the panel by name.
        settings: a PanelSettings.
        changed: called after the person, or the scene, chose something else.
        scopeChosen: called instead after the person chose which segments the next run fills.
    """

    def __init__(self, ui, settings, changed, scopeChosen):
        self._ui = ui
        self._settings = settings
        self._changed = changed
        self._tellScope = scopeChosen
        self._content = None
        self._tags = []
        self._filling = Filling()
        self._isOver = False
        self._isFolded = False
        for text in (_("Selected segment"), _("All drawn segments"), _("Checked segments")):
            ui.scopeComboBox.addItem(text)
        for selector in (ui.volumeSelector, ui.segmentationSelector):  # long names stay in the row
            selector.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._nodesChosen)
        ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._nodesChosen)
        ui.scopeComboBox.connect("currentIndexChanged(int)", self._scopeChosen)
        ui.segmentsList.connect("itemChanged(QListWidgetItem*)", self._segmentsChecked)
        ui.inputToggleButton.connect("clicked()", self._foldOrUnfold)
        self.restore()

    def volume(self):
        """The volume node chosen, or None."""
        return self._ui.volumeSelector.currentNode()

    def segmentation(self):
        """The segmentation node chosen, or None."""
        return self._ui.segmentationSelector.currentNode()

    def selectedSegment(self):
        """ID of the segment that is selected in the editor, or the first one.

        Empty when there is none.
        """
        if self.segmentation() is None:
            return ""
        segmentIDs = list(self.segmentation().GetSegmentation().GetSegmentIDs())
        selected = self._ui.editor.currentSegmentID() or ""
        return selected if selected in segmentIDs else next(iter(segmentIDs), "")

    def segmentIDs(self):
        """IDs of the segments that the next run fills."""
        if self.segmentation() is None:
            return []
        scope = self._settings.get("scope")
        if scope == "drawn":
            return drawnSegments(self.segmentation())
        if scope == "checked":
            checked = self._settings.get("segments").split("|")
            return [segmentID for segmentID in self._listed() if segmentID in checked]
        return [self.selectedSegment()] if self.selectedSegment() else []

    def fill(self, segmentIDs):
        """Let the next run fill these segments of the segmentation."""
        self._ui.editor.setCurrentSegmentID(segmentIDs[0])
        scope = "checked" if len(segmentIDs) > 1 else "selected"
        self._settings.set("segments", "|".join(segmentIDs))
        self._settings.set("scope", scope)
        with self._filling:
            self._ui.scopeComboBox.setCurrentIndex(SCOPES.index(scope))
        self._fillList()

    def count(self):
        """How many segments the segmentation has."""
        return len(self._listed())

    def isChecking(self):
        """Whether the next run fills those that are checked in the list."""
        return self._settings.get("scope") == "checked"

    def restore(self):
        """Show what the scene remembers, and observe what is chosen."""
        volume, segmentation = self._settings.nodes()
        with self._filling:
            if volume is not None:
                self._ui.volumeSelector.setCurrentNode(volume)
            if segmentation is not None:
                self._ui.segmentationSelector.setCurrentNode(segmentation)
            self._ui.scopeComboBox.setCurrentIndex(SCOPES.index(self._settings.get("scope")))
        self._nodesChosen()

    def follow(self):
        """Another frame is shown: list the segments of the segmentation as it is now."""
        self._observe(self.segmentation())
        self._fillList()

    def setEnabled(self, reason):
        """Let the person choose, or say why not."""
        for widget in (
            self._ui.volumeSelector,
            self._ui.segmentationSelector,
            self._ui.scopeComboBox,
            self._ui.segmentsList,
        ):
            widget.enabled = reason == ""
        self._fold()
        self._ui.scopeComboBox.toolTip = reason or _("Which segments the next run fills")
        self._ui.segmentsList.toolTip = reason or _("Check the segments that the next run fills")
        self._ui.volumeSelector.toolTip = reason or _("The image whose slices are followed")
        self._ui.segmentationSelector.toolTip = reason or _(
            "What you draw in; the Segment Editor shows the same one"
        )

    def _foldOrUnfold(self):
        self._isFolded = not self._isFolded
        self._fold()

    def _fold(self):
        """One line of text in place of the boxes, where the person wants that and all is chosen."""
        ui = self._ui
        isChosen = self.volume() is not None and self.segmentation() is not None
        isOpen = not (isChosen and self._isFolded)
        ui.inputToggleButton.enabled = isChosen
        ui.inputToggleButton.arrowType = qt.Qt.DownArrow if isOpen else qt.Qt.RightArrow
        ui.inputToggleButton.toolTip = _("Choose a volume and a segmentation first")
        if isChosen:
            ui.inputToggleButton.toolTip = _("Fold or unfold what is worked on")
            names = [node.GetName() or "" for node in (self.volume(), self.segmentation())]
            ui.inputLabel.text = " · ".join([*names, ui.scopeComboBox.currentText])
        ui.inputFrame.visible = isOpen
        ui.inputLabel.visible = not isOpen
        ui.segmentsList.visible = isOpen and self.isChecking()

    def cleanup(self):
        """Stop observing."""
        self._isOver = True  # what the selectors say from now on is not the person's choice
        self._observe(None)

    def _nodesChosen(self):
        if self._filling or self._isOver or slicer.mrmlScene.IsBatchProcessing():
            return
        self._settings.setNodes(self.volume(), self.segmentation())
        self._observe(self.segmentation())
        self._fillList()
        self._changed()

    def _scopeChosen(self, index):
        if self._filling or self._isOver:
            return
        self._settings.set("scope", SCOPES[index])
        self._fillList()
        self._tellScope()

    def _segmentsChecked(self):
        if self._filling or self._isOver:
            return
        checked = [
            segmentID
            for row, segmentID in enumerate(self._listed())
            if self._ui.segmentsList.item(row).checkState() == qt.Qt.Checked
        ]
        self._settings.set("segments", "|".join(checked))
        self._tellScope()

    def _listed(self):
        segmentation = self.segmentation()
        if segmentation is None:
            return []
        return list(segmentation.GetSegmentation().GetSegmentIDs())

    def _fillList(self):
        with self._filling:
            self._fold()
            self._ui.segmentsList.clear()
            checked = self._settings.get("segments").split("|")
            for segmentID in self._listed():
                self._addRow(segmentID, isChecked=segmentID in checked)

    def _addRow(self, segmentID, isChecked):
        self._ui.segmentsList.addItem(self._nameOf(segmentID))
        item = self._ui.segmentsList.item(self._ui.segmentsList.count - 1)
        item.setCheckState(qt.Qt.Checked if isChecked else qt.Qt.Unchecked)

    def _nameOf(self, segmentID):
        """The name of a segment; its ID before it has one, as when its adding is done again."""
        return self.segmentation().GetSegmentation().GetSegment(segmentID).GetName() or segmentID

    def _observe(self, segmentation):
        # another one in each frame of a sequence
        content = segmentation.GetSegmentation() if segmentation is not None else None
        if content is self._content:
            return
        for tag in self._tags:
            self._content.RemoveObserver(tag)
        self._content = content
        self._tags = []
        if content is not None:
            events = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved)
            self._tags = [
                content.AddObserver(event, lambda caller, event: self._segmentsCameOrWent())
                for event in events
            ]
            modified = slicer.vtkSegmentation.SegmentModified
            self._tags.append(content.AddObserver(modified, lambda caller, event: self._rename()))

    def _rename(self):
        """Follow segments that got another name."""
        listed = self._listed()
        if not self.isChecking() or self._ui.segmentsList.count != len(listed):
            return
        with self._filling:
            for row, segmentID in enumerate(listed):
                item = self._ui.segmentsList.item(row)
                if item.text() != self._nameOf(segmentID):
                    item.setText(self._nameOf(segmentID))

    def _segmentsCameOrWent(self):
        if slicer.mrmlScene.IsBatchProcessing():
            return
        self._fillList()
        self._changed()
