"""Any geometry: the mask never shifts by a voxel (contract, point 9)."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from mrml_scene import makeVolume
from phantoms import square
from SlicePropagationMRML.nodes import geometry
from SlicePropagationMRML.nodes.geometry import (
    axisOfPlane,
    planeOfAxis,
    segmentMask,
    stackFromVolume,
)

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.mapped_slices import MappedSlices


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_drawn_slice_stays_where_it_is_along_every_axis(bench, axis):
    bench.open(axis=axis)
    shape = bench.logic.document.stack.slice_shape
    drawn = square(3, 4, 6, shape)
    bench.draw("disc", 8, drawn, axis=axis)
    bench.run("copy")
    moved = np.moveaxis(bench.mask("disc"), axis, 0)
    assert all(np.array_equal(moved[index], drawn) for index in range(len(moved)))


def linear(scene, degrees, shift):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform = vtk.vtkTransform()
    transform.RotateZ(degrees)
    transform.Translate(*shift)
    node.SetMatrixTransformToParent(transform.GetMatrix())
    return node


@pytest.mark.parametrize("moves", ["volume", "segmentation", "both"])
def test_parent_transforms_do_not_shift_the_mask(bench, moves):
    node = linear(bench.scene, 90, (3.0, 6.0, -9.0))
    if moves in ("volume", "both"):
        bench.volume.SetAndObserveTransformNodeID(node.GetID())
    if moves in ("segmentation", "both"):
        bench.segmentation.SetAndObserveTransformNodeID(node.GetID())
    bench.open()
    drawn = square(10, 12, 9, (48, 48))
    bench.draw("disc", 7, drawn)
    bench.run("copy")
    assert all(np.array_equal(bench.mask("disc")[index], drawn) for index in range(16))


def test_a_segmentation_on_another_grid_is_read_in_its_place(bench):
    fine = makeVolume(
        bench.scene,
        np.zeros((16, 96, 96), np.float32),
        (0.5, 0.75, 3.0),
        directions=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        name="fine",
    )
    coarse = makeVolume(
        bench.scene,
        np.random.default_rng(0).random((16, 48, 48)).astype(np.float32),
        (1.0, 1.5, 3.0),
        (0.25, 0.375, 0.0),
        name="coarse",
    )
    segmentation = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(fine)
    segmentation.GetSegmentation().AddEmptySegment("a", "a")
    labelmap = slicer.vtkOrientedImageData()
    from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap

    labelmap = emptyLabelmap(fine, segmentation)
    arrayOf(labelmap)[5, 20:40, 30:60] = 1
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(labelmap, segmentation, "a")
    mask = segmentMask(segmentation, "a", coarse)
    assert mask[5, 10:20, 15:30].all()
    assert mask.sum() == 150


def test_a_plane_is_found_by_its_anatomical_name(bench):
    assert axisOfPlane(bench.volume, "axial") == 0
    assert {axisOfPlane(bench.volume, plane) for plane in ("axial", "coronal", "sagittal")} == {
        0,
        1,
        2,
    }
    assert all(
        planeOfAxis(bench.volume, axisOfPlane(bench.volume, plane)) == plane
        for plane in ("axial", "coronal", "sagittal")
    )


def test_the_stack_has_the_spacing_of_its_axes(bench):
    assert stackFromVolume(bench.volume, 0).spacing_mm == (3.0, 1.5, 1.0)
    assert stackFromVolume(bench.volume, 2).spacing_mm == (1.0, 3.0, 1.5)


def test_a_deformed_volume_is_refused_with_the_remedy(bench):
    node = bench.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(6, 6, 6)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    coefficients.GetPointData().GetScalars().Fill(0.5)
    spline.SetCoefficientData(coefficients)
    node.SetAndObserveTransformToParent(spline)
    bench.volume.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(GeometryMismatchError, match="harden"):
        bench.open()


def test_a_volume_without_an_image_and_a_constant_one_are_refused(bench):
    with pytest.raises(InputError, match="no image"):
        stackFromVolume(bench.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
    with pytest.raises(InputError, match="constant"):
        stackFromVolume(makeVolume(bench.scene, np.ones((3, 4, 5), np.float32), (1, 1, 1)))
    with pytest.raises(InputError, match="no finite voxel"):
        stackFromVolume(makeVolume(bench.scene, np.full((3, 4, 5), np.nan, np.float32), (1, 1, 1)))


def test_nan_and_infinite_voxels_count_as_on_the_command_line(bench, tmp_path, caplog):
    array = bench.stack.images - 1000
    array[2, 3, 4], array[3, 4, 5] = np.nan, np.inf
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "image.nrrd"))
    images = stackFromVolume(makeVolume(bench.scene, array, (1, 1, 1))).images
    assert np.array_equal(images, read_volume(tmp_path / "image.nrrd").array)
    assert images[2, 3, 4] == images.min() < -1000
    assert "Volume 'CT' has 2 NaN or infinite voxels" in caplog.text


@pytest.mark.parametrize("axis", [0, 2])
def test_voxels_of_a_large_volume_are_not_copied_and_give_the_same_result(bench, monkeypatch, axis):
    results, stacks = [], []
    for large in (1 << 40, 1):
        monkeypatch.setattr(geometry, "LARGE_BYTES", large)
        bench.logic.close()
        for index in range(bench.mask("disc").shape[axis]):
            bench.draw("disc", index, False, axis=axis)
        bench.open(axis=axis)
        stack = bench.logic.document.stack
        bench.draw("disc", 8, square(3, 4, 6, stack.slice_shape), axis=axis)
        bench.run("registration")
        stacks.append(stack)
        results.append(bench.mask("disc"))
    copied, shared = (stack.images for stack in stacks)
    assert isinstance(shared, MappedSlices) and not isinstance(copied, MappedSlices)
    assert np.array_equal(copied, np.asarray(shared))
    assert np.shares_memory(shared._voxels, slicer.util.arrayFromVolume(bench.volume))
    assert results[0].any() and np.array_equal(*results)


def test_voxels_that_are_shared_stay_when_the_volume_is_given_another_size(bench, monkeypatch):
    monkeypatch.setattr(geometry, "LARGE_BYTES", 1)
    stack = stackFromVolume(bench.volume)
    before = np.asarray(stack.images).copy()
    image = bench.volume.GetImageData()
    image.SetDimensions(200, 200, 200)
    image.AllocateScalars(image.GetScalarType(), 1)
    slicer.util.arrayFromVolume(bench.volume)[:] = -1
    assert np.array_equal(np.asarray(stack.images), before)


def test_nan_in_a_large_volume_is_replaced_as_in_a_small_one(bench, monkeypatch):
    array = bench.stack.images.copy()
    array[2, 3, 4] = np.nan
    images = []
    for large in (1 << 40, 1):
        monkeypatch.setattr(geometry, "LARGE_BYTES", large)
        images.append(stackFromVolume(makeVolume(bench.scene, array, (1, 1, 1))).images)
    assert np.isfinite(images[1]).all() and np.array_equal(*images)


def test_a_segmentation_that_slicer_saved_is_read_by_the_command_line_in_its_place(bench, tmp_path):
    """Oblique, flipped, cropped to its segments by Slicer.

    With overlapping segments in layers of their own.
    """
    import SimpleITK as sitk

    from SlicePropagationLib.files.segmentation_file import read_labels
    from SlicePropagationLib.files.volume import read_volume

    bench.open()
    small = square(20, 22, 4, (48, 48))
    large = square(18, 20, 12, (48, 48))
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    bench.draw("disc", 7, large)
    bench.draw("rest", 7, small)
    bench.segmentation.GetSegmentation().GetSegment("rest").SetColor(0.25, 0.5, 0.75)
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    bench.scene.AddNode(storage)
    storage.SetCropToMinimumExtent(True)
    assert storage.WriteData(bench.segmentation)
    volumeStorage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    volumeStorage.SetFileName(str(tmp_path / "image.nrrd"))
    bench.scene.AddNode(volumeStorage)
    assert volumeStorage.WriteData(bench.volume)
    assert sitk.ReadImage(str(tmp_path / "saved.seg.nrrd")).GetSize()[:3] != (48, 48, 16)
    labels, segments = read_labels(
        tmp_path / "saved.seg.nrrd",
        read_volume(tmp_path / "image.nrrd"),
    )
    by_name = {segment.name: segment for segment in segments}
    assert np.array_equal(labels[7] == by_name["rest"].label, small)
    assert np.array_equal(labels[7] == by_name["disc"].label, large & ~small)
    assert by_name["rest"].color == (0.25, 0.5, 0.75)


def test_a_segment_drawn_on_a_finer_grid_is_propagated_and_its_anchor_kept(bench):
    from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap

    size = bench.stack.images.shape
    fine = makeVolume(
        bench.scene,
        np.zeros((size[0], 96, 96), np.float32),
        (0.5, 0.75, 3.0),
        name="fine",
    )
    coarse = makeVolume(
        bench.scene,
        bench.stack.images,
        (1.0, 1.5, 3.0),
        (0.25, 0.375, 0.0),
        name="coarse",
    )
    bench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(fine)
    drawn = emptyLabelmap(fine, bench.segmentation)
    arrayOf(drawn)[7, 20:40, 30:60] = 1
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        drawn,
        bench.segmentation,
        "disc",
    )
    bench.volume = coarse
    bench.open()
    bench.run("copy")
    mask = bench.mask("disc")
    assert all(
        mask[index, 10:20, 15:30].all() and mask[index].sum() == 150 for index in range(size[0])
    )
    assert np.array_equal(segmentMask(bench.segmentation, "disc", fine)[7], arrayOf(drawn)[7] > 0)
