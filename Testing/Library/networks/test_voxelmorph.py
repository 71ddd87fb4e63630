"""The registration network.

The sheet's shape, MONAI's values, fields that compose, masks that land where they should.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.engines.copy import CopyEngine
from SlicePropagationLib.engines.registration.pure_warp import as_pure_warp
from SlicePropagationLib.engines.registration.voxelmorph import VoxelMorphEngine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import (
    VoxelMorph,
    compose,
    integrate,
    resize_displacement,
    warp,
)
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


def convolutions_as_called(network, *inputs):
    """The Conv2d modules of a network in the order in which they work."""
    called = []
    hooks = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            hooks.append(module.register_forward_hook(lambda module, *_: called.append(module)))
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return called


def test_it_has_the_109170_parameters_of_the_sheet():
    assert sum(value.numel() for value in VoxelMorph(VoxelMorphConfig()).parameters()) == 109_170


def test_with_equal_weights_its_velocity_is_that_of_monai():
    blocks = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    theirs = blocks.VoxelMorphUNet(2, 2, 32, (16, *(32,) * 7), (16, 16))
    ours = VoxelMorph(VoxelMorphConfig(velocity_divisor=1, squarings=0))
    moving, fixed = torch.rand(2, 1, 1, 32, 48)
    pair = torch.cat([moving, fixed], dim=1)
    for mine, other in zip(
        convolutions_as_called(ours, moving, fixed),
        convolutions_as_called(theirs, pair),
        strict=True,
    ):
        mine.load_state_dict(other.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours(moving, fixed)[0], theirs(pair), atol=1e-5)


def test_an_untrained_network_moves_nothing():
    torch.manual_seed(0)
    displacement, velocity = VoxelMorph(VoxelMorphConfig())(*torch.rand(2, 3, 1, 32, 48))
    assert displacement.shape == (3, 2, 32, 48)
    assert velocity.shape == (3, 2, 16, 24)
    assert displacement.abs().max() < 1e-3


def test_a_constant_velocity_integrates_to_itself():
    velocity = torch.tensor([3.0, -2.0])[None, :, None, None].expand(1, 2, 8, 8)
    assert torch.allclose(integrate(velocity, 7), velocity, atol=1e-4)


def test_a_velocity_that_grows_with_the_row_integrates_to_its_exponential():
    rows = torch.arange(64.0) - 20
    velocity = torch.zeros(1, 2, 64, 64)
    velocity[:, 0] = 0.3 * rows[:, None]  # x' = 0.3 x, so x(1) = e^0.3 x
    found = integrate(velocity, 7)[0, 0, 15:30, 32]
    assert torch.allclose(found, (torch.e**0.3 - 1) * rows[15:30], atol=0.02)


def test_going_along_two_shifts_is_going_along_their_sum():
    first = torch.zeros(1, 2, 8, 8) + torch.tensor([1.0, 0.0])[None, :, None, None]
    second = torch.zeros(1, 2, 8, 8) + torch.tensor([0.0, 2.0])[None, :, None, None]
    assert torch.allclose(compose(first, second), first + second)


def test_a_pixel_is_read_where_the_displacement_points():
    image = torch.zeros(1, 1, 5, 6)
    image[0, 0, 3, 4] = 1
    displacement = torch.zeros(1, 2, 5, 6)
    displacement[:, 0], displacement[:, 1] = 2, 1
    assert warp(image, displacement, "zeros")[0, 0].round(decimals=4).nonzero().tolist() == [[1, 3]]


def test_a_displacement_at_half_the_resolution_is_half_as_long():
    shift = torch.full((1, 2, 8, 8), 4.0)
    assert torch.allclose(resize_displacement(shift, 0.5), torch.full((1, 2, 4, 4), 2.0))
    assert torch.allclose(resize_displacement(resize_displacement(shift, 0.5), 2), shift)


def test_encoder_and_decoder_of_different_depth_are_refused():
    with pytest.raises(ConfigError, match="equally many levels"):
        VoxelMorphConfig(decoder=(32, 32))


class ShiftingEngine(VoxelMorphEngine):
    """Says that what is at (row, column) comes from `rows` further down."""

    def __init__(self, rows):
        super().__init__(VoxelMorph(VoxelMorphConfig()))
        self.rows = rows
        self.model_sha256 = "none"
        self.pairs = 0

    def register(self, fixed, moving, config):
        self.pairs += 1
        return np.stack([np.full(fixed.shape, self.rows), np.zeros(fixed.shape)]).astype(np.float32)


def test_the_pure_warp_reads_the_annotated_mask_where_the_field_of_one_pair_says_and_no_more():
    images = np.random.default_rng(0).normal(size=(6, 20, 24)).astype(np.float32)
    mask = np.zeros((20, 24), bool)
    mask[8:12, 5:9] = True
    engine = ShiftingEngine(2.0)
    run = Run(1, (2, 3, 4))
    found = list(as_pure_warp(engine).walk(SliceStack(images), run, {1: mask}))
    assert engine.pairs == 3  # straight from the annotated slice to each, none composed
    for probability in found:
        assert np.array_equal(probability >= 0.5, np.roll(mask, -2, axis=0))
    half = next(iter(as_pure_warp(ShiftingEngine(0.5)).walk(SliceStack(images), run, {1: mask})))
    assert half[7, 6] == pytest.approx(0.5)
    assert half[9, 6] == 1
    assert half.max() == 1  # nothing else has a say
    with pytest.raises(ConfigError, match="copy has no network"):
        as_pure_warp(CopyEngine())
