import numpy as np
import pytest

from SlicePropagationLib.engines.compute_grid import ComputeGrid
from SlicePropagationLib.engines.crop_window import CropWindow


@pytest.fixture
def ramp():
    rows, columns = np.mgrid[:200, :300]
    return (2 * rows + columns).astype(np.float32)


def test_a_small_window_is_sampled_pixel_by_pixel(ramp):
    window = CropWindow(5, 7, 30, 20)
    assert np.array_equal(ComputeGrid.over(window, 64).sample(ramp), window.crop(ramp))


def test_a_large_window_is_sampled_at_few_points_and_spread_back(ramp):
    window = CropWindow(10, 20, 180, 250)
    grid = ComputeGrid.over(window, 64)
    assert max(grid.shape) <= 64
    assert (
        np.abs(grid.spread(grid.sample(ramp), window) - window.crop(ramp))[12:-12, 12:-12].max()
        < 0.5
    )


def test_a_window_of_one_pixel_has_one_point(ramp):
    assert ComputeGrid.over(CropWindow(3, 4, 1, 1), 64).sample(ramp).tolist() == [[10.0]]


def test_a_window_stays_inside_the_slice():
    mask = np.zeros((10, 12), bool)
    mask[0, 11] = True
    assert CropWindow.around(mask, (4, 4), (10, 12)) == CropWindow(0, 7, 5, 5)


def test_there_is_no_window_around_nothing():
    assert CropWindow.around_any([np.zeros((3, 3), bool)], (1, 1), (3, 3)) is None


def test_what_is_pasted_can_be_cropped_again(ramp):
    window = CropWindow(5, 7, 3, 2)
    pasted = window.paste(window.crop(ramp), ramp.shape)
    assert np.array_equal(window.crop(pasted), window.crop(ramp))
    assert np.count_nonzero(pasted) == 6
