import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.engines.demons import (
    DemonsConfig,
    _gradient,
    _smoothed,
    register,
    warp,
)


@pytest.fixture
def texture():
    noise = np.random.default_rng(0).normal(size=(48, 40))
    image = gaussian_filter(noise, 3)
    lowest = image.min()
    scaled = (image - lowest) / (image.max() - lowest)
    return scaled.astype(np.float32)


def found_again(image, shift, iterations):
    """Rows and columns of the displacement that undoes a shift, far from the border."""
    moved = warp(image, shift)
    config = DemonsConfig(iterations=iterations)
    displacement = register(moved, image, config)
    return displacement[:, 12:-12, 12:-12]


def test_a_shifted_image_is_found_again(texture):
    shift = np.zeros((2, *texture.shape), np.float32)
    shift[0] = 1.5
    rows, columns = found_again(texture, shift, (40,))
    assert np.median(rows) == pytest.approx(1.5, abs=0.2)
    assert np.median(columns) == pytest.approx(0.0, abs=0.2)


def test_coarse_to_fine_finds_longer_ways(texture):
    shift = np.full((2, *texture.shape), 4.0, np.float32)
    displacement = found_again(texture, shift, (20, 20))
    assert np.median(displacement) == pytest.approx(4.0, abs=0.5)


def test_equal_images_stay_where_they_are(texture):
    displacement = register(texture, texture, DemonsConfig())
    assert not displacement.any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (16, 16)])
def test_constant_images_of_any_size_stay_where_they_are(shape):
    image = np.ones(shape, np.float32)
    displacement = register(image, image.copy(), DemonsConfig())
    assert not displacement.any()


@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (64, 41)])
def test_slopes_and_smoothing_are_those_of_numpy_and_scipy(shape):
    displacement = np.random.default_rng(5).normal(size=(2, *shape)).astype(np.float32)
    assert np.array_equal(_gradient(displacement[0]), np.stack(np.gradient(displacement[0])))
    wanted = gaussian_filter(displacement, (0, 2.5, 2.5), mode="nearest", truncate=3)
    assert np.allclose(_smoothed(displacement, 2.5), wanted, rtol=0, atol=1e-6)
