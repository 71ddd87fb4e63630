"""The workflow inside Slicer, through the panel and the embedded segment editor.

Draw, propagate, stop, correct, undo, save and load.

CTest runs it in desktop Slicer; the tests of this project run it on the test host as well.
"""

import os
import tempfile
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


class SlicePropagationWorkflowTest(unittest.TestCase):
    """A person at the panel."""

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
        images = (
            np.random.default_rng(0).normal(0, 5, (NUM_SLICES, HEIGHT, WIDTH)).astype(np.float32)
        )
        for index in range(2, NUM_SLICES - 2):
            images[index][truth(index)] += 100
        self.volume = slicer.util.addVolumeFromArray(images, name="Phantom")
        self.volume.SetSpacing(1.0, 1.5, 3.0)
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode",
            "Segmentation",
        )
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        self.segmentID = self.segmentation.GetSegmentation().AddEmptySegment("disc", "disc")
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
        end = time.time() + seconds
        while time.time() < end:
            slicer.app.processEvents()
            time.sleep(0.005)

    def waitForEnd(self, seconds=120):
        end = time.time() + seconds
        while self.logic.isRunning:
            self.assertLess(time.time(), end, "The run does not end.")
            slicer.app.processEvents()
            time.sleep(0.005)
        slicer.app.processEvents()

    def draw(self, index, mask):
        """Make a slice look like the mask, by the strokes of the editor's effects."""
        now = self.mask()[index]
        for name, voxels in (("Erase", now & ~mask), ("Paint", mask & ~now)):
            if voxels.any():
                self.stroke(name, index, voxels)
        self.processEvents()

    def stroke(self, effectName, index, voxels):
        self.ui.editor.setActiveEffectByName(effectName)
        effect = self.ui.editor.activeEffect()
        effect.saveStateForUndo()
        labelmap = effect.defaultModifierLabelmap()
        array = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(
            tuple(reversed(labelmap.GetDimensions()))
        )
        array[:] = 0
        array[index][voxels] = 1
        labelmap.Modified()
        modes = slicer.qSlicerSegmentEditorAbstractEffect
        mode = modes.ModificationModeRemove if effectName == "Erase" else modes.ModificationModeAdd
        effect.modifySelectedSegmentByLabelmap(labelmap, mode)
        self.ui.editor.setActiveEffectByName("")

    def propagate(self):
        self.assertTrue(self.ui.propagateButton.enabled, self.ui.propagateButton.toolTip)
        self.ui.propagateButton.click()
        self.waitForEnd()

    def mask(self):
        """(K, J, I) bool of the segment."""
        return (
            slicer.util.arrayFromSegmentBinaryLabelmap(
                self.segmentation,
                self.segmentID,
                self.volume,
            )
            > 0
        )

    # What has to come of it

    def test_a_slice_grows_to_its_neighbours_and_stays_as_drawn(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.propagate()
        found = self.mask()
        self.assertTrue(np.array_equal(found[SEED_SLICE], truth(SEED_SLICE)))
        for index in (6, 14):
            overlap = (
                2
                * np.count_nonzero(found[index] & truth(index))
                / (np.count_nonzero(found[index]) + np.count_nonzero(truth(index)))
            )
            self.assertGreater(overlap, 0.85, f"slice {index}")

    def test_one_run_is_one_undo_step(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        seed = self.mask()
        self.propagate()
        propagated = self.mask()
        self.ui.editor.undo()
        self.processEvents()
        self.assertTrue(np.array_equal(self.mask(), seed))
        self.ui.editor.redo()
        self.processEvents()
        self.assertTrue(np.array_equal(self.mask(), propagated))

    def test_a_stopped_run_is_kept_or_discarded(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        seed = self.mask()
        for button, isKept in ((self.ui.discardButton, False), (self.ui.keepButton, True)):
            self.ui.propagateButton.click()
            self.logic.stop()
            self.waitForEnd()
            self.assertTrue(button.enabled, button.toolTip)
            button.click()
            self.waitForEnd()
            self.processEvents()
            self.assertEqual(not np.array_equal(self.mask(), seed), isKept)

    def test_a_correction_changes_nothing_beyond_the_next_anchor(self):
        for index in (4, SEED_SLICE):
            self.draw(index, truth(index))
        self.propagate()
        before = self.mask()
        corrected = disc(24, 30, 4)
        self.draw(14, corrected)
        self.propagate()
        after = self.mask()
        self.assertTrue(np.array_equal(after[14], corrected))
        self.assertTrue(np.array_equal(after[: SEED_SLICE + 1], before[: SEED_SLICE + 1]))
        self.assertFalse(np.array_equal(after[SEED_SLICE + 1 :], before[SEED_SLICE + 1 :]))

    def test_closing_the_scene_during_a_run_does_no_harm(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.ui.propagateButton.click()
        slicer.mrmlScene.Clear()
        self.processEvents()
        self.assertFalse(self.logic.isRunning)
        self.assertFalse(self.ui.propagateButton.enabled)

    def test_leaving_the_module_during_a_run_does_no_harm(self):
        if slicer.util.mainWindow() is None:
            self.skipTest("Modules are switched in the main window.")
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.ui.propagateButton.click()
        slicer.util.selectModule("Data")
        self.waitForEnd()
        slicer.util.selectModule("SlicePropagation")
        self.assertTrue(self.mask()[SEED_SLICE + 2].any())

    def test_a_loaded_scene_remembers_what_was_drawn(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.propagate()
        shown = list(self.panel.review.review.kinds)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "scene.mrb")
            self.assertTrue(slicer.util.saveScene(path, {}))
            slicer.mrmlScene.Clear()
            self.processEvents()
            slicer.util.loadScene(path, {})
        self.processEvents()
        self.ui.editor.setCurrentSegmentID(self.segmentID)
        self.processEvents()
        self.assertEqual(list(self.panel.review.review.kinds), shown)

    def test_a_result_is_carried_to_all_frames_of_a_sequence(self):
        images = slicer.util.arrayFromVolume(self.volume).copy()
        sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
        for frame in range(3):
            slicer.util.updateVolumeFromArray(self.volume, np.roll(images, 2 * frame, axis=1))
            sequence.SetDataNodeAtValue(self.volume, str(frame))
        browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Cine browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        self.volume = browser.GetProxyNode(sequence)
        self.ui.volumeSelector.setCurrentNode(self.volume)
        self.processEvents()
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.propagate()
        drawn = self.mask()
        self.assertTrue(self.ui.carryButton.enabled, self.ui.carryButton.toolTip)
        self.ui.cyclicCheckBox.checked = False  # the motion does not repeat
        self.ui.carryButton.click()
        self.waitForEnd()
        browser.SetSelectedItemNumber(2)
        self.processEvents()
        found = self.mask()[SEED_SLICE]
        expected = np.roll(truth(SEED_SLICE), 4, axis=0)
        self.assertGreater(
            2
            * np.count_nonzero(found & expected)
            / (np.count_nonzero(found) + np.count_nonzero(expected)),
            0.85,
        )
        browser.SetSelectedItemNumber(0)
        self.processEvents()
        self.assertTrue(np.array_equal(self.mask(), drawn))
        self.ui.takeBackButton.click()
        self.waitForEnd()
        self.processEvents()
        self.assertIsNone(browser.GetSequenceNode(self.segmentation))
        self.assertTrue(np.array_equal(self.mask(), drawn))
