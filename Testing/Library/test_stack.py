import numpy as np
import pytest

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.stack import SliceStack, find_padding


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_survives_the_way_to_a_stack_and_back(axis):
    volume = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    stack = SliceStack.from_volume(volume, (5.0, 2.0, 1.0), axis)
    assert len(stack) == volume.shape[axis]
    assert np.array_equal(stack.to_volume(stack.images), volume)
    assert np.array_equal(stack.from_volume_array(volume), stack.images)


def test_spacing_follows_the_axes():
    assert SliceStack.from_volume(np.zeros((2, 3, 4)), (5.0, 2.0, 1.0), axis=1).spacing_mm == (
        2.0,
        5.0,
        1.0,
    )


def test_the_images_cannot_be_written():
    volume = np.zeros((2, 3, 4), np.float32)
    with pytest.raises(ValueError):
        SliceStack.from_volume(volume, (1, 1, 1)).images[0] = 1
    volume[0] = 1  # the caller's own array stays writable


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 4, 4)])
def test_an_image_that_is_not_3d_is_refused(shape):
    with pytest.raises(InputError, match=f"{len(shape)} dimensions"):
        SliceStack.from_volume(np.zeros(shape), (1, 1, 1))


def test_an_empty_image_is_refused():
    with pytest.raises(InputError, match="empty"):
        SliceStack.from_volume(np.zeros((0, 4, 4)), (1, 1, 1))


def test_a_spacing_of_zero_is_refused():
    with pytest.raises(InputError, match="positive"):
        SliceStack.from_volume(np.zeros((2, 4, 4)), (0, 1, 1))


@pytest.mark.parametrize("value, nearest", [(-1000, np.min), (5000, np.max)])
def test_padding_far_from_the_image_takes_the_value_of_the_image_nearest_to_it(value, nearest):
    images = np.random.default_rng(0).uniform(100, 200, (4, 20, 20)).astype(np.float32)
    padded = images.copy()
    padded[:, :5] = value
    filled = SliceStack(padded).without_padding.images
    assert (filled[:, :5] == nearest(images[:, 5:])).all()
    assert np.array_equal(filled[:, 5:], images[:, 5:])


def test_a_background_that_is_as_near_as_the_image_to_itself_is_no_padding():
    images = np.random.default_rng(0).uniform(100, 200, (4, 20, 20)).astype(np.float32)
    images[:, :5] = 60
    stack = SliceStack(images)
    assert stack.without_padding is stack
    assert find_padding(100.0 * (images > 60)) is None  # two values, of which none is far
