"""Values between pixels are those of `scipy.ndimage.map_coordinates`."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from SlicePropagationLib.engines.bilinear import read_lines, read_points


def read_by_scipy(values, points):
    return map_coordinates(values, points, order=1, mode="nearest", output=np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (40, 23)])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, bool])
def test_points_within_and_beyond_the_image_read_what_scipy_reads(shape, dtype):
    rng = np.random.default_rng(3)
    values = (100 * rng.random(shape)).astype(dtype)
    points = rng.uniform(-5, max(shape) + 5, (2, 9, 11)).astype(np.float32)
    wanted = read_by_scipy(values, points)
    assert np.array_equal(read_points(values, points), wanted)
    assert read_points(values, points).dtype == np.float32


def test_points_on_pixels_and_on_the_border_read_these_pixels():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    points = np.indices(values.shape)
    assert np.array_equal(read_points(values, points), values)
    assert read_points(values, np.array([[2.0], [3.0]]))[0] == values[2, 3]


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (40, 23)])
def test_lines_that_cross_read_what_their_crossings_read(shape):
    rng = np.random.default_rng(4)
    values = rng.random(shape).astype(np.float32)
    rows = np.linspace(-2, shape[0] + 1, 17)
    columns = np.linspace(-3, shape[1] + 2, 29)
    points = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    found = read_lines(values, rows, columns)
    assert found.dtype == np.float32
    assert np.allclose(found, read_by_scipy(values, points), rtol=0, atol=1e-6)


def test_the_image_that_is_read_stays_as_it_is():
    values = np.ones((5, 5))
    values.flags.writeable = False
    points = np.zeros((2, 3))
    points.flags.writeable = False
    read_points(values, points)
    read_lines(values, points[0], points[1])
