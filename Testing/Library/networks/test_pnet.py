"""PNet-MSA, its baselines and the BiRNN.

Parameters and wiring of the spec sheet, side outputs, the cell as printed.
"""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.pnet.birnn import BiRNN, ConvLSTM, PNetBiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig, PNetConfig
from SlicePropagationLib.networks.pnet.unet import build_pnet


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("wiring, millions", [("chain", 2.10), ("direct", 2.60)])
def test_both_wirings_have_the_parameters_of_the_spec_sheet(wiring, millions):
    network = build_pnet(PNetConfig(wiring=wiring))
    assert count_parameters(network) / 1e6 == pytest.approx(millions, abs=0.005)
    assert count_parameters(network.stages) / 1e6 == pytest.approx(0.70, abs=0.005)


def test_the_baselines_have_the_parameters_counted_by_hand():
    forward = 9 * 64 * (3 + 19 * 64) + 20 * 2 * 64
    assert count_parameters(build_pnet(PNetConfig("pnet"))) == forward + 5 * 65 + 5
    vgg = [
        (3, 64),
        (64, 64),
        (64, 128),
        (128, 128),
        (128, 256),
        *[(256, 256)] * 2,
        (256, 512),
        *[(512, 512)] * 5,
    ]
    with torch.device("meta"):
        hnn = build_pnet(PNetConfig("hnn"))
        unet = build_pnet(PNetConfig("unet"))
    assert (
        count_parameters(hnn)
        == sum(9 * wide * out + 2 * out for wide, out in vgg) + (64 + 128 + 256 + 512 + 512 + 5) + 5
    )
    assert count_parameters(unet) / 1e6 == pytest.approx(31.0, rel=0.01)


def test_a_unit_is_four_convolutions_with_normalisation_and_relu_joined_by_max_pooling():
    network = build_pnet(PNetConfig(channels=4)).eval()
    kinds = [type(layer).__name__ for layer in network.stages[1]]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU"] * 4
    assert all(layer.kernel_size == (3, 3) for layer in network.stages[1][::3])
    seen = []
    for stage in network.stages:
        stage.register_forward_hook(lambda stage, inputs, output: seen.append((inputs[0], output)))
    network(torch.randn(1, 3, 32, 32))
    for (_, above), (below, _) in pairwise(seen):
        assert torch.equal(below, torch.nn.functional.max_pool2d(above, 2))


@pytest.mark.parametrize("wiring", ["chain", "direct"])
def test_branch_k_looks_at_the_features_of_units_1_to_k(wiring):
    network = build_pnet(PNetConfig(channels=4, wiring=wiring)).eval()
    features = [
        torch.randn(1, 4, 32 // 2**number, 32 // 2**number, requires_grad=True)
        for number in range(5)
    ]
    network.branches[2](features[:3]).sum().backward()
    assert [
        feature.grad is not None and bool(feature.grad.abs().sum() > 0) for feature in features
    ] == [True, True, True, False, False]


def test_the_side_outputs_of_pnet_and_hnn_look_at_their_own_scale_only():
    for architecture in ("pnet", "hnn"):
        network = build_pnet(PNetConfig(architecture, channels=4)).eval()
        widths = [branch.head.in_channels for branch in network.branches]
        features = [
            torch.randn(1, width, 32 // 2**number, 32 // 2**number, requires_grad=True)
            for number, width in enumerate(widths)
        ]
        network.branches[2](features[:3]).sum().backward()
        assert [feature.grad is not None for feature in features] == [
            False,
            False,
            True,
            False,
            False,
        ]


@pytest.mark.parametrize(
    "architecture, count",
    [("pnet_msa", 5), ("pnet", 5), ("hnn", 5), ("unet", 1)],
)
def test_every_output_has_the_size_of_the_slice(architecture, count):
    network = build_pnet(PNetConfig(architecture, channels=2)).eval()
    logits = network(torch.randn(2, 3, 32, 48))
    assert logits.shape == (2, count, 32, 48)
    assert network.fuse(logits).shape == (2, 32, 48)


def test_the_outputs_are_averaged_before_their_weights_are_learnt():
    network = build_pnet(PNetConfig(channels=2)).eval()
    logits = torch.randn(1, 5, 4, 4)
    assert torch.allclose(network.fuse(logits), logits.sigmoid().mean(dim=1))
    network.output_weights.data[3] = 50.0
    assert torch.allclose(network.fuse(logits), logits[:, 3].sigmoid(), atol=1e-6)


def test_units_that_have_not_joined_are_neither_computed_nor_weighed():
    network = build_pnet(PNetConfig(channels=2)).eval()
    images = torch.randn(1, 3, 32, 32)
    everything = network(images)
    network.num_active.fill_(2)
    assert torch.allclose(network(images), everything[:, :2], atol=1e-6)
    assert torch.allclose(
        network.fuse(network(images)),
        everything[:, :2].sigmoid().mean(dim=1),
        atol=1e-6,
    )
    assert network.state_dict()["num_active"] == 2


def test_weights_start_as_msra_wrote():
    weight = build_pnet(PNetConfig()).stages[2][3].weight
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)


def test_each_direction_of_the_birnn_has_72_weights_beside_biases_and_peepholes():
    bare = BiRNN(BiRNNConfig(has_biases=False))
    assert count_parameters(bare.upward) == count_parameters(bare.downward) == 72
    assert count_parameters(bare) == 2 * 72 + 2
    assert count_parameters(BiRNN(BiRNNConfig()).upward) == 72 + 4
    assert count_parameters(BiRNN(BiRNNConfig(has_peepholes=True)).upward) == 72 + 4 + 3


@pytest.mark.parametrize("has_peepholes", [False, True])
def test_the_cell_computes_what_the_paper_prints(has_peepholes):
    cell = ConvLSTM(BiRNNConfig(has_peepholes=has_peepholes))
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn_like(parameter))
    inputs = torch.rand(1, 3, 1, 1)  # one pixel: of a 3x3 kernel, the middle counts
    y_weights = cell.from_input[:, 0, 1, 1]
    h_weights = cell.from_hidden[:, 0, 1, 1]
    peepholes = cell.peepholes if has_peepholes else torch.zeros(3)
    hidden = state = torch.zeros(())
    for number, y in enumerate(inputs.flatten()):
        i, f, o, c = (
            y_weights[gate] * y + h_weights[gate] * hidden + cell.biases[gate] for gate in range(4)
        )
        before = state
        state = torch.sigmoid(f + peepholes[1] * before) * before + torch.sigmoid(
            i + peepholes[0] * before
        ) * torch.tanh(c)
        output = torch.sigmoid(o + peepholes[2] * state)
        hidden = output * torch.tanh(state)
        gates, states = cell(inputs)
        assert torch.allclose(gates[0, number, 0, 0], output, atol=1e-6)
        assert torch.allclose(
            states[0, number, 0, 0],
            hidden,
            atol=1e-6,
        )


def test_the_directions_are_blended_by_weights_that_sum_to_one():
    birnn = BiRNN(BiRNNConfig())
    inputs = torch.rand(1, 4, 8, 8)
    up = birnn.upward(inputs)[0]
    down = birnn.downward(inputs.flip(1))[0].flip(1)
    assert torch.allclose(birnn(inputs), (up + down) / 2)
    birnn.blend_weights.data[:] = torch.tensor([3.0, 0.0]).log1p()
    assert torch.allclose(birnn(inputs), 0.8 * up + 0.2 * down, atol=1e-6)


@pytest.mark.parametrize("blends_hidden", [False, True])
def test_a_slice_hears_of_slices_on_both_sides_and_stays_a_probability(blends_hidden):
    torch.manual_seed(0)
    birnn = BiRNN(BiRNNConfig(blends_hidden=blends_hidden))
    with torch.no_grad():
        for parameter in birnn.parameters():
            parameter.copy_(torch.randn_like(parameter))
    inputs = torch.rand(1, 5, 8, 8, requires_grad=True)
    found = birnn(inputs)
    found[0, 2].sum().backward()
    assert (inputs.grad.abs().sum(dim=(0, 2, 3)) > 0).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_an_untrained_birnn_keeps_every_mask():
    inputs = (torch.rand(2, 4, 16, 16) > 0.5).float() * 0.8 + 0.1
    assert torch.equal(BiRNN(BiRNNConfig())(inputs) >= 0.5, inputs >= 0.5)


def test_without_biases_emptiness_comes_out_undecided():
    empty = torch.zeros(1, 3, 8, 8)
    assert torch.equal(BiRNN(BiRNNConfig(has_biases=False))(empty), torch.full_like(empty, 0.5))
    assert BiRNN(BiRNNConfig())(empty).max() < 0.05


def test_the_whole_network_learns_from_the_end():
    network = PNetBiRNN(build_pnet(PNetConfig(channels=2, num_units=2)), BiRNN(BiRNNConfig()))
    before, after = network(torch.randn(2, 3, 3, 8, 8))
    after.sum().backward()
    assert before.shape == after.shape == (2, 3, 8, 8)
    assert network.pnet.stages[0][0].weight.grad.abs().sum() > 0
    assert network.birnn.upward.from_input.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"architecture": "vgg"}, "architecture"),
        ({"wiring": "star"}, "wiring"),
        ({"in_channels": 2}, "odd"),
        ({"num_units": 9}, "num_units"),
        ({"architecture": "hnn", "num_units": 4}, "VGG-16"),
        ({"architecture": "unet", "num_units": 1}, "at least 2"),
    ],
)
def test_a_shape_that_no_network_has_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        PNetConfig(**settings)
