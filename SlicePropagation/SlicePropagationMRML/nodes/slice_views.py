"""Slice views and the slices of a stack: which view shows which slice, jumping, and turning a view onto the voxel axes."""

import numpy as np
import vtk

from SlicePropagationMRML.nodes.geometry import ijkToWorld, planeOfAxis, sliceCenter

# cosine between a view's normal and the slice axis above which the view shows these slices, about
# 20 degrees
TILT = 0.94


def sliceNodes(scene):
    """The slice views' nodes, Red first."""
    return [
        scene.GetNthNodeByClass(number, "vtkMRMLSliceNode")
        for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode"))
    ]


def viewInUse(scene):
    """The slice view that the mouse is in, or the first one; None without slice views."""
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node = crosshair.GetCursorPositionXYZ([0.0, 0.0, 0.0]) if crosshair is not None else None
    return node or next(iter(sliceNodes(scene)), None)


def axisOfView(sliceNode, volumeNode):
    """The voxel axis (0, 1, 2 for K, J, I) that is nearest to a view's normal."""
    normal = _normal(sliceNode)
    return max(range(3), key=lambda axis: abs(float(np.dot(normal, _direction(volumeNode, axis)))))


def viewsAlong(scene, volumeNode, axis):
    """The slice views whose slices are those of a voxel axis, best first."""
    alignment = {
        node: abs(float(np.dot(_normal(node), _direction(volumeNode, axis))))
        for node in sliceNodes(scene)
    }
    return sorted(
        (node for node, value in alignment.items() if value > TILT),
        key=lambda node: -alignment[node],
    )


def indexInView(sliceNode, volumeNode, axis):
    """The slice of a voxel axis that a view shows, not limited to the volume."""
    matrix = sliceNode.GetSliceToRAS()
    voxel = (
        ijkToWorld(volumeNode)
        .GetInverse()
        .TransformPoint([matrix.GetElement(row, 3) for row in range(3)])
    )
    return round(voxel[2 - axis])


def snapViews(scene, volumeNode, axis):
    """Turn the slice views onto the voxel axes, so that a view shows whole slices of an oblique volume; at least one those of `axis`."""
    for node in sliceNodes(scene):
        node.RotateToVolumePlane(volumeNode)
    if not viewsAlong(scene, volumeNode, axis) and sliceNodes(scene):
        view = viewInUse(scene)
        view.SetOrientation(planeOfAxis(volumeNode, axis).capitalize())
        view.RotateToVolumePlane(volumeNode)


def jumpViews(scene, document, index, label=None):
    """Show a slice: views along the stack move onto it.

    The others go through the label's middle on it, where it has one.

    Where no view shows whole slices, as in an oblique volume at first, the views are turned onto
    the volume before.
    """
    center = None
    if label is not None:
        patch = document.session.state(label, index).patch
        if not patch.is_empty:
            rows, columns = np.nonzero(patch.crop)
            center = (patch.top + float(rows.mean()), patch.left + float(columns.mean()))
    point = sliceCenter(document.volumeNode, document.stack.axis, index, center)
    along = viewsAlong(scene, document.volumeNode, document.stack.axis)
    if not along:
        snapViews(scene, document.volumeNode, document.stack.axis)
        along = viewsAlong(scene, document.volumeNode, document.stack.axis)
    for node in along if center is None else sliceNodes(scene):
        node.JumpSliceByOffsetting(*point)


def _normal(sliceNode):
    matrix = sliceNode.GetSliceToRAS()
    return _unit([matrix.GetElement(row, 2) for row in range(3)])


def _direction(volumeNode, axis):
    """Unit vector along a voxel axis in world coordinates."""
    here = [0.0, 0.0, 0.0]
    there = [0.0, 0.0, 0.0]
    there[2 - axis] = 1.0
    world = ijkToWorld(volumeNode)
    return _unit(np.subtract(world.TransformPoint(there), world.TransformPoint(here)))


def _unit(vector):
    return np.asarray(vector, float) / (np.linalg.norm(vector) or 1.0)


def observeViews(scene, function):
    """Call a function whenever a view moves; returns (node, tag) pairs for `stopObserving`."""
    return [
        (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: function()))
        for node in sliceNodes(scene)
    ]


def stopObserving(observations):
    """Take back what `observeViews` set up."""
    for node, tag in observations:
        node.RemoveObserver(tag)
