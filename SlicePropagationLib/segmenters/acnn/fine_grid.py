"""Volumes on the fine grid that the anatomically constrained networks share: where the grid lies, and reading images and labels onto it and back."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from SlicePropagationLib.errors import InputError

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

    shape: tuple[int, int, int]
    first: tuple[float, float, float]
    step: tuple[float, float, float]

    @classmethod
    def centred(cls, grid, centre, spacing_mm):
        """A FineGridConfig laid about a centre (in voxels) of a volume with this spacing."""
        step = tuple(cell / voxel for cell, voxel in zip(grid.spacing_mm, spacing_mm))
        return cls(
            grid.shape,
            tuple(
                middle - (size - 1) / 2 * width
                for middle, size, width in zip(centre, grid.shape, step)
            ),
            step,
        )

    def read_image(self, array, mode="nearest"):
        """(D, H, W) float32 image on the grid, linearly interpolated.

        Low-passed first where the grid is coarser than the volume.

        Args:
            array: (N, H, W) volume.
            mode: what lies outside of the volume: "nearest" (its border) or "constant" (zero).
        """
        sigma = [max(0.0, 0.5 * (step - 1)) for step in self.step]
        array = np.asarray(array, np.float32)
        array = ndimage.gaussian_filter(array, sigma, mode="nearest") if any(sigma) else array
        return ndimage.affine_transform(
            array,
            self.step,
            self.first,
            self.shape,
            order=1,
            mode=mode,
        )

    def read_classes(self, classes, num_classes):
        """(D, H, W) uint8 classes on the grid: the class with the largest share of a cell.

        0 outside of the volume.
        """
        shares = np.stack(
            [self.read_image(classes == number, "constant") for number in range(1, num_classes)]
        )
        rest = np.clip(1 - shares.sum(axis=0), 0, 1)
        return np.concatenate([rest[None], shares]).argmax(axis=0).astype(np.uint8)

    def write_image(self, array, shape):
        """An array on the grid, laid back into a volume of this shape; zero outside of the grid."""
        inverse = [1 / step for step in self.step]
        return ndimage.affine_transform(
            np.asarray(array, np.float32),
            inverse,
            [-first / step for first, step in zip(self.first, self.step)],
            shape,
            order=1,
            mode="grid-constant",
        )


def normalise_linearly(array):
    """float32 intensities, the 1st percentile at 0 and the 99th at 1."""
    values = np.asarray(array, np.float32)
    low, high = np.percentile(values, [1, 99])
    if high <= low:
        low = float(values.min())
        high = float(values.max())
    return (values - np.float32(low)) / np.float32(max(high - low, 1e-6))


def to_classes(labels, wanted):
    """uint8 class numbers of a label map: 1 for the first label of `wanted`, 2 for the second, 0 for everything else."""
    classes = np.zeros(labels.shape, np.uint8)
    for number, label in enumerate(wanted, 1):
        classes[labels == label] = number
    return classes


def place_on_structure(grid, classes, spacing_mm, name, *, must_fit=True):
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
    sides = [
        np.flatnonzero(classes.any(axis=tuple(other for other in range(3) if other != axis)))
        for axis in range(3)
    ]
    if not sides[0].size:
        raise InputError(
            f"{name} has none of the labels that the model is about; choose others with --labels,"
            " or leave the case out."
        )
    placement = Placement.centred(grid, [(side[0] + side[-1]) / 2 for side in sides], spacing_mm)
    inside = tuple(
        slice(
            max(0, int(np.ceil(first - 0.5 * step))),
            max(0, int(np.floor(first + (size - 0.5) * step)) + 1),
        )
        for first, step, size in zip(placement.first, placement.step, grid.shape)
    )
    outside = 1 - np.count_nonzero(classes[inside]) / np.count_nonzero(classes)
    if must_fit and outside > MOST_OUTSIDE:
        extent = [(side[-1] - side[0] + 1) * spacing for side, spacing in zip(sides, spacing_mm)]
        covered = [size * spacing for size, spacing in zip(grid.shape, grid.spacing_mm)]
        needed = [
            max(spacing, 1.05 * length / size)
            for spacing, length, size in zip(grid.spacing_mm, extent, grid.shape)
        ]
        raise OutsideError(
            f"The structure of {name} is {_millimetres(extent)}, the grid holds"
            f" {_millimetres(covered)} ({outside:.0%} of it lies outside); set grid.spacing_mm to"
            f" at least [{', '.join(f'{value:.3g}' for value in needed)}], or give the grid more"
            " cells."
        )
    return placement


def check_is_fine(grid, spacing_mm, name):
    """Refuse a volume whose slices are too thick to be the truth on a fine grid.

    Raises:
        InputError: with the slice distance that is needed.
    """
    if spacing_mm[0] > LARGEST_STEP * grid.spacing_mm[0]:
        raise InputError(
            f"{name} has slices {spacing_mm[0]:g} mm apart, the fine grid {grid.spacing_mm[0]:g}"
            " mm, so it cannot say what lies between thick slices; use volumes with slices at most"
            f" {LARGEST_STEP * grid.spacing_mm[0]:g} mm apart, or set grid.spacing_mm and"
            " grid.factor to what you have."
        )


def _millimetres(lengths):
    return " x ".join(f"{length:.0f}" for length in lengths) + " mm"
