"""Volumes and segmentations between files and nodes.

The voxels and the geometry stay as they are.
"""

import gc
import weakref

import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util
import vtk
from mrml_scene import makeScene, makeSegmentation
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationMRML.nodes.volume_files import (
    addSegments,
    addVolumeNode,
    filesOf,
    removeVolumeNode,
    volumeOf,
)

from SlicePropagationLib.files import mapped_file, unpacked
from SlicePropagationLib.files.segmentation_file import read_segmentation, write_labels
from SlicePropagationLib.files.volume import read_volume

OBLIQUE = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]]


@pytest.fixture
def scene():
    return makeScene()[0]


@pytest.fixture
def image():
    image = sitk.GetImageFromArray(
        np.random.default_rng(0).normal(0, 9, (5, 6, 7)).astype(np.float32)
    )
    image.SetSpacing((0.5, 1.5, 3.0))
    image.SetOrigin((5.0, -7.0, 11.0))
    image.SetDirection(np.ravel(OBLIQUE))
    return image


def test_a_volume_node_has_the_voxels_and_the_place_of_the_file(scene, image, tmp_path):
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    node = addVolumeNode(scene, read_volume(tmp_path / "image.nrrd"), "image")
    assert np.array_equal(slicer.util.arrayFromVolume(node), sitk.GetArrayFromImage(image))
    point = image.TransformIndexToPhysicalPoint((3, 2, 4))
    ijk_to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ijk_to_ras)
    assert np.allclose(ijk_to_ras.MultiplyPoint((3, 2, 4, 1))[:3], (-point[0], -point[1], point[2]))


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_voxels_of_a_large_file_stay_there_as_long_as_the_node_has_them(
    ending, scene, image, tmp_path, monkeypatch
):
    monkeypatch.setattr(mapped_file, "MAPPED_BYTES", 0)
    monkeypatch.setattr(mapped_file, "UNPACKED_BYTES", 0)
    monkeypatch.setenv(unpacked.FOLDER, str(tmp_path / "cache"))
    sitk.WriteImage(image, str(tmp_path / f"image.{ending}"))
    volume = read_volume(tmp_path / f"image.{ending}", may_map=True)
    isGone = weakref.ref(volume.array.base)
    node = addVolumeNode(scene, volume, "image")
    shown = slicer.util.arrayFromVolume(node)
    assert np.shares_memory(shown, volume.array)
    del shown, volume
    gc.collect()
    assert isGone() is not None
    assert np.array_equal(slicer.util.arrayFromVolume(node), sitk.GetArrayFromImage(image))
    removeVolumeNode(node)
    del node
    gc.collect()
    assert isGone() is None


def test_results_of_a_nifti_image_have_its_forms_again_after_it_was_a_node(scene, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
    sform = np.diag([1.0, 2.0, 3.0, 1.0])
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), sform)
    image.set_qform(sform, 1)
    sform[:3, 3] = 7
    image.set_sform(sform, 2)
    nibabel.save(image, tmp_path / "image.nii")
    volume = volumeOf(addVolumeNode(scene, read_volume(tmp_path / "image.nii"), "image"))
    write_labels(tmp_path / "out.nii.gz", volume.array > 30, volume, [])
    result = nibabel.load(tmp_path / "out.nii.gz")
    for form in ("get_sform", "get_qform"):
        matrix, code = getattr(result, form)(coded=True)
        wanted, wanted_code = getattr(image, form)(coded=True)
        assert code == wanted_code
        assert np.array_equal(matrix, wanted)


def test_the_files_of_a_volume_are_those_of_its_storage_node(scene, tmp_path):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "series")
    assert filesOf(node) == []
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / "1.dcm"))
    for name in ("1.dcm", "2.dcm"):
        storage.AddFileName(str(tmp_path / name))
    node.SetAndObserveStorageNodeID(storage.GetID())
    assert filesOf(node) == [tmp_path / "1.dcm", tmp_path / "2.dcm"]


def test_labels_written_for_a_node_lie_on_the_grid_of_its_file(scene, image, tmp_path):
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    volume = read_volume(tmp_path / "image.nrrd")
    node = addVolumeNode(scene, volume, "image")
    for back in (volumeOf(node).image, volumeOf(node, hasImage=True).itk_image):
        for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            assert np.allclose(getattr(back, name)(), getattr(volume.image, name)())


def test_segments_of_a_file_become_segments_with_names_colours_and_tags(scene, image, tmp_path):
    from SlicePropagationLib.files.segments import Segment

    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    volume = read_volume(tmp_path / "image.nrrd")
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[1:3, 2:4, 1:6], labels[4, 0, 0] = 1, 2
    segments = [
        Segment(1, "Liver", "liver", (1.0, 0.0, 0.0), "Note:a:b|"),
        Segment(2, "Spot", "spot", (0.0, 1.0, 0.0)),
        Segment(3, "None", "none", (0.0, 0.0, 1.0)),
    ]
    write_labels(tmp_path / "labels.seg.nrrd", labels, volume, segments)
    node = addVolumeNode(scene, volume, "image")
    segmentation = makeSegmentation(scene, node, ())
    ids = addSegments(segmentation, node, read_segmentation(tmp_path / "labels.seg.nrrd", volume))
    assert ids == ["liver", "spot", "none"]
    assert [
        np.array_equal(segmentMask(segmentation, key, node), labels == label)
        for label, key in enumerate(ids, 1)
    ] == [True, True, True]
    liver = segmentation.GetSegmentation().GetSegment("liver")
    note = vtk.reference("")
    liver.GetTag("Note", note)
    assert liver.GetName() == "Liver"
    assert liver.GetColor() == (1.0, 0.0, 0.0)
    assert str(note) == "a:b"
