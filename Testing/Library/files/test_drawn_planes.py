"""Drawings in a second plane are told from slices that were drawn, also where they lie side by side."""

import numpy as np
import pytest

from SlicePropagationLib.files.drawn_planes import other_planes

PLACES = np.indices((15, 30, 26))
BALL = sum((PLACES[axis] - middle) ** 2 for axis, middle in enumerate((7, 15, 13))) < 36


def drawn(*planes):
    """The ball on slices of axes, each (axis, index)."""
    seed = np.zeros(BALL.shape, bool)
    for axis, index in planes:
        np.moveaxis(seed, axis, 0)[index] |= np.moveaxis(BALL, axis, 0)[index]
    return seed


@pytest.mark.parametrize("beside", [[13], [12, 13], [12, 13, 14], [10, 16], [10, 13, 14]])
def test_slices_of_a_second_plane_are_found_alone_and_side_by_side(beside):
    found = other_planes(drawn((0, 7), *((2, index) for index in beside)), 0)
    assert found.own == (7,)
    assert found.planes == tuple((2, index) for index in beside)
    assert 7 not in found.lines


@pytest.mark.parametrize("slices", [[7], [5, 6, 7, 8, 9], range(15)])
def test_slices_of_one_plane_are_drawn(slices):
    assert other_planes(drawn(*((0, index) for index in slices)), 0) is None


@pytest.mark.parametrize("width", [2, 3])
def test_a_thin_structure_is_drawn_where_no_slice_is_plainly_larger(width):
    sheet = np.zeros(BALL.shape, bool)
    sheet[3:12, 8:20, 10 : 10 + width] = True
    sheet[7, 8:20, 10 : 10 + width + 1] = True
    assert other_planes(sheet, 0) is None
