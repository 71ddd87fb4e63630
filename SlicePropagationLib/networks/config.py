"""Shape of the U-Net that several networks share, without torch.

A checkpoint's configuration can be read and refused before torch is imported.
"""

from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class UNetConfig:
    """Shape of a U-Net; stored inside every checkpoint.

    Attributes:
        in_channels: maps that go in, the mask of the neighbour included.
        out_channels: maps that come out, background first.
        depth: number of halvings of the resolution, 1 to 6.
        base_channels: width of the first level; every level is twice as wide as the one above.
        injects_mask: give the mask again at every scale.
        is_residual: residual units and strided convolutions instead of pooling.
    """

    in_channels: int = 2
    out_channels: int = 2
    depth: int = 4
    base_channels: int = 64
    injects_mask: bool = False
    is_residual: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 6:
            raise ConfigError(f"depth must be from 1 to 6, got {self.depth}.")
        if self.in_channels < 1 or self.out_channels < 1 or self.base_channels < 1:
            raise ConfigError(
                "in_channels, out_channels and base_channels must be positive, got"
                f" {self.in_channels}, {self.out_channels} and {self.base_channels}."
            )
