"""Shape of the registration network, without torch."""

from dataclasses import dataclass

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
        is_upright: whether it has learnt slices upright, see `Turn.upright`, or as they are stored.
    """

    encoder: tuple[int, ...] = (16, 32, 32, 32)
    decoder: tuple[int, ...] = (32, 32, 32, 32)
    final: tuple[int, ...] = (32, 16, 16)
    squarings: int = 7
    velocity_divisor: int = 2
    is_upright: bool = False

    def __post_init__(self) -> None:
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
