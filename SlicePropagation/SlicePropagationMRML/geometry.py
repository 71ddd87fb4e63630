"""Volumes and segments as arrays on the volume's grid, with full geometry: oblique, flipped, anisotropic, transformed."""

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.stack import SliceStack

PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}          # plane -> the patient axis (R, A, S) its slices run along


def stackFromVolume(volumeNode, axis=0):
    """The `SliceStack` of a volume node.

    Args:
        axis: which of the voxel axes K, J, I (0, 1, 2) the slices run along.

    Raises:
        InputError: the volume has no image, more than one value per voxel, or is constant.
    """
    image = volumeNode.GetImageData() if volumeNode else None
    if image is None or image.GetPointData().GetScalars() is None:
        raise InputError("The volume has no image; load one or choose another volume.")
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(f"The volume has {image.GetNumberOfScalarComponents()} values per voxel (a colour image), 1 is needed; convert it to a scalar volume.")
    array = np.nan_to_num(slicer.util.arrayFromVolume(volumeNode).astype(np.float32), posinf=0.0, neginf=0.0)
    if array.min() == array.max():
        raise InputError(f"The volume is constant (every voxel is {array.flat[0]:g}), so there is nothing to follow; choose another volume.")
    return SliceStack.from_volume(array, tuple(reversed(volumeNode.GetSpacing())), axis)


def axisOfPlane(volumeNode, plane):
    """The voxel axis (0, 1, 2 for K, J, I) whose slices are nearest to an anatomical plane: "axial", "coronal", "sagittal".

    Each plane gets an axis of its own, also in oblique volumes.
    """
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(matrix)
    alignment = np.abs([[matrix.GetElement(patient, voxel) for voxel in range(3)] for patient in range(3)])
    free = {}
    for _ in range(3):
        patient, voxel = np.unravel_index(alignment.argmax(), (3, 3))
        free[int(patient)] = 2 - int(voxel)
        alignment[patient, :] = alignment[:, voxel] = -1
    return free[PLANES[plane]]


def planeOfAxis(volumeNode, axis):
    """The anatomical plane whose slices run along a voxel axis."""
    return next(plane for plane in PLANES if axisOfPlane(volumeNode, plane) == axis)


def sliceCenter(volumeNode, axis, index):
    """Centre of a slice in world coordinates (R, A, S, in millimetres); axis 0, 1, 2 for K, J, I."""
    size = volumeNode.GetImageData().GetDimensions()
    point = [(number - 1) / 2 for number in size]
    point[2 - axis] = index
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    center = matrix.MultiplyPoint([*point, 1.0])[:3]
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volumeNode.GetParentTransformNode(), None, transform)
    return transform.TransformPoint(center)


def sliceIndexAt(volumeNode, axis, point):
    """The slice of a volume that a point in world coordinates lies on or next to; axis 0, 1, 2 for K, J, I."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, volumeNode.GetParentTransformNode(), transform)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetRASToIJKMatrix(matrix)
    position = matrix.MultiplyPoint([*transform.TransformPoint(point), 1.0])[2 - axis]
    return int(np.clip(round(position), 0, volumeNode.GetImageData().GetDimensions()[2 - axis] - 1))


def emptyLabelmap(volumeNode, segmentationNode):
    """An empty labelmap on the volume's grid, placed in the segmentation's coordinates.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    vtk.vtkMatrix4x4.Multiply4x4(_volumeToSegmentation(volumeNode, segmentationNode), matrix, matrix)
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetExtent(volumeNode.GetImageData().GetExtent())
    labelmap.SetImageToWorldMatrix(matrix)
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    labelmap.GetPointData().GetScalars().Fill(0)
    return labelmap


def arrayOf(labelmap):
    """(K, J, I) view of a labelmap's voxels; writing into it needs `labelmap.Modified()`."""
    i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
    scalars = numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    return scalars.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)


def segmentMask(segmentationNode, segmentID, volumeNode):
    """(K, J, I) bool mask of a segment on the volume's grid; a segment on another grid is resampled, nearest voxel."""
    grid = emptyLabelmap(volumeNode, segmentationNode)
    own = slicer.vtkOrientedImageData()
    if not segmentationNode.GetBinaryLabelmapRepresentation(segmentID, own) or own.IsEmpty():
        return np.zeros(arrayOf(grid).shape, bool)
    onGrid = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(own, grid, onGrid)
    return arrayOf(onGrid) > 0


def _volumeToSegmentation(volumeNode, segmentationNode):
    source, target = volumeNode.GetParentTransformNode(), segmentationNode.GetParentTransformNode()
    if source is not target and any(node is not None and not node.IsTransformToWorldLinear() for node in (source, target)):
        raise GeometryMismatchError(_deformed(volumeNode, segmentationNode))
    matrix = vtk.vtkMatrix4x4()
    if source is not target:
        slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix)
    return matrix


def _deformed(volumeNode, segmentationNode):
    return (f"A non-linear transform lies between volume '{volumeNode.GetName()}' and segmentation '{segmentationNode.GetName()}'; "
            "harden it, or put both under the same transform.")
