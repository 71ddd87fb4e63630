"""qMRMLSegmentEditorWidget on Slicer's own vtkSlicerSegmentEditorLogic.

Undo, masking and overwrite mode are the real ones.
"""

import logging

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from host.classes import HostError, behaviour, build, stored
from host.mrml_widgets import MRMLWidget
from host.observing import Observations, while_alive
from host.segment_editor_view import SegmentEditorView

DEFAULT_UNDO_STATES = 5


@behaviour(
    "qMRMLSegmentEditorWidget",
    segmentationNodeSelectorVisible=True,
    sourceVolumeNodeSelectorVisible=True,
    maskingSectionVisible=True,
    specifyGeometryButtonVisible=True,
    show3DButtonVisible=True,
    addRemoveSegmentButtonsVisible=True,
    switchToSegmentationsButtonVisible=True,
    autoShowSourceVolumeNode=True,
    undoEnabled=True,
    readOnly=False,
    effectColumnCount=2,
    unorderedEffectsVisible=True,
    jumpToSelectedSegmentEnabled=False,
)
class SegmentEditorWidget(SegmentEditorView):
    """Selectors, segments, effects, undo and redo around a segment editor node."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMaximumNumberOfUndoStates(DEFAULT_UNDO_STATES)
        self._observations = Observations(self)
        self._segmentation_observations = Observations(self)
        self._node = None
        self._shown = (None, None, "")
        self._shortcuts = []
        self._active = None
        self._last = None
        self._order = ()
        self._is_syncing = False
        self._make_selectors()
        self._make_segments()
        self._effects = []
        self._make_effects()
        build("qSlicerSegmentEditorEffectFactory").instance().effectRegistered.connect(
            while_alive(self, "updateEffectList")
        )
        self._history_observation = Observations(self)
        self._history_observation.add(
            self._logic,
            slicer.vtkSlicerSegmentEditorLogic.SegmentationHistoryChangedEvent,
            self._show_history,
        )
        self._show()

    # Scene, node, selection

    def setMRMLScene(self, scene):
        self._logic.SetMRMLScene(scene)
        self._segmentation_box.setMRMLScene(scene)
        self._volume_box.setMRMLScene(scene)
        self._table.setMRMLScene(scene)
        MRMLWidget.setMRMLScene(self, scene)

    def setMRMLSegmentEditorNode(self, node):
        self._observations.remove_all()
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        if node is None:
            return  # as in Slicer, where the widget goes on watching the segmentation that it had
        for effect in self._effects:
            effect.setMRMLDefaults()
        self._observations.add(node, "ModifiedEvent", self._node_modified)
        self.updateWidgetFromMRML()

    def updateMaskingSection(self, *event):
        """A segment changed; as in Slicer, an editor that lost its node has only this to say."""
        if self._node is None and self.mrmlScene() is not None:
            logging.error("updateMaskingSection(): Invalid segment editor parameter set node")

    def mrmlSegmentEditorNode(self):
        return self._node

    def _node_modified(self, node, event):
        self.updateWidgetFromMRML()

    def updateWidgetFromMRML(self):
        """Follow the node, whoever changed it."""
        if self._is_syncing:
            return
        self._is_syncing = True
        try:
            self._follow()
        finally:
            self._is_syncing = False

    def _follow(self):
        node = self._node
        before = self._shown
        segmentation, volume = (
            (node.GetSegmentationNode(), node.GetSourceVolumeNode())
            if node is not None
            else (None, None)
        )
        if segmentation is not before[0]:
            self._logic.SetSegmentationNode(segmentation)
            self._segmentation_observations.remove_all()
            if segmentation is not None:
                self._segmentation_observations.add(
                    segmentation,
                    slicer.vtkSegmentation.SegmentModified,
                    self.updateMaskingSection,
                )
            self._table.setSegmentationNode(segmentation)
            self._segmentation_box.setCurrentNode(segmentation)
        if volume is not before[1]:
            self._logic.SetSourceVolumeNode(volume)
            self._volume_box.setCurrentNode(volume)
        if segmentation is not None and not self._logic.IsSegmentIdValid(
            node.GetSelectedSegmentID() or ""
        ):
            first = (
                segmentation.GetSegmentation().GetNthSegmentID(0)
                if segmentation.GetSegmentation().GetNumberOfSegments()
                else ""
            )
            node.SetSelectedSegmentID(first)
        segment_id = (node.GetSelectedSegmentID() or "") if segmentation is not None else ""
        self._table.setSelectedSegmentIDs([segment_id] if segment_id else [])
        self._shown = segmentation, volume, segment_id
        effect = self.effectByName(node.GetActiveEffectName() or "") if node is not None else None
        if effect is not self._active:
            self._activate(effect)
        self._show()
        if segmentation is not before[0]:
            self.segmentationNodeChanged.emit(segmentation)
        if volume is not before[1]:
            self.sourceVolumeNodeChanged.emit(volume)
        if segment_id != before[2]:
            self.currentSegmentIDChanged.emit(segment_id)

    def _require_node(self):
        if self._node is None:
            raise HostError(
                "The segment editor has no node; Slicer ignores this call. Give it one with"
                " setMRMLSegmentEditorNode first."
            )

    def setSegmentationNode(self, node):
        if self._node is None and node is None or self._is_syncing:
            return
        self._require_node()
        self._node.SetAndObserveSegmentationNode(node)
        self.updateWidgetFromMRML()

    def setSourceVolumeNode(self, node):
        if self._node is None and node is None or self._is_syncing:
            return
        self._require_node()
        self._node.SetAndObserveSourceVolumeNode(node)
        segmentation = self.segmentationNode()
        if (
            segmentation is not None
            and node is not None
            and not self._logic.GetReferenceImageGeometryString()
        ):
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
        self.updateWidgetFromMRML()

    def setSegmentationNodeID(self, node_id):
        self.setSegmentationNode(slicer.mrmlScene.GetNodeByID(node_id) if node_id else None)

    def setSourceVolumeNodeID(self, node_id):
        self.setSourceVolumeNode(slicer.mrmlScene.GetNodeByID(node_id) if node_id else None)

    def segmentationNode(self):
        return self._node.GetSegmentationNode() if self._node is not None else None

    def segmentationNodeID(self):
        return self.segmentationNode().GetID() if self.segmentationNode() is not None else ""

    def sourceVolumeNode(self):
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def sourceVolumeNodeID(self):
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() is not None else ""

    def setCurrentSegmentID(self, segment_id):
        self._require_node()
        self._logic.SetCurrentSegmentID(segment_id)
        self.updateWidgetFromMRML()

    def currentSegmentID(self):
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def selectNextSegment(self):
        self.selectSegmentAtOffset(1)

    def selectPreviousSegment(self):
        self.selectSegmentAtOffset(-1)

    def selectSegmentAtOffset(self, offset):
        self._logic.SelectSegmentAtOffset(offset, False)

    def _select_from_table(self):
        chosen = self._table.selectedSegmentIDs()
        if chosen and self._node is not None and not self._is_syncing:
            self.setCurrentSegmentID(chosen[0])

    # Effects

    def effectByName(self, name):
        return next((effect for effect in self._effects if stored(effect)["name"] == name), None)

    def effectByIndex(self, index):
        return self._effects[index]

    def effectCount(self):
        return len(self._effects)

    def availableEffectNames(self):
        return [stored(effect)["name"] for effect in self._effects]

    def setEffectNameOrder(self, names):
        self._order = tuple(names)
        self._arrange_effects()

    def effectNameOrder(self):
        return list(self._order)

    def activeEffect(self):
        return self._active

    def setActiveEffect(self, effect):
        if self._node is not None:
            self._node.SetActiveEffectName(stored(effect)["name"] if effect is not None else "")
        self.updateWidgetFromMRML()

    def setActiveEffectByName(self, name):
        self.setActiveEffect(self.effectByName(name))

    def _activate(self, effect):
        if self._active is not None:
            self._active.deactivate()
            self._last = self._active
        self._active = effect
        self._options.setVisible(effect is not None)
        if effect is not None:
            self._options.setTitle(stored(effect)["title"])
            self._help.setText(effect.helpText())
            effect.activate()

    # Drawing and history

    def _prepare(self):
        """Images that a change goes through: the reference geometry, and the mask where one is set.

        A mask has a byte for each voxel of the volume; Slicer makes none to edit everywhere.
        """
        self._logic.UpdateReferenceGeometryImage()
        node = self._logic.GetSegmentEditorNode()
        everywhere = slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
        if node.GetMaskMode() != everywhere or node.GetSourceVolumeIntensityMask():
            self._logic.UpdateMaskLabelmap()

    def saveStateForUndo(self):
        if stored(self)["undoEnabled"]:
            self._logic.SaveStateForUndo()

    def undo(self):
        self._logic.Undo()

    def redo(self):
        self._logic.Redo()

    def _set_undo_states(self, count):
        self._logic.SetMaximumNumberOfUndoStates(count)

    setMaximumNumberOfUndoStates = _set_undo_states
    maximumNumberOfUndoStates = QtCore.Property(
        int,
        lambda self: self._logic.GetMaximumNumberOfUndoStates(),
        _set_undo_states,
    )

    # Keys

    def installKeyboardShortcuts(self, parent=None):
        keys = {
            "Z": self.undo,
            "Y": self.redo,
            "Q": self.selectPreviousSegment,
            "W": self.selectNextSegment,
            "Esc": lambda: self.setActiveEffect(None),
            "Space": self._toggle_effect,
            "I": self.toggleSourceVolumeIntensityMaskEnabled,
        }
        keys.update(
            {str(number): lambda number=number: self._choose_effect(number) for number in range(10)}
        )
        self.uninstallKeyboardShortcuts()
        for key, function in keys.items():
            shortcut = QtGui.QShortcut(
                QtGui.QKeySequence(key),
                parent or slicer.util.mainWindow() or self,
            )
            shortcut.activated.connect(function)
            self._shortcuts.append(shortcut)

    def uninstallKeyboardShortcuts(self):
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
        self._shortcuts = []

    def _toggle_effect(self):
        self.setActiveEffect(self._last if self._active is None else None)

    def _choose_effect(self, number):
        self.setActiveEffect(
            self._effects[number - 1] if 0 < number <= len(self._effects) else None
        )

    def toggleSourceVolumeIntensityMaskEnabled(self):
        self._logic.ToggleSourceVolumeIntensityMask()

    # Views: the host renders none, so there is nothing to observe

    def setupViewObservations(self):
        self._observes_views = True

    def removeViewObservations(self):
        self._observes_views = False

    def turnOffLightboxes(self):
        return False

    def rotateSliceViewsToSegmentation(self):
        for name in slicer.app.layoutManager().sliceViewNames():
            slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().RotateToVolumePlane(
                self.sourceVolumeNode()
            )
