"""Surfaces of masks are closed, look outwards, and lie where the mask lies."""

import struct

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import OBLIQUE

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.surface_mesh import surface_of, write_mesh

SPACING = (1.0, 1.5, 3.0)
LEFT_HANDED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def grid(shape, direction=OBLIQUE):
    image = sitk.GetImageFromArray(np.zeros(shape, np.uint8))
    image.SetSpacing(SPACING)
    image.SetOrigin((5.0, -7.0, 11.0))
    image.SetDirection(direction)
    return image


def ball():
    away = np.indices((14, 24, 30)) - np.array([6, 11, 15])[:, None, None, None]
    return (away[0] / 4) ** 2 + (away[1] / 8) ** 2 + (away[2] / 11) ** 2 <= 1


def volume_of(points, triangles):
    first, second, third = (points[triangles[:, n]] for n in range(3))
    return (first * np.cross(second, third)).sum() / 6


@pytest.mark.parametrize("direction", [OBLIQUE, LEFT_HANDED, tuple(np.eye(3).ravel())])
def test_a_surface_has_the_volume_and_the_place_of_its_mask(direction):
    mask = ball()
    image = grid(mask.shape, direction)
    points, triangles = surface_of(mask, image)
    assert volume_of(points, triangles) == pytest.approx(mask.sum() * 4.5, rel=0.06)
    indices = np.argwhere(mask)[:, ::-1].mean(axis=0)
    center = image.TransformContinuousIndexToPhysicalPoint(indices.tolist())
    assert np.allclose(points.mean(axis=0), center, atol=0.5)


@pytest.mark.parametrize("mask", [ball(), np.ones((1, 1, 1), bool), np.eye(5, dtype=bool)[None]])
def test_every_edge_of_a_surface_belongs_to_triangles_on_both_sides(mask):
    _, triangles = surface_of(mask, grid(mask.shape))
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, forth = np.unique(edges, axis=0, return_counts=True)
    back, number = np.unique(edges[:, ::-1], axis=0, return_counts=True)
    assert np.array_equal(there, back)
    assert np.array_equal(forth, number)


def test_an_empty_mask_has_no_surface():
    with pytest.raises(InputError, match="empty"):
        surface_of(np.zeros((3, 3, 3), bool), grid((3, 3, 3)))


def test_files_hold_the_points_and_triangles(tmp_path):
    mask = ball()
    points, triangles = surface_of(mask, grid(mask.shape))
    for ending in (".stl", ".obj", ".ply"):
        write_mesh(tmp_path / f"ball{ending}", (points, triangles), "Bäll\n1")
    stl = (tmp_path / "ball.stl").read_bytes()
    assert struct.unpack_from("<I", stl, 80)[0] == len(triangles)
    assert len(stl) == 84 + 50 * len(triangles)
    assert np.allclose(np.frombuffer(stl, "<f4", 9, 96), points[triangles[0]].ravel(), atol=1e-4)
    lines = (tmp_path / "ball.obj").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("v ") for line in lines) == len(points)
    assert lines[0] == "# SPACE=LPS"
    assert lines[-1] == "f " + " ".join(str(corner + 1) for corner in triangles[-1])
    ply = (tmp_path / "ball.ply").read_bytes()
    assert len(ply.partition(b"end_header\n")[2]) == 12 * len(points) + 13 * len(triangles)


def test_vtk_reads_the_same_surface(tmp_path):
    vtk = pytest.importorskip("vtk", reason="needs VTK, of the extra 'test'")
    mask = ball()
    mesh = surface_of(mask, grid(mask.shape))
    readers = {".stl": vtk.vtkSTLReader, ".obj": vtk.vtkOBJReader, ".ply": vtk.vtkPLYReader}
    for ending, reader_of in readers.items():
        path = tmp_path / f"ball{ending}"
        write_mesh(path, mesh)
        reader = reader_of()
        reader.SetFileName(str(path))
        measure = vtk.vtkMassProperties()
        measure.SetInputConnection(reader.GetOutputPort())
        assert measure.GetVolume() == pytest.approx(volume_of(*mesh), rel=1e-3)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=".stl"):
        write_mesh(tmp_path / "ball.vtk", (np.zeros((0, 3)), np.zeros((0, 3), int)))
