"""What the segment editor widget looks like: as in Slicer, effects on the left, the rest on the right.

With Paint active the real one is 550 pixels high.
"""

from PySide6 import QtCore, QtGui, QtWidgets

from host.classes import build, stored
from host.effects import new_effects
from host.mrml_widgets import MRMLWidget

TABLE_HEIGHT = 192  # pixels
EFFECT_SIZE = 34  # of a button that shows an icon in Slicer
# of the options of an effect, in pixels; Paint and Erase make the editor as high as it really is
OPTIONS_HEIGHTS = {"Paint": 214, "Erase": 214}


def button(text, function, tip=""):
    made = QtWidgets.QToolButton()
    made.setText(text)
    made.setToolTip(tip)
    made.clicked.connect(function)
    return made


def _letters(text):
    """An icon for an effect, where Slicer has a drawing; grey, as it is seen on light and dark."""
    picture = QtGui.QPixmap(16, 16)
    picture.fill(QtCore.Qt.transparent)
    painter = QtGui.QPainter(picture)
    painter.setPen(QtGui.QColor("#808080"))
    painter.drawText(picture.rect(), QtCore.Qt.AlignCenter, text)
    painter.end()
    return QtGui.QIcon(picture)


class SegmentEditorView(MRMLWidget):
    """The parts of the widget, and which of them can be seen and used."""

    def _make_selectors(self):
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QtWidgets.QFormLayout()
        self._segmentation_box = build("qMRMLNodeComboBox")()
        self._volume_box = build("qMRMLNodeComboBox")()
        stored(self._segmentation_box).update(
            nodeTypes=["vtkMRMLSegmentationNode"],
            noneEnabled=True,
            noneDisplay="Select a segmentation",
        )
        stored(self._volume_box).update(
            nodeTypes=["vtkMRMLScalarVolumeNode"],
            hideChildNodeTypes=["vtkMRMLLabelMapVolumeNode"],
            noneEnabled=True,
            noneDisplay="Select source volume for enabling editing",
        )
        self._labels = QtWidgets.QLabel("Segmentation:"), QtWidgets.QLabel("Source volume:")
        form.addRow(self._labels[0], self._segmentation_box)
        form.addRow(self._labels[1], self._volume_box)
        layout.addLayout(form)
        self._segmentation_box.currentNodeChanged.connect(
            lambda node: self.setSegmentationNode(node)
        )
        self._volume_box.currentNodeChanged.connect(lambda node: self.setSourceVolumeNode(node))

    def _make_segments(self):
        row = QtWidgets.QHBoxLayout()
        self._add = button("Add", lambda: self._logic.AddEmptySegment(), "Add empty segment")
        self._remove = button(
            "Remove",
            lambda: self._logic.RemoveSelectedSegment(),
            "Remove the selected segment",
        )
        self._show_3d = button(
            "Show 3D",
            lambda is_on: self._logic.ToggleSegmentationSurfaceRepresentation(is_on),
        )
        self._show_3d.setCheckable(True)
        for part in (self._add, self._remove, self._show_3d):
            row.addWidget(part)
        row.addStretch(1)
        self._table = build("qMRMLSegmentsTableView")()
        self._table.setFixedHeight(TABLE_HEIGHT)
        self._table.setSelectionMode(1)
        self._table.selectionChanged.connect(lambda *change: self._select_from_table())
        self.layout().addLayout(row)
        columns = QtWidgets.QHBoxLayout()
        self._left = QtWidgets.QVBoxLayout()
        self._right = QtWidgets.QVBoxLayout()
        columns.addLayout(self._left)
        columns.addLayout(self._right, 1)
        self.layout().addLayout(columns)
        self._right.addWidget(self._table)

    def _make_effects(self):
        box = QtWidgets.QFrame()
        box.setFrameShape(QtWidgets.QFrame.StyledPanel)
        self._grid = QtWidgets.QGridLayout(box)
        self._group = QtWidgets.QButtonGroup(self)
        self._buttons = {}
        self._undo = button("Undo", lambda: self.undo(), "Undo editing (Z)")
        self._redo = button("Redo", lambda: self.redo(), "Redo editing (Y)")
        past = QtWidgets.QFrame()
        past.setFrameShape(QtWidgets.QFrame.StyledPanel)
        history = QtWidgets.QHBoxLayout(past)
        for part in (self._undo, self._redo):
            part.setFixedSize(EFFECT_SIZE, EFFECT_SIZE)
            history.addWidget(part)
        self._options = QtWidgets.QGroupBox()
        self._help = QtWidgets.QLabel()
        self._help.setWordWrap(True)
        QtWidgets.QVBoxLayout(self._options).addWidget(self._help)
        self._options.setVisible(False)
        self._left.addWidget(box)
        self._left.addWidget(past)
        self._left.addStretch(1)
        self._right.addWidget(self._options)
        self._add_button("", "None")
        self.updateEffectList()
        self._masking = QtWidgets.QGroupBox("Masking")
        self._overwrite = QtWidgets.QComboBox()
        self._overwrite.addItems(["Overwrite all", "Overwrite visible", "Allow overlap"])
        self._overwrite.currentIndexChanged.connect(
            lambda mode: self._node is not None and self._node.SetOverwriteMode(mode)
        )
        self._overwrite.setSizeAdjustPolicy(
            QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon
        )
        self._overwrite.setMinimumContentsLength(6)
        form = QtWidgets.QFormLayout(self._masking)
        for text in ("Editable area:", "Editable intensity range:"):
            form.addRow(text, QtWidgets.QLabel())
        form.addRow("Modify other segments:", self._overwrite)
        self._right.addWidget(self._masking)
        self._right.addStretch(1)

    def _add_button(self, name, title):
        made = button(title, lambda checked=False: self.setActiveEffectByName(name), title)
        made.setIcon(_letters(title[:2]))
        made.setToolButtonStyle(QtCore.Qt.ToolButtonIconOnly)
        made.setCheckable(True)
        made.setFixedSize(EFFECT_SIZE, EFFECT_SIZE)
        self._group.addButton(made)
        self._buttons[name] = made

    def updateEffectList(self):
        """Take over the effects that were registered since."""
        for effect in new_effects(self, self.availableEffectNames()):
            self._effects.append(effect)
            self._add_button(
                stored(effect)["name"],
                stored(effect)["title"] or stored(effect)["name"],
            )
            self._options.layout().addWidget(effect.optionsFrame())
            effect.optionsFrame().setVisible(False)
            if self._node is not None:
                effect.setMRMLDefaults()
        self._arrange_effects()

    def _arrange_effects(self):
        columns = max(1, stored(self)["effectColumnCount"])
        names = [name for name in self._order or self._buttons if name in self._buttons]
        rest = (
            [name for name in self._buttons if name not in names and name]
            if stored(self)["unorderedEffectsVisible"]
            else []
        )
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
        for part, key in (
            (self._segmentation_box, "segmentationNodeSelectorVisible"),
            (self._labels[0], "segmentationNodeSelectorVisible"),
            (self._volume_box, "sourceVolumeNodeSelectorVisible"),
            (self._labels[1], "sourceVolumeNodeSelectorVisible"),
            (self._add, "addRemoveSegmentButtonsVisible"),
            (self._remove, "addRemoveSegmentButtonsVisible"),
            (self._show_3d, "show3DButtonVisible"),
            (self._undo, "undoEnabled"),
            (self._redo, "undoEnabled"),
        ):
            part.setVisible(state[key])
        # in Slicer only while an effect is active
        self._masking.setVisible(state["maskingSectionVisible"] and self._active is not None)
        name = stored(self._active)["name"] if self._active is not None else ""
        self._options.setMinimumHeight(OPTIONS_HEIGHTS.get(name, 0))
        may_edit = volume is not None and segmentation is not None and not state["readOnly"]
        self._add.setEnabled(may_edit)
        self._remove.setEnabled(may_edit and segment_id != "")
        for part in self._buttons.values():
            part.setEnabled(may_edit and segment_id != "")
        self._buttons[stored(self._active)["name"] if self._active else ""].setChecked(True)
        if self._node is not None:
            self._overwrite.setCurrentIndex(self._node.GetOverwriteMode())
        self._show_history()

    _segmentationNodeSelectorVisible_changed = _sourceVolumeNodeSelectorVisible_changed = (
        _addRemoveSegmentButtonsVisible_changed
    ) = _show
    _maskingSectionVisible_changed = _show
    _show3DButtonVisible_changed = _undoEnabled_changed = _readOnly_changed = _show

    def _show_history(self, *event):
        self._undo.setEnabled(self._logic.CanUndo())
        self._redo.setEnabled(self._logic.CanRedo())
