"""The U-Net of the slice-propagation thesis (section "Network architecture").

An image slice and the mask of its neighbour go in, the mask of the slice comes out.

Ronneberger et al., U-Net, MICCAI 2015, with batch normalisation, zero padding and transposed
convolutions. Differences from the thesis, which leaves them open: convolutions before a batch
normalisation have no bias; any number of input maps; the mask may be given again at every scale
(`injects_mask`), which the thesis names as future work.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.config import UNetConfig


class UNet(nn.Module):
    """Encoder of `depth` max-poolings, decoder of transposed convolutions, skips by concatenation.

    Args:
        config: a UNetConfig.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = level_widths(config)
        self.encoders = nn.ModuleList(map(ConvolutionPair, widths_before(config), widths))
        self.risers = nn.ModuleList(
            nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2)
            for level in reversed(range(config.depth))
        )
        self.decoders = nn.ModuleList(
            ConvolutionPair(2 * widths[level], widths[level])
            for level in reversed(range(config.depth))
        )
        self.head = nn.Conv2d(widths[0], config.out_channels, 1)
        self.apply(start_weights)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch of slices.

        Args:
            inputs: (B, in_channels, H, W) float32, the mask of the neighbour last; H and W
                divisible by 2**depth.

        Returns:
            (B, out_channels, H, W), before the softmax.
        """
        features = self.encoders[0](inputs)
        skips = []
        mask = inputs[:, -1:]
        for encoder in self.encoders[1:]:
            skips.append(features)
            features = F.max_pool2d(features, 2)
            if self.config.injects_mask:
                mask = F.avg_pool2d(mask, 2)
                features = torch.cat([features, mask], dim=1)
            features = encoder(features)
        for riser, decoder in zip(self.risers, self.decoders, strict=True):
            features = decoder(torch.cat([skips.pop(), riser(features)], dim=1))
        return self.head(features)


class ConvolutionPair(nn.Sequential):
    """Twice: 3x3 convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels,
                out_channels,
                3,
                padding=1,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(
                out_channels,
                out_channels,
                3,
                padding=1,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


def level_widths(config: UNetConfig) -> list[int]:
    """Maps of each level, finest first."""
    return [config.base_channels * 2**level for level in range(config.depth + 1)]


def widths_before(config: UNetConfig) -> list[int]:
    """Maps that go into each level, the mask included where it is given again."""
    extra = 1 if config.injects_mask else 0
    return [config.in_channels, *(width + extra for width in level_widths(config)[:-1])]


def start_weights(module: nn.Module) -> None:
    """Xavier weights and zero biases, as in the thesis; apply to every module of a network."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
