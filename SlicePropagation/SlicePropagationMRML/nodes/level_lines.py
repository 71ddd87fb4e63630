"""Level tracing: the closed line of equal intensity through a place of a slice.

VTK makes the lines: flying edges (Schroeder, Maynard and Geveci, IEEE LDAV 2015), joined by its
stripper.
"""

import numpy as np
import vtk
from scipy import ndimage
from vtk.util import numpy_support

SMOOTH_PIXELS = 1.0  # deviation of the Gaussian that takes the noise away
NEAR_PIXELS = 1.5  # that a line may pass the place by
SMALLEST = 12.0  # square pixels in a line; what is less is noise
ENDS = (-0.5, 0.5)  # of a slice, beyond the middles of its outer pixels


def smoothedForLines(image: np.ndarray) -> np.ndarray:
    """(H, W) float32: a slice without the noise that lines would follow."""
    return ndimage.gaussian_filter(np.asarray(image, np.float32), SMOOTH_PIXELS)


def levelLine(smooth: np.ndarray, row: float, column: float) -> np.ndarray | None:
    """The closed line through a place along which a slice is as bright as there.

    Where it meets the edge of the slice, it closes along that, around the smaller side.

    Args:
        smooth: (H, W) float32, from `smoothedForLines`.
        row: of the place, in pixels, which need not be whole.
        column: of the place.

    Returns:
        (P, 2) rows and columns, without the first one again at the end; None where there is none.
    """
    height, width = smooth.shape
    if not (0 <= row <= height - 1 and 0 <= column <= width - 1):
        return None
    level = float(ndimage.map_coordinates(smooth, [[row], [column]], order=1)[0])
    found = []
    for outside in (min(smooth.min(), level) - 1, max(smooth.max(), level) + 1):
        line = _lineNear(np.pad(smooth, 1, constant_values=outside), level, row + 1, column + 1)
        if line is not None:
            found.append(np.clip(line - 1, ENDS[0], np.add(smooth.shape, ENDS[0])))
    lines = [line for line in found if _area(line) >= SMALLEST]
    return min(lines, key=_area, default=None)


def _lineNear(image: np.ndarray, level: float, row: float, column: float) -> np.ndarray | None:
    """The line at a level that passes nearest to a place, if it is near and closed."""
    edges = vtk.vtkFlyingEdges2D()
    edges.SetInputData(_asImage(image))
    edges.SetValue(0, level)
    near = vtk.vtkPolyDataConnectivityFilter()
    near.SetInputConnection(edges.GetOutputPort())
    near.SetExtractionModeToClosestPointRegion()
    near.SetClosestPoint(column, row, 0.0)
    joined = vtk.vtkStripper()
    joined.SetInputConnection(near.GetOutputPort())
    joined.JoinContiguousSegmentsOn()
    joined.SetMaximumLength(image.size)
    joined.Update()
    lines = [
        line for line in _linesOf(joined.GetOutput()) if _distance(line, row, column) < NEAR_PIXELS
    ]
    return min(lines, key=lambda line: _distance(line, row, column), default=None)


def _asImage(image: np.ndarray) -> vtk.vtkImageData:
    data = vtk.vtkImageData()
    data.SetDimensions(image.shape[1], image.shape[0], 1)
    values = numpy_support.numpy_to_vtk(image.ravel(), deep=True)
    data.GetPointData().SetScalars(values)
    return data


def _linesOf(lines: vtk.vtkPolyData) -> list[np.ndarray]:
    """[(P, 2) rows and columns] of the closed ones."""
    if not lines.GetNumberOfLines():
        return []
    places = numpy_support.vtk_to_numpy(lines.GetPoints().GetData())[:, 1::-1]
    cells = lines.GetLines()
    ends = numpy_support.vtk_to_numpy(cells.GetOffsetsArray())
    points = numpy_support.vtk_to_numpy(cells.GetConnectivityArray())
    found = [points[first:last] for first, last in zip(ends[:-1], ends[1:], strict=True)]
    return [places[line[:-1]] for line in found if line[0] == line[-1]]


def _distance(line: np.ndarray, row: float, column: float) -> float:
    """Pixels from the nearest corner of a line; corners are no further apart than a pixel."""
    return float(np.hypot(*(line - (row, column)).T).min())


def _area(line: np.ndarray) -> float:
    """Square pixels in a closed line."""
    rows, columns = line.T.astype(float)
    return abs(float(rows @ np.roll(columns, 1) - columns @ np.roll(rows, 1))) / 2
