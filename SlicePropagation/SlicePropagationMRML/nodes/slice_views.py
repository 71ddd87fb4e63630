"""Slice views and the slices of a stack.

Which view shows which slice, jumping, and turning a view onto the voxel axes.
"""

from collections.abc import Callable, Iterable

import numpy as np
import vtk

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.geometry import ijkToWorld, planeOfAxis, sliceCenter
from SlicePropagationMRML.nodes.types import Node, OpenDocument, Scene, SliceNode, VolumeNode

# cosine between a view's normal and the slice axis above which the view shows these slices, about
# 20 degrees
TILT = 0.94


def sliceNodes(scene: Scene) -> list[SliceNode]:
    """The slice views' nodes, Red first."""
    return [
        scene.GetNthNodeByClass(number, "vtkMRMLSliceNode")
        for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode"))
    ]


def viewInUse(scene: Scene) -> SliceNode | None:
    """The slice view that the mouse is in, or the first one; None without slice views."""
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node = crosshair.GetCursorPositionXYZ([0.0, 0.0, 0.0]) if crosshair is not None else None
    return node or next(iter(sliceNodes(scene)), None)


def axisOfView(sliceNode: SliceNode, volumeNode: VolumeNode) -> int:
    """The voxel axis (0, 1, 2 for K, J, I) that is nearest to a view's normal."""
    return max(range(3), key=lambda axis: _alignment(sliceNode, volumeNode, axis))


def viewsAlong(
    scene: Scene,
    volumeNode: VolumeNode,
    axis: int,
) -> list[SliceNode]:
    """The slice views whose slices are those of a voxel axis, best first."""
    alignment = {node: _alignment(node, volumeNode, axis) for node in sliceNodes(scene)}
    views = [node for node, value in alignment.items() if value > TILT]
    return sorted(views, key=lambda node: -alignment[node])


def indexInView(
    sliceNode: SliceNode,
    volumeNode: VolumeNode,
    axis: int,
) -> int:
    """The slice of a voxel axis that a view shows, not limited to the volume."""
    matrix = sliceNode.GetSliceToRAS()
    center = [matrix.GetElement(row, 3) for row in range(3)]
    voxel = ijkToWorld(volumeNode).GetInverse().TransformPoint(center)
    return round(voxel[2 - axis])


def snapViews(
    scene: Scene,
    volumeNode: VolumeNode,
    axis: int,
) -> None:
    """Turn the slice views onto the voxel axes.

    So a view shows whole slices of an oblique volume; at least one those of `axis`.
    """
    for node in sliceNodes(scene):
        node.RotateToVolumePlane(volumeNode)
    view = viewInUse(scene)
    if not viewsAlong(scene, volumeNode, axis) and view is not None:
        view.SetOrientation(planeOfAxis(volumeNode, axis).capitalize())
        view.RotateToVolumePlane(volumeNode)


def jumpViews(
    scene: Scene,
    document: OpenDocument,
    index: int,
    label: int | None = None,
) -> None:
    """Show a slice: views along the stack move onto it.

    The others go through the label's middle on it, where it has one.

    Where no view shows whole slices, as in an oblique volume at first, the views are turned onto
    the volume before.

    Args:
        scene: where the views are.
        document: what is open.
        index: the slice.
        label: of the segment whose middle is shown, None for none.
    """
    patch = document.session.state(label, index).patch if label is not None else None
    center = _middleOf(patch) if patch is not None and not patch.is_empty else None
    point = sliceCenter(document.volumeNode, document.stack.axis, index, center)
    along = viewsAlong(scene, document.volumeNode, document.stack.axis)
    if not along:
        snapViews(scene, document.volumeNode, document.stack.axis)
        along = viewsAlong(scene, document.volumeNode, document.stack.axis)
    for node in along if center is None else sliceNodes(scene):
        node.JumpSliceByOffsetting(*point)


def _middleOf(patch: Patch) -> tuple[float, float]:
    """(row, column) in the middle of a patch."""
    rows, columns = np.nonzero(patch.crop)
    return patch.top + float(rows.mean()), patch.left + float(columns.mean())


def _alignment(
    sliceNode: SliceNode,
    volumeNode: VolumeNode,
    axis: int,
) -> float:
    """Cosine between a view's normal and a voxel axis, 0 to 1."""
    return abs(float(np.dot(_normal(sliceNode), _direction(volumeNode, axis))))


def _normal(sliceNode: SliceNode) -> np.ndarray:
    matrix = sliceNode.GetSliceToRAS()
    return _unit(np.array([matrix.GetElement(row, 2) for row in range(3)]))


def _direction(volumeNode: VolumeNode, axis: int) -> np.ndarray:
    """Unit vector along a voxel axis in world coordinates."""
    here = [0.0, 0.0, 0.0]
    there = [0.0, 0.0, 0.0]
    there[2 - axis] = 1.0
    world = ijkToWorld(volumeNode)
    return _unit(np.subtract(world.TransformPoint(there), world.TransformPoint(here)))


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector, float) / (np.linalg.norm(vector) or 1.0)


def observeViews(scene: Scene, function: Callable[[], object]) -> list[tuple[Node, int]]:
    """Call a function whenever a view moves; returns (node, tag) pairs for `stopObserving`."""

    def moved(caller: object, event: object) -> None:
        function()

    return [
        (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, moved)) for node in sliceNodes(scene)
    ]


def stopObserving(observations: Iterable[tuple[Node, int]]) -> None:
    """Take back what `observeViews` set up."""
    for node, tag in observations:
        node.RemoveObserver(tag)
