"""Widgets that know the scene, and the selector of its nodes."""

from PySide6 import QtCore, QtWidgets

from host.classes import behaviour, emit, stored
from host.observing import Observations
from host.range_widgets import row

# Slicer's node selector may not have chosen a node before it is shown; False makes the host's wait.
unseen_boxes_choose = True


@behaviour("qMRMLWidget")
class MRMLWidget:
    """A widget that knows the scene."""

    def setMRMLScene(self, scene):
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return getattr(self, "_scene", None)


@behaviour("qSlicerWidget")
class SlicerWidget(MRMLWidget):
    """As qMRMLWidget, for the modules' own widgets."""


@behaviour(
    "qMRMLNodeComboBox",
    noneEnabled=False,
    addEnabled=True,
    removeEnabled=True,
    showChildNodeTypes=True,
    noneDisplay="Select a node",
    nodeTypes=[],
    hideChildNodeTypes=[],
    selectNodeUponCreation=True,
    showHidden=False,
    baseName="",
)
class NodeComboBox:
    """The scene's nodes of some types; follows the scene."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._scene = None
        self._current = None
        self._was_shown = False
        self._ids = []
        self._attributes = []
        self._observations = Observations(self)
        self._box = QtWidgets.QComboBox()
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        self._box.setMinimumWidth(80)
        row(self, self._box)
        self._box.currentIndexChanged.connect(
            lambda index: self._choose(self._ids[index] if index >= 0 else None)
        )
        self._box.setEnabled(False)

    def setMRMLScene(self, scene):
        self._scene = scene
        self._observations.remove_all()
        if scene is not None:
            for event in (
                scene.NodeAddedEvent,
                scene.NodeRemovedEvent,
                scene.EndCloseEvent,
                scene.EndImportEvent,
                scene.EndBatchProcessEvent,
            ):
                self._observations.add(scene, event, self._refresh)
        self._box.setEnabled(scene is not None)
        self._refresh()
        if self._current is None and not self._chooses():
            self._tell(None)

    def showEvent(self, event):
        QtWidgets.QWidget.showEvent(self, event)
        is_waiting = not self._chooses()
        self._was_shown = True
        if is_waiting:
            self._refresh()

    def _chooses(self):
        """Whether a box without a choice takes the first node by itself."""
        return self._was_shown or unseen_boxes_choose

    def mrmlScene(self):
        return self._scene

    def addAttribute(self, node_type, name, value=None):
        self._attributes.append((node_type, name, value))
        self._refresh()

    def removeAttribute(self, node_type, name):
        self._attributes = [entry for entry in self._attributes if entry[:2] != (node_type, name)]
        self._refresh()

    def _is_offered(self, node):
        state = stored(self)
        types = [
            kind
            for kind in state["nodeTypes"]
            if (node.IsA(kind) if state["showChildNodeTypes"] else node.GetClassName() == kind)
        ]
        if (
            not types
            or (node.GetHideFromEditors() and not state["showHidden"])
            or any(node.IsA(kind) for kind in state["hideChildNodeTypes"])
        ):
            return False
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _refresh(self, *event):
        if self._scene is None or self._scene.IsClosing():
            nodes = []
        else:
            every = (
                self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())
            )
            nodes = [node for node in every if self._is_offered(node)]
            for node in nodes:
                self._observations.add(node, "ModifiedEvent", self._rename)
        self._ids = [
            *([None] if stored(self)["noneEnabled"] else []),
            *(node.GetID() for node in nodes),
        ]
        self._box.blockSignals(True)
        self._box.clear()
        self._box.addItems(
            [
                *([stored(self)["noneDisplay"]] if stored(self)["noneEnabled"] else []),
                *(node.GetName() or "" for node in nodes),
            ]
        )
        first = next(iter(self._ids), None) if self._chooses() else None
        kept = self._current if self._current in self._ids else first
        self._box.setCurrentIndex(self._ids.index(kept) if kept in self._ids else -1)
        self._box.blockSignals(False)
        self._choose(kept)

    _nodeTypes_changed = _hideChildNodeTypes_changed = _noneEnabled_changed = (
        _noneDisplay_changed
    ) = _showChildNodeTypes_changed = _showHidden_changed = _refresh

    def _rename(self, node, event):
        if node.GetID() in self._ids:
            self._box.setItemText(self._ids.index(node.GetID()), node.GetName() or "")

    def _choose(self, node_id):
        if node_id == self._current:
            return
        self._current = node_id
        self._tell(self.currentNode())

    def _tell(self, node):
        node_id = node.GetID() if node is not None else ""
        emit(self, "currentNodeChanged(vtkMRMLNode*)", node)
        emit(self, "currentNodeChanged(bool)", node is not None)
        self.currentNodeIDChanged.emit(node_id)

    def currentNode(self):
        return (
            self._scene.GetNodeByID(self._current)
            if self._scene is not None and self._current
            else None
        )

    def setCurrentNode(self, node):
        self.setCurrentNodeID(
            node if isinstance(node, str) else node.GetID() if node is not None else ""
        )

    def setCurrentNodeID(self, node_id):
        node_id = node_id or None
        if node_id is None or node_id in self._ids:
            self._box.setCurrentIndex(self._ids.index(node_id) if node_id in self._ids else -1)
            self._choose(node_id)

    def setCurrentNodeIndex(self, index):
        self.setCurrentNodeID([node_id for node_id in self._ids if node_id][index])

    currentNodeID = QtCore.Property(
        str,
        lambda self: self._current or "",
        lambda self, node_id: self.setCurrentNodeID(node_id),
    )
    currentNodeId = currentNodeID

    def nodeCount(self):
        return sum(node_id is not None for node_id in self._ids)

    def nodeFromIndex(self, index):
        return self._scene.GetNodeByID([node_id for node_id in self._ids if node_id][index])

    def addNode(self, node_type=""):
        """What choosing "Create new" does."""
        kind = node_type or stored(self)["nodeTypes"][0]
        name = self._scene.GenerateUniqueName(
            stored(self)["baseName"] or kind.removeprefix("vtkMRML").removesuffix("Node")
        )
        node = self._scene.AddNewNodeByClass(kind, name)
        self.nodeAdded.emit(node)
        self.nodeAddedByUser.emit(node)
        if stored(self)["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        return node
