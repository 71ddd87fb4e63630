"""What the module's own test does inside Slicer: seed, propagate, undo."""

from unittest import TestCase

import numpy as np
import slicer

from SlicePropagationMRML.nodes.commit import writeSegment
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationMRML.run.logic import PropagationLogic


def seedPropagateUndo(test: TestCase, logic: PropagationLogic) -> None:
    """Draw a box on one slice, let it grow, and take that back.

    Args:
        test: whose assertions are used.
        logic: a logic that nobody else uses; it is cleaned up at the end.
    """
    array = np.random.default_rng(0).normal(0, 5, (12, 40, 40)).astype(np.float32)
    array[:, 12:28, 12:28] += 100
    volume = slicer.util.addVolumeFromArray(array)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentID = segmentation.GetSegmentation().AddEmptySegment("box")
    logic.open(volume, segmentation, [segmentID], 0)
    seed = np.zeros(array.shape, bool)
    seed[6, 12:28, 12:28] = True
    writeSegment(logic.editorLogic, segmentation, segmentID, volume, seed, isRemoval=False)
    test.assertTrue(logic.start())
    logic.runToEnd()
    test.assertTrue(segmentMask(segmentation, segmentID, volume)[5].any())
    logic.editorLogic.Undo()
    test.assertEqual(segmentMask(segmentation, segmentID, volume).sum(), seed.sum())
    logic.cleanup()
