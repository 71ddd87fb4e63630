"""A finished segmentation of thick slices on finer ones, as a node of its own."""

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationMRML.nodes.geometry import emptyLabelmap, segmentMask
from SlicePropagationMRML.nodes.types import Scene, SegmentationNode, VolumeNode

Labelmap = Any  # vtkOrientedImageData


def makeFine(
    scene: Scene, volumeNode: VolumeNode, segmentationNode: SegmentationNode, name: str
) -> SegmentationNode:
    """The segments without stair steps, on slices as thin as pixels are wide.

    Every slice that there was stays as it is. Where segments overlap, the one that comes later in
    the list has the voxel.

    Args:
        scene: the new node comes into it.
        volumeNode: the image, whose slices are thick along one axis.
        segmentationNode: what was segmented in it; stays as it is.
        name: of the new node.

    Raises:
        InputError: its slices are as thin as its pixels are wide.
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    # here, as SciPy takes long to import, and the panel is shown without it
    from SlicePropagationLib.pipelines.fine_slices import fine_labels

    segments = segmentationNode.GetSegmentation()
    ids = list(segments.GetSegmentIDs())
    coarse = emptyLabelmap(volumeNode, segmentationNode)
    shape = tuple(reversed(volumeNode.GetImageData().GetDimensions()))
    labels = np.zeros(shape, np.uint16)
    for label, segmentID in enumerate(ids, 1):
        labels[segmentMask(segmentationNode, segmentID, volumeNode)] = label
    fine, axis, factor = fine_labels(labels, tuple(reversed(volumeNode.GetSpacing())))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
    for label, segmentID in enumerate(ids, 1):
        segment = segments.GetSegment(segmentID)
        own = node.GetSegmentation().AddEmptySegment(
            segmentID, segment.GetName(), segment.GetColor()
        )
        if (fine == label).any():
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
                _labelmap(coarse, fine == label, axis, factor), node, own
            )
    return node


def _labelmap(coarse: Labelmap, mask: np.ndarray, axis: int, factor: int) -> Labelmap:
    """A (K, J, I) mask on fine slices, in the place of thick ones.

    Args:
        coarse: labelmap on the grid of the thick slices.
        mask: slice j * factor + factor // 2 along the axis is thick slice j.
        axis: of the array.
        factor: fine slices for a thick one.
    """
    placed = vtk.vtkMatrix4x4()
    coarse.GetImageToWorldMatrix(placed)
    within = vtk.vtkMatrix4x4()  # from indices of fine slices to those of thick ones
    along = 2 - axis
    within.SetElement(along, along, 1 / factor)
    within.SetElement(along, 3, -(factor // 2) / factor)
    vtk.vtkMatrix4x4.Multiply4x4(placed, within, placed)
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetDimensions(*reversed(mask.shape))
    labelmap.SetImageToWorldMatrix(placed)
    voxels = np.ascontiguousarray(mask, np.uint8).ravel()
    labelmap.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels, deep=True))
    return labelmap
