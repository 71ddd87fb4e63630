"""The errors that a person can act on.

Each message says what is wrong, the values found, and what to do.
"""

from collections.abc import Callable


class Phrase(str):
    """A part of a sentence that is translated by itself, as the value of a place."""


class SlicePropagationError(Exception):
    """Base of every error whose message is meant for the person at the screen.

    Attributes:
        key: the sentence with a named place for each value, by which translations find it.
        values: what stands in the places.
    """

    def __init__(self, key: str = "", /, **values: object) -> None:
        """Args: the sentence, and a value for each of its places; without values it has none."""
        self.key = key
        # an error as a value counts by what it says: its traceback would keep images alive
        self.values = {name: _plain(value) for name, value in values.items()}
        super().__init__(self.said(str))

    def said(self, translate: Callable[[str], str]) -> str:
        """The message in another language.

        Args:
            translate: gives the sentence, with its places, in that language.
        """
        sentence = translate(self.key)
        values = {
            name: translate(str(value)) if isinstance(value, Phrase) and value else value
            for name, value in self.values.items()
        }
        return sentence.format(**values) if values else sentence


class NoAnchorError(SlicePropagationError):
    """A propagation was asked for where no slice is annotated."""


class AnchorOverwriteError(SlicePropagationError):
    """A prediction was about to replace what a person drew or confirmed."""


class GeometryMismatchError(SlicePropagationError):
    """Two images that must share a grid do not."""


class InputError(SlicePropagationError):
    """A file or an argument is not what the command needs."""


class OutputError(SlicePropagationError):
    """A result cannot be written where it was asked for."""


class CheckpointError(SlicePropagationError):
    """A model file is truncated, foreign, of another family or not safe to load."""


class ConfigError(SlicePropagationError):
    """A setting is unknown or out of range."""


class DeviceError(SlicePropagationError):
    """A device was asked for that this machine does not have."""


class TrainingError(SlicePropagationError):
    """A training cannot go on."""


def _plain(value: object) -> object:
    """A value that can go to another process: an error is what it says."""
    return str(value) if isinstance(value, BaseException) else value


def in_one_line(error: BaseException) -> str:
    """An error of Python in one line; its repr would hold the whole file where that is not text."""
    return f"{type(error).__name__}: {error}"
