"""What the network that fills a gap is told: registration, shapes, scalar features."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")

from engine_phantoms import cylinder, moving_disc, sphere, stack_of

from SlicePropagationLib.engines.demons import DemonsConfig, register
from SlicePropagationLib.engines.gap.batched_demons import register_pairs
from SlicePropagationLib.engines.gap.square import CELLS, Square
from SlicePropagationLib.engines.gap.stack_window import annotate, cut_window
from SlicePropagationLib.engines.gap.window import (
    MAPS,
    PRIOR,
    SCALAR_FEATURES,
    make_inputs,
)
from SlicePropagationLib.metrics import dice_without

SPACING = (1.0, 1.0)


def window_of(stack, masks, *indices):
    """The window of a whole stack with some annotated slices."""
    anchors = {index: masks[index] for index in indices}
    shown = [mask for mask in anchors.values() if mask.any()]
    square = Square.around(shown, stack.spacing_mm[1:])
    notes = {index: annotate(stack, square, mask) for index, mask in anchors.items()}
    return square, cut_window(stack, square, list(range(len(stack))), notes, anchors)


def prior_masks(stack, masks, *indices):
    """(N, H, W) bool: what registration alone says."""
    square, window = window_of(stack, masks, *indices)
    odds, top, left = square.spread(
        make_inputs(window).maps[:, PRIOR], stack.slice_shape, stack.spacing_mm[1:]
    )
    found = np.zeros(masks.shape, bool)
    height, width = odds.shape[1:]
    found[:, top : top + height, left : left + width] = odds.numpy() > 0
    return found


def test_pairs_in_a_batch_are_registered_as_one_by_one():
    rng = np.random.default_rng(1)
    images = torch.nn.functional.avg_pool2d(torch.from_numpy(rng.random((1, 3, 40, 40))), 5, 1, 2)
    images = (images[0] * 2 - 0.5).float()
    config = DemonsConfig(iterations=(12,), smoothing_pixels=1.6)
    found = register_pairs(images[:2], images[1:], config).numpy()
    for number in range(2):
        alone = register(images[number].numpy(), images[number + 1].numpy(), config)
        np.testing.assert_allclose(found[number], alone, atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 2.0)])
def test_cells_spread_again_are_the_mask_that_they_were_sampled_from(spacing):
    masks = moving_disc()
    square = Square.around([masks[5]], spacing)
    cells = square.sample(masks[5:6].astype(np.float32), spacing)
    assert cells.shape == (1, CELLS, CELLS)
    again, top, left = square.spread(cells, masks.shape[1:], spacing)
    part = masks[5, top : top + again.shape[1], left : left + again.shape[2]]
    assert part.sum() == masks[5].sum()
    assert ((again[0].numpy() > 0.5) != part).mean() < 0.02


def test_a_square_stays_where_it_is_when_an_annotation_grows_by_a_pixel():
    mask = cylinder()[0]
    grown = mask.copy()
    grown[np.argwhere(mask)[0][0] - 1, 24] = True
    assert Square.around([mask], SPACING) == Square.around([grown], SPACING)


def test_every_slice_gets_all_maps_and_scalar_features_as_finite_numbers():
    masks = sphere()
    _, window = window_of(stack_of(masks), masks, 8, 12, 20)
    inputs = make_inputs(window)
    assert inputs.maps.shape == (len(masks), len(MAPS), CELLS, CELLS)
    assert inputs.scalars.shape == (len(masks), len(SCALAR_FEATURES))
    assert torch.isfinite(inputs.maps).all()
    assert torch.isfinite(inputs.scalars).all()
    assert inputs.maps.abs().max() <= 4.0


def test_registration_alone_follows_a_disc_that_moves():
    masks = moving_disc(step=0.7)
    found = prior_masks(stack_of(masks), masks, 10)
    assert dice_without(found[4:17], masks[4:17], [6]) > 0.9


def test_a_slice_annotated_as_empty_closes_the_structure_on_its_side():
    masks = cylinder()
    masks[14:] = False
    found = prior_masks(stack_of(cylinder()), masks, 10, 14)
    assert found[11].any()
    assert not found[14:].any()


@pytest.mark.parametrize("value", [-1000.0, -32768.0])
def test_padding_away_from_the_structure_changes_nothing(value):
    masks = sphere()
    stack = stack_of(masks)
    padded = stack.images.copy()
    padded[:, :8] = value
    least = stack.images.copy()
    least[:, :8] = stack.images.min()
    of_value = prior_masks(type(stack)(padded, stack.spacing_mm), masks, 10)
    of_least = prior_masks(type(stack)(least, stack.spacing_mm), masks, 10)
    assert abs(dice_without(of_value, masks, [10]) - dice_without(of_least, masks, [10])) < 0.02


@pytest.mark.parametrize("change", [lambda x: 7 * x - 3, lambda x: -x], ids=["scaled", "inverted"])
def test_the_unit_and_the_sign_of_intensities_change_nothing(change):
    masks = moving_disc(step=0.5)
    stack = stack_of(masks)
    other = type(stack)(change(stack.images), stack.spacing_mm)
    before = prior_masks(stack, masks, 10)
    after = prior_masks(other, masks, 10)
    assert (before != after).sum() < 0.01 * masks.sum()


def test_slices_stored_the_other_way_round_give_the_mirrored_answer():
    masks = moving_disc(step=0.5)
    stack = stack_of(masks)
    turned = type(stack)(stack.images[:, ::-1, ::-1].copy(), stack.spacing_mm)
    before = prior_masks(stack, masks, 10)
    after = prior_masks(turned, masks[:, ::-1, ::-1], 10)[:, ::-1, ::-1]
    assert (before != after).sum() < 0.02 * masks.sum()
