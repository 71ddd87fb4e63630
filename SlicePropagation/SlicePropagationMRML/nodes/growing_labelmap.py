"""A labelmap that covers no more of the volume's grid than what was put into it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import vtk

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.geometry import arrayOf, placedOnGrid
from SlicePropagationMRML.nodes.types import Labelmap, SegmentationNode, VolumeNode

ROOM = 0.25  # of its length along each axis, that it gets beyond what it has to reach
LEAST_ROOM = 4  # voxels

Sides: TypeAlias = tuple[int, int]  # of an axis: the first voxel, and the one behind the last
Box: TypeAlias = list[Sides]  # along K, J, I


class GrowingLabelmap:
    """Slices of several labels on a volume's grid, in a labelmap that grows with them.

    It grows in steps, as each copies what is there.

    Attributes:
        labelmap: placed in the segmentation's coordinates; it stays the same one.

    Args:
        volumeNode: the volume.
        segmentationNode: the segmentation.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """

    def __init__(
        self, volumeNode: VolumeNode, segmentationNode: SegmentationNode, axis: int
    ) -> None:
        self.labelmap: Labelmap = placedOnGrid(volumeNode, segmentationNode)
        self._axis = axis
        self._grid = _boxOf(self.labelmap.GetExtent())
        self._box: Box = []
        self.labelmap.SetExtent(0, -1, 0, -1, 0, -1)

    def show(self, index: int, patches: Mapping[int, Patch]) -> None:
        """Have a slice hold these masks, {label: patch}, and nothing else."""
        shown = [patch for patch in patches.values() if not patch.is_empty]
        if shown:
            self._reach(self._around(index, shown))
        if not self._covers(index):
            return
        place = index + self._grid[self._axis][0] - self._box[self._axis][0]
        voxels = np.moveaxis(arrayOf(self.labelmap), self._axis, 0)[place]
        voxels[:] = 0
        moved = [
            first - start for (start, _), (first, _) in zip(self._grid, self._box, strict=True)
        ]
        del moved[self._axis]
        for label, patch in patches.items():
            placed = patch.moved(-moved[0], -moved[1])
            voxels[placed.window][placed.crop] = label

    def _around(self, index: int, patches: Sequence[Patch]) -> Box:
        """The voxels that masks of a slice need."""
        box = [
            (
                min(patch.window[side].start for patch in patches),
                max(patch.window[side].stop for patch in patches),
            )
            for side in range(2)
        ]
        box.insert(self._axis, (index, index + 1))
        return [
            (first + start, behind + start)
            for (first, behind), (start, _) in zip(box, self._grid, strict=True)
        ]

    def _covers(self, index: int) -> bool:
        if not self._box:
            return False
        first, behind = self._box[self._axis]
        return first <= index + self._grid[self._axis][0] < behind

    def _reach(self, wanted: Box) -> None:
        """Grow until a box is covered, and some room along each axis that was too short."""
        if not self._box:
            self._allocate([_roomy(*sides) for sides in zip(wanted, self._grid, strict=True)])
            return
        before = self._box
        grown = [_grown(*sides) for sides in zip(before, wanted, self._grid, strict=True)]
        if grown == before:
            return
        kept = arrayOf(self.labelmap)
        self._allocate(grown)
        inside = zip(before, grown, strict=True)
        window = tuple(slice(old[0] - new[0], old[1] - new[0]) for old, new in inside)
        arrayOf(self.labelmap)[window] = kept

    def _allocate(self, box: Box) -> None:
        """Have a labelmap of zeros."""
        self.labelmap.GetPointData().Initialize()  # what is there is somebody's who looks at it
        extent = [number for first, behind in reversed(box) for number in (first, behind - 1)]
        self.labelmap.SetExtent(*extent)
        self.labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        arrayOf(self.labelmap)[:] = 0
        self._box = box


def _boxOf(extent: Sequence[int]) -> Box:
    return [(extent[2 * axis], extent[2 * axis + 1] + 1) for axis in (2, 1, 0)]


def _roomy(wanted: Sides, grid: Sides) -> Sides:
    """More of an axis than is wanted, as far as the grid has it."""
    room = max(LEAST_ROOM, int(ROOM * (wanted[1] - wanted[0])))
    return max(wanted[0] - room, grid[0]), min(wanted[1] + room, grid[1])


def _grown(before: Sides, wanted: Sides, grid: Sides) -> Sides:
    """More of an axis where what there is does not reach; a side that is far enough out stays."""
    first, behind = _roomy((min(before[0], wanted[0]), max(before[1], wanted[1])), grid)
    return (
        first if wanted[0] < before[0] else before[0],
        behind if wanted[1] > before[1] else before[1],
    )
