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
    second_node: VolumeNode = None,
) -> str:
    """What a person reads of a point: "128 · Liver", or "" outside of the volume.

    With a second image "128 | 3.2 · Liver".
    """
    intensity = intensity_at(volume_node, point)
    if intensity is None:
        return ""
    second = None if second_node is None else intensity_at(second_node, point)
    both = [f"{each:.5g}" for each in (intensity, second) if each is not None]
    return " · ".join([" | ".join(both), *segments_at(segmentation_node, point)])


def intensity_at(volume_node: VolumeNode, point: Point) -> float | None:
    """The intensity of a volume at a point in world coordinates; None outside of it."""
    voxel = [round(place) for place in ijkToWorld(volume_node).GetInverse().TransformPoint(point)]
    image = volume_node.GetImageData()
    if not _is_in(image.GetExtent(), voxel):
        return None
    return image.GetScalarComponentAsDouble(*voxel, 0)


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
