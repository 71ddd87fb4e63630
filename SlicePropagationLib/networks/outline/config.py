"""Shape of the network that looks at an outline at the resolution of the image, without torch."""

from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class OutlineUNetConfig:
    """Shape of an OutlineUNet; stored inside every checkpoint.

    Attributes:
        num_maps, num_facts: maps and facts that describe a slice.
        odds_map, odds_scale: which map holds the log odds that are corrected, and those of its
            value 1.
        widths: channels of each level, the finest first; every level has half of the resolution of
            the one before.
        cell: pixels along the side of a cell of the finest level. What a cell says of each of its
            pixels comes from channels (sub-pixel convolution, Shi et al., CVPR 2016), so that no
            pixel is blurred and most of the work is done on a quarter of the places.
        trust, most_change: share of a change of log odds that counts when the network is asked, and
            the most of the change before that. All of it gained the most on the hippocampus, and
            lost .14 on a large tumour and .014 on small organs in CT; what is left is a gain, or no
            loss, on every set of `val` at three and five annotated slices spread evenly. .35, .5,
            .75 and 1 were tried, at most 1, 2 and any, and only within 3 or 6 pixels of the outline.
    """

    num_maps: int = 5
    num_facts: int = 3
    odds_map: int = 3
    odds_scale: float = 4.0
    widths: tuple[int, ...] = (16, 32, 48)
    cell: int = 2
    trust: float = 0.35
    most_change: float = 1.0

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"widths must be positive numbers, got {list(self.widths)}.")
        if self.cell < 1:
            raise ConfigError(f"cell must be at least 1, got {self.cell}.")
        if not 0 < self.trust <= 1 or self.most_change <= 0:
            raise ConfigError(
                f"trust must be above 0 and at most 1, and most_change above 0, got {self.trust} and"
                f" {self.most_change}."
            )
        if not 0 <= self.odds_map < self.num_maps:
            raise ConfigError(
                f"odds_map must be one of the {self.num_maps} maps, counted from 0, got"
                f" {self.odds_map}."
            )

    @property
    def multiple(self) -> int:
        """Pixels that the sides of a map are a multiple of at every level."""
        return self.cell * 2 ** (len(self.widths) - 1)
