"""Several structures, and masking, inside Slicer: four segments in one run; what a mask allows.

CTest runs it in desktop Slicer; the tests of this project run it on the test host as well.
"""

import numpy as np
import slicer
import vtk
from panel_person import HEIGHT, SEED_SLICE, WIDTH, PanelTest, dice, disc, stroke, truth

CORNERS = {"one": (13, 8), "two": (13, 28), "three": (35, 8), "four": (35, 28)}
ALL_DRAWN = 1  # row of the list of segments to fill


def structure(name):
    """A function of a slice's index: one of four discs that drift side by side."""
    row, column = CORNERS[name]
    return lambda index: disc(row, column + index // 2, 6)


class SlicePropagationSegmentsTest(PanelTest):
    """Four structures in one volume."""

    STRUCTURES = tuple(structure(name) for name in CORNERS)
    NAMES = tuple(CORNERS)

    def tearDown(self):
        self.ui.scopeComboBox.setCurrentIndex(0)
        PanelTest.tearDown(self)

    def test_four_drawn_segments_are_filled_in_one_run_and_in_one_undo_step(self):
        for name in self.NAMES:
            self.draw(SEED_SLICE, structure(name)(SEED_SLICE), name)
        self.ui.scopeComboBox.setCurrentIndex(ALL_DRAWN)
        self.processEvents()
        self.propagate()
        masks = {name: self.mask(name) for name in self.NAMES}
        for name, found in masks.items():
            seed = structure(name)(SEED_SLICE)
            self.assertTrue(np.array_equal(found[SEED_SLICE], seed), name)
            for index in (6, 14):
                self.assertGreater(dice(found[index], structure(name)(index)), 0.85, name)
        self.assertEqual(np.sum(list(masks.values()), axis=0).max(), 1)
        self.ui.editor.undo()
        self.processEvents()
        for name in self.NAMES:
            seed = structure(name)(SEED_SLICE)
            self.assertEqual(self.mask(name).sum(), seed.sum(), name)


class SlicePropagationMaskingTest(PanelTest):
    """One structure, and a neighbour with its own voxels."""

    NAMES = ("disc", "other")

    def setUp(self):
        PanelTest.setUp(self)
        self.node = self.ui.editor.mrmlSegmentEditorNode()
        self.half = np.zeros((HEIGHT, WIDTH), bool)
        self.half[24:] = True

    def tearDown(self):
        self.node.SetSourceVolumeIntensityMask(False)
        self.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        self.node.SetMaskSegmentID("")
        self.node.SetOverwriteMode(self.node.OverwriteAllSegments)
        PanelTest.tearDown(self)

    def fillOther(self):
        """Give the lower half of every slice but the seed's to the other segment."""
        for index in range(SEED_SLICE + 1, SEED_SLICE + 4):
            self.draw(index, self.half, "other")
        self.ui.editor.setCurrentSegmentID(self.segmentID)

    def test_a_run_writes_only_where_the_intensity_range_allows(self):
        images = slicer.util.arrayFromVolume(self.volume)
        images[SEED_SLICE + 3][disc(24, 14 + SEED_SLICE + 3, 2)] = 0  # a hole in the structure
        slicer.util.arrayFromVolumeModified(self.volume)
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.node.SetSourceVolumeIntensityMask(True)
        self.node.SetSourceVolumeIntensityMaskRange(50, 1000)
        self.propagate()
        written = self.mask()
        written[SEED_SLICE] = False
        self.assertTrue(written[SEED_SLICE + 3].any())
        self.assertGreaterEqual(images[written].min(), 50)

    def test_a_run_writes_only_in_the_editable_area(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.fillOther()
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
        self.node.SetMaskSegmentID("other")
        self.propagate()
        written = self.mask()
        self.assertTrue(np.array_equal(written[SEED_SLICE], truth(SEED_SLICE)))
        written[SEED_SLICE] = False
        self.assertTrue(written.any())
        self.assertFalse((written & ~self.mask("other")).any())

    def test_a_run_that_may_overlap_leaves_the_other_segment_as_it_was(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        self.fillOther()
        other = self.mask("other")
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.propagate()
        self.assertTrue(np.array_equal(self.mask("other"), other))
        self.assertTrue((self.mask() & other).any())

    def test_what_is_drawn_in_another_plane_is_no_seed_and_stays_in_the_result(self):
        self.draw(SEED_SLICE, truth(SEED_SLICE))
        across = np.zeros_like(self.mask())
        across[SEED_SLICE + 1 : SEED_SLICE + 6, 20:28, 14 + SEED_SLICE] = True
        stroke(self.ui.editor, "Paint", slice(None), across)
        self.processEvents()
        session = self.logic.session
        self.assertEqual(session.anchors(1), [SEED_SLICE])
        self.assertEqual(len(session.hints(1)), 5)
        self.propagate()
        self.assertFalse((across & ~self.mask()).any())
        tag = vtk.reference("")
        segment = self.segmentation.GetSegmentation().GetSegment(self.segmentID)
        self.assertTrue(segment.GetTag("DICOM.SegmentAlgorithmType", tag))
        self.assertEqual(str(tag), "SEMIAUTOMATIC")
