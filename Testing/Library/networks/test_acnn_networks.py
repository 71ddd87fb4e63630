"""The anatomically constrained networks.

Layer tables and parameter counts of the paper, grids that fit and grids that are refused.
"""

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.acnn.autoencoder import (
    CodePredictor,
    ShapeAutoencoder,
    TLNetwork,
)
from SlicePropagationLib.networks.acnn.config import (
    AutoencoderConfig,
    FineGridConfig,
    PredictorConfig,
    SubpixelConfig,
)
from SlicePropagationLib.networks.acnn.subpixel import build_subpixel

TINY = FineGridConfig((12, 24, 24), (2.0, 1.0, 1.0), 4)


def millions(*parts):
    return sum(parameter.numel() for part in parts for parameter in part.parameters()) / 1e6


def layers(network, kinds=(torch.nn.Conv3d, torch.nn.ConvTranspose3d, torch.nn.Linear)):
    """(kind, kernel, stride, width) of every layer in the order in which it was built.

    Kernel and stride along slices, rows, columns.
    """
    found = []
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            found.append(("fc", module.out_features))
        elif isinstance(module, kinds):
            found.append(
                (
                    "deconv" if isinstance(module, torch.nn.ConvTranspose3d) else "conv",
                    module.kernel_size,
                    module.stride,
                    module.out_channels,
                )
            )
    return found


def conv(width, stride=(1, 1, 1), kernel=(3, 3, 3)):
    return "conv", kernel, stride, width


def deconv(width, kernel, stride):
    return "deconv", kernel, stride, width


def test_the_autoencoder_has_the_layers_of_the_supplement():
    with torch.device("meta"):
        network = ShapeAutoencoder(AutoencoderConfig())
    assert layers(network) == [
        conv(16, (1, 2, 2)),
        conv(16),
        conv(32, (2, 2, 2)),
        conv(32),
        conv(64, (2, 2, 2)),
        conv(64),
        conv(1, (3, 3, 3)),
        ("fc", 64),
        ("fc", 125),
        deconv(64, (7, 7, 7), (3, 3, 3)),
        conv(64),
        deconv(32, (4, 4, 4), (2, 2, 2)),
        conv(32),
        deconv(16, (4, 4, 4), (2, 2, 2)),
        conv(16),
        deconv(16, (1, 4, 4), (1, 2, 2)),
        conv(3),
    ]
    assert millions(network) == pytest.approx(0.57, abs=0.005)
    assert network.cells == (1, 5, 5, 5)


def test_the_predictor_has_the_layers_of_the_supplement():
    with torch.device("meta"):
        network = CodePredictor(PredictorConfig())
    two = (2, 2, 2)
    assert layers(network) == [
        conv(32),
        conv(32),
        conv(64, two),
        conv(64),
        conv(128, two),
        conv(128),
        conv(256, two),
        conv(1),
        ("fc", 64),
    ]
    assert millions(network.layers) == pytest.approx(1.75, abs=0.005)


def test_the_segmentation_network_has_the_layers_of_figure_2():
    with torch.device("meta"):
        network = build_subpixel(SubpixelConfig())
    down = (1, 2, 2)
    flat = (1, 3, 3)
    assert layers(network) == [
        conv(24),
        conv(24),
        conv(48, down),
        conv(48),
        conv(96, down),
        conv(96),
        conv(192, down, flat),
        conv(192, kernel=flat),
        deconv(96, (1, 4, 4), down),
        deconv(48, (1, 4, 4), down),
        deconv(24, (1, 4, 4), down),
        conv(96, kernel=flat),
        conv(48),
        conv(24),
        deconv(24, (10, 1, 1), (5, 1, 1)),
        conv(3),
    ]


@pytest.mark.parametrize(
    "base, is_added, expected",
    [(23, False, 1.56), (24, False, 1.70), (24, True, 1.54)],
)
def test_the_segmentation_network_has_the_parameters_of_the_spec_sheet(base, is_added, expected):
    with torch.device("meta"):
        assert millions(
            build_subpixel(SubpixelConfig(base_channels=base, has_additive_skips=is_added))
        ) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "kind, base, of_the_paper",
    [("subpixel", 24, 1.60), ("unet", 18, 1.64), ("cascade", 14, 1.68)],
)
def test_every_compared_network_has_about_the_parameters_of_the_paper(kind, base, of_the_paper):
    with torch.device("meta"):
        assert millions(
            build_subpixel(SubpixelConfig(kind=kind, base_channels=base))
        ) == pytest.approx(of_the_paper, rel=0.07)


def test_ae_seg_m_is_the_cascade_of_the_largest_autoencoder():
    config = SubpixelConfig(kind="cascade", base_channels=14, autoencoder_channels=20)
    with torch.device("meta"):
        assert millions(build_subpixel(config)) == pytest.approx(1.91, abs=0.01)


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 6])
def test_any_factor_gives_that_many_fine_slices_for_a_thick_one(factor):
    network = build_subpixel(
        SubpixelConfig(FineGridConfig((2 * factor, 8, 16), factor=factor), base_channels=2)
    )
    assert network(torch.zeros(1, 1, 2, 8, 16)).shape == (1, 3, 2 * factor, 8, 16)


@pytest.mark.parametrize("kind", ["subpixel", "unet", "cascade"])
def test_every_kind_leads_from_thick_slices_to_classes_on_the_fine_grid(kind):
    network = build_subpixel(
        SubpixelConfig(
            TINY,
            kind=kind,
            in_channels=2,
            out_channels=4,
            base_channels=2,
        )
    ).eval()
    assert network(torch.zeros(1, 2, 3, 24, 24)).shape == (1, 4, 12, 24, 24)


@pytest.mark.parametrize("shape", [(12, 24, 48), (24, 48, 24)])
def test_a_code_leads_back_to_the_grid_whatever_its_size(shape):
    config = PredictorConfig(
        AutoencoderConfig(FineGridConfig(shape, factor=4), base_channels=2),
        base_channels=2,
    )
    network = TLNetwork(config)
    codes = network.autoencoder.encode(torch.zeros(2, 3, *shape))
    assert codes.shape == network.predictor(torch.zeros(2, 1, *shape)).shape == (2, 64)
    assert (
        network.autoencoder.decode(codes).shape
        == network(torch.zeros(2, 1, *shape)).shape
        == (2, 3, *shape)
    )


def test_the_code_is_linear_in_the_last_layer_so_that_it_may_be_negative():
    torch.manual_seed(0)
    network = ShapeAutoencoder(AutoencoderConfig(TINY, base_channels=4))
    assert network.encode(torch.rand(4, 3, 12, 24, 24)).min() < 0


@pytest.mark.parametrize(
    "shape, number, remedy",
    [
        ((60, 100, 120), "100 rows, which 24 does not divide", "96 or 120"),
        ((20, 24, 24), "20 fine slices, which 12", "12 or 24"),
        ((60, 120, 20), "20 columns", "use 24"),
    ],
)
def test_a_grid_that_the_autoencoder_cannot_divide_is_refused_with_sizes_that_fit(
    shape,
    number,
    remedy,
):
    with pytest.raises(ConfigError, match=f"{number}.*{remedy}"):
        AutoencoderConfig(FineGridConfig(shape))


@pytest.mark.parametrize(
    "shape, factor, number, remedy",
    [
        ((60, 120, 116), 5, "116 columns, which 8", "112 or 120"),
        ((24, 48, 48), 5, "24 fine slices, which 5", "20 or 25"),
    ],
)
def test_a_grid_that_the_segmentation_network_cannot_divide_is_refused_with_sizes_that_fit(
    shape,
    factor,
    number,
    remedy,
):
    with pytest.raises(ConfigError, match=f"{number}.*{remedy}"):
        SubpixelConfig(FineGridConfig(shape, factor=factor))


def test_a_grid_without_thick_slices_or_spacing_is_refused():
    for values in ({"factor": 1}, {"shape": (60, 0, 120)}, {"spacing_mm": (2.0, 0.0, 1.0)}):
        with pytest.raises(ConfigError, match=next(iter(values))):
            FineGridConfig(**values)
