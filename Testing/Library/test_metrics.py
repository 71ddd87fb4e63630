import tracemalloc

import numpy as np
import pytest

from SlicePropagationLib.metrics import (
    dice,
    dice_per_slice,
    dice_within,
    dice_without,
    slices_past_ends,
    surface_distances,
)


def volume(*filled, count=6, size=4):
    mask = np.zeros((count, size, size), bool)
    mask[list(filled), 1:3, 1:3] = True
    return mask


def test_dice_of_half_an_overlap_is_one_half():
    assert dice(volume(0, 1), volume(1, 2)) == 0.5


def test_two_empty_masks_agree():
    assert dice(volume(), volume()) == 1.0


def test_annotated_slices_do_not_count_in_the_primary_score():
    assert dice_without(volume(1, 2), volume(1, 3), annotated=[1]) == 0.0
    assert dice_without(volume(1, 2), volume(1, 2, 3), annotated=[3]) == 1.0


def test_slices_beyond_the_structure_do_not_count_in_the_thesis_score():
    assert dice_within(volume(0, 1, 2, 3), volume(1, 2)) == 1.0


def test_large_masks_are_compared_without_an_array_of_their_size():
    masks = np.ones((64, 128, 128), bool)
    tracemalloc.start()
    scores = [dice(masks, masks), dice_without(masks, masks, [3]), dice_within(masks, masks)]
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores == [1.0, 1.0, 1.0]
    assert most_bytes < masks.nbytes / 8


def test_dice_per_slice_is_nan_where_both_are_empty():
    values = dice_per_slice(volume(1, 2), volume(2, 3))
    np.testing.assert_array_equal(values, [np.nan, 0, 1, 0, np.nan, np.nan])


def test_a_prediction_past_an_end_is_counted_in_slices_and_stopping_short_is_not():
    assert slices_past_ends(volume(0, 1, 2, 3), volume(2, 3, 4)) == (2, 0)
    assert slices_past_ends(volume(2, 3, 4, 5), volume(2, 3)) == (0, 2)


def test_a_shift_by_one_slice_is_one_slice_thickness_at_most():
    distances = surface_distances(
        volume(1, 2),
        volume(2, 3),
        spacing_mm=(5.0, 1.0, 1.0),
        tolerance_mm=2.0,
    )
    assert distances.hd95 == 5.0
    assert distances.mean == 2.5
    assert distances.surface_dice == 0.5


def test_distances_to_nothing_are_not_a_number():
    assert np.isnan(surface_distances(volume(), volume(1), (1, 1, 1)).mean)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_surface_of_a_mask_is_at_no_distance_from_itself(axis):
    mask = np.moveaxis(volume(1, 2, 3), 0, axis)
    assert surface_distances(mask, mask, (1, 2, 3)).hd95 == 0


def test_surface_distances_are_those_between_all_pairs_of_surface_voxels():
    prediction, truth = np.zeros((2, 7, 9, 9), bool)
    prediction[2:5, 2:6, 3:4] = truth[3:6, 3:5, 5:8] = True
    truth[4, 3:5, 6] = False  # only its surface is left
    spacing = np.array((3.0, 1.0, 0.5))
    points = [
        np.argwhere(mask) * spacing for mask in (prediction, truth)
    ]  # every voxel of both lies on a surface
    pairs = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    to_truth = pairs.min(axis=1)
    to_prediction = pairs.min(axis=0)
    found = surface_distances(prediction, truth, spacing, tolerance_mm=2.0)
    assert found.mean == pytest.approx((to_truth.mean() + to_prediction.mean()) / 2)
    assert found.hd95 == pytest.approx(np.percentile(np.concatenate([to_truth, to_prediction]), 95))
    assert found.surface_dice == pytest.approx(
        np.mean(np.concatenate([to_truth, to_prediction]) <= 2.0)
    )
