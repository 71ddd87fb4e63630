"""Slicer module *Slice Propagation*: path bootstrap and the four classes that Slicer looks for."""

import os
import sys

import qt
import slicer
import slicer.ScriptedLoadableModule as scripted
from slicer.i18n import tr as _
from slicer.i18n import translate

HERE = os.path.dirname(os.path.abspath(__file__))
OWN_PACKAGES = ("SlicePropagationLib", "SlicePropagationMRML", "SlicePropagationGUI")


def sharedFolder():
    """Where library and resources are: beside the module when installed, one folder up in a checkout."""
    isInstalled = os.path.isdir(os.path.join(HERE, "SlicePropagationLib"))
    return HERE if isInstalled else os.path.dirname(HERE)


def addPaths():
    """Make our packages importable; appended, so that nothing of Slicer's is hidden."""
    for folder in (HERE, sharedFolder()):
        if folder not in sys.path:
            sys.path.append(folder)


def forgetPackages():
    """Drop our packages, so that a reload of the module reads them anew."""
    for name in list(sys.modules):
        if name.split(".")[0] in OWN_PACKAGES:
            del sys.modules[name]


def registerSampleData():
    """Offer the tutorial's volume in Sample Data; it is generated when it is asked for."""
    from SlicePropagationGUI import sample_source

    sample_source.register(os.path.join(sharedFolder(), "Resources", "Icons"))


class SlicePropagation(scripted.ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        scripted.ScriptedLoadableModule.__init__(self, parent)
        addPaths()
        parent.title = _("Slice Propagation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["The SlicePropagation maintainers"]
        parent.helpText = _(
            "Draw a structure on one slice and press <b>Propagate</b>: it grows from slice to slice."
            " The strip says of every slice whether you drew it or it was propagated, and how far it"
            " can be trusted. Correct a slice and propagate again: only what the correction can affect"
            " is computed anew. To try it, load <i>SlicePropagationAbdomen</i> in Sample Data."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)
        parent.acknowledgementText = _(
            "Built on 3D Slicer, SimpleITK, NumPy, SciPy and PyTorch. The networks that come with it,"
            " after the published U-Net and VoxelMorph, learned from Sunnybrook Cardiac Data (CC0),"
            " OpenKBP (MIT), hippocampus and spleen sets of the Medical Segmentation Decathlon (CC BY-SA 4.0),"
            " soft-tissue sarcomas of the Image Biomarker Standardisation Initiative (CC BY 3.0),"
            " lung nodules of LIDC-IDRI (CC BY 3.0), fly medulla in electron microscopy (CC BY),"
            " fetal brain templates with spina bifida (CC0), confocal cell nuclei of StarDist"
            " (BSD 3-Clause) and generated volumes. Code: Apache-2.0. Weights: CC BY-SA 4.0."
        )


class SlicePropagationWidget(scripted.ScriptedLoadableModuleWidget):
    """The module's place in Slicer's window; the panel itself is in SlicePropagationGUI."""

    panel = None
    logic = None
    root = None

    def setup(self):
        scripted.ScriptedLoadableModuleWidget.setup(self)
        addPaths()
        from SlicePropagationGUI.panel import PropagationPanel
        from SlicePropagationGUI.sample_source import dataFolder

        path = os.path.join(sharedFolder(), "Resources", "UI", "SlicePropagation.ui")
        self.root = slicer.util.loadUI(path)
        self.layout.addWidget(self.root)
        self.root.setMRMLScene(slicer.mrmlScene)
        self.logic = SlicePropagationLogic()
        self.panel = PropagationPanel(
            self.root,
            slicer.util.childWidgetVariables(self.root),
            self.logic.propagation,
            self.logic.getParameterNode,
            dataFolder(),
        )

    def enter(self):
        if self.panel:
            self.panel.enter()

    def exit(self):
        if self.panel:
            self.panel.leave()

    def cleanup(self):
        if self.panel:
            self.panel.cleanup()
        if self.logic:
            self.logic.propagation.cleanup()
        if self.root:
            # a reload only hides it, and its editor would go on watching the segmentation
            self.root.deleteLater()
        self.panel = self.logic = self.root = None

    def onReload(self):
        forgetPackages()
        scripted.ScriptedLoadableModuleWidget.onReload(self)


class SlicePropagationLogic(scripted.ScriptedLoadableModuleLogic):
    """Gives the propagation logic this application's scene, editor and timer."""

    def __init__(self):
        scripted.ScriptedLoadableModuleLogic.__init__(self)
        addPaths()
        from SlicePropagationMRML.nodes.commit import makeEditorLogic
        from SlicePropagationMRML.run.logic import PropagationLogic

        editorLogic = makeEditorLogic(slicer.mrmlScene, slicer.app.applicationLogic())
        later = qt.QTimer.singleShot
        self.propagation = PropagationLogic(slicer.mrmlScene, editorLogic, schedule=later)

    def propagate(self, volumeNode, segmentationNode, segmentIDs, engineName="registration"):
        """For scripts: fill segments from the slices that are drawn, and wait for the end."""
        self.propagation.open(volumeNode, segmentationNode, segmentIDs)
        self.propagation.start(engineName)
        self.propagation.runToEnd()


class SlicePropagationTest(scripted.ScriptedLoadableModuleTest):
    """The main job inside Slicer: seed, propagate, undo."""

    def runTest(self):
        from SlicePropagationMRML.run.self_test import seedPropagateUndo

        slicer.mrmlScene.Clear()
        seedPropagateUndo(self, SlicePropagationLogic().propagation)
        self.delayDisplay("Test passed")
