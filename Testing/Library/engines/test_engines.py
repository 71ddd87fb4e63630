"""What every engine promises, and what each does on shapes whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from engine_phantoms import (
    NUM_SLICES,
    SIZE,
    anchors_of,
    cone,
    cylinder,
    disc,
    moving_disc,
    propagate_with,
    sphere,
    stack_of,
)

from SlicePropagationLib.engines.copy import CopyEngine
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.interpolation import InterpolationEngine
from SlicePropagationLib.metrics import dice, dice_without
from SlicePropagationLib.planning import Run, plan_runs

ENGINES = [CopyEngine, InterpolationEngine, RegistrationEngine]
SHAPED = [InterpolationEngine, RegistrationEngine]


def score(engine, masks, *indices, spacing_mm=(1.0, 1.0, 1.0)):
    """Dice of the slices that were not annotated."""
    probability = propagate_with(engine, stack_of(masks, spacing_mm), anchors_of(masks, *indices))
    return dice_without(probability >= 0.5, masks, indices)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request):
    return request.param()


@pytest.fixture(params=SHAPED, ids=lambda engine: engine.name)
def shaped(request):
    return request.param()


# Every engine


def test_every_prediction_is_a_float32_probability_of_the_slice(engine):
    masks = sphere()
    for probability in propagate_with(engine, stack_of(masks), anchors_of(masks, 6, 10)):
        assert probability.shape == (SIZE, SIZE)
        assert np.isfinite(probability).all()
        assert probability.min() >= 0
        assert probability.max() <= 1
    walk = engine.walk(stack_of(masks), Run(10, (11,)), anchors_of(masks, 10))
    assert next(walk).dtype == np.float32


def test_a_walk_does_one_slice_of_work_at_a_time(engine):
    masks = cylinder()
    walk = engine.walk(stack_of(masks), Run(0, tuple(range(1, NUM_SLICES))), anchors_of(masks, 0))
    first = next(walk)
    walk.close()
    assert dice(first >= 0.5, masks[1]) > 0.9


def test_anchors_are_not_written_to(engine):
    masks = sphere()
    anchors = anchors_of(masks, 7, 12)
    before = {index: mask.copy() for index, mask in anchors.items()}
    propagate_with(engine, stack_of(masks), anchors)
    assert all(np.array_equal(anchors[index], before[index]) for index in anchors)


def test_the_same_input_gives_the_same_voxels(engine):
    masks = moving_disc()
    stack = stack_of(masks)
    anchors = anchors_of(masks, 3, 15)
    assert np.array_equal(
        propagate_with(engine, stack, anchors),
        propagate_with(engine, stack, anchors),
    )


def test_both_directions_are_walked_alike(engine):
    masks = sphere()
    stack = stack_of(masks)
    up = list(engine.walk(stack, Run(10, (11, 12, 13)), anchors_of(masks, 10)))
    flipped = type(stack)(stack.images[::-1], stack.spacing_mm)
    down = list(engine.walk(flipped, Run(10, (9, 8, 7)), anchors_of(masks[::-1], 10)))
    assert np.array_equal(up, down)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(disc(0.5), id="one pixel"),
        pytest.param(disc(9, (0, 0)), id="in a corner"),
        pytest.param(np.ones((SIZE, SIZE), bool), id="the whole slice"),
        pytest.param(disc(4, (12, 12)) | disc(4, (34, 34)), id="two parts"),
        pytest.param(disc(12) & ~disc(9), id="a ring"),
    ],
)
def test_odd_masks_are_walked_without_complaint(engine, mask):
    masks = np.stack([mask] * NUM_SLICES)
    probability = propagate_with(engine, stack_of(masks), anchors_of(masks, 9, 11))
    assert dice(probability[10] >= 0.5, mask) > 0.6


def test_a_constant_image_is_walked_by_shape_alone(shaped):
    masks = cylinder()
    stack = stack_of(np.zeros_like(masks), noise=0.0)
    probability = propagate_with(shaped, stack, anchors_of(masks, 5, 15))
    assert min(dice(probability[index] >= 0.5, masks[index]) for index in range(6, 15)) > 0.95


def test_a_slice_of_two_rows_is_enough(engine):
    masks = np.zeros((3, 2, 5), bool)
    masks[:, :, 1:3] = True
    assert propagate_with(engine, stack_of(masks), anchors_of(masks, 1)).shape == masks.shape


# Empty anchors


def test_nothing_grows_out_of_an_empty_anchor(engine):
    masks = cylinder(last=10)
    probability = propagate_with(engine, stack_of(masks), anchors_of(masks, 10, 14))
    assert not (probability[15:] >= 0.5).any()


def test_the_structure_closes_before_an_empty_anchor(shaped):
    masks = cylinder(last=10)
    probability = propagate_with(shaped, stack_of(masks), anchors_of(masks, 8, 14))
    areas = (probability >= 0.5).sum(axis=(1, 2))
    assert areas[9] > 0.5 * areas[8]
    assert areas[13] < 0.5 * areas[9]
    assert not areas[15:].any()


def test_between_two_empty_anchors_there_is_nothing(shaped):
    masks = cylinder(last=4)
    probability = propagate_with(shaped, stack_of(masks), anchors_of(masks, 4, 8, 12))
    assert not probability[9:12].any()


# Copy


def test_copy_repeats_the_mask_to_the_end_of_the_volume():
    masks = sphere()
    probability = propagate_with(CopyEngine(), stack_of(masks), anchors_of(masks, 10))
    assert all(np.array_equal(slice_probability, masks[10]) for slice_probability in probability)


# Interpolation


def test_interpolation_between_two_discs_has_the_radius_in_between():
    masks = cone(12.0, 0.5)
    assert score(InterpolationEngine(), masks[:17], 0, 16) > 0.95


def test_interpolation_closes_a_ball_with_a_spherical_cap():
    assert score(InterpolationEngine(), sphere(), 10) > 0.9


def test_the_cap_is_measured_in_millimetres():
    masks = sphere()[::2]
    assert score(InterpolationEngine(), masks, 5, spacing_mm=(2.0, 1.0, 1.0)) > 0.9


# Registration


def test_registration_follows_a_structure_that_moves():
    masks = moving_disc()
    probability = propagate_with(RegistrationEngine(), stack_of(masks), anchors_of(masks, 10))
    assert min(dice(probability[index] >= 0.5, masks[index]) for index in range(5, 16)) > 0.8
    assert (
        score(RegistrationEngine(), masks, 2, 18) > 0.9 > score(InterpolationEngine(), masks, 2, 18)
    )


@pytest.mark.parametrize("indices", [(10,), (6, 13), (4, 10, 16)])
def test_registration_is_close_on_a_ball(indices):
    assert score(RegistrationEngine(), sphere(), *indices) > 0.8


def test_registration_beats_copying_on_every_phantom():
    for masks, indices in (
        (sphere(), (10,)),
        (cone(), (4,)),
        (moving_disc(), (10,)),
        (cylinder(6.0, 4, 16), (10,)),
    ):
        assert score(RegistrationEngine(), masks, *indices) > score(CopyEngine(), masks, *indices)


def test_registration_follows_the_area_between_and_beyond_two_slices_of_a_cone():
    masks = cone(10.0, 1.0)
    assert score(RegistrationEngine(), masks, 1, 6) > 0.85


def test_between_two_frames_the_outline_that_was_drawn_is_kept_where_intensities_would_take_a_part_out_of_it():
    cavity = cylinder(radius=9)
    muscle = disc(2.5, (SIZE / 2, SIZE / 2 + 6.5))
    seen = stack_of(cavity & ~muscle)
    anchors = {0: cavity[0], NUM_SLICES - 1: disc(9.5)}

    def kept(is_time):
        *_, last = RegistrationEngine().walk(
            replace(seen, is_time=is_time),
            Run(anchor=0, targets=(1, 2, 3, 4)),
            anchors,
        )
        return (last[muscle] > 0.5).mean()

    assert kept(True) == 1
    assert kept(False) < 0.8


def test_thick_slices_are_not_ended_early():
    masks = cylinder(8.0)
    probability = propagate_with(
        RegistrationEngine(),
        stack_of(masks, (10.0, 1.0, 1.0)),
        anchors_of(masks, 10),
    )
    assert (probability[[8, 9, 11, 12]] >= 0.5).any(axis=(1, 2)).all()


def test_pixels_that_are_not_square_make_no_difference():
    masks = np.stack([disc(8, (24, 24), (2.0, 1.0))[:24] for _ in range(NUM_SLICES)])
    probability = propagate_with(
        RegistrationEngine(),
        stack_of(masks, (3.0, 2.0, 1.0)),
        anchors_of(masks, 6, 14),
    )
    assert min(dice(probability[index] >= 0.5, masks[index]) for index in range(7, 14)) > 0.95


def test_a_structure_larger_than_the_registration_grid_is_followed():
    masks = np.stack([disc(70, (100 + index, 100), size=200) for index in range(5)])
    probability = propagate_with(RegistrationEngine(), stack_of(masks), anchors_of(masks, 0))
    assert dice(probability[4] >= 0.5, masks[4]) > 0.95


def test_blending_trusts_the_nearer_walk_more():
    masks = cylinder()
    stack = stack_of(masks)
    anchors = anchors_of(masks, 0, 10)
    near = disc(8).astype(np.float32)
    far = disc(4).astype(np.float32)
    blended = RegistrationEngine().blend(stack, 1, near, far, (0, 10), anchors)
    assert np.array_equal(blended >= 0.5, near >= 0.5)


def test_where_the_walks_disagree_the_shape_between_the_anchors_decides():
    masks = cylinder()
    stack = stack_of(masks)
    anchors = anchors_of(masks, 0, 10)
    left = disc(6, (24, 12)).astype(np.float32)
    right = disc(6, (24, 36)).astype(np.float32)
    blended = RegistrationEngine().blend(stack, 5, left, right, (0, 10), anchors)
    assert dice(blended >= 0.5, masks[5]) > 0.85


def test_every_run_of_a_plan_can_be_walked_to_its_end(engine):
    masks = sphere()
    anchors = anchors_of(masks, 5, 10, 19)
    for run in plan_runs(anchors, NUM_SLICES):
        assert sum(1 for _ in engine.walk(stack_of(masks), run, anchors)) <= len(run.targets)
