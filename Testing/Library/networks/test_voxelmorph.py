"""The registration network.

The sheet's shape, MONAI's values, fields that compose, masks that land where they should.
"""

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import (
    VoxelMorph,
    compose,
    integrate,
    resize_displacement,
    warp,
)


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
