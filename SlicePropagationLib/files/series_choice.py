"""What is said where a place holds several volumes, and nobody said which one is meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from SlicePropagationLib.errors import InputError


@dataclass(frozen=True)
class Choice:
    """A volume that can be chosen.

    Attributes:
        key: what `--series` takes for it.
        text: what it is.
    """

    key: str
    text: str


class SeriesChoiceError(InputError):
    """There are several volumes, and nobody said which is meant.

    Attributes:
        choices: what there is to choose from.
        kind: what they are, "volumes" or "channels".
    """

    def __init__(self, message: str, choices: Sequence[Choice], kind: str = "volumes") -> None:
        super().__init__(message)
        self.choices = tuple(choices)
        self.kind = kind
