"""An outline takes the pixels whose centres are inside it."""

import numpy as np

from SlicePropagationLib.drawing.outline import filled_outline


def test_a_rectangle_between_pixels_takes_the_pixels_within():
    corners = np.array([[0.5, 1.5], [0.5, 4.5], [3.5, 4.5], [3.5, 1.5]])
    mask = filled_outline(corners, (5, 6))
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:5] = True
    assert np.array_equal(mask, expected)
    assert np.array_equal(filled_outline(corners[::-1], (5, 6)), expected)


def test_a_slanted_edge_cuts_where_it_runs():
    mask = filled_outline(np.array([[-0.5, -0.5], [-0.5, 3.5], [3.5, -0.5]]), (4, 4))
    assert np.array_equal(mask, np.add.outer(np.arange(4), np.arange(4)) < 3)


def test_an_outline_that_leaves_the_slice_takes_what_is_on_it():
    corners = np.array([[-5.0, -5.0], [-5.0, 1.5], [9.0, 1.5], [9.0, -5.0]])
    mask = filled_outline(corners, (3, 4))
    assert mask[:, :2].all()
    assert not mask[:, 2:].any()
    assert filled_outline(
        np.array([[-5.0, -5.0], [-5.0, 9.0], [9.0, 9.0], [9.0, -5.0]]), (3, 4)
    ).all()


def test_what_is_gone_around_twice_is_outside():
    """Two squares in one line: the part that both cover."""
    twice = [[0, 0], [0, 6], [6, 6], [6, 0], [0, 0], [2, 2], [2, 4], [4, 4], [4, 2], [2, 2]]
    mask = filled_outline(np.array(twice) - 0.5, (6, 6))
    assert not mask[2:4, 2:4].any()
    assert mask.sum() == 36 - 4


def test_fewer_than_three_corners_take_nothing():
    for corners in (np.zeros((0, 2)), np.array([[1.0, 1.0]]), np.array([[0.2, 0.2], [3.0, 3.3]])):
        assert not filled_outline(corners, (5, 5)).any()
