"""A segmentation of thick slices becomes one on fine slices, in the same place."""

import numpy as np
import pytest
import slicer
from mrml_bench import OBLIQUE
from mrml_scene import makeScene, makeSegmentation, makeVolume
from phantoms import drifting_disc
from SlicePropagationMRML.nodes.commit import makeEditorLogic, writeSegment
from SlicePropagationMRML.nodes.fine_slices import makeFine
from SlicePropagationMRML.nodes.geometry import arrayOf, segmentMask

from SlicePropagationLib.errors import InputError


@pytest.fixture
def made():
    """(scene, a function that makes volume and segmentation of thick slices along an axis)."""
    scene, application = makeScene()
    stack, truth = drifting_disc()

    def make(axis, spacing):
        images = np.moveaxis(stack.images, 0, axis)
        volume = makeVolume(scene, images, spacing, (5.0, -7.0, 11.0), OBLIQUE)
        segmentation = makeSegmentation(scene, volume, ("disc", "rest"))
        logic = makeEditorLogic(scene, application)
        mask = np.moveaxis(truth, 0, axis)
        writeSegment(logic, segmentation, "disc", volume, mask, isRemoval=False)
        return volume, segmentation, mask

    return scene, make


@pytest.mark.parametrize(
    ("axis", "spacing"), [(0, (1.0, 1.0, 4.0)), (2, (3.0, 1.0, 1.0)), (1, (1.0, 5.0, 1.0))]
)
def test_every_thick_slice_is_in_it_unchanged_and_more_between(made, axis, spacing):
    scene, make = made
    volume, segmentation, mask = make(axis, spacing)
    fine = makeFine(scene, volume, segmentation, "Fine")
    assert list(fine.GetSegmentation().GetSegmentIDs()) == ["disc", "rest"]
    # read on the grid of the thick slices, nearest voxel
    assert np.array_equal(segmentMask(fine, "disc", volume), mask)
    labelmap = slicer.vtkOrientedImageData()
    fine.GetBinaryLabelmapRepresentation("disc", labelmap)
    assert min(labelmap.GetSpacing()) == pytest.approx(max(labelmap.GetSpacing()), rel=0.01)
    volume_mm3 = mask.sum() * np.prod(spacing)
    assert arrayOf(labelmap).astype(bool).sum() == pytest.approx(volume_mm3, rel=0.15)


def test_thin_slices_are_refused(made):
    scene, make = made
    volume, segmentation, _ = make(0, (1.0, 1.0, 1.0))
    with pytest.raises(InputError, match="no stair steps"):
        makeFine(scene, volume, segmentation, "Fine")
