"""Slices as a model has learnt to see them, whichever way a volume is stored.

Directions are letters: L, R (the patient's left, right), P, A (back, front), S, I (up, down).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError

WAYS = ("LR", "PA", "SI")  # along the axes of the patient's LPS system, and against them
UPRIGHT = "SPL"  # of K, J and I, as most scanners store axial slices
PLANES = {"LR": "sagittal", "PA": "coronal", "SI": "axial"}


def letters_of(directions: Sequence[float] | np.ndarray) -> str:
    """Where K, J and I of a volume count towards, each axis of the patient once.

    Args:
        directions: (3, 3) or 9 numbers, whose columns are unit vectors of I, J, K in LPS, as
            SimpleITK has them.

    Returns:
        Three letters, such as "SPL"; oblique axes get the nearest one that is free.
    """
    matrix = np.reshape(np.asarray(directions, float), (3, 3))
    free = np.abs(matrix)
    letters = ["", "", ""]
    for _ in range(3):
        patient, voxel = np.unravel_index(free.argmax(), (3, 3))
        way = WAYS[int(patient)]
        letters[2 - int(voxel)] = way[0] if matrix[patient, voxel] > 0 else way[1]
        free[patient, :] = free[:, voxel] = -1
    return "".join(letters)


def sliced(letters: str, axis: int) -> str:
    """Where slices along an axis (0, 1, 2 for K, J, I), their rows and columns count towards.

    Args:
        letters: of the volume, as `letters_of` says; "" where that is not known.
        axis: that the slices run along.
    """
    return letters and letters[axis] + letters[:axis] + letters[axis + 1 :]


def check_letters(letters: str) -> None:
    """Refuse what is no orientation; "" is one: as stored.

    Raises:
        ConfigError: the letters are not one of each axis.
    """
    ways = sorted(_way(letter) for letter in letters)
    if letters and ways != sorted(WAYS):
        raise ConfigError(
            f"orientation must be three letters, one of each of {', '.join(WAYS)}, for slices, rows"
            f" and columns, as SPL; got '{letters}'."
        )


def _way(letter: str) -> str:
    return next((way for way in WAYS if letter in way), "")


@dataclass(frozen=True)
class Turn:
    """What brings slices the way that a model sees them.

    Attributes:
        is_transposed: rows and columns change places first.
        is_flipped: whether then rows, and columns, come in the opposite order.
    """

    is_transposed: bool = False
    is_flipped: tuple[bool, bool] = (False, False)

    @classmethod
    def between(cls, towards: str, wanted: str) -> Turn:
        """The turn of slices whose slices, rows and columns count towards some letters.

        Args:
            towards: of the slices; "" where nobody knows.
            wanted: as the model sees them; "" for any. Which end the slices begin at is the same
                to it.

        Raises:
            InputError: the slices lie in another plane.
        """
        if not towards or not wanted:
            return cls()
        if _way(towards[0]) != _way(wanted[0]):
            raise InputError(
                "This model looks at {wanted} slices, these are {plane}; choose the axis of the"
                " {wanted} ones.",
                wanted=PLANES[_way(wanted[0])],
                plane=PLANES[_way(towards[0])],
            )
        is_transposed = _way(towards[1]) != _way(wanted[1])
        rows, columns = reversed(towards[1:]) if is_transposed else towards[1:]
        return cls(is_transposed, (rows != wanted[1], columns != wanted[2]))

    @classmethod
    def upright(cls, towards: str) -> Turn:
        """The turn to how volumes are stored that count towards left, back and top: UPRIGHT.

        Axial slices then show the patient's left on the right and the back below, those of other
        planes the feet above.

        Args:
            towards: where slices, rows and columns count towards; "" where nobody knows, and
                nothing is turned.
        """
        across = _way(towards[0]) if towards else ""
        within = "".join(letter for letter in UPRIGHT if _way(letter) != across)
        return cls.between(towards, towards[:1] + within if towards else "")

    def of(self, array: np.ndarray) -> np.ndarray:
        """An (..., H, W) array as the model sees it; a view."""
        if self.is_transposed:
            array = np.swapaxes(array, -1, -2)
        return self._flipped(array)

    def back(self, array: np.ndarray) -> np.ndarray:
        """An array as the model sees it, as it is stored; a view."""
        array = self._flipped(array)
        return np.swapaxes(array, -1, -2) if self.is_transposed else array

    def displacement_back(self, displacement: np.ndarray) -> np.ndarray:
        """A (2, H, W) displacement along rows and columns, of slices as stored."""
        ways = [-1 if is_flipped else 1 for is_flipped in self.is_flipped]
        found = self.back(displacement) * np.array(ways, displacement.dtype)[:, None, None]
        return found[::-1] if self.is_transposed else found

    def place(self, row: float, column: float) -> tuple[float, float]:
        """(row, column) of a point as the model sees it, from an origin that turns with it."""
        if self.is_transposed:
            row, column = column, row
        down, right = (-1 if is_flipped else 1 for is_flipped in self.is_flipped)
        return down * row, right * column

    def pair(self, values: Sequence[float]) -> tuple[float, float]:
        """(rows, columns) of something, a spacing, as the model sees it."""
        rows, columns = values
        return (columns, rows) if self.is_transposed else (rows, columns)

    def _flipped(self, array: np.ndarray) -> np.ndarray:
        down, right = (-1 if is_flipped else 1 for is_flipped in self.is_flipped)
        return array[..., ::down, ::right]


def order_of(letters: str, wanted: str) -> tuple[int, ...]:
    """The axes (0, 1, 2 for K, J, I) of a volume that its slices, rows and columns run along.

    Args:
        letters: of the volume, as `letters_of` says.
        wanted: as the model sees them; "" for K, J, I.
    """
    ways = [_way(letter) for letter in letters]
    return tuple(ways.index(_way(letter)) for letter in wanted) if wanted else (0, 1, 2)
