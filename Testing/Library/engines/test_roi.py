"""`Roi`: what is sampled on its cells lies where it lay, and comes back to the same pixels."""

import numpy as np
import pytest
from phantoms import disc

from SlicePropagationLib.engines.roi import Roi


def test_the_square_is_centred_on_the_box_and_larger_by_its_share():
    roi = Roi.around((10, 20), (29, 29), 40, share=1.0)
    assert (roi.row, roi.column) == (19.5, 24.5)
    assert roi.pitch * roi.size == pytest.approx(40)


def test_a_small_box_gets_room_around_it():
    assert Roi.around((10, 10), (11, 11), 48, min_margin_pixels=8).pitch * 48 == pytest.approx(18)


@pytest.mark.parametrize("pitch", [0.5, 1.0, 2.0])
def test_a_mask_comes_back_to_the_pixels_it_came_from(pitch):
    mask = disc((80, 90), (40, 50), 14)
    roi = Roi(40, 50, pitch, int(56 / pitch))
    found, top, left = roi.spread(roi.sample(mask), mask.shape)
    again = np.zeros(mask.shape, bool)
    again[top : top + found.shape[0], left : left + found.shape[1]] = found >= 0.5
    assert 2 * (again & mask).sum() / (again.sum() + mask.sum()) > (0.995 if pitch <= 1 else 0.97)


def test_cells_beyond_the_slice_get_the_value_asked_for():
    cells = Roi(-0.5, -0.5, 1.0, 8).sample(np.ones((20, 20)), outside=-7)
    assert np.all(cells[:4] == -7)
    assert np.all(cells[:, :4] == -7)
    assert np.allclose(cells[4:, 4:], 1)


def test_large_cells_average_the_pixels_under_them():
    stripes = np.tile([0.0, 1.0], (40, 20))
    assert np.allclose(Roi(20, 20, 4.0, 6).sample(stripes), 0.5, atol=0.05)


def test_a_window_is_sampled_as_the_slice_it_was_cut_from():
    image = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    roi = Roi(30.3, 31.7, 0.8, 20)
    assert np.allclose(roi.sample(image), roi.sample(image[15:50, 12:55], 15, 12), atol=1e-5)


def test_nothing_is_written_beyond_the_border_of_the_slice():
    found, top, left = Roi(2, 57, 1.0, 16).spread(np.ones((16, 16), np.float32), (40, 60))
    assert (top, left) == (0, 49)
    assert found.shape == (10 + 1, 11)
