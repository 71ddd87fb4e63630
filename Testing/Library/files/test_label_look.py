"""What looks like labels, and what like an image."""

import numpy as np
import pytest

from SlicePropagationLib.files.label_look import are_labels

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize(
    "array, expected",
    [
        (np.zeros((3, 4, 5), np.uint8), True),
        (RANDOM.integers(0, 14, (20, 20, 20)), True),
        (RANDOM.integers(0, 3, (20, 20, 20)).astype(np.float64), True),
        (RANDOM.integers(-1000, 1000, (20, 20, 20)), False),
        (RANDOM.integers(-1, 2, (20, 20, 20)), False),  # no label is below 0
        (RANDOM.random((20, 20, 20)), False),
        (np.array([0.0, 0.5, 1.0]), False),
        (RANDOM.integers(0, 200, (150, 100, 100)), False),
    ],
)
def test_few_different_whole_numbers_from_0_on_are_labels(array, expected):
    assert are_labels(array) is expected
