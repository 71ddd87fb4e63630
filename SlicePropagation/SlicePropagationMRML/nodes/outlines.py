"""An outline drawn in a slice view, in the voxels of a volume."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from SlicePropagationMRML.nodes.geometry import ijkToWorld
from SlicePropagationMRML.nodes.slice_views import axisOfView, indexInView
from SlicePropagationMRML.nodes.types import SliceNode, VolumeNode


class Outline(NamedTuple):
    """A closed line on a slice.

    Attributes:
        axis: the voxel axis (0, 1, 2 for K, J, I) that the slice is one of.
        index: the slice.
        corners: (P, 2) float, rows and columns of the corners in pixels of the slice.
    """

    axis: int
    index: int
    corners: np.ndarray


def outlineInView(
    sliceNode: SliceNode, volumeNode: VolumeNode, points: Iterable[tuple[float, float]]
) -> Outline:
    """What a person drew in a view, on the slice that it shows.

    Args:
        sliceNode: the view's node, whose slices are those of a voxel axis.
        volumeNode: the volume.
        points: (x, y) in pixels of the view, from its lower left corner.
    """
    axis = axisOfView(sliceNode, volumeNode)
    toWorld = sliceNode.GetXYToRAS()
    toVoxels = ijkToWorld(volumeNode).GetInverse()
    corners = []
    for x, y in points:
        world = toWorld.MultiplyPoint((x, y, 0.0, 1.0))[:3]
        voxel = list(reversed(toVoxels.TransformPoint(world)))
        del voxel[axis]
        corners.append(voxel)
    index = indexInView(sliceNode, volumeNode, axis)
    return Outline(axis, index, np.reshape(corners, (-1, 2)))


def lineInWorld(outline: Outline, volumeNode: VolumeNode) -> np.ndarray:
    """(P, 3) world coordinates of the corners of an outline, in mm.

    Args:
        outline: on a slice of the volume.
        volumeNode: the volume.
    """
    toWorld = ijkToWorld(volumeNode)
    voxels = np.insert(outline.corners, outline.axis, outline.index, axis=1)[:, ::-1]
    return np.array([toWorld.TransformPoint(voxel) for voxel in voxels.tolist()])


def isOnVolume(sliceNode: SliceNode, volumeNode: VolumeNode) -> bool:
    """Whether a view shows a slice that the volume has."""
    axis = axisOfView(sliceNode, volumeNode)
    count = volumeNode.GetImageData().GetDimensions()[2 - axis]
    return 0 <= indexInView(sliceNode, volumeNode, axis) < count
