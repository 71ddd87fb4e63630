"""Scissors cut what lies inside an outline, from whichever side it was drawn."""

import numpy as np
import pytest

from SlicePropagationLib.drawing.scissors import CUTS, inside_on_slice

SHAPE = (4, 5, 6)


@pytest.mark.parametrize("seen_along", [0, 1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_outline_goes_through_the_volume_along_the_axis_that_it_was_drawn_along(
    seen_along, axis
):
    flat = tuple(np.delete(SHAPE, seen_along))
    inside = np.random.default_rng(1).random(flat) < 0.4
    through = np.broadcast_to(np.expand_dims(inside, seen_along), SHAPE)
    for index in range(SHAPE[axis]):
        found = inside_on_slice(inside, seen_along, axis, index, SHAPE)
        assert np.array_equal(found, through.take(index, axis))


@pytest.mark.parametrize(
    "cut, expected",
    [
        ("erase_inside", [False, True, False, False]),
        ("erase_outside", [True, False, False, False]),
        ("fill_inside", [True, True, True, False]),
        ("fill_outside", [True, True, False, True]),
    ],
)
def test_each_cut_changes_one_side_of_the_outline(cut, expected):
    mask = np.array([[True, True, False, False]])
    inside = np.array([[True, False, True, False]])
    assert CUTS[cut](mask, inside).tolist() == [expected]
