"""qMRMLSegmentEditorWidget on Slicer's own vtkSlicerSegmentEditorLogic: undo, masking and overwrite mode are the real ones."""

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from host.classes import HostError, behaviour, build, stored
from host.effects import effects_for
from host.mrml_widgets import MRMLWidget
from host.observing import Observations

DEFAULT_UNDO_STATES = 5
TABLE_HEIGHT = 120      # pixels, three segments


def button(text, function, tip=""):
    made = QtWidgets.QToolButton()
    made.setText(text)
    made.setToolTip(tip)
    made.clicked.connect(function)
    return made


@behaviour("qMRMLSegmentEditorWidget", segmentationNodeSelectorVisible=True, sourceVolumeNodeSelectorVisible=True, maskingSectionVisible=True,
           specifyGeometryButtonVisible=True, show3DButtonVisible=True, addRemoveSegmentButtonsVisible=True, switchToSegmentationsButtonVisible=True,
           autoShowSourceVolumeNode=True, undoEnabled=True, readOnly=False, effectColumnCount=2, unorderedEffectsVisible=True, jumpToSelectedSegmentEnabled=False)
class SegmentEditorWidget(MRMLWidget):
    """Selectors, segments, effects, undo and redo around a segment editor node."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMaximumNumberOfUndoStates(DEFAULT_UNDO_STATES)
        self._observations, self._node, self._shown = Observations(self), None, (None, None, "")
        self._shortcuts, self._active, self._last, self._order, self._is_syncing = [], None, None, (), False
        self._make_selectors()
        self._make_segments()
        self._effects = effects_for(self)
        self._make_effects()
        self._history_observation = Observations(self)
        self._history_observation.add(self._logic, slicer.vtkSlicerSegmentEditorLogic.SegmentationHistoryChangedEvent, self._show_history)
        self._show()

    # What it looks like

    def _make_selectors(self):
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QtWidgets.QFormLayout()
        self._segmentation_box, self._volume_box = build("qMRMLNodeComboBox")(), build("qMRMLNodeComboBox")()
        stored(self._segmentation_box).update(nodeTypes=["vtkMRMLSegmentationNode"], noneEnabled=True, noneDisplay="Select a segmentation")
        stored(self._volume_box).update(nodeTypes=["vtkMRMLScalarVolumeNode"], hideChildNodeTypes=["vtkMRMLLabelMapVolumeNode"], noneEnabled=True,
                                        noneDisplay="Select source volume for enabling editing")
        self._labels = QtWidgets.QLabel("Segmentation:"), QtWidgets.QLabel("Source volume:")
        form.addRow(self._labels[0], self._segmentation_box)
        form.addRow(self._labels[1], self._volume_box)
        layout.addLayout(form)
        self._segmentation_box.currentNodeChanged.connect(lambda node: self.setSegmentationNode(node))
        self._volume_box.currentNodeChanged.connect(lambda node: self.setSourceVolumeNode(node))

    def _make_segments(self):
        row = QtWidgets.QHBoxLayout()
        self._add = button("Add", lambda: self._logic.AddEmptySegment(), "Add empty segment")
        self._remove = button("Remove", lambda: self._logic.RemoveSelectedSegment(), "Remove the selected segment")
        self._show_3d = button("Show 3D", lambda is_on: self._logic.ToggleSegmentationSurfaceRepresentation(is_on))
        self._show_3d.setCheckable(True)
        for part in (self._add, self._remove, self._show_3d):
            row.addWidget(part)
        row.addStretch(1)
        self._table = build("qMRMLSegmentsTableView")()
        self._table.setFixedHeight(TABLE_HEIGHT)
        self._table.setSelectionMode(1)
        self._table.selectionChanged.connect(lambda *change: self._select_from_table())
        self.layout().addLayout(row)
        self.layout().addWidget(self._table)

    def _make_effects(self):
        box = QtWidgets.QGroupBox("Effects")
        self._grid = QtWidgets.QGridLayout(box)
        self._group, self._buttons = QtWidgets.QButtonGroup(self), {}
        for name in ("", *(stored(effect)["name"] for effect in self._effects)):
            made = button(stored(self.effectByName(name))["title"] if name else "None", lambda checked=False, name=name: self.setActiveEffectByName(name))
            made.setCheckable(True)
            made.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
            self._group.addButton(made)
            self._buttons[name] = made
        self._undo = button("Undo", lambda: self.undo(), "Undo editing (Z)")
        self._redo = button("Redo", lambda: self.redo(), "Redo editing (Y)")
        history = QtWidgets.QHBoxLayout()
        for part in (self._undo, self._redo):
            history.addWidget(part)
        history.addStretch(1)
        self._options, self._help = QtWidgets.QGroupBox(), QtWidgets.QLabel()
        self._help.setWordWrap(True)
        options = QtWidgets.QVBoxLayout(self._options)
        options.addWidget(self._help)
        for effect in self._effects:
            options.addWidget(effect.optionsFrame())
            effect.optionsFrame().setVisible(False)
        self._options.setVisible(False)
        self.layout().addWidget(box)
        self.layout().addLayout(history)
        self.layout().addWidget(self._options)
        self._arrange_effects()
        self._masking, self._overwrite = QtWidgets.QGroupBox("Masking"), QtWidgets.QComboBox()
        self._overwrite.addItems(["Overwrite all", "Overwrite visible", "Allow overlap"])
        self._overwrite.currentIndexChanged.connect(lambda mode: self._node is not None and self._node.SetOverwriteMode(mode))
        QtWidgets.QFormLayout(self._masking).addRow("Modify other segments:", self._overwrite)
        self.layout().addWidget(self._masking)

    def _arrange_effects(self):
        columns = max(1, stored(self)["effectColumnCount"])
        names = [name for name in (self._order or self._buttons) if name in self._buttons]
        rest = [name for name in self._buttons if name not in names and name] if stored(self)["unorderedEffectsVisible"] else []
        shown = [*dict.fromkeys(["", *names, *rest])]
        for name, made in self._buttons.items():
            self._grid.removeWidget(made)
            made.setVisible(name in shown)
        for place, name in enumerate(shown):
            self._grid.addWidget(self._buttons[name], place // columns, place % columns)

    _effectColumnCount_changed = _unorderedEffectsVisible_changed = _arrange_effects

    def _show(self):
        """Bring the widgets up to date with the node and the properties."""
        state = stored(self)
        segmentation, volume, segment_id = self._shown
        for part, key in ((self._segmentation_box, "segmentationNodeSelectorVisible"), (self._labels[0], "segmentationNodeSelectorVisible"),
                          (self._volume_box, "sourceVolumeNodeSelectorVisible"), (self._labels[1], "sourceVolumeNodeSelectorVisible"),
                          (self._add, "addRemoveSegmentButtonsVisible"), (self._remove, "addRemoveSegmentButtonsVisible"), (self._show_3d, "show3DButtonVisible"),
                          (self._undo, "undoEnabled"), (self._redo, "undoEnabled"), (self._masking, "maskingSectionVisible")):
            part.setVisible(state[key])
        may_edit = volume is not None and segmentation is not None and not state["readOnly"]
        self._add.setEnabled(may_edit)
        self._remove.setEnabled(may_edit and segment_id != "")
        for part in self._buttons.values():
            part.setEnabled(may_edit and segment_id != "")
        self._buttons[stored(self._active)["name"] if self._active else ""].setChecked(True)
        if self._node is not None:
            self._overwrite.setCurrentIndex(self._node.GetOverwriteMode())
        self._show_history()

    _segmentationNodeSelectorVisible_changed = _sourceVolumeNodeSelectorVisible_changed = _addRemoveSegmentButtonsVisible_changed = _show
    _maskingSectionVisible_changed = _show
    _show3DButtonVisible_changed = _undoEnabled_changed = _readOnly_changed = _show

    def _show_history(self, *event):
        self._undo.setEnabled(self._logic.CanUndo())
        self._redo.setEnabled(self._logic.CanRedo())

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
        if node is not None:
            for effect in self._effects:
                effect.setMRMLDefaults()
            self._observations.add(node, "ModifiedEvent", self._node_modified)
        self.updateWidgetFromMRML()

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
        segmentation, volume = (node.GetSegmentationNode(), node.GetSourceVolumeNode()) if node is not None else (None, None)
        if segmentation is not before[0]:
            self._logic.SetSegmentationNode(segmentation)
            self._table.setSegmentationNode(segmentation)
            self._segmentation_box.setCurrentNode(segmentation)
        if volume is not before[1]:
            self._logic.SetSourceVolumeNode(volume)
            self._volume_box.setCurrentNode(volume)
        if segmentation is not None and not self._logic.IsSegmentIdValid(node.GetSelectedSegmentID() or ""):
            first = segmentation.GetSegmentation().GetNthSegmentID(0) if segmentation.GetSegmentation().GetNumberOfSegments() else ""
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
            raise HostError("The segment editor has no node; Slicer ignores this call. Give it one with setMRMLSegmentEditorNode first.")

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
        if segmentation is not None and node is not None and not self._logic.GetReferenceImageGeometryString():
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
        """Images that a change goes through: reference geometry, mask, the segment as it is."""
        self._logic.UpdateReferenceGeometryImage()
        self._logic.UpdateMaskLabelmap()
        self._logic.UpdateSelectedSegmentLabelmap()

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
    maximumNumberOfUndoStates = QtCore.Property(int, lambda self: self._logic.GetMaximumNumberOfUndoStates(), _set_undo_states)

    # Keys

    def installKeyboardShortcuts(self, parent=None):
        keys = {"Z": self.undo, "Y": self.redo, "Q": self.selectPreviousSegment, "W": self.selectNextSegment,
                "Esc": lambda: self.setActiveEffect(None), "Space": self._toggle_effect, "I": self.toggleSourceVolumeIntensityMaskEnabled}
        keys.update({str(number): lambda number=number: self._choose_effect(number) for number in range(10)})
        self.uninstallKeyboardShortcuts()
        for key, function in keys.items():
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(key), parent or slicer.util.mainWindow() or self)
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
        self.setActiveEffect(self._effects[number - 1] if 0 < number <= len(self._effects) else None)

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
            slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().RotateToVolumePlane(self.sourceVolumeNode())
