"""The lost Dice is parted exactly, and each kind of error is called by its name."""

import numpy as np
import pytest
from scipy import ndimage

from SlicePropagationLib.evaluation.lost_dice import PARTS, lost_dice
from SlicePropagationLib.metrics import dice_without


def blob(seed):
    noise = np.random.default_rng(seed).normal(size=(14, 24, 26))
    smooth = ndimage.gaussian_filter(noise, (1.5, 2, 2))
    return smooth > 1.2 * smooth.std()


@pytest.fixture
def square():
    """A square of 8 x 8 pixels on slices 2 to 7 of 10."""
    truth = np.zeros((10, 20, 20), bool)
    truth[2:8, 4:12, 4:12] = True
    return truth


def parts_of(prediction, truth, annotated=()):
    """The wrong voxels of each part that has some."""
    size = (
        prediction.sum()
        + truth.sum()
        - sum(prediction[index].sum() + truth[index].sum() for index in annotated)
    )
    shares = lost_dice(prediction, truth, annotated)
    return {part: round(share * size) for part, share in shares.items() if share}


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_are_all_of_the_lost_dice(seed):
    prediction = blob(seed) | blob(seed + 10)
    truth = blob(seed)
    for annotated in ([], [6], [0, 5, 13]):
        shares = lost_dice(prediction, truth, annotated)
        assert list(shares) == list(PARTS)
        assert sum(shares.values()) == pytest.approx(1 - dice_without(prediction, truth, annotated))


def test_nothing_is_lost_where_nothing_is_wrong_or_all_is_annotated(square):
    assert parts_of(square, square) == {}
    assert parts_of(~square, square, annotated=range(10)) == {}


def test_a_slice_short_of_an_end_ended_early_and_one_beyond_ran_past(square):
    prediction = np.roll(square, 1, axis=0)
    assert parts_of(prediction, square) == {"early": 64, "past": 64}
    assert parts_of(prediction, square, annotated=[2]) == {"past": 64}


def test_a_pixel_beside_the_true_edge_is_told_from_those_further_off(square):
    prediction = square.copy()
    prediction[3, 3:13, 3:13] = True  # a ring of 36 pixels, its corners included
    prediction[4, 2:14, 2:14] = True  # the same, and a ring of 44 around it
    prediction[5] = False
    prediction[5, 6:10, 6:10] = True  # without rings of 28 and 20 pixels
    assert parts_of(prediction, square) == {"edge": 36 + 36 + 28, "grown": 44, "shrunk": 20}


def test_a_component_that_shares_no_pixel_is_missed_or_invented_as_a_whole(square):
    truth = square.copy()
    truth[4, 15:18, 15:18] = True
    prediction = square.copy()
    prediction[4, 16:18, 2:4] = True
    prediction[5] = False  # inside both extents
    assert parts_of(prediction, truth) == {"components": 9 + 4 + 64}


def test_the_borders_of_the_image_are_no_edge():
    truth = np.ones((3, 9, 9), bool)
    prediction = truth.copy()
    prediction[1, 0, 4] = False
    assert parts_of(prediction, truth) == {"shrunk": 1}
