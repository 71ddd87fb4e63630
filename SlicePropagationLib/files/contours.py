"""Outlines of masks as polygons along the edges of pixels; holes are joined by a channel.

Filling such a polygon where pixel centres lie inside gives the mask again, pixel by pixel.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import label as components

Corner = tuple[
    int, int
]  # row and column of a corner of a pixel; pixel (r, c) has (r, c) as its first
# One step along each side of a pixel, with the pixel on the right hand: right, down, left, up.
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """The outlines of a mask, one for each connected part.

    A hole is part of its outline: a channel without width leads to it and back.

    Args:
        mask: (H, W) bool.

    Returns:
        [(n, 2) float64 rows and columns of corners, in pixels; pixel centres are whole numbers].
        Polygons are closed: the last corner is followed by the first.
    """
    parts = np.zeros(mask.shape, np.int32)
    components(mask, output=parts)
    found = []
    for number in range(1, int(parts.max(initial=0)) + 1):
        loops = sorted(_loops(parts == number), key=lambda loop: -abs(_area(loop)))
        outline = loops[0]
        for hole in loops[1:]:
            outline = _joined(outline, hole)
        found.append(np.array(outline, float) - 0.5)
    return found


def _loops(mask: np.ndarray) -> list[list[Corner]]:
    """The closed walks around a mask, only their corners, with the mask on the right hand."""
    ahead = _edges(mask)
    loops = []
    while ahead:
        loops.append(_walk_around(ahead, min(ahead)))
        ahead = {corner: directions for corner, directions in ahead.items() if directions}
    return loops


def _walk_around(ahead: dict[Corner, set[int]], start: Corner) -> list[Corner]:
    """One closed walk; its edges are taken away."""
    direction = min(ahead[start])
    place = start
    corners = [start]
    while True:
        ahead[place].remove(direction)
        row, column = STEPS[direction]
        place = place[0] + row, place[1] + column
        if place == start:
            return corners
        turned = _turn(ahead[place], direction)
        if turned != direction:
            corners.append(place)
        direction = turned


def _edges(mask: np.ndarray) -> dict[Corner, set[int]]:
    """{corner: directions in which an edge between inside and outside leads away from it}."""
    inside = np.pad(mask, 1)
    edges: dict[Corner, set[int]] = {}
    beside = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}  # the pixel on the left hand
    begins = {0: (0, 0), 1: (0, 1), 2: (1, 1), 3: (1, 0)}  # the corner where the edge begins
    for direction, (rows, columns) in beside.items():
        outside = ~np.roll(inside, (-rows, -columns), (0, 1))
        for row, column in np.argwhere(inside & outside) - 1:
            down, right = begins[direction]
            corner = int(row) + down, int(column) + right
            edges.setdefault(corner, set()).add(direction)
    return edges


def _turn(directions: set[int], before: int) -> int:
    """Where to go on: to the right where two ways are open, which keeps to the same pixel."""
    turns = ((before + turn) % 4 for turn in (1, 0, 3))
    return next(direction for direction in turns if direction in directions)


def _area(loop: list[Corner]) -> float:
    rows, columns = np.array(loop, float).T
    return float(rows @ np.roll(columns, -1) - columns @ np.roll(rows, -1)) / 2


def _joined(outline: list[Corner], hole: list[Corner]) -> list[Corner]:
    """An outline with a hole, by the shortest channel between two of their corners."""
    apart = np.linalg.norm(np.array(outline)[:, None] - np.array(hole)[None], axis=2)
    here, there = np.unravel_index(apart.argmin(), apart.shape)
    around = hole[there:] + hole[: there + 1]
    return outline[: here + 1] + around + outline[here:]
