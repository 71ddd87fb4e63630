"""An outline in a slice view lies on the voxels that a person sees below it."""

import numpy as np
import pytest
import vtk
from SlicePropagationMRML.nodes.geometry import planeOfAxis, sliceCenter
from SlicePropagationMRML.nodes.outlines import isOnVolume, outlineInView

SIZE = 300  # pixels of the view
FIELD_MM = 150.0


def view_of(bench, axis, index):
    """A slice view's node on a slice of the volume, which is oblique and flipped."""
    node = bench.scene.AddNewNodeByClass("vtkMRMLSliceNode")
    node.SetOrientation(planeOfAxis(bench.volume, axis).capitalize())
    node.RotateToVolumePlane(bench.volume)
    node.SetDimensions(SIZE, SIZE, 1)
    node.SetFieldOfView(FIELD_MM, FIELD_MM, 1.0)
    node.JumpSliceByCentering(*sliceCenter(bench.volume, axis, index))
    node.UpdateMatrices()
    return node


def pixel_of(node, point):
    """(x, y) of a view where a point in world coordinates is seen."""
    inverse = vtk.vtkMatrix4x4()
    inverse.DeepCopy(node.GetXYToRAS())
    inverse.Invert()
    return inverse.MultiplyPoint((*point, 1.0))[:2]


@pytest.mark.parametrize("axis, index", [(0, 7), (1, 20), (2, 30)])
def test_corners_are_rows_and_columns_of_the_slice_that_is_shown(bench, axis, index):
    node = view_of(bench, axis, index)
    corners = [(3.0, 4.0), (3.0, 11.5), (12.25, 6.0)]
    points = [pixel_of(node, sliceCenter(bench.volume, axis, index, each)) for each in corners]
    outline = outlineInView(node, bench.volume, points)
    assert outline[:2] == (axis, index)
    assert np.allclose(outline.corners, corners, atol=0.01)
    assert isOnVolume(node, bench.volume)


def test_a_view_beyond_the_last_slice_shows_none_of_the_volume(bench):
    assert not isOnVolume(view_of(bench, 0, len(bench.truth)), bench.volume)
