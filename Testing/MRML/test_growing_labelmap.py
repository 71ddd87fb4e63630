"""A labelmap that grows with what is put into it: the same voxels, and no more of the grid than needed."""

import numpy as np
import pytest
import slicer
from mrml_scene import makeScene, makeSegmentation, makeVolume
from SlicePropagationMRML.nodes.geometry import arrayOf, labelmapBlock
from SlicePropagationMRML.nodes.growing_labelmap import GrowingLabelmap

from SlicePropagationLib.patch import EMPTY_MASK, Patch

SHAPE = (60, 70, 80)
OBLIQUE = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]]


@pytest.fixture
def nodes():
    scene = makeScene()[0]
    volume = makeVolume(scene, np.zeros(SHAPE, np.uint8), (1, 1, 2), directions=OBLIQUE)
    return volume, makeSegmentation(scene, volume, ())


def onGrid(labelmap):
    """(K, J, I) of the whole grid."""
    whole = np.zeros(SHAPE, np.uint8)
    extent = labelmap.GetExtent()
    window = tuple(slice(extent[2 * axis], extent[2 * axis + 1] + 1) for axis in (2, 1, 0))
    whole[window] = arrayOf(labelmap)
    return whole


def patchAt(rows, columns):
    mask = np.zeros((rows.stop, columns.stop), bool)
    mask[rows, columns] = True
    mask[rows.start, columns.start] = False
    return Patch.cut(mask)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_it_holds_what_it_was_shown_wherever_that_lies(nodes, axis):
    growing = GrowingLabelmap(*nodes, axis)
    wanted = np.zeros(SHAPE, np.uint8)
    slices = np.moveaxis(wanted, axis, 0)
    numbers = np.random.default_rng(axis)
    for _ in range(40):
        index = int(numbers.integers(0, len(slices)))
        patches = {}
        slices[index] = 0
        for label in (1, 2):
            rows, columns = (
                slice(start, min(start + int(numbers.integers(1, 20)), size))
                for start, size in (
                    (int(numbers.integers(0, size)), size) for size in slices.shape[1:]
                )
            )
            patch = patchAt(rows, columns)
            patches[label] = patch
            slices[index][patch.window][patch.crop] = label
        growing.show(index, patches)
        assert np.array_equal(onGrid(growing.labelmap), wanted)


def test_it_covers_what_it_was_shown_and_some_room(nodes):
    growing = GrowingLabelmap(*nodes, 0)
    growing.show(30, {1: EMPTY_MASK})
    assert growing.labelmap.IsEmpty()
    growing.show(30, {1: patchAt(slice(20, 40), slice(50, 60))})
    assert growing.labelmap.GetExtent() == (46, 63, 15, 44, 26, 34)
    growing.show(34, {1: patchAt(slice(25, 30), slice(62, 64))})
    assert growing.labelmap.GetExtent() == (46, 63, 15, 44, 26, 34)
    growing.show(
        35, {1: patchAt(slice(0, 2), slice(62, 64))}
    )  # to the end of the grid, and one way
    assert growing.labelmap.GetExtent() == (46, 63, 0, 44, 26, 39)


def test_it_lies_where_the_volume_does(nodes):
    growing = GrowingLabelmap(*nodes, 0)
    growing.show(3, {1: patchAt(slice(5, 9), slice(7, 9))})
    whole = labelmapBlock(*nodes, np.ones((1, 1, 1), bool), [0, 0, 0])
    assert slicer.vtkOrientedImageDataResample.DoGeometriesMatch(growing.labelmap, whole)
