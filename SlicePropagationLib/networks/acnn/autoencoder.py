"""Auto-encoder of label maps, predictor of its code, and both together (T-L network).

Oktay et al., Anatomically Constrained Neural Networks, IEEE TMI 37(2), 2018 (arXiv:1705.08302),
supplement, Tables IV and V. Every convolution but the last of each model is followed by batch
normalisation, every one but the classes' by ReLU; the code has no non-linearity. Differences: the
grid may have other sizes that 12 (through-plane) and 24 (in plane) divide, the paper's 60 x 120 x
120 is the default; the bottleneck may have more than one map; convolutions before a batch
normalisation have no bias.
"""

import math

from torch import Tensor, nn

from SlicePropagationLib.networks.acnn.config import AutoencoderConfig, PredictorConfig

Size = int | tuple[int, int, int]  # one for all axes, or slices, rows and columns


class ShapeAutoencoder(nn.Module):
    """Encoder f, from a label map to a code, and decoder g, from a code to a label map.

    Args:
        config: an AutoencoderConfig.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.base_channels
        classes = config.num_classes
        bottleneck = config.bottleneck_channels
        self.cells = (bottleneck, *config.cells)
        num_cells = math.prod(self.cells)
        self.encoder = nn.Sequential(
            _convolution(classes, width, (1, 2, 2)),
            _convolution(width, width),
            _convolution(width, 2 * width, 2),
            _convolution(2 * width, 2 * width),
            _convolution(2 * width, 4 * width, 2),
            _convolution(4 * width, 4 * width),
            _convolution(4 * width, bottleneck, 3),
        )
        self.to_code = nn.Linear(num_cells, config.code_size)
        self.from_code = nn.Sequential(nn.Linear(config.code_size, num_cells), nn.ReLU())
        self.decoder = nn.Sequential(
            _deconvolution(bottleneck, 4 * width, 7, 3, 2),
            _convolution(4 * width, 4 * width),
            _deconvolution(4 * width, 2 * width, 4, 2, 1),
            _convolution(2 * width, 2 * width),
            _deconvolution(2 * width, width, 4, 2, 1),
            _convolution(width, width),
            _deconvolution(width, width, (1, 4, 4), (1, 2, 2), (0, 1, 1)),
            nn.Conv3d(width, classes, 3, padding=1),
        )

    def encode(self, shapes: Tensor) -> Tensor:
        """Codes of label maps.

        (B, num_classes, D, H, W) one-hot or probabilities -> (B, code_size).
        """
        return self.to_code(self.encoder(shapes).flatten(1))

    def decode(self, codes: Tensor) -> Tensor:
        """Logits of label maps: (B, code_size) -> (B, num_classes, D, H, W)."""
        return self.decoder(self.from_code(codes).unflatten(1, self.cells))

    def forward(self, shapes: Tensor) -> Tensor:
        """Logits of the label maps that the codes of `shapes` stand for; shapes as in `encode`."""
        return self.decode(self.encode(shapes))


class CodePredictor(nn.Module):
    """Predictor p, from an image on the fine grid to the code of its structures.

    Args:
        config: a PredictorConfig.
    """

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        widths = [config.base_channels * 2**scale for scale in range(4)]
        layers = [_convolution(1, widths[0]), _convolution(widths[0], widths[0])]
        for before, after in zip(widths[:2], widths[1:3], strict=True):
            layers += [_convolution(before, after, 2), _convolution(after, after)]
        layers += [
            _convolution(widths[2], widths[3], 2),
            nn.Conv3d(widths[3], 1, 3, padding=1),
            nn.ReLU(),
        ]
        self.layers = nn.Sequential(*layers)
        # three convolutions of stride 2, each rounds up
        cells = [-(-size // 8) for size in config.autoencoder.grid.shape]
        self.to_code = nn.Linear(math.prod(cells), config.autoencoder.code_size)

    def forward(self, images: Tensor) -> Tensor:
        """Codes of images: (B, 1, D, H, W) -> (B, code_size)."""
        return self.to_code(self.layers(images).flatten(1))


class TLNetwork(nn.Module):
    """Auto-encoder and predictor, which agree on a code.

    Args:
        config: a PredictorConfig.
    """

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = ShapeAutoencoder(config.autoencoder)
        self.predictor = CodePredictor(config)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the label maps that the codes predicted from images stand for.

        (B, 1, D, H, W) -> (B, num_classes, D, H, W).
        """
        return self.autoencoder.decode(self.predictor(images))


def _convolution(
    in_channels: int,
    out_channels: int,
    stride: Size = 1,
) -> nn.Sequential:
    """3x3x3 convolution, batch normalisation, ReLU; a stride divides the size, which rounds up."""
    return nn.Sequential(
        nn.Conv3d(
            in_channels,
            out_channels,
            3,
            stride=stride,
            padding=1,
            bias=False,
        ),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(),
    )


def _deconvolution(
    in_channels: int,
    out_channels: int,
    kernel: Size,
    stride: Size,
    padding: Size,
) -> nn.Sequential:
    """Transposed convolution, batch normalisation, ReLU; the stride multiplies the size."""
    return nn.Sequential(
        nn.ConvTranspose3d(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=padding,
            bias=False,
        ),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(),
    )
