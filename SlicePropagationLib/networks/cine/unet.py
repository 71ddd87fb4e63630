"""The U-Net of Bai et al., MICCAI 2018 (aortic cine MR).

It has the shape of the authors' code: strided convolutions instead of pooling.

Five levels of two 3x3 convolutions; the first of each level but the top has stride 2; 3x3
transposed convolutions on the way back. What goes into the recurrent network are the 16 maps before
the last layer.
"""

import torch
from torch import Tensor, nn

from SlicePropagationLib.networks.cine.config import CineUNetConfig


class CineUNet(nn.Module):
    """Segments frames each for itself.

    Args:
        config: a CineUNetConfig.
    """

    def __init__(self, config: CineUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        levels = [nn.Sequential(_unit(1, widths[0]), _unit(widths[0], widths[0]))]
        for above, width in zip(widths[:-1], widths[1:], strict=True):
            levels.append(nn.Sequential(_unit(above, width, stride=2), _unit(width, width)))
        self.encoders = nn.ModuleList(levels)
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.risers = nn.ModuleList(_riser(below, width) for below, width in pairs)
        self.decoders = nn.ModuleList(
            nn.Sequential(_unit(2 * width, width), _unit(width, width)) for _, width in pairs
        )
        self.head = nn.Conv2d(widths[0], config.out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, out_channels, H, W) of images (B, 1, H, W).

        H and W divisible by 2**(levels - 1).
        """
        return self.head(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """(B, widths[0], H, W): the maps before the last layer."""
        maps = [self.encoders[0](images)]
        for encoder in self.encoders[1:]:
            maps.append(encoder(maps[-1]))
        features = maps.pop()
        for riser, decoder in zip(self.risers, self.decoders, strict=True):
            features = decoder(torch.cat([maps.pop(), riser(features)], dim=1))
        return features


def _unit(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            3,
            stride,
            padding=1,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def _riser(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(
            in_channels,
            out_channels,
            3,
            stride=2,
            padding=1,
            output_padding=1,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
