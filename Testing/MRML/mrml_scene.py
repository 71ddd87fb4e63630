"""Scenes and nodes for tests, as Slicer's application sets them up."""

import numpy as np
import slicer
import slicer.util


def makeScene():
    """A scene with the logics that segmentations need: (scene, application logic)."""
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    appLogic = slicer.vtkSlicerApplicationLogic()
    appLogic.SetMRMLScene(scene)
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLApplicationLogic(appLogic)
    logic.SetMRMLScene(scene)
    appLogic.SetModuleLogic("Segmentations", logic)
    return scene, appLogic


def makeVolume(
    scene,
    array,
    spacing,
    origin=(0, 0, 0),
    directions=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    name="CT",
):
    """A scalar volume node of a (K, J, I) array; spacing along I, J, K."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, np.array(array))
    node.SetSpacing(*spacing)
    node.SetOrigin(*origin)
    node.SetIJKToRASDirections([list(row) for row in directions])
    return node


def makeSegmentation(scene, volume, segmentIDs):
    """A segmentation node on the volume's grid with empty segments."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segmentID in segmentIDs:
        node.GetSegmentation().AddEmptySegment(segmentID, segmentID)
    return node
