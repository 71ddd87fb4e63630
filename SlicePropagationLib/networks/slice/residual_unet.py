"""The residual variant of the slice-propagation thesis.

It has residual units, and strided convolutions instead of pooling.

After Quan et al., FusionNet, 2016 (arXiv:1612.05360), which the thesis names: every level is a
convolution, a residual unit of three convolutions and a convolution; skips are added, not
concatenated. Differences: a 3x3 convolution of stride 2 takes the place of max-pooling, as the
thesis asks; ReLU instead of ELU, as in its U-Net; the mask may be given again at every scale.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import level_widths, start_weights, widths_before


class ResidualUNet(nn.Module):
    """Encoder and decoder of residual levels with additive skips.

    Args:
        config: a UNetConfig with `is_residual`.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = level_widths(config)
        self.encoders = nn.ModuleList(map(ResidualLevel, widths_before(config), widths))
        self.sinkers = nn.ModuleList(_unit(width, width, stride=2) for width in widths[:-1])
        self.risers = nn.ModuleList(
            nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2)
            for level in reversed(range(config.depth))
        )
        self.decoders = nn.ModuleList(
            ResidualLevel(widths[level], widths[level]) for level in reversed(range(config.depth))
        )
        self.head = nn.Conv2d(widths[0], config.out_channels, 1)
        self.apply(start_weights)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch of slices; shapes as in `UNet.forward`."""
        features = self.encoders[0](inputs)
        skips = []
        mask = inputs[:, -1:]
        for sinker, encoder in zip(self.sinkers, self.encoders[1:], strict=True):
            skips.append(features)
            features = sinker(features)
            if self.config.injects_mask:
                mask = F.avg_pool2d(mask, 2)
                features = torch.cat([features, mask], dim=1)
            features = encoder(features)
        for riser, decoder in zip(self.risers, self.decoders, strict=True):
            features = decoder(skips.pop() + riser(features))
        return self.head(features)


class ResidualLevel(nn.Module):
    """Convolution, three convolutions with a skip around them, convolution.

    (B, in, H, W) -> (B, out, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        self.enter = _unit(in_channels, out_channels)
        self.residual = nn.Sequential(*(_unit(out_channels, out_channels) for _ in range(3)))
        self.leave = _unit(out_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Shapes as said above."""
        features = self.enter(features)
        return self.leave(features + self.residual(features))


def _unit(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            3,
            stride=stride,
            padding=1,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
