"""A segmentation of an earlier scan is carried to a new one by registration."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.follow_up import carry_labels

SHAPE = (16, 48, 56)
SPACING = (1.0, 1.0, 2.5)  # along i, j, k


def scene(growth=1.0, shift_mm=(0.0, 0.0, 0.0)):
    """((K, J, I) image, label map) of two balls in tissue, one of which may have grown."""
    points = np.indices(SHAPE) * np.array(SPACING[::-1])[:, None, None, None]
    moved = points - np.array(shift_mm)[:, None, None, None]
    first = ((moved - np.array([20, 24, 20])[:, None, None, None]) ** 2).sum(axis=0)
    second = ((moved - np.array([22, 22, 40])[:, None, None, None]) ** 2).sum(axis=0)
    labels = np.zeros(SHAPE, np.uint8)
    labels[first < (9 * growth) ** 2] = 1
    labels[second < 6**2] = 2
    body = ((moved - np.array([20, 24, 28])[:, None, None, None]) ** 2).sum(axis=0) < 23**2
    image = 100.0 * body + 80 * (labels == 1) - 60 * (labels == 2)
    noise = np.random.default_rng(0).normal(0, 3, SHAPE)
    return gaussian_filter(image, (0.3, 0.8, 0.8)) + noise, labels


def volume_of(array, origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing(SPACING)
    image.SetOrigin(origin)
    return Volume(array.astype(np.float32), image, Path("scan.nii.gz"))


def test_a_patient_who_lay_elsewhere_keeps_the_segmentation():
    before, labels = scene()
    after, truth = scene(shift_mm=(0.0, 4.0, -5.0))
    carried = carry_labels(volume_of(before), labels, volume_of(after))
    assert set(carried) == {1, 2}
    for label, found in carried.items():
        assert dice(found.mask, truth == label) > 0.9
        assert dice(labels == label, truth == label) < 0.75


def test_a_scan_with_another_origin_is_laid_on_the_new_one():
    before, labels = scene()
    after, truth = scene()
    far = volume_of(after, origin=(300.0, -200.0, 50.0))
    carried = carry_labels(volume_of(before), labels, far)
    assert dice(carried[1].mask, truth == 1) > 0.9


def test_a_structure_that_has_grown_is_followed():
    before, labels = scene()
    after, truth = scene(growth=1.3)
    found = carry_labels(volume_of(before), labels, volume_of(after))[1].mask
    assert dice(found, truth == 1) > dice(labels == 1, truth == 1) + 0.05


def test_slices_where_the_images_disagree_are_trusted_less():
    before, labels = scene()
    after, _ = scene()
    after[10:] = np.random.default_rng(1).normal(100, 40, after[10:].shape)
    found = carry_labels(volume_of(before), labels, volume_of(after))[1]
    assert found.confidence(10, 0) < found.confidence(7, 0) - 0.2


def test_the_same_scans_give_the_same_voxels():
    before, labels = scene()
    after, _ = scene(shift_mm=(0.0, 3.0, 0.0))
    first = carry_labels(volume_of(before), labels, volume_of(after))[1]
    second = carry_labels(volume_of(before), labels, volume_of(after))[1]
    np.testing.assert_array_equal(first.mask, second.mask)


def test_an_empty_segmentation_is_refused():
    before, labels = scene()
    with pytest.raises(InputError, match="empty"):
        carry_labels(volume_of(before), 0 * labels, volume_of(before))
