"""What grows and shrinks does so by millimetres, and what is filled or kept is no more than that."""

import numpy as np
import pytest

from SlicePropagationLib.drawing.mask_shape import (
    grown,
    largest_piece,
    piece_at,
    shrunk,
    without_holes,
)


def picture(*rows):
    return np.array([[sign == "#" for sign in row] for row in rows])


def test_a_mask_grows_by_as_many_millimetres_in_every_direction():
    dot = np.zeros((7, 9), bool)
    dot[3, 4] = True
    wide = grown(dot, 2.0, (2.0, 1.0))  # rows are twice as far apart as columns
    assert np.argwhere(wide).tolist() == [[2, 4], [3, 2], [3, 3], [3, 4], [3, 5], [3, 6], [4, 4]]


def test_shrinking_is_by_millimetres_and_not_from_the_edge_of_the_image():
    mask = np.zeros((6, 8), bool)
    mask[2:, :6] = True  # from an edge at the left and at the bottom
    expected = np.zeros_like(mask)
    expected[3:, :4] = True
    assert np.array_equal(shrunk(mask, 2.0, (2.0, 1.0)), expected)


def test_what_grew_by_a_pixel_shrinks_back():
    square = np.zeros((9, 9), bool)
    square[3:6, 3:6] = True
    assert np.array_equal(shrunk(grown(square, 1.0), 1.0), square)


@pytest.mark.parametrize("change", [grown, shrunk])
def test_an_empty_mask_and_a_full_one_stay_as_they_are(change):
    for mask in (np.zeros((4, 5), bool), np.ones((4, 5), bool)):
        assert np.array_equal(change(mask, 3.0), mask)


def test_a_hole_is_filled_and_a_bay_is_not():
    mask = picture("#####", "#.#.#", "###.#")
    assert np.array_equal(without_holes(mask), picture("#####", "###.#", "###.#"))


def test_a_hole_that_is_open_at_a_corner_only_is_a_hole():
    assert without_holes(picture(".#.", "#.#", ".#."))[1, 1]


def test_of_several_pieces_the_one_with_most_pixels_stays():
    mask = picture("##..#", "....#", "#...#")
    assert np.array_equal(largest_piece(mask), picture("....#", "....#", "....#"))


def test_pixels_that_touch_at_a_corner_are_one_piece():
    mask = picture("#....", ".#...", "...##")
    assert np.array_equal(largest_piece(mask), picture("#....", ".#...", "....."))
    assert not largest_piece(np.zeros((3, 3), bool)).any()


def test_the_piece_at_a_pixel_is_found_and_outside_there_is_none():
    mask = picture("##..#", "....#")
    assert np.array_equal(piece_at(mask, 0, 1), picture("##...", "....."))
    assert not piece_at(mask, 1, 0).any()
