"""Shapes of the registration and of the cine networks, without torch."""

from dataclasses import dataclass, field

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class VoxelMorphConfig:
    """Shape of the registration network; stored inside every checkpoint.

    Attributes:
        encoder: widths of the levels, each ended by a halving of the resolution.
        decoder: widths of the levels on the way back, as many as in the encoder.
        final: widths of the convolutions at full resolution.
        squarings: steps of scaling and squaring that integrate the velocity.
        velocity_divisor: the velocity is integrated at 1/that of the resolution, 1 or 2.
    """

    encoder: tuple[int, ...] = (16, 32, 32, 32)
    decoder: tuple[int, ...] = (32, 32, 32, 32)
    final: tuple[int, ...] = (32, 16, 16)
    squarings: int = 7
    velocity_divisor: int = 2

    def __post_init__(self):
        if len(self.encoder) != len(self.decoder) or not self.encoder or not self.final:
            raise ConfigError(
                "encoder and decoder need equally many levels, at least one, and final at least"
                f" one width; got {self.encoder}, {self.decoder} and {self.final}."
            )
        if min(*self.encoder, *self.decoder, *self.final) < 1:
            raise ConfigError(
                "Every level of encoder, decoder and final must be at least 1 wide; got"
                f" {self.encoder}, {self.decoder} and {self.final}."
            )
        if self.velocity_divisor not in (1, 2) or self.squarings < 0:
            raise ConfigError(
                "velocity_divisor must be 1 or 2 and squarings not negative, got"
                f" {self.velocity_divisor} and {self.squarings}."
            )


@dataclass(frozen=True)
class CineUNetConfig:
    """Shape of the U-Net of Bai et al.; stored inside every checkpoint.

    Attributes:
        out_channels: classes, background first.
        widths: of the levels, finest first.
    """

    out_channels: int = 4
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)

    def __post_init__(self):
        if self.out_channels < 2 or len(self.widths) < 2 or min(self.widths) < 1:
            raise ConfigError(
                "out_channels must be at least 2 (background + 1) and widths have at least 2"
                f" levels, each at least 1, got {self.out_channels} and {self.widths}."
            )

    @property
    def divisor(self):
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

    def __post_init__(self):
        if self.hidden_channels < 1:
            raise ConfigError(f"hidden_channels must be positive, got {self.hidden_channels}.")
