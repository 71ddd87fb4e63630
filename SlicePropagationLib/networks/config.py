"""Shapes of the networks, without torch: a checkpoint's configuration can be read and refused before torch is imported."""

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

    def __post_init__(self):
        if not 1 <= self.depth <= 6:
            raise ConfigError(f"depth must be from 1 to 6, got {self.depth}.")
        if self.in_channels < 1 or self.out_channels < 1 or self.base_channels < 1:
            raise ConfigError(
                "in_channels, out_channels and base_channels must be positive, got"
                f" {self.in_channels}, {self.out_channels} and {self.base_channels}."
            )


@dataclass(frozen=True)
class GuidedUNetConfig:
    """Shape of a U-Net that corrects a prior; stored inside every checkpoint.

    Attributes:
        num_maps, num_facts: maps and numbers that describe a slice.
        prior_map, prior_scale: which map holds the prior, and the log odds of its value 1.
        cells: side of the square that it was trained on.
        uses_mask: whether the mask of the neighbour is looked at; without it, slices are predicted
            each for itself.
        depth, base_channels, injects_mask: as in UNetConfig.
        going_on: log odds that are added to the change per radius of the structure that one step
            goes, beyond the outermost annotated slices; a
            calibration of the weights after their training, which does not look at it.
    """

    num_maps: int = 8
    num_facts: int = 5
    prior_map: int = 6
    prior_scale: float = 4.0
    cells: int = 48
    uses_mask: bool = True
    depth: int = 4
    base_channels: int = 16
    injects_mask: bool = True
    going_on: float = 0.0

    @property
    def continuation_bias(self) -> float:
        """`going_on`, the name under which weights store it."""
        return self.going_on

    def __post_init__(self):
        if not 0 <= self.prior_map < self.num_maps:
            raise ConfigError(
                f"prior_map must be one of the {self.num_maps} maps, counted from 0, got"
                f" {self.prior_map}."
            )
