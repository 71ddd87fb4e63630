"""Volumes on the fine grid that the anatomically constrained networks share.

Where the grid lies, and reading images and labels onto it and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.arrays import Labels, Slices, Spacing
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.networks.acnn.config import FineGridConfig, PlaceConfig
from SlicePropagationLib.segmenters.resample import read_at

MOST_OUTSIDE = 0.05  # share of a structure that may lie outside the grid
# fine slices may be that much thinner than the volume's, or there is no truth on the fine grid
LARGEST_STEP = 1.5


class OutsideError(InputError):
    """A structure that a grid does not hold."""


@dataclass(frozen=True)
class Placement:
    """Where a grid lies in a volume; axes are parallel.

    Attributes:
        shape: fine slices, rows, columns of the grid.
        first: position of the grid's first cell in voxels of the volume.
        step: distance of the grid's cells in voxels of the volume.
    """

    shape: tuple[int, ...]
    first: tuple[float, ...]
    step: tuple[float, ...]

    @classmethod
    def centred(
        cls,
        grid: FineGridConfig,
        centre: Sequence[float] | np.ndarray,
        spacing_mm: Spacing,
    ) -> Placement:
        """A grid laid about a centre of a volume.

        Args:
            grid: its shape and spacing.
            centre: in voxels of the volume, along N, H, W.
            spacing_mm: of the volume, along N, H, W.
        """
        steps = [cell / voxel for cell, voxel in zip(grid.spacing_mm, spacing_mm, strict=True)]
        first = [
            middle - (size - 1) / 2 * step
            for middle, size, step in zip(centre, grid.shape, steps, strict=True)
        ]
        return cls(grid.shape, tuple(first), tuple(steps))

    def read_image(
        self,
        array: np.ndarray,
        mode: str = "nearest",
    ) -> Slices:
        """(D, H, W) float32 image on the grid, linearly interpolated.

        Low-passed first where the grid is coarser than the volume.

        Args:
            array: (N, H, W) volume.
            mode: what lies outside of the volume: "nearest" (its border) or "constant" (zero).
        """
        sigma = [max(0.0, 0.5 * (step - 1)) for step in self.step]
        array = np.asarray(array, np.float32)
        if any(sigma):
            array = gaussian_filter(array, sigma, mode="nearest")
        return read_at(array, self.step, self.first, self.shape, mode=mode)

    def read_classes(
        self,
        classes: Labels,
        num_classes: int,
    ) -> Labels:
        """(D, H, W) uint8 classes on the grid: the class with the largest share of a cell.

        Args:
            classes: (N, H, W) class numbers; 0 outside of the volume.
            num_classes: background included.
        """
        numbers = range(1, num_classes)
        shares = np.stack([self.read_image(classes == number, "constant") for number in numbers])
        rest = np.clip(1 - shares.sum(axis=0), 0, 1)
        return np.concatenate([rest[None], shares]).argmax(axis=0).astype(np.uint8)

    def write_image(
        self,
        array: np.ndarray,
        shape: tuple[int, ...],
    ) -> Slices:
        """An array on the grid, laid back into a volume; zero outside of the grid.

        Args:
            array: (D, H, W) on the grid.
            shape: of the volume.

        Returns:
            float32 of that shape.
        """
        inverse = [1 / step for step in self.step]
        offset = [-first / step for first, step in zip(self.first, self.step, strict=True)]
        array = np.asarray(array, np.float32)
        return read_at(array, inverse, offset, shape, mode="grid-constant")

    def inside(self) -> tuple[slice, ...]:
        """The voxels of the volume whose centres lie in the grid."""
        sides = zip(self.first, self.step, self.shape, strict=True)
        return tuple(_voxels(first, step, size) for first, step, size in sides)


def _voxels(
    first: float,
    step: float,
    size: int,
) -> slice:
    """The voxels along an axis whose centres lie in `size` cells of a grid."""
    low = int(np.ceil(first - 0.5 * step))
    high = int(np.floor(first + (size - 0.5) * step)) + 1
    return slice(max(0, low), max(0, high))


def normalise_linearly(array: np.ndarray) -> np.ndarray:
    """float32 intensities, the 1st percentile at 0 and the 99th at 1."""
    values = np.asarray(array, np.float32)
    low, high = np.percentile(values, [1, 99])
    if high <= low:
        low = float(values.min())
        high = float(values.max())
    return (values - np.float32(low)) / np.float32(max(high - low, 1e-6))


def to_classes(labels: Labels, wanted: Sequence[int]) -> Labels:
    """uint8 class numbers of a label map.

    Args:
        labels: any shape.
        wanted: the labels that become class 1, 2, ...; everything else becomes 0.
    """
    classes = np.zeros(labels.shape, np.uint8)
    for number, label in enumerate(wanted, 1):
        classes[labels == label] = number
    return classes


def place_on_structure(
    grid: FineGridConfig,
    classes: Labels,
    spacing_mm: Spacing,
    name: str,
    *,
    must_fit: bool = True,
) -> Placement:
    """The grid laid about the middle of the structures' box.

    Args:
        grid: a FineGridConfig.
        classes: (N, H, W) class numbers.
        spacing_mm: of the volume, along N, H, W.
        name: of the case, for messages.
        must_fit: refuse a structure that the grid does not hold.

    Raises:
        InputError: there is no structure.
        OutsideError: it does not fit.
    """
    box = _box_of(classes)
    if box is None:
        raise InputError(
            f"{name} has none of the labels that the model is about; choose others with --labels,"
            " or leave the case out."
        )
    first, last = box
    placement = Placement.centred(grid, (first + last) / 2, spacing_mm)
    held = np.count_nonzero(classes[placement.inside()])
    outside = 1 - held / np.count_nonzero(classes)
    if must_fit and outside > MOST_OUTSIDE:
        extent = (last - first + 1) * np.array(spacing_mm)
        raise OutsideError(_refusal(grid, extent, outside, name))
    return placement


def place_in_image(
    grid: FineGridConfig,
    shape: Sequence[int],
    spacing_mm: Spacing,
    place: PlaceConfig,
) -> Placement:
    """The grid laid about `place.centre` of a volume, which takes no labels.

    Args:
        grid: a FineGridConfig.
        shape: of the volume, N, H, W.
        spacing_mm: of the volume, along N, H, W.
        place: whose `centre` is looked at.
    """
    centre = [share * (size - 1) for share, size in zip(place.centre, shape, strict=True)]
    return Placement.centred(grid, centre, spacing_mm)


def share_outside(
    placement: Placement,
    classes: Labels,
    num_classes: int,
) -> tuple[float, ...]:
    """The share of each structure that a grid does not hold; 0 of one that is not there.

    Args:
        placement: of the grid.
        classes: (N, H, W) class numbers.
        num_classes: background included.
    """
    inside = np.bincount(classes[placement.inside()].ravel(), minlength=num_classes)
    all_voxels = np.bincount(classes.ravel(), minlength=num_classes)
    pairs = zip(inside[1:], all_voxels[1:], strict=True)
    return tuple(1 - float(held / whole) if whole else 0.0 for held, whole in pairs)


def box_centre(classes: Labels) -> tuple[float, ...] | None:
    """The middle of the structures' box, as shares of the volume; None where there is none.

    Args:
        classes: (N, H, W) class numbers.
    """
    box = _box_of(classes)
    if box is None:
        return None
    sides = zip((box[0] + box[1]) / 2, classes.shape, strict=True)
    return tuple(float(middle / max(1, size - 1)) for middle, size in sides)


def _box_of(classes: Labels) -> tuple[np.ndarray, np.ndarray] | None:
    """(first, last) voxel along each axis where there is any class; None where there is none."""
    if not classes.any():
        return None
    sides = [
        np.flatnonzero(classes.any(axis=(1, 2))),
        np.flatnonzero(classes.any(axis=(0, 2))),
        np.flatnonzero(classes.any(axis=(0, 1))),
    ]
    return np.array([side[0] for side in sides]), np.array([side[-1] for side in sides])


def _refusal(
    grid: FineGridConfig,
    extent: np.ndarray,
    outside: float,
    name: str,
) -> str:
    """Why a structure of this extent in millimetres does not fit, and what grid would hold it."""
    covered = [size * spacing for size, spacing in zip(grid.shape, grid.spacing_mm, strict=True)]
    needed = [
        max(spacing, 1.05 * length / size)
        for spacing, length, size in zip(grid.spacing_mm, extent, grid.shape, strict=True)
    ]
    spacings = ", ".join(f"{value:.3g}" for value in needed)
    return (
        f"The structure of {name} is {_millimetres(extent)}, the grid holds"
        f" {_millimetres(covered)} ({outside:.0%} of it lies outside); set grid.spacing_mm to"
        f" at least [{spacings}], or give the grid more cells."
    )


def check_is_fine(
    grid: FineGridConfig,
    spacing_mm: Spacing,
    name: str,
) -> None:
    """Refuse a volume whose slices are too thick to be the truth on a fine grid.

    Args:
        grid: a FineGridConfig.
        spacing_mm: of the volume, along N, H, W.
        name: of the case, for messages.

    Raises:
        InputError: with the slice distance that is needed.
    """
    fine_mm = grid.spacing_mm[0]
    if spacing_mm[0] > LARGEST_STEP * fine_mm:
        raise InputError(
            f"{name} has slices {spacing_mm[0]:g} mm apart, the fine grid {fine_mm:g}"
            " mm, so it cannot say what lies between thick slices; use volumes with slices at most"
            f" {LARGEST_STEP * fine_mm:g} mm apart, or set grid.spacing_mm and"
            " grid.factor to what you have."
        )


def _millimetres(lengths: Sequence[float] | np.ndarray) -> str:
    return " x ".join(f"{length:.0f}" for length in lengths) + " mm"
