"""Widgets that show the segments of a segmentation: the selector and the table."""

from PySide6 import QtCore, QtGui, QtWidgets

from host.classes import behaviour, build, emit, stored
from host.mrml_widgets import MRMLWidget
from host.observing import Observations
from host.range_widgets import row


def segments_of(node):
    """[(segment ID, segment)] of a segmentation node, or of None."""
    segmentation = node.GetSegmentation() if node is not None else None
    return (
        [
            (segment_id, segmentation.GetSegment(segment_id))
            for segment_id in segmentation.GetSegmentIDs()
        ]
        if segmentation
        else []
    )


def color_icon(segment):
    pixmap = QtGui.QPixmap(12, 12)
    pixmap.fill(QtGui.QColor.fromRgbF(*segment.GetColor()))
    icon = QtGui.QIcon(pixmap)
    icon.addPixmap(pixmap, QtGui.QIcon.Selected)  # the colour stays what it is in a selected row
    return icon


def observe_segments(observations, node, function):
    """Call the function whenever segments of the node come, go or are renamed."""
    import slicer

    observations.remove_all()
    if node is not None:
        kind = slicer.vtkSegmentation
        for event in (
            kind.SegmentAdded,
            kind.SegmentRemoved,
            kind.SegmentModified,
            kind.SegmentsOrderModified,
        ):
            observations.add(node.GetSegmentation(), event, function)


@behaviour(
    "qMRMLSegmentSelectorWidget",
    noneEnabled=False,
    segmentationNodeSelectorVisible=True,
    multiSelection=False,
)
class SegmentSelectorWidget(MRMLWidget):
    """A segmentation and one of its segments."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._observations = Observations(self)
        self._segment_ids = []
        self._node_box = build("qMRMLNodeComboBox")()
        stored(self._node_box).update(
            nodeTypes=["vtkMRMLSegmentationNode"],
            noneEnabled=True,
            noneDisplay="Select a segmentation",
        )
        self._box = QtWidgets.QComboBox()
        self._direction = QtWidgets.QBoxLayout(QtWidgets.QBoxLayout.TopToBottom, self)
        self._direction.setContentsMargins(0, 0, 0, 0)
        self._direction.addWidget(self._node_box)
        self._direction.addWidget(self._box)
        self._node_box.currentNodeChanged.connect(self._show_node)
        self._box.currentIndexChanged.connect(
            lambda index: self.currentSegmentChanged.emit(self.currentSegmentID())
        )

    def setMRMLScene(self, scene):
        self._node_box.setMRMLScene(scene)
        MRMLWidget.setMRMLScene(self, scene)

    def _show_node(self, node):
        observe_segments(self._observations, node, self._fill)
        self._fill()
        emit(self, "currentNodeChanged(vtkMRMLNode*)", node)
        emit(self, "currentNodeChanged(bool)", node is not None)

    def _fill(self, *event):
        before = self.currentSegmentID()
        segments = segments_of(self.currentNode())
        self._box.blockSignals(True)
        self._box.clear()
        for _, segment in segments:
            self._box.addItem(color_icon(segment), segment.GetName())
        self._segment_ids = [segment_id for segment_id, _ in segments]
        kept = before if before in self._segment_ids else next(iter(self._segment_ids), "")
        self._box.setCurrentIndex(self._segment_ids.index(kept) if kept else -1)
        self._box.blockSignals(False)
        if kept != before:
            self.currentSegmentChanged.emit(kept)

    def _horizontalLayout_changed(self):
        sideways = stored(self)["horizontalLayout"]
        self._direction.setDirection(
            QtWidgets.QBoxLayout.LeftToRight if sideways else QtWidgets.QBoxLayout.TopToBottom
        )

    def _segmentationNodeSelectorVisible_changed(self):
        self._node_box.setVisible(stored(self)["segmentationNodeSelectorVisible"])

    def currentNode(self):
        return self._node_box.currentNode()

    def currentNodeID(self):
        return self._node_box.currentNodeID

    def setCurrentNode(self, node):
        self._node_box.setCurrentNode(node)

    def setCurrentNodeID(self, node_id):
        self._node_box.setCurrentNodeID(node_id)

    def currentSegmentID(self):
        index = self._box.currentIndex
        return self._segment_ids[index] if 0 <= index < len(self._segment_ids) else ""

    def setCurrentSegmentID(self, segment_id):
        self._box.setCurrentIndex(
            self._segment_ids.index(segment_id) if segment_id in self._segment_ids else -1
        )

    def segmentIDs(self):
        return list(self._segment_ids)


@behaviour(
    "qMRMLSegmentsTableView",
    headerVisible=True,
    visibilityColumnVisible=True,
    colorColumnVisible=True,
    opacityColumnVisible=True,
    statusColumnVisible=True,
    readOnly=False,
    selectionMode=3,
    filterBarVisible=False,
)
class SegmentsTableView(MRMLWidget):
    """The segments of a segmentation in a table; one or more are selected by clicks."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._observations = Observations(self)
        self._node = None
        self._segment_ids = []
        self._hidden_ids = ()
        self._table = QtWidgets.QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["Color", "Name"])
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.ExtendedSelection)
        self._table.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.horizontalHeader().setHighlightSections(False)
        self._table.verticalHeader().setVisible(False)
        self._table.setColumnWidth(0, 44)
        row(self, self._table)
        self._table.selectionModel().selectionChanged.connect(
            lambda selected, deselected: self.selectionChanged.emit(selected, deselected)
        )

    def setSegmentationNode(self, node):
        self._node = node
        observe_segments(self._observations, node, self._fill)
        self._fill()

    def segmentationNode(self):
        return self._node

    def _fill(self, *event):
        selected = self.selectedSegmentIDs()
        segments = [entry for entry in segments_of(self._node) if entry[0] not in self._hidden_ids]
        self._table.setRowCount(len(segments))
        for place, (_, segment) in enumerate(segments):
            self._table.setItem(place, 0, QtWidgets.QTableWidgetItem(color_icon(segment), ""))
            self._table.setItem(place, 1, QtWidgets.QTableWidgetItem(segment.GetName()))
        self._segment_ids = [segment_id for segment_id, _ in segments]
        self.setSelectedSegmentIDs(selected)

    def selectedSegmentIDs(self):
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return [self._segment_ids[place] for place in rows if place < len(self._segment_ids)]

    def setSelectedSegmentIDs(self, segment_ids):
        model = self._table.selectionModel()
        chosen = QtCore.QItemSelection()
        for segment_id in segment_ids:
            if segment_id in self._segment_ids:
                place = self._segment_ids.index(segment_id)
                chosen.select(
                    self._table.model().index(place, 0),
                    self._table.model().index(place, 1),
                )
        model.select(chosen, QtCore.QItemSelectionModel.ClearAndSelect)

    def clearSelection(self):
        self._table.clearSelection()

    def setHideSegments(self, segment_ids):
        self._hidden_ids = tuple(segment_ids)
        self._fill()

    def hideSegments(self):
        return list(self._hidden_ids)

    def displayedSegmentIDs(self):
        return list(self._segment_ids)

    def rowForSegmentID(self, segment_id):
        return self._segment_ids.index(segment_id) if segment_id in self._segment_ids else -1

    def segmentIDForRow(self, place):
        return self._segment_ids[place] if 0 <= place < len(self._segment_ids) else ""

    def tableWidget(self):
        return self._table

    def _headerVisible_changed(self):
        self._table.horizontalHeader().setVisible(stored(self)["headerVisible"])

    def _colorColumnVisible_changed(self):
        self._table.setColumnHidden(0, not stored(self)["colorColumnVisible"])

    def _set_selection_mode(self, mode):
        stored(self)["selectionMode"] = mode
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))

    setSelectionMode = _set_selection_mode
    selectionMode = QtCore.Property(
        int,
        lambda self: stored(self)["selectionMode"],
        _set_selection_mode,
    )
    segmentCount = QtCore.Property(int, lambda self: len(self._segment_ids))
