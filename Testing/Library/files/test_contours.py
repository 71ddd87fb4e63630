"""Outlines give the mask again when they are filled, holes and touching corners included."""

import numpy as np
import pytest

from SlicePropagationLib.files.contours import outlines


def filled(polygon, shape):
    """Pixels whose centres lie inside, by counting the edges to the left of each."""
    inside = np.zeros(shape, bool)
    for (row, column), (next_row, next_column) in zip(
        polygon, np.roll(polygon, -1, axis=0), strict=True
    ):
        if row == next_row:
            continue
        low, high = sorted((row, next_row))
        for index in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            if low <= index < high:
                share = (index - row) / (next_row - row)
                crossing = column + share * (next_column - column)
                inside[index, np.arange(shape[1]) > crossing] ^= True
    return inside


def filled_all(mask):
    whole = np.zeros(mask.shape, bool)
    for polygon in outlines(mask):
        part = filled(polygon, mask.shape)
        assert not (whole & part).any()
        whole |= part
    return whole


def ring():
    away = np.hypot(*(np.indices((15, 17)) - 7))
    return (away < 7) & (away > 3)


def two_holes():
    mask = np.ones((9, 12), bool)
    mask[2:4, 2:5] = mask[5:8, 6:10] = mask[2, 8] = False
    return mask


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((1, 1), bool),
        np.eye(4, dtype=bool),
        ring(),
        two_holes(),
        np.indices((6, 6)).sum(axis=0) % 2 == 0,
        ring() | (np.indices((15, 17)) == 7).all(axis=0),
    ],
    ids=["one pixel", "diagonal", "ring", "two holes", "chessboard", "island in a ring"],
)
def test_an_outline_gives_the_mask_again(mask):
    assert np.array_equal(filled_all(mask), mask)


@pytest.mark.parametrize("seed", range(20))
def test_outlines_of_random_masks_give_them_again(seed):
    mask = np.random.default_rng(seed).random((12, 13)) < 0.2 + 0.03 * seed
    assert np.array_equal(filled_all(mask), mask)


def test_an_outline_has_corners_only():
    mask = np.zeros((20, 20), bool)
    mask[3:9, 4:15] = True
    (polygon,) = outlines(mask)
    assert sorted(map(tuple, polygon)) == [(2.5, 3.5), (2.5, 14.5), (8.5, 3.5), (8.5, 14.5)]


def test_an_empty_mask_has_none():
    assert outlines(np.zeros((4, 4), bool)) == []
