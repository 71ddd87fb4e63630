"""Windows and weights of the cine paper, by its numbers."""

import numpy as np
import pytest

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.temporal_window import (
    WindowConfig,
    distance_weights,
    distances_to,
    nearest_of,
    window_around,
)


def test_a_radius_of_five_is_a_window_of_nine_with_the_weights_of_the_sheet():
    config = WindowConfig(radius=5, power=0.1)
    assert config.length == 9
    assert distance_weights([0, 1, 2, 3, 4], config).round(3).tolist() == [
        1,
        0.978,
        0.950,
        0.912,
        0.851,
    ]


def test_power_zero_weighs_all_frames_alike_but_none_without_a_label():
    assert distance_weights([0, 4, 5, np.inf], WindowConfig(5, 0.0)).tolist() == [1, 1, 0, 0]


def test_a_cyclic_window_goes_on_at_the_other_end():
    frames, weights = window_around(1, 10, WindowConfig(3, 1.0), is_cyclic=True)
    assert frames.tolist() == [9, 0, 1, 2, 3]
    assert weights == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])


def test_a_clamped_window_repeats_the_end_and_counts_it_once():
    frames, weights = window_around(1, 10, WindowConfig(3, 1.0), is_cyclic=False)
    assert frames.tolist() == [0, 0, 1, 2, 3]
    assert weights == pytest.approx([0, 2 / 3, 1, 2 / 3, 1 / 3])


def test_distances_wrap_in_a_heart_beat_only():
    assert distances_to([1, 8], 10, is_cyclic=True).tolist() == [1, 0, 1, 2, 3, 3, 2, 1, 0, 1]
    assert distances_to([1], 4, is_cyclic=False).tolist() == [1, 0, 1, 2]
    assert np.isinf(distances_to([], 3, is_cyclic=True)).all()
    assert nearest_of([1, 6], 9, 10, is_cyclic=True) == 1
    assert nearest_of([1, 6], 9, 10, is_cyclic=False) == 6


def test_a_window_without_frames_is_refused():
    with pytest.raises(ConfigError, match="radius"):
        WindowConfig(radius=0)
