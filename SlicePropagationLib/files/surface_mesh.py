"""Closed surfaces of masks as triangles, and STL, OBJ and PLY files of them.

Points are in millimetres and in the patient's LPS system (left, posterior, superior), as Slicer
and DICOM write meshes; the files say so where their form lets them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.errors import InputError

if TYPE_CHECKING:
    from SlicePropagationLib.files.mapped_file import Image

SPACE = "SPACE=LPS"  # as Slicer writes it into the comments of a mesh
Mesh = tuple[np.ndarray, np.ndarray]  # (V, 3) float64 points, (T, 3) int64 corners of triangles


def surface_of(mask: np.ndarray, image: Image) -> Mesh:
    """The surface of a mask, with triangles that look outwards.

    A corner lies in each cell of eight voxel centres that are not all inside or all outside, in
    the middle of the places where the cell's edges pass through the surface.

    Args:
        mask: (K, J, I) bool.
        image: the SimpleITK image that has its geometry.

    Raises:
        InputError: the mask is empty.

    Source: Gibson, Constrained elastic surface nets, MICCAI 1998, without the relaxation.
    """
    if not mask.any():
        raise InputError("The segment is empty, so it has no surface; annotate it first.")
    low, inside = _cropped(mask)
    cells, places = _cell_corners(inside)
    triangles = np.concatenate([_triangles_across(inside, cells, axis) for axis in range(3)])
    steps = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    points = (places + low)[:, ::-1] @ steps.T + image.GetOrigin()
    if np.linalg.det(steps) > 0:  # K, J, I is the other hand of I, J, K
        triangles = triangles[:, ::-1]
    return points, triangles


def _cropped(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index of the first voxel, the part of a mask that shows anything, with one voxel around)."""
    shown = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    window = tuple(slice(part[0], part[-1] + 1) for part in shown)
    return np.array([part[0] for part in shown]) - 1, np.pad(mask[window], 1)


def _cell_corners(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((K, J, I) number of the corner in each cell or -1, (V, 3) places of the corners)."""
    shape = np.array(inside.shape) - 1
    offsets = np.array(list(np.ndindex(2, 2, 2)))
    corners = np.stack([_part(inside, offset, shape) for offset in offsets])
    is_mixed = corners.any(axis=0) & ~corners.all(axis=0)
    cells = np.full(shape, -1)
    cells[is_mixed] = np.arange(np.count_nonzero(is_mixed))
    values = corners[:, is_mixed]
    total = np.zeros((values.shape[1], 3))
    count = np.zeros((values.shape[1], 1))
    for first in range(8):
        for second in range(first + 1, 8):
            if np.abs(offsets[first] - offsets[second]).sum() == 1:
                crossed = (values[first] != values[second])[:, None]
                total += crossed * (offsets[first] + offsets[second]) / 2
                count += crossed
    return cells, np.argwhere(is_mixed) + total / count


def _part(array: np.ndarray, offset: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return array[tuple(slice(a, a + b) for a, b in zip(offset, shape, strict=True))]


def _triangles_across(inside: np.ndarray, cells: np.ndarray, axis: int) -> np.ndarray:
    """Triangles around the voxel edges along an axis that pass through the surface."""
    first = np.moveaxis(inside, axis, 0)
    around = np.moveaxis(cells, axis, 0)
    if axis == 1:  # J, K, I is the other hand
        first = np.swapaxes(first, 1, 2)
        around = np.swapaxes(around, 1, 2)
    leaves = first[:-1] & ~first[1:]
    enters = ~first[:-1] & first[1:]
    found = []
    for crossing, is_turned in ((leaves, False), (enters, True)):
        place, row, column = np.nonzero(crossing)
        quad = [
            around[place, row - 1, column - 1],
            around[place, row, column - 1],
            around[place, row, column],
            around[place, row - 1, column],
        ]
        corners = np.stack(quad[::-1] if is_turned else quad, axis=1)
        found += [corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]
    return np.concatenate(found)


def write_mesh(
    path: Path | str,
    mesh: Mesh,
    name: str = "",
) -> None:
    """Write a mesh; the ending says the format: .stl (binary), .obj or .ply (binary).

    Args:
        path: the file.
        mesh: points and triangles.
        name: of the segment, for formats with comments.

    Raises:
        InputError: another ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in WRITERS:
        raise InputError(f"{path} is no mesh that is written here; use {', '.join(WRITERS)}.")
    points, triangles = mesh
    Path(path).write_bytes(WRITERS[ending](points, triangles, " ".join(name.split())))


def _stl(points: np.ndarray, triangles: np.ndarray, name: str) -> bytes:
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    found = np.zeros(len(triangles), kind)
    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    found["normal"] = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    found["corners"] = corners
    # Not "solid", which programs take for the form in text.
    heading = f"{SPACE} {name}".encode()[:80].ljust(80)
    return heading + np.uint32(len(triangles)).astype("<u4").tobytes() + found.tobytes()


def _obj(points: np.ndarray, triangles: np.ndarray, name: str) -> bytes:
    lines = [f"# {SPACE}", f"o {name or 'segment'}"]
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (triangles + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _ply(points: np.ndarray, triangles: np.ndarray, name: str) -> bytes:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {SPACE}",
        f"comment {name}",
        f"element vertex {len(points)}",
        *(f"property float {letter}" for letter in "xyz"),
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    kind = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    faces = np.zeros(len(triangles), kind)
    faces["count"] = 3
    faces["corners"] = triangles
    heading = "\n".join(lines) + "\n"
    return heading.encode() + points.astype("<f4").tobytes() + faces.tobytes()


WRITERS: dict[str, Callable[[np.ndarray, np.ndarray, str], bytes]] = {
    ".stl": _stl,
    ".obj": _obj,
    ".ply": _ply,
}
