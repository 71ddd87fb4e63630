"""Segmentations that hold surfaces, as those of an STL file do: made into voxels before any work."""

from SlicePropagationLib.errors import InputError
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode

BINARY_LABELMAP = "Binary labelmap"
CLOSED_SURFACE = "Closed surface"


def surfacesToVoxels(segmentationNode: SegmentationNode, volumeNode: VolumeNode) -> bool:
    """Make voxels the source of a segmentation that holds anything else.

    What is drawn goes into voxels; the surfaces are made from them from then on.

    Args:
        segmentationNode: any segmentation.
        volumeNode: the volume whose grid the voxels lie on.

    Returns:
        Whether it held anything else.

    Raises:
        InputError: Slicer cannot convert it.
    """
    segmentation = segmentationNode.GetSegmentation()
    source = segmentation.GetSourceRepresentationName()
    if not segmentation.GetNumberOfSegments() or source in ("", BINARY_LABELMAP):
        return False
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    if not segmentation.CreateRepresentation(BINARY_LABELMAP, True):
        raise InputError(
            "Segmentation '{name}' holds no voxels ({source}), and Slicer cannot convert it;"
            " convert it in the Segmentations module, or choose another one.",
            name=segmentationNode.GetName(),
            source=source,
        )
    showsSurfaces = segmentation.ContainsRepresentation(CLOSED_SURFACE)
    segmentation.SetSourceRepresentationName(BINARY_LABELMAP)  # drops all others
    if showsSurfaces:
        segmentationNode.CreateClosedSurfaceRepresentation()
    return True
