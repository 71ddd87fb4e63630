"""From thick slices to a fine grid: the 3D segmentation and super-resolution network.

The 3D-UNet and the cascade that it is compared with stand here, too.

Oktay et al., Anatomically Constrained Neural Networks, IEEE TMI 37(2), 2018 (arXiv:1705.08302),
Figure 2: strides act in plane only, and a transposed convolution multiplies the number of slices at
the very end, so that features are computed on the thick slices. The paper leaves open the widths
(its number of parameters is met to within 7 %, see the tests), and whether skips are added or
concatenated (both can be had). The 3D-UNet (Çiçek et al., MICCAI 2016) and AE-Seg (Ravishankar et
al., MICCAI 2017) end in the same stage here, which the paper does not say.
"""

import torch
from torch import Tensor, nn

from SlicePropagationLib.networks.acnn.autoencoder import ShapeAutoencoder, Size
from SlicePropagationLib.networks.acnn.config import AutoencoderConfig, SubpixelConfig


class SubpixelNetwork(nn.Module):
    """3D-Seg and ACNN: strided convolutions down, transposed ones up, and skips.

    The through-plane stage is the last.

    Args:
        config: a SubpixelConfig.
    """

    def __init__(self, config: SubpixelConfig) -> None:
        super().__init__()
        self.is_added = config.has_additive_skips
        widths = [config.base_channels * 2**level for level in range(4)]
        # the deepest level, and what rises from it, look within a slice only
        self.encoders = nn.ModuleList(
            [
                _level(config.in_channels, widths[0], 3, stride=1),
                _level(widths[0], widths[1], 3, stride=(1, 2, 2)),
                _level(widths[1], widths[2], 3, stride=(1, 2, 2)),
                _level(widths[2], widths[3], (1, 3, 3), stride=(1, 2, 2)),
            ]
        )
        self.risers = nn.ModuleList(
            _riser(widths[level + 1], widths[level], (1, 4, 4), (0, 1, 1)) for level in (2, 1, 0)
        )
        share = 1 if self.is_added else 2
        self.decoders = nn.ModuleList(
            [
                _convolution(share * widths[2], widths[2], (1, 3, 3)),
                _convolution(share * widths[1], widths[1], 3),
                _convolution(share * widths[0], widths[0], 3),
            ]
        )
        self.head = ThroughPlaneStage(widths[0], config.out_channels, config.grid.factor)

    def forward(self, thick: Tensor) -> Tensor:
        """Logits on the fine grid, or intensities.

        Args:
            thick: (B, in_channels, N, H, W) thick slices; H and W divisible by 8.

        Returns:
            (B, out_channels, N * factor, H, W), before the softmax.
        """
        features = thick
        skips = []
        for encoder in self.encoders:
            features = encoder(features)
            skips.append(features)
        skips.pop()
        for riser, decoder in zip(self.risers, self.decoders, strict=True):
            raised = riser(features)
            skip = skips.pop()
            joined = raised + skip if self.is_added else torch.cat([skip, raised], dim=1)
            features = decoder(joined)
        return self.head(features)


class SubpixelUNet(nn.Module):
    """3D-UNet: pairs of convolutions, max-pooling in plane, skips by concatenation.

    Shapes as in `SubpixelNetwork`.
    """

    def __init__(self, config: SubpixelConfig) -> None:
        super().__init__()
        widths = [config.base_channels * 2**level for level in range(4)]
        before = [config.in_channels, *widths[:-1]]
        self.encoders = nn.ModuleList(map(_pair, before, widths))
        self.pool = nn.MaxPool3d((1, 2, 2))
        self.risers = nn.ModuleList(
            _riser(widths[level + 1], widths[level], (1, 2, 2), 0) for level in (2, 1, 0)
        )
        self.decoders = nn.ModuleList(
            _pair(2 * widths[level], widths[level]) for level in (2, 1, 0)
        )
        self.head = ThroughPlaneStage(widths[0], config.out_channels, config.grid.factor)

    def forward(self, thick: Tensor) -> Tensor:
        """Logits on the fine grid; shapes as in `SubpixelNetwork.forward`."""
        features = self.encoders[0](thick)
        skips = []
        for encoder in self.encoders[1:]:
            skips.append(features)
            features = encoder(self.pool(features))
        for riser, decoder in zip(self.risers, self.decoders, strict=True):
            features = decoder(torch.cat([skips.pop(), riser(features)], dim=1))
        return self.head(features)


class CascadeNetwork(nn.Module):
    """AE-Seg: a 3D-UNet whose probabilities pass through an auto-encoder.

    Works on the fine grid's own size only.
    """

    def __init__(self, config: SubpixelConfig) -> None:
        super().__init__()
        self.segmentation = SubpixelUNet(config)
        self.autoencoder = ShapeAutoencoder(
            AutoencoderConfig(
                config.grid,
                config.out_channels,
                config.autoencoder_channels,
                bottleneck_channels=config.bottleneck_channels,
            )
        )

    def forward(self, thick: Tensor) -> Tensor:
        """Logits on the fine grid.

        Shapes as in `SubpixelNetwork.forward`, of the configured grid's size.
        """
        return self.stages(thick)[-1]

    def stages(self, thick: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the 3D-UNet, and of the auto-encoder after it; each is trained on."""
        found = self.segmentation(thick)
        return found, self.autoencoder(found.softmax(dim=1))


def build_subpixel(config: SubpixelConfig) -> SubpixelNetwork | SubpixelUNet | CascadeNetwork:
    """The network that a SubpixelConfig describes."""
    kinds = {
        "subpixel": SubpixelNetwork,
        "unet": SubpixelUNet,
        "cascade": CascadeNetwork,
    }
    return kinds[config.kind](config)


class ThroughPlaneStage(nn.Module):
    """Transposed convolution that multiplies the slices, then a 3x3x3 convolution.

    (B, C, N, H, W) -> (B, out_channels, N * factor, H, W). The paper's kernel is 10 for a stride of
    5; here twice the factor.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        factor: int,
    ) -> None:
        super().__init__()
        self.rise = nn.Sequential(
            nn.ConvTranspose3d(
                in_channels,
                in_channels,
                (2 * factor, 1, 1),
                stride=(factor, 1, 1),
                padding=((factor + 1) // 2, 0, 0),
                output_padding=(factor % 2, 0, 0),
                bias=False,
            ),
            nn.BatchNorm3d(in_channels),
            nn.ReLU(),
        )
        self.classify = nn.Conv3d(in_channels, out_channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Shapes as said above."""
        return self.classify(self.rise(features))


def _level(
    in_channels: int,
    width: int,
    kernel: Size,
    stride: Size,
) -> nn.Sequential:
    """Two convolutions, the first with the stride."""
    return nn.Sequential(
        _convolution(in_channels, width, kernel, stride),
        _convolution(width, width, kernel),
    )


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel: Size = 3,
    stride: Size = 1,
) -> nn.Sequential:
    """Convolution that keeps the size but for its stride, batch normalisation, ReLU."""
    sides = kernel if isinstance(kernel, tuple) else (kernel, kernel, kernel)
    padding = (sides[0] // 2, sides[1] // 2, sides[2] // 2)
    return nn.Sequential(
        nn.Conv3d(
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


def _pair(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(in_channels, out_channels),
        _convolution(out_channels, out_channels),
    )


def _riser(
    in_channels: int,
    out_channels: int,
    kernel: Size,
    padding: Size,
) -> nn.Sequential:
    """Transposed convolution that doubles rows and columns, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose3d(
            in_channels,
            out_channels,
            kernel,
            stride=(1, 2, 2),
            padding=padding,
            bias=False,
        ),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(),
    )
