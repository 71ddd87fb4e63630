"""A small U-Net that says where an outline is wrong, pixel by pixel.

Own design. Its last layer starts at zero, so an untrained network changes nothing.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.outline.config import OutlineUNetConfig
from SlicePropagationLib.networks.unet import ConvolutionPair


class OutlineUNet(nn.Module):
    """Maps of a slice at the resolution of the image to corrected log odds.

    Args:
        config: an OutlineUNetConfig.
    """

    def __init__(self, config: OutlineUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        num_pixels = config.cell**2
        before = (config.num_maps * num_pixels + config.num_facts, *widths)
        self.encoders = nn.ModuleList(map(ConvolutionPair, before, widths))
        self.decoders = nn.ModuleList(
            ConvolutionPair(widths[level] + widths[level + 1], widths[level])
            for level in reversed(range(len(widths) - 1))
        )
        self.head = nn.Conv2d(widths[0], num_pixels, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(cast(Tensor, self.head.bias))

    def forward(self, maps: Tensor, facts: Tensor) -> Tensor:
        """Log odds of every pixel, all of the change counted, for training.

        Args:
            maps: (B, num_maps, H, W), H and W multiples of `config.multiple`.
            facts: (B, num_facts).

        Returns:
            (B, H, W).
        """
        return self.before(maps) + self._change(maps, facts)

    def limited(self, maps: Tensor, facts: Tensor) -> Tensor:
        """As `forward`, with what counts of the change, within its limits."""
        config = self.config
        change = self._change(maps, facts).clamp(-config.most_change, config.most_change)
        return self.before(maps) + config.trust * change

    def before(self, maps: Tensor) -> Tensor:
        """(B, H, W) log odds that are corrected."""
        return self.config.odds_scale * maps[:, self.config.odds_map]

    def _change(self, maps: Tensor, facts: Tensor) -> Tensor:
        config = self.config
        cells = F.pixel_unshuffle(maps, config.cell)
        planes = facts[:, :, None, None].expand(-1, -1, *cells.shape[2:])
        features = torch.cat([cells, planes], dim=1)
        kept = []
        for level, encoder in enumerate(self.encoders):
            features = encoder(F.max_pool2d(features, 2) if level else features)
            kept.append(features)
        kept.pop()
        for decoder in self.decoders:
            risen = F.interpolate(features, scale_factor=2, mode="nearest")
            features = decoder(torch.cat([kept.pop(), risen], dim=1))
        return F.pixel_shuffle(self.head(features), config.cell)[:, 0].float()
