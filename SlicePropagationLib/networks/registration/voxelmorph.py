"""VoxelMorph in 2D: a U-Net that looks at two images and gives the velocity of a diffeomorphism between them.

Balakrishnan et al., VoxelMorph, IEEE TMI 38 (2019), and Dalca et al., MICCAI 2018, in the widths of
the authors' repository. Differences:
halving and doubling of the velocity keep pixel centres in place (the authors align the corners,
which scales by (n/2 - 1)/(n - 1)).
"""

import torch
from torch import nn
from torch.nn import functional as F


class VoxelMorph(nn.Module):
    """Registers pairs of images.

    Args:
        config: a VoxelMorphConfig.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        inner = (2, *config.encoder)
        self.encoders = nn.ModuleList(_convolution(*pair) for pair in zip(inner, config.encoder))
        skips = tuple(reversed(config.encoder))
        before = (skips[0], *(above + skip for above, skip in zip(config.decoder, skips)))
        self.decoders = nn.ModuleList(_convolution(*pair) for pair in zip(before, config.decoder))
        self.final = nn.ModuleList(
            _convolution(*pair) for pair in zip((before[-1], *config.final), config.final)
        )
        self.velocity = nn.Conv2d(config.final[-1], 2, 3, padding=1)
        nn.init.normal_(self.velocity.weight, std=1e-5)  # an untrained network moves nothing
        nn.init.zeros_(self.velocity.bias)

    def forward(self, moving, fixed):
        """Displacement that makes the moving images look like the fixed ones.

        Args:
            moving, fixed: (B, 1, H, W), about [0, 1]; H and W divisible by 2**(levels).

        Returns:
            displacement (B, 2, H, W) in pixels, rows before columns: `fixed[p]` corresponds to
            `moving[p + displacement[p]]`; and the
            velocity (B, 2, H/d, W/d) that it was integrated from, in pixels of its own grid.
        """
        features = torch.cat([moving, fixed], dim=1)
        skips = []
        for encoder in self.encoders:
            skips.append(encoder(features))
            features = F.max_pool2d(skips[-1], 2)
        for decoder in self.decoders:
            features = torch.cat(
                [skips.pop(), F.interpolate(decoder(features), scale_factor=2, mode="nearest")],
                dim=1,
            )
        for convolution in self.final:
            features = convolution(features)
        divisor = self.config.velocity_divisor
        velocity = resize_displacement(self.velocity(features), 1 / divisor)
        return resize_displacement(integrate(velocity, self.config.squarings), divisor), velocity


def _convolution(in_channels, out_channels):
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.LeakyReLU(0.2))


def integrate(velocity, squarings):
    """Displacement at time 1 of a stationary velocity, by scaling and squaring.

    Both (B, 2, H, W) in pixels.
    """
    displacement = velocity / 2**squarings
    for _ in range(squarings):
        displacement = compose(displacement, displacement)
    return displacement


def compose(first, second):
    """The displacement that goes along `first` and, from where that leads, along `second`.

    All (B, 2, H, W) in pixels.
    """
    return first + warp(second, first)


def warp(maps, displacement, padding="border"):
    """Maps (B, C, H, W) read linearly at every pixel moved by a displacement (B, 2, H, W) in pixels.

    Args:
        padding: what lies outside, "border" or "zeros".
    """
    height, width = maps.shape[2:]
    rows = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None] + displacement[:, 0]
    columns = torch.arange(width, device=maps.device, dtype=maps.dtype) + displacement[:, 1]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def resize_displacement(displacement, factor):
    """A displacement (B, 2, H, W) on a grid of another resolution, its lengths with it."""
    if factor == 1:
        return displacement
    return factor * F.interpolate(
        displacement,
        scale_factor=factor,
        mode="bilinear",
        align_corners=False,
    )
