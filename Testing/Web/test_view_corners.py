"""What stands at the edges of a view, from its matrices alone: without a browser."""

import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")

import vtk
from SlicePropagationWeb.view_corners import bar_length, corner


class Node:
    """A slice node: axes to the right, up and towards the person, and where its slice lies."""

    def __init__(self, axes, origin, width_mm=100.0):
        self.matrix = vtk.vtkMatrix4x4()
        for column, axis in enumerate([*axes, origin]):
            for row in range(3):
                self.matrix.SetElement(row, column, axis[row])
        self.width_mm = width_mm

    def GetSliceToRAS(self):
        return self.matrix

    def GetFieldOfView(self):
        return self.width_mm, 80.0, 1.0

    def GetDimensions(self):
        return 200, 160, 1

    def GetXYToRAS(self):
        """The slice's origin lies in the middle of the view."""
        half = vtk.vtkTransform()
        half.Concatenate(self.matrix)
        half.Scale(self.width_mm / 200, 0.5, 1)
        half.Translate(-100, -80, 0)
        return half.GetMatrix()


AXIAL = [(-1, 0, 0), (0, 1, 0), (0, 0, 1)]
TILTED = [(0, 0.9, -0.4), (0, 0.4, 0.9), (1, 0, 0)]


def test_an_axial_view_is_looked_at_from_the_feet():
    found = corner(Node(AXIAL, (0, 0, -12.34)), 0, 80)
    assert found["slice"] == "1 of 80"
    assert found["place"] == "I 12.3 mm"
    assert [found[edge] for edge in ("left", "right", "top", "bottom")] == ["R", "L", "A", "P"]


def test_an_oblique_view_has_the_letters_that_are_nearest():
    found = corner(Node(TILTED, (5, 0, 0)), 79, 80)
    assert (found["slice"], found["place"]) == ("80 of 80", "R 5.0 mm")
    assert [found[edge] for edge in ("left", "right", "top", "bottom")] == ["P", "A", "S", "I"]


@pytest.mark.parametrize(
    "width_mm, length",
    [(100, 20), (400, 100), (7.9, 1), (8, 2), (0.5, 0.1), (0, 0)],
)
def test_a_scale_bar_has_a_round_length_of_at_most_a_quarter(width_mm, length):
    assert bar_length(width_mm) == pytest.approx(length)


def test_a_scale_bar_is_as_long_as_it_says():
    found = corner(Node(AXIAL, (0, 0, 0), width_mm=250.0), 0, 1)
    assert (found["bar"], found["share"]) == ("50 mm", 20.0)


def test_the_browser_learns_where_the_middle_of_a_view_is_along_its_own_axes():
    plane = corner(Node(AXIAL, (7, 5, -12)), 0, 80)["plane"]
    assert plane == {"u": -7.0, "v": 5.0, "depth": -12.0, "width": 100.0, "height": 80.0}
