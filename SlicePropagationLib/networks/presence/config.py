"""Shape of the presence network, without torch."""

from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class PresenceRNNConfig:
    """Shape of a PresenceRNN; stored inside every checkpoint.

    Attributes:
        num_facts: numbers that describe a slice.
        units: what the network remembers of a walk.
    """

    num_facts: int = 23
    units: int = 32

    def __post_init__(self) -> None:
        if self.num_facts < 1 or self.units < 1:
            raise ConfigError(
                f"num_facts and units must be positive, got {self.num_facts} and {self.units}."
            )
