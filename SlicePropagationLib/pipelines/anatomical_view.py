"""How a slice is turned for a reader: front or head at the top, the patient's right at the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from SlicePropagationLib.files.mapped_file import Image

SUPERIOR = 2  # the axes of ITK's space: to the left, to the back, upwards


@dataclass(frozen=True)
class AnatomicalView:
    """What turns slices along one axis of a volume.

    Attributes:
        is_transposed: rows and columns change places first.
        is_flipped: whether then the rows, and the columns, come in the opposite order.
    """

    is_transposed: bool
    is_flipped: tuple[bool, bool]

    @classmethod
    def of(cls, image: Image, rows: int, columns: int) -> AnatomicalView:
        """The view of slices of an image.

        Args:
            image: what the slices are of.
            rows: the array axis (0, 1, 2 for K, J, I) that their rows follow each other along,
            columns: and that of their columns.
        """
        directions = np.reshape(image.GetDirection(), (3, 3))
        # of rows and columns: a unit vector to the left, the back and upwards
        ways = [directions[:, 2 - axis] for axis in (rows, columns)]
        mains = [int(np.abs(way).argmax()) for way in ways]
        is_transposed = mains[1] > mains[0]
        if is_transposed:
            ways.reverse()
            mains.reverse()
        signs = [way[main] for way, main in zip(ways, mains, strict=True)]
        is_upwards = signs[0] > 0 if mains[0] == SUPERIOR else signs[0] < 0
        return cls(is_transposed, (bool(is_upwards), bool(signs[1] < 0)))

    def turned(self, array: np.ndarray) -> np.ndarray:
        """An (H, W) slice as it is shown."""
        if self.is_transposed:
            array = array.T
        down, right = (-1 if is_flipped else 1 for is_flipped in self.is_flipped)
        return array[::down, ::right]
