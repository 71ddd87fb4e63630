"""A module that breaks the contract on purpose.

What follows `fault:` on a line must stand in the finding for that line, and no other line has one.
"""

from functools import partial

import ctk
import qt
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import saveEverything  # fault: slicer.util.saveEverything: no such name


class BadPanel(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        slicer.app.connect(  # fault: 'startupDone()': no such signal of qSlicerApplication
            "startupDone()", self.started
        )
        slicer.app.mainWindow()  # fault: qSlicerApplication.mainWindow: no such name

    def started(self):
        pass


class Strip(qt.QWidget):
    jumped = qt.Signal(int)

    def __init__(self, parent=None):
        qt.QWidget.__init__(self, parent)
        self.cells = []
        self.setMinimumHeight(20)
        self.setBackground("red")  # fault: QWidget.setBackground: no such name

    def paintEvent(self, event):
        painter = qt.QPainter(self)
        painter.drawRect(0, 0, self.width(), self.height)  # fault: QWidget.width: is a property
        painter.fillRect(self.rect, self.palette.colour(1))  # fault: QPalette.colour: no such name
        painter.drawCells(self.cells)  # fault: QPainter.drawCells: no such name

    def mousePressEvent(self, event):
        self.jumped.emit(event.column())  # fault: QMouseEvent.column: no such name


class Selector(slicer.qMRMLNodeComboBox):  # fault: Python cannot override the virtual functions
    pass


class BadPanelWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ui = self.ui = slicer.util.childWidgetVariables(
            slicer.util.loadUI(self.resourcePath("UI/BadPanel.ui"))
        )
        ui.volumeSelector.setNodeTypes(  # fault: qMRMLNodeComboBox.setNodeTypes: C++ only
            ["vtkMRMLScalarVolumeNode"]
        )
        ui.volumeSelector.nodeAddedByUserAction.connect(  # fault: qMRMLNodeComboBox.nodeAddedByUserAction: only in
            self.show
        )
        ui.volumeSelector.connect(  # fault: 'nodeAddedByUserAction(vtkMRMLNode*)': only in Slicer
            "nodeAddedByUserAction(vtkMRMLNode*)", self.show
        )
        ui.applyButton.connect(  # fault: 'clicked(int)': no such signal of QPushButton
            "clicked(int)", self.show
        )
        ui.applyButton.connect(  # fault: connect with partial
            "clicked(bool)", partial(self.show, 1)
        )
        ui.applyButton.text()  # fault: QPushButton.text: is a property
        ui.applyButton.ownState = 1  # fault: QPushButton.ownState: no such property, and new
        ui.applyButton.clicked = (  # fault: QPushButton.clicked: is a signal and cannot be assigned
            self.show
        )
        ui.applyButton.width = 30  # fault: QPushButton.width: cannot be written
        ui.applyButton.setText(text="Apply")  # fault: keyword arguments text
        ui.aplyButton.enabled = False  # fault: ui.aplyButton: no widget of that name
        ui.editor.activeEffect().paint()  # fault: qSlicerSegmentEditorAbstractEffect.paint: no such name
        self.strip = Strip()
        self.strip.jumped.connect(self.show)
        self.strip.cells.append(1)
        self.strip.connect(  # fault: 'jumped(int)': a signal of a Python class cannot be connected
            "jumped(int)", self.show
        )
        self.strip.enabeld = True  # fault: QWidget.enabeld: no such property
        self.strip.connect(  # fault: 'jumpedTo(int)': no such signal of QWidget
            "jumpedTo(int)", self.show
        )
        self.frame = qt.QFrame(parent=self.parent)  # fault: qt.QFrame(): keyword arguments parent
        self.frame.frameShape = qt.QFrame.Shape.Box  # fault: QFrame.Shape: scoped enum
        self.label = qt.QLabel("x", None)
        self.label.alignment = qt.Qt.AlignMiddle  # fault: Qt.AlignMiddle: no such name
        self.slider = ctk.ctkRangeSliderWidget()  # fault: ctk.ctkRangeSliderWidget: unknown class
        self.timer = qt.QTimer()
        self.timer.singleShot = True  # fault: QTimer.singleShot: is a method and cannot be assigned
        qt.QTimer.singleShot(10, function=self.show)  # fault: keyword arguments function
        slicer.mrmlScene.GetPrivateStorableNodesModifiedSinceRead()  # fault: only in Slicer 5.12
        slicer.util.executePythonModule(  # fault: slicer.util.executePythonModule: only in Slicer 5.12, main
            "pip", []
        )
        slicer.util.pip_install(  # fault: slicer.util.pip_install(requester=): only in Slicer 5.12, main
            "torch", requester="us"
        )
        slicer.util.loadVolume("a.nii", show=False)  # fault: slicer.util.loadVolume(show=): no such
        for button in (ui.applyButton, ui.applyButton):
            button.checked()  # fault: QPushButton.checked: is a property
        self.first, self.second = ui.applyButton, ui.editor
        self.second.undoButton.hide()  # fault: qMRMLSegmentEditorWidget.undoButton: no such name
        for widget, text in ((ui.applyButton, "a"), (self.first, "b")):
            widget.caption = text  # fault: QPushButton.caption: no such property
        [
            widget.glow()  # fault: QPushButton.glow: no such name
            for widget in (ui.applyButton, self.first)
        ]
        try:
            import slicer.packaging

            slicer.packaging.pip_check(["torch"])
        except ImportError:
            pass

    def show(self, thing=None):
        if isinstance(thing, qt.QWidget):  # fault: isinstance with qt.QWidget
            thing.connect(  # fault: 'activatedByMagic(int)': no such signal of any class
                "activatedByMagic(int)", print
            )
        return saveEverything
