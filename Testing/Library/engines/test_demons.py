import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.engines.demons import DemonsConfig, register, warp


@pytest.fixture
def texture():
    image = gaussian_filter(np.random.default_rng(0).normal(size=(48, 40)), 3)
    return ((image - image.min()) / (image.max() - image.min())).astype(np.float32)


def test_a_shifted_image_is_found_again(texture):
    shift = np.zeros((2, *texture.shape), np.float32)
    shift[0] = 1.5
    displacement = register(warp(texture, shift), texture, DemonsConfig(iterations=(40,)))
    assert np.median(displacement[0, 10:-10, 10:-10]) == pytest.approx(1.5, abs=0.2)
    assert np.median(displacement[1, 10:-10, 10:-10]) == pytest.approx(0.0, abs=0.2)


def test_coarse_to_fine_finds_longer_ways(texture):
    shift = np.full((2, *texture.shape), 4.0, np.float32)
    displacement = register(warp(texture, shift), texture, DemonsConfig(iterations=(20, 20)))
    assert np.median(displacement[:, 12:-12, 12:-12]) == pytest.approx(4.0, abs=0.5)


def test_equal_images_stay_where_they_are(texture):
    assert not register(texture, texture, DemonsConfig()).any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (16, 16)])
def test_constant_images_of_any_size_stay_where_they_are(shape):
    assert not register(
        np.ones(shape, np.float32),
        np.ones(shape, np.float32),
        DemonsConfig(),
    ).any()
