"""The effect *Propagate* in a Segment Editor inside Slicer: preview, apply, cancel, undo.

CTest runs it in desktop Slicer; the tests of this project run it on the test host as well.
"""

import time
import unittest

import numpy as np
import slicer
from panel_person import (
    ENGINE,
    SEED_SLICE,
    dice,
    makeSegmentation,
    makeVolume,
    paint,
    processEvents,
    segmentMask,
    truth,
)

KEPT = []  # editors stay alive and hidden until Slicer ends


def pythonOf(effect):
    """The Python object of a scripted effect."""
    return effect.self()


class SlicePropagationEffectTest(unittest.TestCase):
    """A person in the Segment Editor, with one slice drawn and the effect active."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.volume = makeVolume([truth])
        self.segmentation = makeSegmentation(self.volume, ["disc"])
        self.editor = slicer.qMRMLSegmentEditorWidget()
        KEPT.append(self.editor)
        self.editor.setMRMLScene(slicer.mrmlScene)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.editor.setMRMLSegmentEditorNode(node)
        self.editor.setSegmentationNode(self.segmentation)
        self.editor.setSourceVolumeNode(self.volume)
        self.editor.setCurrentSegmentID("disc")
        self.editor.maximumNumberOfUndoStates = 10
        paint(self.editor, SEED_SLICE, truth(SEED_SLICE))
        self.activate()

    def tearDown(self):
        self.editor.setActiveEffectByName("")
        self.editor.setMRMLSegmentEditorNode(None)
        slicer.mrmlScene.Clear()
        self.editor.setMRMLScene(None)
        processEvents()

    # What a person does

    def activate(self):
        self.editor.setActiveEffectByName("Propagate")
        processEvents()
        self.effect = pythonOf(self.editor.activeEffect())
        self.effect.engineComboBox.setCurrentText(ENGINE)

    def waitUntil(self, isSo, seconds=120):
        end = time.time() + seconds
        while not isSo():
            self.assertLess(time.time(), end, self.effect.statusLabel.text)
            processEvents(0.02)

    def preview(self):
        self.assertTrue(self.effect.previewButton.enabled)
        self.effect.previewButton.click()
        self.waitUntil(lambda: self.effect.applyButton.enabled)

    def apply(self):
        self.effect.applyButton.click()
        self.waitUntil(lambda: self.numSlices() > 1)
        processEvents()

    def mask(self):
        return segmentMask(self.segmentation, "disc", self.volume)

    def numSlices(self):
        """Slices that the segment is on."""
        return int(self.mask().any(axis=(1, 2)).sum())

    # What has to come of it

    def test_a_preview_is_applied_and_one_undo_takes_it_back(self):
        self.preview()
        self.assertEqual(self.numSlices(), 1)
        self.apply()
        found = self.mask()
        self.assertTrue(np.array_equal(found[SEED_SLICE], truth(SEED_SLICE)))
        for index in (6, 14):
            self.assertGreater(dice(found[index], truth(index)), 0.85, f"slice {index}")
        self.editor.undo()
        processEvents()
        self.assertEqual(self.numSlices(), 1)

    def test_a_preview_that_is_cancelled_leaves_the_segment_as_it_was(self):
        before = self.mask()
        self.preview()
        self.effect.cancelButton.click()
        processEvents()
        self.assertFalse(self.effect.applyButton.enabled)
        self.assertTrue(np.array_equal(self.mask(), before))

    def test_the_first_choice_of_a_direction_stays_when_the_effect_is_chosen_again(self):
        self.effect.directionComboBox.setCurrentIndex(1)
        self.preview()
        self.apply()
        onLower = self.mask()[:SEED_SLICE].any()
        onHigher = self.mask()[SEED_SLICE + 1 :].any()
        self.assertNotEqual(onLower, onHigher)
        self.editor.setActiveEffectByName("")
        self.activate()
        self.assertEqual(self.effect.directionComboBox.currentIndex, 1)
