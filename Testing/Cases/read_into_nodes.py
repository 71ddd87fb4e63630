"""Read an image and a segmentation into MRML nodes, as the page does.

    python read_into_nodes.py IMAGE SEGMENTATION

Ends with 0 when they are nodes, or were refused as unusable.
"""

import sys

from mrml_scene import makeScene
from SlicePropagationMRML.nodes.volume_files import addSegments, addVolumeNode

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.segmentation_file import read_segmentation
from SlicePropagationLib.files.volume import read_volume


def read_into_nodes(image: str, segmentation: str) -> None:
    """Make a volume node and a segmentation node of two files."""
    scene, _ = makeScene()
    volume = read_volume(image)
    node = addVolumeNode(scene, volume, "image")
    drawn = read_segmentation(segmentation, volume)
    segmentation_node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(node)
    addSegments(segmentation_node, node, drawn)


if __name__ == "__main__":
    try:
        read_into_nodes(*sys.argv[1:])
    except SlicePropagationError as error:
        print(error, file=sys.stderr)
