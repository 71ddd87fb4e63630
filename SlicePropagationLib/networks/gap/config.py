"""Shape of the network that fills a window of slices, without torch."""

from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class GapUNetConfig:
    """Shape of a GapUNet; stored inside every checkpoint.

    Attributes:
        num_maps, num_scalars: maps and scalar features that describe a slice.
        image_map, prior_map, annotated_map: which maps hold the image, the prior's log odds and
            what was annotated.
        prior_scale: log odds of the prior where its map is 1.
        cells: side of the square that it was trained on; divisible by 8.
        widths: channels at the resolution of the cells (of the edge alone), a half, a quarter and
            an eighth of it.
        key_channels: channels in which cells are compared with annotated ones.
        scalar_channels: channels of what is made of the scalar features.
        dilations: of the convolutions along the slices at the coarsest level.
        reads_annotations: whether annotated slices are read from by likeness of features.
    """

    num_maps: int = 10
    num_scalars: int = 24
    image_map: int = 0
    prior_map: int = 7
    annotated_map: int = 8
    prior_scale: float = 4.0
    cells: int = 80
    widths: tuple[int, ...] = (16, 32, 64, 96)
    key_channels: int = 24
    scalar_channels: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)
    reads_annotations: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise ConfigError(f"widths must be four positive numbers, got {list(self.widths)}.")
        if self.cells % 8:
            raise ConfigError(f"cells must be divisible by 8, got {self.cells}.")
        for name in ("image_map", "prior_map", "annotated_map"):
            if not 0 <= getattr(self, name) < self.num_maps:
                raise ConfigError(
                    f"{name} must be one of the {self.num_maps} maps, counted from 0, got"
                    f" {getattr(self, name)}."
                )
