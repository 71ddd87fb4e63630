"""Shapes of the networks of cine sequences, without torch."""

from dataclasses import dataclass, field

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class CineUNetConfig:
    """Shape of the U-Net of Bai et al.; stored inside every checkpoint.

    Attributes:
        out_channels: classes, background first.
        widths: of the levels, finest first.
    """

    out_channels: int = 4
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)

    def __post_init__(self) -> None:
        if self.out_channels < 2 or len(self.widths) < 2 or min(self.widths) < 1:
            raise ConfigError(
                "out_channels must be at least 2 (background + 1) and widths have at least 2"
                f" levels, each at least 1, got {self.out_channels} and {self.widths}."
            )

    @property
    def divisor(self) -> int:
        """What the height and the width of a frame must be divisible by."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True)
class CineBiLSTMConfig:
    """Shape of the U-Net with a bidirectional ConvLSTM; stored inside every checkpoint.

    Attributes:
        unet: the network of the first stage, whose features go in.
        hidden_channels: of each direction.
    """

    unet: CineUNetConfig = field(default_factory=CineUNetConfig)
    hidden_channels: int = 16

    def __post_init__(self) -> None:
        if self.hidden_channels < 1:
            raise ConfigError(f"hidden_channels must be positive, got {self.hidden_channels}.")
