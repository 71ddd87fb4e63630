"""`Roi`: what is sampled on its cells lies where it lay, and comes back to the same pixels."""

import numpy as np
import pytest
from phantoms import disc

from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.metrics import dice


def test_the_square_is_centred_on_the_box_and_larger_by_its_share():
    roi = Roi.around((10, 20), (29, 29), 40, share=1.0)
    assert (roi.row, roi.column) == (19.5, 24.5)
    assert roi.pitch * roi.size == pytest.approx(40)


def test_a_small_box_gets_room_around_it():
    roi = Roi.around((10, 10), (11, 11), 48, min_margin_pixels=8)
    assert roi.pitch * roi.size == pytest.approx(18)


@pytest.mark.parametrize("pitch, least_dice", [(0.5, 0.995), (1.0, 0.995), (2.0, 0.97)])
def test_a_mask_comes_back_to_the_pixels_it_came_from(pitch, least_dice):
    mask = disc((80, 90), (40, 50), 14)
    roi = Roi(40, 50, pitch, int(56 / pitch))
    cells = roi.sample(mask)
    found, top, left = roi.spread(cells, mask.shape)
    window = CropWindow(top, left, *found.shape)
    again = window.paste(found, mask.shape) >= 0.5
    assert dice(again, mask) > least_dice


def test_cells_beyond_the_slice_get_the_value_asked_for():
    roi = Roi(-0.5, -0.5, 1.0, 8)
    cells = roi.sample(np.ones((20, 20)), outside=-7)
    assert np.all(cells[:4] == -7)
    assert np.all(cells[:, :4] == -7)
    assert np.allclose(cells[4:, 4:], 1)


def test_large_cells_average_the_pixels_under_them():
    stripes = np.tile([0.0, 1.0], (40, 20))
    cells = Roi(20, 20, 4.0, 6).sample(stripes)
    assert np.allclose(cells, 0.5, atol=0.05)


def test_a_window_is_sampled_as_the_slice_it_was_cut_from():
    noise = np.random.default_rng(0).normal(size=(60, 60))
    image = noise.astype(np.float32)
    part = image[15:50, 12:55]
    roi = Roi(30.3, 31.7, 0.8, 20)
    expected = roi.sample(image)
    found = roi.sample(part, 15, 12)
    assert np.allclose(expected, found, atol=1e-5)


def test_nothing_is_written_beyond_the_border_of_the_slice():
    cells = np.ones((16, 16), np.float32)
    found, top, left = Roi(2, 57, 1.0, 16).spread(cells, (40, 60))
    assert (top, left) == (0, 49)
    assert found.shape == (10 + 1, 11)
