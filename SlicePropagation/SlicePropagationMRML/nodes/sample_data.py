"""The generated abdomen as a volume node: the tutorial's data.

The same voxels on every machine, nothing downloaded.
"""

from pathlib import Path

import slicer

from SlicePropagationMRML.nodes.geometry import volumeFromArray
from SlicePropagationMRML.nodes.types import Scene, VolumeNode

FILE_NAME = "SlicePropagationAbdomen.nrrd"
NODE_NAME = "SlicePropagationAbdomen"


def loadSample(scene: Scene, folder: Path | str) -> VolumeNode:
    """A scalar volume node with the sample.

    Read from the folder, or generated and written there first, which takes a few seconds.

    Raises:
        OSError: the folder cannot be made.
    """
    path = Path(folder) / FILE_NAME
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(NODE_NAME))
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    if path.is_file() and storage.ReadData(node):
        node.CreateDefaultDisplayNodes()
        return node
    from SlicePropagationLib.pipelines.phantom_volume import make_sample  # scipy; not at start-up

    sample = make_sample()
    depth, height, width = sample.spacing_mm
    volumeFromArray(node, sample.volume, (width, height, depth))
    node.CreateDefaultDisplayNodes()
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.WriteData(node)
    return node
