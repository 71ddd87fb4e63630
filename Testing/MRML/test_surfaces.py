"""A structure that comes as a surface, as from an STL file, is worked on as voxels."""

import numpy as np
import pytest
import slicer
import vtk
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationMRML.nodes.surfaces import surfacesToVoxels
from SlicePropagationMRML.presenting.presenter import Presenter

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.metrics import dice

RADIUS_MM = 12.0


def voxel_places(volume):
    """(K, J, I, 3) world coordinates of the volume's voxels."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    rows = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    shape = volume.GetImageData().GetDimensions()[::-1]
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)[..., ::-1]
    return voxels @ rows[:, :3].T + rows[:, 3]


def add_ball(bench):
    """A segmentation whose only segment is the surface of a ball: (the node, its voxels)."""
    places = voxel_places(bench.volume)
    center = places[tuple(size // 2 for size in places.shape[:3])]
    ball = vtk.vtkSphereSource()
    ball.SetCenter(center)
    ball.SetRadius(RADIUS_MM)
    ball.SetThetaResolution(48)
    ball.SetPhiResolution(48)
    ball.Update()
    node = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Ball")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    node.AddSegmentFromClosedSurfaceRepresentation(ball.GetOutput(), "ball", [1, 0, 0], "ball")
    return node, np.linalg.norm(places - center, axis=-1) <= RADIUS_MM


def test_a_surface_is_voxels_of_the_volume_once_it_is_opened(bench):
    bench.segmentation, voxels = add_ball(bench)
    bench.open("ball")
    assert dice(bench.mask("ball"), voxels) > 0.9
    assert bench.segmentation.GetSegmentation().GetSourceRepresentationName() == "Binary labelmap"
    assert bench.segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_what_comes_as_a_surface_is_corrected_and_filled_like_any_other(bench):
    bench.segmentation, voxels = add_ball(bench)
    bench.open("ball")
    middle = len(voxels) // 2
    bench.draw("ball", middle, voxels[middle])
    bench.logic.mergeEdits()
    assert middle in bench.logic.session.anchors(1)
    bench.run("interpolation")
    assert np.array_equal(bench.mask("ball")[middle], voxels[middle])


def test_it_is_said_once_that_surfaces_became_voxels(bench):
    bench.segmentation, _ = add_ball(bench)
    presenter = Presenter(bench.logic)
    bench.open("ball")
    assert presenter.converted().startswith("Segmentation 'Ball' held surfaces")
    bench.open("ball")
    assert presenter.converted() == ""


def test_voxels_stay_as_they_are(bench):
    bench.draw("disc", 8, bench.truth[8])
    before = segmentMask(bench.segmentation, "disc", bench.volume)
    assert not surfacesToVoxels(bench.segmentation, bench.volume)
    assert np.array_equal(segmentMask(bench.segmentation, "disc", bench.volume), before)


def test_what_cannot_be_made_into_voxels_is_refused_with_a_sentence(bench):
    node = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Odd")
    node.GetSegmentation().SetSourceRepresentationName("Planar contour")
    contours = slicer.vtkSegment()
    contours.AddRepresentation("Planar contour", vtk.vtkPolyData())
    node.GetSegmentation().AddSegment(contours, "odd")
    with pytest.raises(InputError, match="convert it in the Segmentations module"):
        surfacesToVoxels(node, bench.volume)
