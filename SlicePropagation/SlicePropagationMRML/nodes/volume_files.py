"""Between files and nodes: volumes and segmentations as the library reads them, and geometry to write."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.volume import Volume
from SlicePropagationMRML.nodes import tags
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap
from SlicePropagationMRML.nodes.types import Scene, SegmentationNode, VolumeNode

# ITK counts to the patient's left and back, Slicer to the right and front
NIFTI_HEADER = "SlicePropagation.NiftiHeader"  # attribute: results have the forms of the image
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def addVolumeNode(
    scene: Scene,
    volume: Volume,
    name: str,
) -> VolumeNode:
    """A scalar volume node with the voxels and the geometry of a library `Volume`.

    Window and level are for the caller to set: Slicer would look at all voxels for them.
    """
    voxels = np.ascontiguousarray(volume.array)
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels.ravel(), deep=True))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()  # before there are voxels
    node.SetAndObserveImageData(image)
    node.SetSpacing(*volume.image.GetSpacing())
    node.SetOrigin(*(LPS_TO_RAS @ volume.image.GetOrigin()))
    directions = LPS_TO_RAS @ np.reshape(volume.image.GetDirection(), (3, 3))
    node.SetIJKToRASDirections(directions.tolist())
    if volume.nifti is not None:
        node.SetAttribute(NIFTI_HEADER, volume.nifti.to_text())
    return node


def volumeOf(volumeNode: VolumeNode) -> Volume:
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
    return Volume(array, image, Path(volumeNode.GetName()), _niftiHeaderOf(volumeNode, array.shape))


def _niftiHeaderOf(volumeNode: VolumeNode, shape: tuple[int, ...]) -> NiftiHeader | None:
    """The header that the voxels of a node came with, unless they have another size now."""
    text = volumeNode.GetAttribute(NIFTI_HEADER)
    header = NiftiHeader.from_text(text) if text else None
    if header is None or header.sizes[:3] != tuple(reversed(shape)):
        return None
    return header


def filesOf(volumeNode: VolumeNode) -> list[Path]:
    """The files that Slicer read a volume from, as far as it knows them."""
    names = []
    storage = volumeNode.GetStorageNode()
    if storage is not None:
        listed = [storage.GetNthFileName(i) for i in range(storage.GetNumberOfFileNames())]
        names = listed or [storage.GetFileName()]
    database = getattr(slicer, "dicomDatabase", None)
    if database is not None and not names:
        instances = (volumeNode.GetAttribute("DICOM.instanceUIDs") or "").split()
        names = [database.fileForInstance(uid) for uid in instances]
    return [Path(name) for name in names if name]


def addSegments(
    segmentationNode: SegmentationNode,
    volumeNode: VolumeNode,
    drawn: Segmentation,
) -> list[str]:
    """Put segments of a file into a segmentation, with names, colours and tags.

    Segments that overlap stay so: Slicer gives them layers of their own.

    Args:
        segmentationNode: the segmentation.
        volumeNode: the volume.
        drawn: segments on the volume's grid.

    Returns:
        Their segment IDs, in order.
    """
    ids = []
    segmentation = segmentationNode.GetSegmentation()
    for segment in drawn.segments:
        segmentID = segmentation.AddEmptySegment(segment.id, segment.name, segment.color)
        labelmap = emptyLabelmap(volumeNode, segmentationNode)
        voxels = drawn.mask(segment)
        arrayOf(labelmap)[:] = voxels
        node = segmentation.GetSegment(segmentID)
        if voxels.any():
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
                labelmap,
                segmentationNode,
                segmentID,
            )
        for part in segment.tags.split("|"):
            name, separator, value = part.partition(":")
            if separator:
                node.SetTag(name, value)
        tags.writeOrigin(node, segment)
        ids.append(segmentID)
    return ids
