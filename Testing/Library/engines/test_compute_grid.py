import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from SlicePropagationLib.engines.compute_grid import ComputeGrid
from SlicePropagationLib.engines.crop_window import CropWindow


@pytest.fixture
def ramp():
    rows, columns = np.mgrid[:200, :300]
    return (2 * rows + columns).astype(np.float32)


def test_a_small_window_is_sampled_pixel_by_pixel(ramp):
    window = CropWindow(5, 7, 30, 20)
    grid = ComputeGrid.over(window, 64)
    sampled = grid.sample(ramp)
    assert np.array_equal(sampled, window.crop(ramp))


def test_a_large_window_is_sampled_at_few_points_and_spread_back(ramp):
    window = CropWindow(10, 20, 180, 250)
    grid = ComputeGrid.over(window, 64)
    assert max(grid.shape) <= 64
    sampled = grid.sample(ramp)
    again = grid.spread(sampled, window)
    wrong = np.abs(again - window.crop(ramp))
    inside = np.s_[12:-12, 12:-12]
    assert wrong[inside].max() < 0.5


@pytest.mark.parametrize("window", [(10, 20, 100, 140), (0, 0, 200, 300), (5, 5, 2, 280)])
def test_points_of_a_large_window_are_those_of_a_blurred_picture(window):
    image = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    window = CropWindow(*window)
    grid = ComputeGrid.over(window, 64)
    last_row, last_column = np.ceil(grid.points()[:, -1, -1]).astype(int)
    part = image[window.top : last_row + 1, window.left : last_column + 1]
    blurred = gaussian_filter(part, 0.4 * grid.pitch, mode="nearest")
    origin = np.array([window.top, window.left], float)[:, None, None]
    expected = map_coordinates(blurred, grid.points() - origin, order=1, mode="nearest")
    assert np.allclose(grid.sample(image), expected, atol=1e-4)


def test_a_window_of_one_pixel_has_one_point(ramp):
    grid = ComputeGrid.over(CropWindow(3, 4, 1, 1), 64)
    assert grid.sample(ramp).tolist() == [[10.0]]


def test_a_window_stays_inside_the_slice():
    mask = np.zeros((10, 12), bool)
    mask[0, 11] = True
    window = CropWindow.around(mask, (4, 4), (10, 12))
    assert window == CropWindow(0, 7, 5, 5)


def test_there_is_no_window_around_nothing():
    nothing = np.zeros((3, 3), bool)
    assert CropWindow.around_any([nothing], (1, 1), (3, 3)) is None


def test_what_is_pasted_can_be_cropped_again(ramp):
    window = CropWindow(5, 7, 3, 2)
    part = window.crop(ramp)
    pasted = window.paste(part, ramp.shape)
    assert np.array_equal(window.crop(pasted), part)
    assert np.count_nonzero(pasted) == 6
