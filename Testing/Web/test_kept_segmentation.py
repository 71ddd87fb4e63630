"""Undo keeps what was there, packed where it is large, and brings the same back."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'browser'")

import slicer
import vtk
from mrml_scene import makeScene

LABELMAP = "Binary labelmap"


def segmentation():
    """Segments "a" and "b" in one labelmap, "c" in another one, and "d" without any voxel."""
    makeScene()  # its logic knows what segments are made of
    made = slicer.vtkSegmentation()
    made.SetSourceRepresentationName(LABELMAP)
    shared = labelmap((3, 4, 5), 2)
    for name, value, held in (
        ("a", 1, shared),
        ("b", 2, shared),
        ("c", 1, labelmap((2, 2, 2), 0)),
        ("d", 1, slicer.vtkOrientedImageData()),
    ):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.SetTag("of", name)
        segment.SetLabelValue(value)
        segment.AddRepresentation(LABELMAP, held)
        made.AddSegment(segment, name)
    return made


def labelmap(shape, seed):
    from SlicePropagationMRML.nodes.geometry import sharedScalars

    made = slicer.vtkOrientedImageData()
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy([0, -2, 0, 5, 1, 0, 0, 7, 0, 0, 3, 9, 0, 0, 0, 1])
    made.SetImageToWorldMatrix(matrix)
    made.SetExtent(7, 6 + shape[2], 2, 1 + shape[1], 1, shape[0])
    voxels = np.random.default_rng(seed).integers(0, 3, np.prod(shape)).astype(np.uint8)
    made.GetPointData().SetScalars(sharedScalars(voxels))
    return made


def held(segmentation, name):
    from SlicePropagationMRML.nodes.geometry import arrayOf

    found = segmentation.GetSegment(name).GetRepresentation(LABELMAP)
    matrix = vtk.vtkMatrix4x4()
    found.GetImageToWorldMatrix(matrix)
    place = [matrix.GetElement(*divmod(number, 4)) for number in range(16)]
    return (found.GetExtent(), place), arrayOf(found).copy()


@pytest.mark.parametrize("limit", [0, 10**9])
def test_what_was_kept_comes_back_as_it_was(limit, monkeypatch):
    from SlicePropagationWeb import kept_segmentation
    from SlicePropagationWeb.kept_segmentation import KeptSegmentation

    monkeypatch.setattr(kept_segmentation, "PACKED_BYTES", limit)
    now = segmentation()
    before = {name: held(now, name) for name in "abc"}
    first = KeptSegmentation(now)
    now.RemoveSegment("a")
    now.GetSegment("c").GetRepresentation(LABELMAP).Initialize()
    second = KeptSegmentation(now)
    first.put_into(now)
    for name, (place, voxels) in before.items():
        assert held(now, name)[0] == place
        assert np.array_equal(held(now, name)[1], voxels)
    one, other = (now.GetSegment(name).GetRepresentation(LABELMAP) for name in "ab")
    assert one is other
    assert now.GetSegment("d").GetRepresentation(LABELMAP).IsEmpty()
    second.put_into(now)
    assert list(now.GetSegmentIDs()) == ["b", "c", "d"]
    assert now.GetSegment("c").GetRepresentation(LABELMAP).IsEmpty()


def test_voxels_that_are_kept_take_less_than_they_did(monkeypatch):
    from SlicePropagationWeb import kept_segmentation
    from SlicePropagationWeb.kept_segmentation import KeptSegmentation

    monkeypatch.setattr(kept_segmentation, "PACKED_BYTES", 0)
    kept = KeptSegmentation(segmentation())
    packed = kept._packed.result()
    assert len(packed) == 2  # one of the labelmaps is shared, one is empty
    assert all(each.labelmap.IsEmpty() for each in packed)
