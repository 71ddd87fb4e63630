"""Between files and nodes: volumes and segmentations as the library reads them, and geometry to write."""

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationLib.files.image_file import placed_image
from SlicePropagationLib.files.mapped_file import MappedImage
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.lazy_voxels import stays_in_file
from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes import tags
from SlicePropagationMRML.nodes.commit import blockOf
from SlicePropagationMRML.nodes.geometry import labelmapBlock, sharedScalars
from SlicePropagationMRML.nodes.strokes import AXIS
from SlicePropagationMRML.nodes.types import DataArray, Scene, SegmentationNode, VolumeNode

# ITK counts to the patient's left and back, Slicer to the right and front
NIFTI_HEADER = "SlicePropagation.NiftiHeader"  # attribute: results have the forms of the image
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def addVolumeNode(
    scene: Scene,
    volume: Volume,
    name: str,
) -> VolumeNode:
    """A scalar volume node with the voxels and the geometry of a library `Volume`.

    Voxels that are in a file stay there, and nothing may write into those of the node. Window and
    level are for the caller to set: Slicer would look at all voxels for them.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(volume.array.shape))
    image.GetPointData().SetScalars(_scalarsOf(volume.array))
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


def removeVolumeNode(node: VolumeNode) -> None:
    """Take a volume out of its scene, and the node that displays it, which has its voxels, too."""
    scene = node.GetScene()
    display = node.GetDisplayNode()
    scene.RemoveNode(node)
    if display is not None:
        scene.RemoveNode(display)


def _scalarsOf(stored: np.ndarray) -> DataArray:
    """(K, J, I) voxels as VTK's; those of a map stay in the file, which is open as long as they are."""
    isMapped = stays_in_file(stored) and stored.flags.c_contiguous and stored.dtype.isnative
    if not isMapped:
        native = np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))
        return numpy_support.numpy_to_vtk(native.ravel(), deep=True)
    return sharedScalars(stored.ravel())


def volumeOf(volumeNode: VolumeNode, *, hasImage: bool = False) -> Volume:
    """A library `Volume` with the grid of a node, to write label maps with.

    Args:
        volumeNode: the node.
        hasImage: whether something asks for an image of SimpleITK; it has the geometry, and a byte
            a voxel, but none of the node's.
    """
    array = slicer.util.arrayFromVolume(volumeNode)
    placement = _placementOf(volumeNode)
    image = placed_image(np.zeros(array.shape, np.uint8), placement) if hasImage else None
    return Volume(
        array,
        image or MappedImage(array, placement),
        Path(volumeNode.GetName()),
        _niftiHeaderOf(volumeNode, array.shape),
    )


def _placementOf(volumeNode: VolumeNode) -> Placement:
    directions = np.zeros((3, 3))
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(matrix)
    for row in range(3):
        directions[row] = [matrix.GetElement(row, column) for column in range(3)]
    origin = LPS_TO_RAS @ volumeNode.GetOrigin()
    return Placement(volumeNode.GetSpacing(), tuple(origin), LPS_TO_RAS @ directions)


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
        node = segmentation.GetSegment(segmentID)
        shown = _shownOf(drawn, segment)
        if shown:
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
                labelmapBlock(volumeNode, segmentationNode, *blockOf(shown, AXIS)),
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


def _shownOf(drawn: Segmentation, segment: Segment) -> dict[int, Patch]:
    """{slice along K: its mask} of a segment, where anything is."""
    layer = drawn.layers[segment.layer]
    patches = {index: Patch.cut(part == segment.stored) for index, part in enumerate(layer)}
    return {index: patch for index, patch in patches.items() if not patch.is_empty}
