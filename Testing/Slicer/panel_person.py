"""A person at the panel inside Slicer: what the tests of this folder share.

No test itself: its name does not end in Test.
"""

import time
import unittest

import numpy as np
import slicer
import vtk.util.numpy_support

ENGINE = "Image registration"  # works in every Slicer, without PyTorch
NUM_SLICES = 20
HEIGHT = 48
WIDTH = 48
SEED_SLICE = 10


def disc(row, column, radius):
    """(H, W) bool, a filled circle."""
    return (
        np.add.outer((np.arange(HEIGHT) - row) ** 2, (np.arange(WIDTH) - column) ** 2) <= radius**2
    )


def truth(index):
    """The structure on a slice: a disc that drifts."""
    return disc(24, 14 + index, 8)


def dice(found, expected):
    """Overlap of two masks, 0 to 1."""
    return (
        2
        * np.count_nonzero(found & expected)
        / (np.count_nonzero(found) + np.count_nonzero(expected))
    )


def makeVolume(structures, seed=0):
    """A volume node with noise, and 100 more inside the structures of each slice but the outermost.

    Args:
        structures: functions of a slice's index that return (H, W) bool.
    """
    noise = np.random.default_rng(seed).normal(0, 5, (NUM_SLICES, HEIGHT, WIDTH))
    images = noise.astype(np.float32)
    for index in range(2, NUM_SLICES - 2):
        for structure in structures:
            images[index][structure(index)] += 100
    volume = slicer.util.addVolumeFromArray(images, name="Phantom")
    volume.SetSpacing(1.0, 1.5, 3.0)
    return volume


def makeSegmentation(volume, names):
    """A segmentation node on the volume's grid with an empty segment for each name, as its ID."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name in names:
        node.GetSegmentation().AddEmptySegment(name, name)
    return node


def segmentMask(segmentation, segmentID, volume):
    """(K, J, I) bool of a segment."""
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentID, volume)
    return np.zeros((NUM_SLICES, HEIGHT, WIDTH), bool) if array is None else array > 0


def processEvents(seconds=0.4):
    """Let Slicer work for a moment; the panel waits a little before it looks at an edit."""
    end = time.time() + seconds
    while time.time() < end:
        slicer.app.processEvents()
        time.sleep(0.005)


def paint(editor, index, mask):
    """Make a slice of the selected segment look like the mask, by strokes of the editor's effects."""
    segmentation = editor.segmentationNode()
    now = segmentMask(segmentation, editor.currentSegmentID(), editor.sourceVolumeNode())[index]
    for name, voxels in (("Erase", now & ~mask), ("Paint", mask & ~now)):
        if voxels.any():
            stroke(editor, name, index, voxels)
    processEvents()


def stroke(editor, effectName, index, voxels):
    """One stroke of Paint or Erase over some pixels of a slice."""
    editor.setActiveEffectByName(effectName)
    effect = editor.activeEffect()
    effect.saveStateForUndo()
    labelmap = effect.defaultModifierLabelmap()
    scalars = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    array = scalars.reshape(tuple(reversed(labelmap.GetDimensions())))
    array[:] = 0
    array[index][voxels] = 1
    labelmap.Modified()
    modes = slicer.qSlicerSegmentEditorAbstractEffect
    mode = modes.ModificationModeRemove if effectName == "Erase" else modes.ModificationModeAdd
    effect.modifySelectedSegmentByLabelmap(labelmap, mode)
    editor.setActiveEffectByName("")


class PanelTest(unittest.TestCase):
    """A person at the panel, with a drifting disc to segment."""

    STRUCTURES = (truth,)
    NAMES = ("disc",)

    def setUp(self):
        slicer.mrmlScene.Clear()
        panelWidget = slicer.modules.slicepropagation.widgetRepresentation()
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("SlicePropagation")
        elif not panelWidget.isEntered:
            panelWidget.enter()
        self.panel = slicer.modules.SlicePropagationWidget.panel
        self.ui = self.panel.ui
        self.logic = self.panel.logic
        self.volume = makeVolume(self.STRUCTURES)
        self.segmentation = makeSegmentation(self.volume, self.NAMES)
        self.segmentID = self.NAMES[0]
        self.ui.volumeSelector.setCurrentNode(self.volume)
        self.ui.segmentationSelector.setCurrentNode(self.segmentation)
        self.ui.editor.setCurrentSegmentID(self.segmentID)
        self.ui.engineComboBox.setCurrentText(ENGINE)
        self.processEvents()

    def tearDown(self):
        if self.logic.isRunning:
            self.logic.stop()
            self.waitForEnd()
        slicer.mrmlScene.Clear()
        self.processEvents()

    # What a person does

    def processEvents(self, seconds=0.4):
        """Let Slicer work for a moment; the panel waits a little before it looks at an edit."""
        processEvents(seconds)

    def waitForEnd(self, seconds=120):
        """Until no run is under way; fails when that takes longer."""
        end = time.time() + seconds
        while self.logic.isRunning:
            self.assertLess(time.time(), end, "The run does not end.")
            slicer.app.processEvents()
            time.sleep(0.005)
        slicer.app.processEvents()

    def draw(self, index, mask, segmentID=None):
        """Make a slice look like the mask, by the strokes of the editor's effects."""
        self.ui.editor.setCurrentSegmentID(segmentID or self.segmentID)
        paint(self.ui.editor, index, mask)

    def propagate(self):
        """Press Propagate, and wait."""
        self.pressPropagate()
        self.waitForEnd()

    def pressPropagate(self, seconds=20):
        """Press Propagate as soon as the panel has looked at what was drawn."""
        button = self.ui.propagateButton
        end = time.time() + seconds
        while not button.enabled and time.time() < end:
            self.processEvents(0.05)
        self.assertTrue(button.enabled, button.toolTip)
        button.click()

    def mask(self, segmentID=None):
        """(K, J, I) bool of a segment."""
        return segmentMask(self.segmentation, segmentID or self.segmentID, self.volume)
