"""Shape of the network that walks from slice to slice, without torch."""

from dataclasses import dataclass
from typing import ClassVar

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class GuidedUNetConfig:
    """Shape of a U-Net that corrects a prior; stored inside every checkpoint.

    Attributes:
        num_maps, num_facts: maps and scalar features that describe a slice.
        prior_map, prior_scale: which map holds the prior, and the log odds of its value 1.
        cells: side of the square that it was trained on.
        uses_mask: whether the mask of the neighbour is looked at; without it, slices are predicted
            each for itself.
        depth, base_channels, injects_mask: as in UNetConfig.
        continuation_bias: log odds that are added to the change per radius of the structure that
            one step goes, beyond the outermost annotated slices; a calibration of the weights after
            their training, which does not look at it.
        is_upright: whether slices are turned before the network sees them, as `Turn.upright` does,
            so that it does not matter how a volume is stored; weights that learnt slices as they
            are stored see them so.
        looks_at_outlines: whether the engine has the shipped `outline_unet` look at what it found;
            said of weights after their training, as the bias is.
    """

    EARLIER_NAMES: ClassVar[dict[str, str]] = {"going_on": "continuation_bias"}

    num_maps: int = 8
    num_facts: int = 5
    prior_map: int = 6
    prior_scale: float = 4.0
    cells: int = 48
    uses_mask: bool = True
    depth: int = 4
    base_channels: int = 16
    injects_mask: bool = True
    continuation_bias: float = 0.0
    is_upright: bool = False
    looks_at_outlines: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.prior_map < self.num_maps:
            raise ConfigError(
                f"prior_map must be one of the {self.num_maps} maps, counted from 0, got"
                f" {self.prior_map}."
            )
