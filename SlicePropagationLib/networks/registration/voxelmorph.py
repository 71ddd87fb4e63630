"""VoxelMorph in 2D: a U-Net that looks at two images.

It gives the velocity of a diffeomorphism between them.

Balakrishnan et al., VoxelMorph, IEEE TMI 38 (2019), and Dalca et al., MICCAI 2018, in the widths of
the authors' repository. Differences: halving and doubling of the velocity keep pixel centres in
place (the authors align the corners, which scales by (n/2 - 1)/(n - 1)).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.registration.config import VoxelMorphConfig


class VoxelMorph(nn.Module):
    """Registers pairs of images.

    Args:
        config: a VoxelMorphConfig.
    """

    def __init__(self, config: VoxelMorphConfig) -> None:
        super().__init__()
        self.config = config
        self.encoders = _convolutions(2, *config.encoder)
        skips = tuple(reversed(config.encoder))
        pairs = zip(config.decoder, skips, strict=True)
        joined = [decoded + skip for decoded, skip in pairs]
        before = [skips[0], *joined[:-1]]
        self.decoders = nn.ModuleList(map(_convolution, before, config.decoder))
        self.final = _convolutions(joined[-1], *config.final)
        self.velocity = nn.Conv2d(config.final[-1], 2, 3, padding=1)
        nn.init.normal_(self.velocity.weight, std=1e-5)  # an untrained network moves nothing
        self.velocity.bias = nn.Parameter(torch.zeros(2))

    def forward(
        self,
        moving: Tensor,
        fixed: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Displacement that makes the moving images look like the fixed ones.

        Args:
            moving: (B, 1, H, W), about [0, 1]; H and W divisible by 2**(levels).
            fixed: the same shape.

        Returns:
            displacement (B, 2, H, W) in pixels, rows before columns: `fixed[p]` corresponds to
            `moving[p + displacement[p]]`; and the velocity (B, 2, H/d, W/d) that it was integrated
            from, in pixels of its own grid.
        """
        features = torch.cat([moving, fixed], dim=1)
        skips = []
        for encoder in self.encoders:
            skips.append(encoder(features))
            features = F.max_pool2d(skips[-1], 2)
        for decoder in self.decoders:
            raised = F.interpolate(decoder(features), scale_factor=2, mode="nearest")
            features = torch.cat([skips.pop(), raised], dim=1)
        for convolution in self.final:
            features = convolution(features)
        divisor = self.config.velocity_divisor
        velocity = resize_displacement(self.velocity(features), 1 / divisor)
        return resize_displacement(integrate(velocity, self.config.squarings), divisor), velocity


def _convolutions(*widths: int) -> nn.ModuleList:
    """One after the other, each from one of the widths to the next."""
    return nn.ModuleList(map(_convolution, widths[:-1], widths[1:]))


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.LeakyReLU(0.2))


def integrate(velocity: Tensor, squarings: int) -> Tensor:
    """Displacement at time 1 of a stationary velocity, by scaling and squaring.

    Both (B, 2, H, W) in pixels.
    """
    displacement = velocity / 2**squarings
    for _ in range(squarings):
        displacement = compose(displacement, displacement)
    return displacement


def compose(first: Tensor, second: Tensor) -> Tensor:
    """The displacement that goes along `first` and, from where that leads, along `second`.

    All (B, 2, H, W) in pixels.
    """
    return first + warp(second, first)


def warp(
    maps: Tensor,
    displacement: Tensor,
    padding: str = "border",
) -> Tensor:
    """Maps (B, C, H, W) read linearly at every pixel moved by a displacement (B, 2, H, W).

    Args:
        maps: what is read.
        displacement: in pixels, rows before columns.
        padding: what lies outside, "border" or "zeros".
    """
    height, width = maps.shape[2:]
    rows = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None] + displacement[:, 0]
    columns = torch.arange(width, device=maps.device, dtype=maps.dtype) + displacement[:, 1]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    return F.grid_sample(
        maps,
        grid,
        mode="bilinear",
        padding_mode=padding,
        align_corners=False,
    )


def resize_displacement(displacement: Tensor, factor: float) -> Tensor:
    """A displacement (B, 2, H, W) on a grid of another resolution, its lengths with it."""
    if factor == 1:
        return displacement
    return factor * F.interpolate(
        displacement,
        scale_factor=factor,
        mode="bilinear",
        align_corners=False,
    )
