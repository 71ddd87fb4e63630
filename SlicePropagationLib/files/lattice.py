"""Where the voxels of a label file lie on the grid of an image, however the file stores them.

Two files may hold the same voxels of space with axes that are turned round or exchanged, cropped,
or in smaller steps. Grids are compared by where voxels lie, in voxels of the image, never by the
numbers in two headers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.errors import GeometryMismatchError

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.files.mapped_file import Image

log = logging.getLogger(__name__)
# In voxels of the image, at any corner. Headers with three digits move a corner by up to 0.13.
TOLERANCE = 0.2
REMARKABLE = 0.02  # beyond, it is said


@dataclass(frozen=True)
class Lattice:
    """Where a file's voxels lie, counted in voxels of an image; all triples run along K, J, I.

    Attributes:
        order: for each axis of the image, the axis of the file that runs along it.
        is_turned: for each axis of the image, whether the file counts from its other end.
        start: index in the image of the file's first voxel, once it is turned and reordered.
        step: how far its voxels are apart, in voxels of the image, > 0.
        skew: how far at most a corner lies beside the axes, in voxels of the image.
    """

    order: tuple[int, ...]
    is_turned: tuple[bool, ...]
    start: np.ndarray
    step: np.ndarray
    skew: float

    def reordered(self, array: np.ndarray) -> np.ndarray:
        """A (K, J, I) array of the file with axes as the image has them; a view."""
        turned = np.transpose(array, self.order)
        return turned[tuple(slice(None, None, -1 if turn else 1) for turn in self.is_turned)]

    def shift(self, shape: Sequence[int]) -> float:
        """How far a corner of a reordered array is from the nearest whole place, in voxels."""
        whole = np.round(self.start)
        last = self.start + self.step * (np.array(shape) - 1)
        away = np.abs([self.start - whole, last - whole - (np.array(shape) - 1)])
        return float(away.max()) + self.skew


def lattice_of(labels: Image, image: Image) -> Lattice | None:
    """How a 3D file lies on the grid of an image; None where its axes are not those of the image.

    Args:
        labels: the file's image.
        image: the image whose grid counts.
    """
    to_index = np.linalg.inv(_steps(image))
    steps = to_index @ _steps(labels)  # column c: one step along the file's axis c
    origin = to_index @ (np.array(labels.GetOrigin()) - image.GetOrigin())
    along = np.abs(steps).argmax(axis=0)  # the image's axis that each axis of the file runs along
    if sorted(along) != [0, 1, 2]:
        return None
    own = np.argsort(along)  # for each axis I, J, K of the image, the file's
    step = steps[np.arange(3), own]
    beside = steps.copy()
    beside[along, np.arange(3)] = 0
    last = np.array(labels.GetSize()) - 1
    skew = float((np.abs(beside) @ last).max())
    start = np.where(step < 0, origin + step * last[own], origin)
    return Lattice(
        order=tuple(int(2 - axis) for axis in own[::-1]),
        is_turned=tuple(bool(value < 0) for value in step[::-1]),
        start=start[::-1],
        step=np.abs(step)[::-1],
        skew=skew,
    )


def _steps(image: Image) -> np.ndarray:
    """(3, 3): column c is one step along axis c, in mm."""
    return np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()


def on_same_voxels(
    labels: Image,
    array: np.ndarray,
    image: Image,
    path: Path | str,
) -> np.ndarray:
    """The voxels of a file in the order of the image, which has the same ones.

    Args:
        labels: the file's image.
        array: its (K, J, I) voxels.
        image: the image whose grid counts.
        path: the file, for the message.

    Raises:
        GeometryMismatchError: the voxels are others.
    """
    shape = tuple(reversed(image.GetSize()))
    lattice = lattice_of(labels, image) if labels.GetDimension() == 3 else None
    if lattice is not None:
        turned = lattice.reordered(array)
        shift = lattice.shift(turned.shape)
        if turned.shape == shape and shift <= TOLERANCE and not np.round(lattice.start).any():
            _tell_shift(shift, path)
            is_mapped = isinstance(turned, np.memmap)  # it stays in its file
            return turned if is_mapped else np.ascontiguousarray(turned)
    raise other_grid(image, labels, "the image", str(path))


def _tell_shift(shift: float, path: Path | str) -> None:
    if shift > REMARKABLE:
        log.warning(
            "The grid of %s differs by up to %.2g voxels from the image's; it counts as the same.",
            path,
            shift,
        )


def check_same_grid(
    image: Image,
    other: Image,
    name: str,
    other_name: str,
) -> None:
    """Refuse two images whose voxels lie elsewhere or are stored in another order.

    Args:
        image: one of them.
        other: the other one.
        name: what the message calls the first.
        other_name: what the message calls the other.

    Raises:
        GeometryMismatchError: size, spacing, origin or direction differ.
    """
    is_same = image.GetSize() == other.GetSize() and _most_apart(image, other) <= TOLERANCE
    if not is_same:
        raise other_grid(image, other, name, other_name)


def _most_apart(image: Image, other: Image) -> float:
    """How far apart, in voxels of the first, equal indices of two images of one size are."""
    dimension = image.GetDimension()
    last = np.array(image.GetSize()) - 1
    corners = np.array(list(np.ndindex(*(2,) * dimension))) * last
    places = [_places(each, corners) for each in (image, other)]
    away = np.linalg.solve(_matrix(image), (places[1] - places[0]).T)
    return float(np.abs(away).max())


def _places(image: Image, indices: np.ndarray) -> np.ndarray:
    return indices @ _matrix(image).T + image.GetOrigin()


def _matrix(image: Image) -> np.ndarray:
    dimension = image.GetDimension()
    return np.reshape(image.GetDirection(), (dimension, dimension)) * image.GetSpacing()


def other_grid(
    image: Image,
    other: Image,
    name: str,
    other_name: str,
) -> GeometryMismatchError:
    """The error that says what differs most plainly between two grids, with both values."""
    spacing = np.array(image.GetSpacing())
    reach = np.array(image.GetSize())  # a difference of the spacing adds up over so many voxels
    pairs = (
        ("size", image.GetSize(), other.GetSize(), 0),
        ("spacing", image.GetSpacing(), other.GetSpacing(), TOLERANCE * spacing / reach),
        ("direction", image.GetDirection(), other.GetDirection(), TOLERANCE / reach.max()),
        ("origin", image.GetOrigin(), other.GetOrigin(), 0),
    )
    differing = [
        (what, first, second)
        for what, first, second, most in pairs
        if len(first) != len(second) or np.any(np.abs(np.subtract(first, second)) > most)
    ]
    what, first, second = (differing or [pairs[1][:3]])[0]
    return GeometryMismatchError(
        f"{other_name} and {name} are on different grids: {what} {_listed(second)} against"
        f" {_listed(first)}; resample one of them onto the other."
    )


def _listed(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
