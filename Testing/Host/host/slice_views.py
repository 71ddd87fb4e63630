"""The layout with its three slice views: real slice nodes and slice logics, nothing rendered."""

import slicer
from PySide6 import QtCore

from host.classes import behaviour, build, stored
from host.mrml_widgets import MRMLWidget

VIEWS = {
    "Red": "Axial",
    "Yellow": "Sagittal",
    "Green": "Coronal",
}


@behaviour("qMRMLSliceWidget")
class SliceWidget(MRMLWidget):
    """One slice view: its node, its logic, its controller."""

    def _start(self, name):
        app_logic = slicer.app.applicationLogic()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(app_logic)
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._name, self._view, self._controller = (
            name,
            build("qMRMLSliceView")(self),
            build("qMRMLSliceControllerWidget")(self),
        )
        self._view._widget = self._controller._widget = self
        self._restore()
        app_logic.GetSliceLogics().AddItem(self._logic)

    def _restore(self):
        """The view's node, new or as the scene has it.

        A closed scene takes the node with it and Slicer makes it again.
        """
        if self._logic.GetSliceNode() is None or not slicer.mrmlScene.IsNodePresent(
            self._logic.GetSliceNode()
        ):
            node = self._logic.AddSliceNode(self._name)
            node.SetOrientation(VIEWS[self._name])
            node.SetMappedInLayout(True)

    def sliceLogic(self):
        return self._logic

    def logic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    mrmlAbstractViewNode = mrmlSliceNode

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceView(self):
        return self._view

    viewWidget = sliceView

    def sliceController(self):
        return self._controller

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

    def _set_orientation(self, orientation):
        self.mrmlSliceNode().SetOrientation(orientation)

    setSliceOrientation = _set_orientation
    sliceViewName = QtCore.Property(str, lambda self: self._name)
    sliceOrientation = QtCore.Property(
        str,
        lambda self: self.mrmlSliceNode().GetOrientation(),
        _set_orientation,
    )


@behaviour("qMRMLSliceControllerWidget")
class SliceControllerWidget:
    """The bar above a slice view."""

    def sliceLogic(self):
        return self._widget.sliceLogic()

    def mrmlSliceNode(self):
        return self._widget.mrmlSliceNode()

    def setSliceOffsetValue(self, offset):
        self.sliceLogic().SetSliceOffset(offset)

    def rotateSliceToLowestVolumeAxes(self):
        self.sliceLogic().RotateSliceToLowestVolumeAxes()

    def fitSliceToBackground(self):
        self.sliceLogic().FitSliceToBackground()


@behaviour("qMRMLSliceView")
class SliceView:
    """Where a slice would be drawn."""

    def mrmlSliceNode(self):
        return self._widget.mrmlSliceNode()


@behaviour("qSlicerLayoutManager", layout=3, enabled=True)
class LayoutManager:
    """Red, Yellow and Green, whatever the layout."""

    def _start(self):
        self._views = {}
        for name in VIEWS:
            self._views[name] = build("qMRMLSliceWidget")()
            self._views[name]._start(name)

    def _restore(self):
        for view in self._views.values():
            view._restore()

    def sliceViewNames(self):
        return list(self._views)

    def sliceWidget(self, name):
        return self._views.get(name)

    def mrmlSliceLogics(self):
        return slicer.app.applicationLogic().GetSliceLogics()

    def mrmlScene(self):
        return slicer.mrmlScene

    def threeDWidget(self, which):
        return None

    def setLayout(self, layout):
        if layout != stored(self)["layout"]:
            stored(self)["layout"] = layout
            self.layoutChanged.emit(layout)

    layout = QtCore.Property(int, lambda self: stored(self)["layout"], setLayout)
    threeDViewCount = QtCore.Property(int, lambda self: 0)

    def resetSliceViews(self):
        for view in self._views.values():
            view.fitSliceToBackground()

    def resetThreeDViews(self):
        pass
