"""What lies under the pointer: the voxel's intensity, and the segments there."""

from collections.abc import Sequence
from typing import Any

import vtk
from SlicePropagationMRML.nodes.geometry import ijkToWorld
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode

Point = tuple[float, float, float]
SliceNode = Any  # vtkMRMLSliceNode


def world_point(node: SliceNode, x: float, y: float) -> Point:
    """Where a pixel of a view is in world coordinates.

    Args:
        node: the view's node.
        x: pixels from the left edge of the view.
        y: pixels from its lower edge.
    """
    right, front, up, _ = node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
    return right, front, up


def describe_point(
    volume_node: VolumeNode,
    segmentation_node: SegmentationNode,
    point: Point,
) -> str:
    """What a person reads of a point: "128 · Liver", or "" outside of the volume."""
    voxel = [round(place) for place in ijkToWorld(volume_node).GetInverse().TransformPoint(point)]
    image = volume_node.GetImageData()
    if not _is_in(image.GetExtent(), voxel):
        return ""
    intensity = image.GetScalarComponentAsDouble(*voxel, 0)
    return " · ".join([f"{intensity:.5g}", *segments_at(segmentation_node, point)])


def segments_at(segmentation_node: SegmentationNode, point: Point) -> list[str]:
    """Names of the segments that are at a point in world coordinates."""
    if segmentation_node is None:
        return []
    segmentation = segmentation_node.GetSegmentation()
    segments = [segmentation.GetSegment(name) for name in segmentation.GetSegmentIDs()]
    return [segment.GetName() for segment in segments if _is_at(segment, point)]


def _is_at(segment: Any, point: Point) -> bool:
    image = segment.GetRepresentation("Binary labelmap")
    if image is None:
        return False
    matrix = vtk.vtkMatrix4x4()
    image.GetWorldToImageMatrix(matrix)
    voxel = [round(place) for place in matrix.MultiplyPoint((*point, 1.0))[:3]]
    if not _is_in(image.GetExtent(), voxel):
        return False
    return image.GetScalarComponentAsDouble(*voxel, 0) == segment.GetLabelValue()


def _is_in(extent: Sequence[int], voxel: Sequence[int]) -> bool:
    return all(
        extent[2 * axis] <= place <= extent[2 * axis + 1] for axis, place in enumerate(voxel)
    )
