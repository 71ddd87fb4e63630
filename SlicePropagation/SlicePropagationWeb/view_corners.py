"""What stands at the edges of a slice view: which slice, where in the patient, how large."""

import math
from typing import Any

import numpy as np

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))  # towards + and - of the world's axes
BAR_SHARE = 0.25  # of the view's width that a scale bar takes at most
STEPS = (5, 2, 1)
SliceNode = Any  # vtkMRMLSliceNode


def corner(node: SliceNode, index: int, count: int) -> dict[str, Any]:
    """What a slice view says of its slice.

    Args:
        node: the view's node.
        index: the slice of the volume that it shows, from 0.
        count: how many there are.

    Returns:
        {"slice": "35 of 80", "place": "S 12.3 mm", "left", "right", "top", "bottom": letter,
        "bar": "50 mm", "share": width of the bar in percent of the view, "plane": see `plane`}
    """
    axes = _axes(node)
    length = bar_length(node.GetFieldOfView()[0])
    return {
        "slice": f"{index + 1} of {count}",
        "place": place(node),
        "right": letter(axes[:, 0]),
        "left": letter(-axes[:, 0]),
        "top": letter(axes[:, 1]),
        "bottom": letter(-axes[:, 1]),
        "bar": f"{length:g} mm",
        "share": round(100 * length / max(node.GetFieldOfView()[0], length), 2),
        "plane": plane(node),
    }


def plane(node: SliceNode) -> dict[str, float]:
    """Where the middle of a view is, in mm along its own axes, and how large it is.

    Returns:
        {"u": to the right, "v": up, "depth": towards the person, "width", "height"}, in mm.
    """
    columns, rows, _ = node.GetDimensions()
    middle = node.GetXYToRAS().MultiplyPoint((columns / 2, rows / 2, 0.0, 1.0))[:3]
    along = in_plane(node, np.array(middle))
    names = ("u", "v", "depth")
    places = {name: round(float(each), 4) for name, each in zip(names, along, strict=True)}
    width, height = node.GetFieldOfView()[:2]
    return {**places, "width": float(width), "height": float(height)}


def in_plane(node: SliceNode, points: np.ndarray) -> np.ndarray:
    """(..., 3) mm to the right, up and towards the person of points in world coordinates.

    Args:
        node: the view's node.
        points: (..., 3) in mm.
    """
    axes = _axes(node)
    return (points @ axes) / np.linalg.norm(axes, axis=0)


def letter(direction: np.ndarray) -> str:
    """Where a direction leads to in the patient: R, L, A, P, S or I."""
    axis = int(np.abs(direction).argmax())
    return LETTERS[axis][0 if direction[axis] > 0 else 1]


def place(node: SliceNode) -> str:
    """Where a view's slice lies along its normal, such as "S 12.3 mm"."""
    axis = int(np.abs(_axes(node)[:, 2]).argmax())
    position = node.GetSliceToRAS().GetElement(axis, 3)
    return f"{LETTERS[axis][0 if position >= 0 else 1]} {abs(position):.1f} mm"


def bar_length(width_mm: float) -> float:
    """A round length in mm, at most `BAR_SHARE` of a width; 0 for none."""
    most = width_mm * BAR_SHARE
    if not most > 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in STEPS if step * power <= most)


def _axes(node: SliceNode) -> np.ndarray:
    """(3, 3): right, up and towards the person in world coordinates, as columns."""
    matrix = node.GetSliceToRAS()
    return np.array([[matrix.GetElement(row, column) for column in range(3)] for row in range(3)])
