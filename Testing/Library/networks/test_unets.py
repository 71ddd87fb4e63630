"""The U-Nets of the thesis: parameter counts, shapes, start values, and the mask at every scale."""

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.networks.slice.residual_unet import ResidualUNet
from SlicePropagationLib.networks.unet import UNet


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    "base, depth, millions",
    [
        (64, 2, 1.86),
        (64, 3, 7.69),
        (64, 4, 31.0),
        (64, 5, 124),
        (32, 2, 0.47),
        (32, 3, 1.92),
        (32, 4, 7.76),
        (32, 5, 31.1),
    ],
)
def test_the_unet_has_the_parameters_of_the_spec_sheet(base, depth, millions):
    with torch.device("meta"):
        assert count_parameters(
            UNet(UNetConfig(depth=depth, base_channels=base))
        ) / 1e6 == pytest.approx(millions, rel=0.01)


def residual_parameters(base, depth):
    """Counted by hand from FusionNet's level: five 3x3 convolutions.

    Each comes with the two numbers per channel of its normalisation.
    """
    widths = [base * 2**level for level in range(depth + 1)]

    def unit(wide, out):
        return 9 * wide * out + 2 * out

    pairs = zip([2, *widths[:-1]], widths, strict=True)
    encoders = sum(unit(wide, out) + 4 * unit(out, out) for wide, out in pairs)
    sinkers = sum(unit(width, width) for width in widths[:-1])
    decoders = sum(5 * unit(width, width) + 4 * 2 * width * width + width for width in widths[:-1])
    return encoders + sinkers + decoders + 2 * base + 2


@pytest.mark.parametrize("depth", [2, 4])
def test_the_residual_variant_has_the_parameters_of_its_levels(depth):
    with torch.device("meta"):
        assert count_parameters(
            ResidualUNet(
                UNetConfig(
                    depth=depth,
                    base_channels=8,
                    is_residual=True,
                )
            )
        ) == residual_parameters(8, depth)


@pytest.mark.parametrize("network", [UNet, ResidualUNet])
@pytest.mark.parametrize("injects", [False, True])
def test_two_maps_come_out_at_the_size_of_the_slice(network, injects):
    logits = network(
        UNetConfig(
            depth=3,
            base_channels=4,
            injects_mask=injects,
        )
    )(torch.zeros(2, 2, 24, 32))
    assert logits.shape == (2, 2, 24, 32)


@pytest.mark.parametrize("network", [UNet, ResidualUNet])
def test_biases_start_at_zero_and_weights_are_xavier(network):
    built = network(UNetConfig(depth=2, base_channels=16))
    biases = [
        module.bias
        for module in built.modules()
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))
        and module.bias is not None
    ]
    assert biases
    assert all(bias.abs().max() == 0 for bias in biases)
    weight = built.decoders[-1].get_parameter("3.weight" if network is UNet else "leave.0.weight")
    assert weight.abs().max() <= (6 / (2 * 9 * 16)) ** 0.5
    assert weight.std().item() == pytest.approx(
        (2 / (2 * 9 * 16)) ** 0.5,
        rel=0.1,
    )


def test_the_mask_reaches_the_deepest_level_when_it_is_injected():
    network = UNet(
        UNetConfig(
            depth=2,
            base_channels=4,
            injects_mask=True,
        )
    ).eval()
    with torch.no_grad():
        network.encoders[0][0].weight[:, -1] = 0  # the first level no longer sees the mask
        inputs = torch.randn(1, 2, 16, 16)
        other = inputs.clone()
        other[:, -1] += 1
        assert not torch.equal(network(inputs), network(other))


def test_an_untrained_guided_unet_says_what_its_prior_says():
    config = GuidedUNetConfig(
        base_channels=4,
        depth=2,
        prior_map=6,
        prior_scale=4.0,
    )
    maps = torch.rand(2, config.num_maps, 16, 16)
    logits = GuidedUNet(config)(maps, torch.rand(2, config.num_facts), torch.rand(2, 1, 16, 16))
    assert torch.allclose(logits[:, 1] - logits[:, 0], 4.0 * maps[:, 6])


def test_a_depth_that_no_network_has_is_refused():
    with pytest.raises(ConfigError, match="depth"):
        UNetConfig(depth=9)
