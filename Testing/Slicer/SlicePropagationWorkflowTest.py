"""The workflow inside Slicer, through the panel and the embedded segment editor.

Draw, propagate, stop, correct, undo, save and load.

CTest runs it in desktop Slicer; the tests of this project run it on the test host as well.
"""

import os
import tempfile

import numpy as np
import slicer
from panel_person import SEED_SLICE, PanelTest, dice, disc, truth


class SlicePropagationWorkflowTest(PanelTest):
    """A person at the panel."""

    def test_a_slice_grows_to_its_neighbours_and_stays_as_drawn(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.propagate()
        found = self.mask()
        self.assertTrue(np.array_equal(found[SEED_SLICE], truth(SEED_SLICE)))
        for index in (6, 14):
            self.assertGreater(dice(found[index], truth(index)), 0.85, f"slice {index}")

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
            self.pressPropagate()
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
        self.pressPropagate()
        slicer.mrmlScene.Clear()
        self.processEvents()
        self.assertFalse(self.logic.isRunning)
        self.assertFalse(self.ui.propagateButton.enabled)

    def test_leaving_the_module_during_a_run_does_no_harm(self):
        if slicer.util.mainWindow() is None:
            self.skipTest("Modules are switched in the main window.")
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.pressPropagate()
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
        expected = np.roll(truth(SEED_SLICE), 4, axis=0)
        self.assertGreater(dice(self.mask()[SEED_SLICE], expected), 0.85)
        browser.SetSelectedItemNumber(0)
        self.processEvents()
        self.assertTrue(np.array_equal(self.mask(), drawn))
        self.ui.takeBackButton.click()
        self.waitForEnd()
        self.processEvents()
        self.assertIsNone(browser.GetSequenceNode(self.segmentation))
        self.assertTrue(np.array_equal(self.mask(), drawn))
