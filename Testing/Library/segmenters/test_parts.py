"""How far what a segmenter found can be trusted, slice by slice."""

import numpy as np
import pytest

from SlicePropagationLib.segmenters.parts import SMOOTHING, UNKNOWN, expected_dice, found_slices
from SlicePropagationLib.stack import SliceStack


def test_the_expected_dice_is_one_where_the_model_is_sure():
    mask = np.zeros((2, 8, 8), bool)
    mask[0, 2:6, 2:6] = True
    assert expected_dice(mask.astype(float), mask) == pytest.approx([1, 1])


def test_the_expected_dice_is_what_its_formula_says():
    probability = np.full((1, 10, 10), 0.1)
    probability[0, :5] = 0.6
    mask = probability >= 0.5
    expected = (2 * 50 * 0.6 + SMOOTHING) / (50 * 0.6 + 50 * 0.1 + 50 + SMOOTHING)
    assert expected_dice(probability, mask) == pytest.approx([expected])


def test_nothing_found_where_something_is_expected_is_doubtful():
    probability = np.full((1, 10, 10), 0.4)
    assert expected_dice(probability, probability > 0.5)[0] < 0.15


def test_a_segmenter_of_labels_alone_is_trusted_by_half():
    class Plain:
        def segment(self, stack):
            return np.array([[[0, 3]], [[0, 0]]], np.uint8)

    stack = SliceStack(np.arange(4, dtype=np.float32).reshape(2, 1, 2))
    (part,) = found_slices(Plain(), stack)
    assert part.confidence[3].tolist() == [UNKNOWN, UNKNOWN]
