"""The cine networks.

Parameters and receptive field of the sheet, a ConvLSTM cell worked out by hand, time in both
directions.
"""

import math

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM, ConvLSTMCell
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig, CineUNetConfig
from SlicePropagationLib.networks.cine.unet import CineUNet
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet

TINY = CineBiLSTMConfig(CineUNetConfig(out_channels=3, widths=(4, 8)), hidden_channels=4)


def num_parameters(*modules):
    return sum(value.numel() for module in modules for value in module.parameters())


def test_the_unet_of_the_label_propagation_paper_has_7_8_million_parameters():
    network = UNet(
        UNetConfig(
            in_channels=1,
            out_channels=4,
            depth=4,
            base_channels=32,
        )
    )
    assert round(num_parameters(network) / 1e6, 1) == 7.8


def test_the_unet_of_the_cine_paper_has_2_16_million_parameters():
    assert round(num_parameters(CineUNet(CineUNetConfig(out_channels=3))) / 1e6, 2) == 2.16


def test_the_recurrent_part_has_37_thousand_parameters():
    network = CineBiLSTM(CineBiLSTMConfig(CineUNetConfig(out_channels=3)))
    # a cell: 32 maps x 9 x 64 gates + 64; twice; 32 x 3 + 3 for the fusion
    assert (
        num_parameters(network.forward_cell, network.backward_cell, network.fusion)
        == 2 * 18_496 + 99
    )


def test_the_deepest_level_sees_95_pixels():
    # two 3x3 convolutions a level at strides 1, 2, 4, 8: 5, then 2 s + 4 s more for every halving
    # from stride s: 11, 23, 47, 95
    encoder = torch.nn.Sequential(*CineUNet(CineUNetConfig()).eval().encoders)
    for convolution in (
        module for module in encoder.modules() if isinstance(module, torch.nn.Conv2d)
    ):
        torch.nn.init.ones_(convolution.weight)
    image = torch.ones(1, 1, 160, 160, requires_grad=True)
    encoder(image)[0, 0, 5, 5].backward()
    rows = image.grad[0, 0].abs().sum(dim=1).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == 95


def test_sixteen_maps_at_full_resolution_go_into_the_recurrent_part():
    network = CineUNet(CineUNetConfig()).eval()
    assert network.features(torch.rand(1, 1, 32, 48)).shape == (1, 16, 32, 48)
    assert network(torch.rand(2, 1, 32, 48)).shape == (2, 4, 32, 48)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_a_cell_of_one_pixel_gives_what_the_equations_give_by_hand():
    cell = ConvLSTMCell(1, 1)
    kernel = torch.zeros(4, 2, 3, 3)
    # on input and hidden: i, f, o, candidate
    kernel[:, :, 1, 1] = torch.tensor([[0.5, -1.0], [0.25, 0.5], [1.0, 2.0], [-0.5, 0.75]])
    cell.gates.weight.data = kernel
    cell.gates.bias.data = torch.tensor([0.1, 1.0, 0.0, -0.2])
    x = 2.0
    h = 0.5
    c = -0.4
    enter = sigmoid(0.5 * x - h + 0.1)
    forget = sigmoid(0.25 * x + 0.5 * h + 1.0)
    leave = sigmoid(x + 2 * h)
    memory = c * forget + enter * math.tanh(-0.5 * x + 0.75 * h - 0.2)
    hidden = leave * math.tanh(memory)
    pixel = torch.ones(1, 1, 1, 1)
    with torch.no_grad():
        found_hidden, found_memory = cell(x * pixel, h * pixel, c * pixel)
    assert float(found_memory) == pytest.approx(memory, abs=1e-6)
    assert float(found_hidden) == pytest.approx(hidden, abs=1e-6)


def test_a_new_cell_remembers():
    cell = ConvLSTMCell(2, 3)
    assert cell.gates.bias.tolist() == [0] * 3 + [1] * 3 + [0] * 6


def test_frames_look_forward_and_back_but_the_first_has_no_past():
    torch.manual_seed(0)
    network = CineBiLSTM(TINY).eval()
    window = torch.rand(1, 5, 1, 8, 8)
    plain = network(window)
    assert plain.shape == (1, 5, 3, 8, 8)
    for changed in (0, 4):
        other = window.clone()
        other[:, changed] += 1
        assert not torch.allclose(network(other)[:, 4 - changed], plain[:, 4 - changed])
    network.fusion.weight.data[:, 4:] = (
        0  # the forward direction alone: what comes later cannot be known
    )
    other = window.clone()
    other[:, 3] += 1
    assert torch.allclose(network(other)[:, :3], network(window)[:, :3])


def test_both_directions_are_the_same_operation_on_reversed_time():
    torch.manual_seed(0)
    network = CineBiLSTM(TINY).eval()
    network.backward_cell.load_state_dict(network.forward_cell.state_dict())
    network.fusion.weight.data[:, 4:] = network.fusion.weight.data[:, :4]
    window = torch.rand(1, 4, 1, 8, 8)
    assert torch.allclose(network(window.flip(1)), network(window).flip(1), atol=1e-6)


def test_a_unet_of_one_level_is_refused():
    with pytest.raises(ConfigError, match="levels"):
        CineUNetConfig(widths=(16,))
