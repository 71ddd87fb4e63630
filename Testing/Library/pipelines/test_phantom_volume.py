"""The generated sample: deterministic, complete, and as smooth along the slices as anatomy is."""

import numpy as np
import pytest

from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.phantom_volume import NAMES, make_sample

SHAPE = (24, 96, 96)


@pytest.fixture(scope="module")
def sample():
    return make_sample(shape=SHAPE)


def test_the_same_seed_gives_the_same_voxels(sample):
    again = make_sample(shape=SHAPE)
    assert np.array_equal(sample.volume, again.volume)
    assert np.array_equal(
        sample.labels,
        again.labels,
    )


def test_another_seed_gives_other_voxels(sample):
    assert not np.array_equal(sample.volume, make_sample(seed=8, shape=SHAPE).volume)


def test_types_and_shapes(sample):
    assert sample.volume.shape == sample.labels.shape == SHAPE
    assert (sample.volume.dtype, sample.labels.dtype) == (np.int16, np.uint8)
    assert set(np.unique(sample.labels)) == {0, *NAMES}


@pytest.mark.parametrize("label", NAMES)
def test_an_organ_lies_on_successive_slices_and_changes_smoothly(sample, label):
    organ = sample.labels == label
    shown = np.flatnonzero(organ.any(axis=(1, 2)))
    assert len(shown) >= 8
    assert np.array_equal(shown, np.arange(shown[0], shown[-1] + 1))
    middle = shown[len(shown) // 2]
    assert dice(organ[middle], organ[middle + 1]) > 0.6


def test_tissues_have_their_grey_values(sample):
    volume = sample.volume
    labels = sample.labels
    assert volume[0, 0, 0] < -900
    assert 90 < np.median(volume[labels == 1]) < 130
    assert volume.max() > 250
