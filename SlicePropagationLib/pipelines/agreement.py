"""How far two annotations of one structure agree: on the whole, and slice by slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Masks, Spacing
from SlicePropagationLib.metrics import dice, dice_per_slice, surface_distances

MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class SliceDifference:
    """One slice on which at least one of two annotations shows a structure.

    Attributes:
        index: the slice, from 0.
        area_mm2: of the first and of the second annotation.
        differ_mm2: what only one of them has.
        num_differing: the same in pixels; 0 where they agree.
        dice: of the slice, in [0, 1].
    """

    index: int
    area_mm2: tuple[float, float]
    differ_mm2: float
    num_differing: int
    dice: float


@dataclass(frozen=True)
class Agreement:
    """Two annotations of one structure.

    Attributes:
        dice: of the whole, in [0, 1]; 1 where neither shows anything.
        mean_mm, hd95_mm: distance between the surfaces, both directions; NaN where one is empty.
        surface_dice: share of both surfaces within 2 mm of the other; NaN where one is empty.
        volume_ml: of the first and of the second.
        slices: those that show the structure in either, ascending.
    """

    dice: float
    mean_mm: float
    hd95_mm: float
    surface_dice: float
    volume_ml: tuple[float, float]
    slices: tuple[SliceDifference, ...]

    @property
    def differing(self) -> list[SliceDifference]:
        """The slices that differ, those first that differ most."""
        found = [each for each in self.slices if each.num_differing]
        return sorted(found, key=lambda each: (-each.num_differing, each.index))


def agreement(first: Masks, second: Masks, spacing_mm: Spacing) -> Agreement:
    """Compare two annotations of one structure.

    Args:
        first: (N, H, W) bool.
        second: (N, H, W) bool.
        spacing_mm: voxel size along N, H, W.
    """
    surface = surface_distances(first, second, spacing_mm)
    voxel_ml = float(np.prod(spacing_mm)) / MM3_PER_ML
    return Agreement(
        dice=dice(first, second),
        mean_mm=surface.mean,
        hd95_mm=surface.hd95,
        surface_dice=surface.surface_dice,
        volume_ml=(
            np.count_nonzero(first) * voxel_ml,
            np.count_nonzero(second) * voxel_ml,
        ),
        slices=tuple(slice_differences(first, second, spacing_mm)),
    )


def slice_differences(first: Masks, second: Masks, spacing_mm: Spacing) -> list[SliceDifference]:
    """The slices that show a structure in either of two (N, H, W) bool masks, ascending."""
    pixel_mm2 = spacing_mm[1] * spacing_mm[2]
    areas = [np.count_nonzero(masks, axis=(1, 2)) for masks in (first, second)]
    apart = np.count_nonzero(first ^ second, axis=(1, 2))
    overlap = dice_per_slice(first, second)
    return [
        SliceDifference(
            index=int(index),
            area_mm2=(float(areas[0][index] * pixel_mm2), float(areas[1][index] * pixel_mm2)),
            differ_mm2=float(apart[index] * pixel_mm2),
            num_differing=int(apart[index]),
            dice=float(overlap[index]),
        )
        for index in np.flatnonzero(areas[0] + areas[1])
    ]
