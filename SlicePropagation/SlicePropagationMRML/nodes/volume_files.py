"""Between files and nodes: a volume and a segmentation as the library reads them, and the geometry that it writes with."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationLib.files.volume import Volume
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap

LPS_TO_RAS = np.diag(
    [-1.0, -1.0, 1.0]
)  # ITK counts to the patient's left and back, Slicer to the right and front


def addVolumeNode(scene, volume, name):
    """A scalar volume node with the voxels and the geometry of a library `Volume`."""
    voxels = np.ascontiguousarray(volume.array)
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels.ravel(), deep=True))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image)
    node.SetSpacing(*volume.image.GetSpacing())
    node.SetOrigin(*(LPS_TO_RAS @ volume.image.GetOrigin()))
    directions = LPS_TO_RAS @ np.reshape(volume.image.GetDirection(), (3, 3))
    node.SetIJKToRASDirections(directions.tolist())
    node.CreateDefaultDisplayNodes()
    return node


def volumeOf(volumeNode):
    """A library `Volume` with the grid of a node, to write label maps with.

    Its image has the geometry, and no voxels of the node.
    """
    array = slicer.util.arrayFromVolume(volumeNode)
    image = sitk.GetImageFromArray(np.zeros(array.shape, np.uint8))
    directions = np.zeros((3, 3))
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(matrix)
    for row in range(3):
        directions[row] = [matrix.GetElement(row, column) for column in range(3)]
    image.SetSpacing(volumeNode.GetSpacing())
    image.SetOrigin(tuple(LPS_TO_RAS @ volumeNode.GetOrigin()))
    image.SetDirection(tuple((LPS_TO_RAS @ directions).ravel()))
    return Volume(array, image, Path(volumeNode.GetName()))


def addSegments(segmentationNode, volumeNode, labels, segments):
    """Put the segments of a label map into a segmentation, with names, colours and tags.

    Args:
        labels: (K, J, I) uint8 label map on the volume's grid.
        segments: library `Segment`s.

    Returns:
        Their segment IDs, in order.
    """
    ids = []
    for segment in segments:
        segmentID = segmentationNode.GetSegmentation().AddEmptySegment(
            segment.id,
            segment.name,
            segment.color,
        )
        labelmap = emptyLabelmap(volumeNode, segmentationNode)
        arrayOf(labelmap)[:] = labels == segment.label
        node = segmentationNode.GetSegmentation().GetSegment(segmentID)
        if (labels == segment.label).any():
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
                labelmap,
                segmentationNode,
                segmentID,
            )
        for name, value in (part.split(":", 1) for part in segment.tags.split("|") if ":" in part):
            node.SetTag(name, value)
        ids.append(segmentID)
    return ids
