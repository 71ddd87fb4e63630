"""*Fine slices* at the panel: a segmentation of its own, without stair steps."""

import numpy as np
import slicer
from host import person
from phantoms import drifting_disc
from SlicePropagationMRML.nodes.geometry import segmentMask


def begin(annotator, **geometry):
    stack, truth = drifting_disc()
    annotator.load(stack, **geometry)
    annotator.add_segment()
    annotator.draw(7, truth[7])
    person.click(annotator.ui.detailsCollapsibleButton, 20, 8)
    return truth


def test_a_click_makes_a_segmentation_beside_the_one_that_there_is(annotator):
    truth = begin(annotator, spacing=(1.0, 1.0, 4.0))
    before = annotator.mask()
    person.click(annotator.ui.fineButton)
    assert "is a segmentation of its own" in annotator.status
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    fine = next(node for node in nodes if node.GetName().endswith("on fine slices"))
    own = fine.GetSegmentation().GetNthSegmentID(0)
    assert np.array_equal(segmentMask(fine, own, annotator.volume)[7], truth[7])
    assert np.array_equal(annotator.mask(), before)


def test_where_slices_are_thin_the_status_line_says_why_not(annotator):
    begin(annotator, spacing=(1.0, 1.0, 1.0))
    person.click(annotator.ui.fineButton)
    assert "no stair steps to remove" in annotator.status
