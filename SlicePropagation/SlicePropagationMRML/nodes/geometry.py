"""Volumes and segments as arrays on the volume's grid.

With full geometry: oblique, flipped, anisotropic, transformed.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.orientation import letters_of
from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationLib.pipelines.slice_record import grid_values
from SlicePropagationLib.stack import SliceStack, finite_values
from SlicePropagationMRML.nodes.types import (
    DataArray,
    Labelmap,
    Matrix,
    Node,
    SegmentationNode,
    Transform,
    VolumeNode,
)

Block: TypeAlias = tuple[slice, ...]  # (K, J, I)
LARGE_BYTES = 32 * 2**20  # of voxels, from which on they are not copied
# plane -> the patient axis (R, A, S) its slices run along
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
PLANES = {
    "axial": 2,
    "coronal": 1,
    "sagittal": 0,
}
# where each patient axis comes from and leads to
ENDS = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))


def stackFromVolume(volumeNode: VolumeNode, axis: int = 0) -> SliceStack:
    """The `SliceStack` of a volume node.

    Voxels of a large volume stay where the node has them, and become numbers of 32 bits when they
    are looked at.

    Args:
        volumeNode: the volume.
        axis: which of the voxel axes K, J, I (0, 1, 2) the slices run along.

    Raises:
        InputError: the volume has no image, more than one value per voxel, no finite one, or is
            constant.
    """
    image = volumeNode.GetImageData() if volumeNode else None
    if image is None or image.GetPointData().GetScalars() is None:
        raise InputError("The volume has no image; load one or choose another volume.")
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(
            "The volume has {number} values per voxel (a colour image), 1 is needed;"
            " convert it to a scalar volume.",
            number=image.GetNumberOfScalarComponents(),
        )
    stored = slicer.util.arrayFromVolume(volumeNode)
    isLarge = stored.nbytes >= LARGE_BYTES and _isFinite(stored)
    array = stored if isLarge else stored.astype(np.float32)
    if not isLarge and stored.dtype.kind == "f":
        array = finite_values(array, f"Volume '{volumeNode.GetName()}'")
    if all((part == array.flat[0]).all() for part in array):  # ends at the first slice that differs
        raise InputError(
            "The volume is constant (every voxel is {value:g}), so there is nothing to"
            " follow; choose another volume.",
            value=array.flat[0],
        )
    spacing = tuple(reversed(volumeNode.GetSpacing()))
    towards = towardsOf(volumeNode)
    return SliceStack.from_volume(array, spacing, axis, towards=towards, keeps_type=isLarge)


def towardsOf(volumeNode: VolumeNode) -> str:
    """Where K, J and I of a volume count towards in the patient, as "SPL"."""
    return letters_of(RAS_TO_LPS @ _directions(volumeNode))


def _isFinite(voxels: np.ndarray) -> bool:
    """Whether there is no NaN and nothing infinite, looked at slice by slice."""
    return voxels.dtype.kind != "f" or all(np.isfinite(part).all() for part in voxels)


def intensityRange(volumeNode: VolumeNode) -> tuple[float, float]:
    """The least and the greatest value of a volume; VTK itself takes 30 times as long."""
    voxels = slicer.util.arrayFromVolume(volumeNode)
    return float(voxels.min()), float(voxels.max())


def volumeFromArray(
    volumeNode: VolumeNode, array: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    """Put a (K, J, I) array into a volume node.

    Columns run from right to left and rows from front to back.

    Args:
        volumeNode: the volume.
        array: the voxels.
        spacing: along I, J, K in mm.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(array.shape))
    image.AllocateScalars(numpy_support.get_vtk_array_type(array.dtype), 1)
    voxels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    voxels[:] = array.ravel()
    volumeNode.SetSpacing(*spacing)
    volumeNode.SetIJKToRASDirections([[-1, 0, 0], [0, -1, 0], [0, 0, 1]])
    volumeNode.SetAndObserveImageData(image)


def axisOfPlane(volumeNode: VolumeNode, plane: str) -> int:
    """The voxel axis (0, 1, 2 for K, J, I) whose slices are nearest to an anatomical plane.

    Each plane gets an axis of its own, also in oblique volumes.

    Args:
        volumeNode: the volume.
        plane: "axial", "coronal" or "sagittal".
    """
    alignment = np.abs(_directions(volumeNode))
    free = {}
    for _ in range(3):
        patient, voxel = np.unravel_index(alignment.argmax(), (3, 3))
        free[int(patient)] = 2 - int(voxel)
        alignment[patient, :] = alignment[:, voxel] = -1
    return free[PLANES[plane]]


def planeOfAxis(volumeNode: VolumeNode, axis: int) -> str:
    """The anatomical plane whose slices run along a voxel axis."""
    return next(plane for plane in PLANES if axisOfPlane(volumeNode, plane) == axis)


def endsOfAxis(volumeNode: VolumeNode, axis: int) -> tuple[str, str]:
    """Where the slices of a voxel axis begin and end in the patient, as ("inferior", "superior").

    By the nearest patient axis.
    """
    patient = PLANES[planeOfAxis(volumeNode, axis)]
    start, end = ENDS[patient]
    isUpward = _directions(volumeNode)[patient, 2 - axis] > 0
    return (start, end) if isUpward else (end, start)


def obliqueness(volumeNode: VolumeNode, axis: int) -> float:
    """Angle in degrees between the slices of a voxel axis and their anatomical plane."""
    patient = PLANES[planeOfAxis(volumeNode, axis)]
    cosine = abs(_directions(volumeNode)[patient, 2 - axis])
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def axisOfMask(mask: np.ndarray) -> int | None:
    """The voxel axis (0, 1, 2 for K, J, I) along which a mask was drawn on single slices, or None.

    Of several axes, the one with the fewest slices; None for an empty mask, and where every axis
    shows more than half of the slices that the mask reaches over, as a mask in 3D does.

    Args:
        mask: (K, J, I) bool.
    """
    present = [presentSlices(mask, axis) for axis in range(3)]
    if not len(present[0]):
        return None
    axis = min(range(3), key=lambda axis: len(present[axis]))
    slices = present[axis]
    isSparse = len(slices) == 1 or len(slices) <= (slices[-1] - slices[0] + 1) / 2
    return axis if isSparse else None


def presentSlices(voxels: np.ndarray, axis: int) -> np.ndarray:
    """Indices of the slices along an axis of a (K, J, I) mask that show anything."""
    others = tuple(other for other in range(3) if other != axis)
    return np.flatnonzero(voxels.any(axis=others))


def isLeftHanded(volumeNode: VolumeNode) -> bool:
    """Whether the voxel axes I, J, K of a volume are a left-handed system."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return matrix.Determinant() < 0


def gridOf(volumeNode: VolumeNode, segmentationNode: SegmentationNode) -> dict[str, Any]:
    """The voxels of a volume in a segmentation's coordinates, as `grid_values` says it.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    matrix = _voxelsToSegmentation(volumeNode, segmentationNode)
    elements = [matrix.GetElement(*divmod(number, 4)) for number in range(12)]
    size = volumeNode.GetImageData().GetDimensions()
    isMirrored = isLeftHanded(volumeNode)
    return grid_values(size, np.reshape(elements, (3, 4)), is_left_handed=isMirrored)


def sliceCenter(
    volumeNode: VolumeNode,
    axis: int,
    index: int,
    rowColumn: tuple[float, float] | None = None,
) -> tuple[float, float, float]:
    """A point of a slice in world coordinates (R, A, S, in millimetres).

    Args:
        volumeNode: the volume.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        index: the slice.
        rowColumn: where on the slice, in pixels; its centre when None.
    """
    size = volumeNode.GetImageData().GetDimensions()
    point = [(number - 1) / 2 for number in size]
    point[2 - axis] = index
    if rowColumn is not None:
        row, column = (2 - other for other in range(3) if other != axis)
        point[row] = rowColumn[0]
        point[column] = rowColumn[1]
    return ijkToWorld(volumeNode).TransformPoint(point)


def ijkToWorld(volumeNode: VolumeNode) -> Transform:
    """The transform from voxel indices (I, J, K) to world coordinates.

    The volume's own transform is included.
    """
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    parent = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        volumeNode.GetParentTransformNode(),
        None,
        parent,
    )
    world = vtk.vtkGeneralTransform()
    world.PostMultiply()
    world.Concatenate(matrix)
    world.Concatenate(parent)
    return world


def emptyLabelmap(volumeNode: VolumeNode, segmentationNode: SegmentationNode) -> Labelmap:
    """An empty labelmap on the volume's grid, placed in the segmentation's coordinates.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    return _emptyOn(placedOnGrid(volumeNode, segmentationNode))


def placedOnGrid(volumeNode: VolumeNode, segmentationNode: SegmentationNode) -> Labelmap:
    """A labelmap without voxels on the volume's grid, placed in the segmentation's coordinates.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    grid = slicer.vtkOrientedImageData()
    grid.SetExtent(volumeNode.GetImageData().GetExtent())
    grid.SetImageToWorldMatrix(_voxelsToSegmentation(volumeNode, segmentationNode))
    return grid


def partOf(
    labelmap: Labelmap, extent: Sequence[int]
) -> tuple[Labelmap, Block] | tuple[None, Block]:
    """A part of a labelmap: its place, without voxels, and its (K, J, I) slices there.

    Args:
        labelmap: of which.
        extent: indices of the first and last voxels along I, J, K; it may reach beyond.

    Returns:
        (None, ()) where nothing of it is in the extent.
    """
    window, part = _overlap(labelmap.GetExtent(), extent)
    if window is None or part is None:
        return None, ()
    starts = [extent[2 * (2 - axis)] for axis in range(3)]
    bounds = [
        (start + each.start, start + each.stop - 1)
        for start, each in zip(starts, part, strict=True)
    ]
    return _placed(labelmap, [index for pair in reversed(bounds) for index in pair]), window


def _placed(grid: Labelmap, extent: Sequence[int]) -> Labelmap:
    """A labelmap without voxels on the lattice of another one."""
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetExtent(*extent)
    matrix = vtk.vtkMatrix4x4()
    grid.GetImageToWorldMatrix(matrix)
    labelmap.SetImageToWorldMatrix(matrix)
    return labelmap


def _emptyOn(grid: Labelmap) -> Labelmap:
    """An empty labelmap where another one lies; it takes memory where something is written."""
    labelmap = _placed(grid, grid.GetExtent())
    # what the system gives out as zeros is not there until it is written to; VTK writes all of it
    voxels = np.zeros(labelmap.GetNumberOfPoints(), np.uint8)
    labelmap.GetPointData().SetScalars(sharedScalars(voxels))
    return labelmap


def sharedScalars(voxels: np.ndarray) -> DataArray:
    """VTK's array of some voxels, which are not copied, and stay as long as it does.

    Args:
        voxels: one value behind the other, in the order of bytes of the machine.
    """
    scalars = numpy_support.create_vtk_array(numpy_support.get_vtk_array_type(voxels.dtype))
    isKept = True  # nothing is freed by VTK
    scalars.SetVoidArray(voxels, voxels.size, isKept)
    # `numpy_to_vtk` leaves the voxels with Python's wrapper of the array, which may go before it
    # does, and may come to light long after it
    scalars.AddObserver(vtk.vtkCommand.DeleteEvent, lambda caller, event, held=voxels: None)
    return scalars


def cutOut(labelmap: Labelmap, extent: Sequence[int] | None = None) -> Labelmap:
    """The part of a labelmap in which anything is, as a labelmap of its own.

    Args:
        labelmap: of which.
        extent: where to look, along I, J, K; None everywhere.

    Returns:
        The same labelmap where nothing is in it.
    """
    around = list(extent or labelmap.GetExtent())
    if extent is None:
        slicer.vtkOrientedImageDataResample.CalculateEffectiveExtent(labelmap, around)
    part, window = partOf(labelmap, around)
    if part is None:
        return labelmap
    part.AllocateScalars(labelmap.GetScalarType(), 1)
    arrayOf(part)[:] = arrayOf(labelmap)[window]
    return part


def arrayOf(labelmap: Labelmap) -> np.ndarray:
    """(K, J, I) view of a labelmap's voxels; writing into it needs `labelmap.Modified()`."""
    i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
    scalars = numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    return scalars.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)


def segmentMask(
    segmentationNode: SegmentationNode, segmentID: str, volumeNode: VolumeNode
) -> np.ndarray:
    """(K, J, I) bool mask of a segment on the volume's grid.

    A segment on another grid is resampled, nearest voxel.
    """
    return voxelsOn(placedOnGrid(volumeNode, segmentationNode), segmentationNode, segmentID)


def voxelsOn(grid: Labelmap, segmentationNode: SegmentationNode, segmentID: str) -> np.ndarray:
    """(K, J, I) bool mask of a segment on the extent of a labelmap, of which only the place counts.

    A segment on another grid is resampled, nearest voxel.
    """
    i0, i1, j0, j1, k0, k1 = grid.GetExtent()
    mask = np.zeros((k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1), bool)
    stored = _storedOn(grid, segmentationNode, segmentID)
    if stored is not None:  # no resampling: 20 times as fast on a large volume
        own, target = _overlap(stored.GetExtent(), grid.GetExtent())
        if own is not None:
            mask[target] = arrayOf(stored)[own] == _labelValue(segmentationNode, segmentID)
        return mask
    own = slicer.vtkOrientedImageData()
    if not segmentationNode.GetBinaryLabelmapRepresentation(segmentID, own) or own.IsEmpty():
        return mask
    onGrid = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        own,
        _emptyOn(grid),
        onGrid,
    )
    return arrayOf(onGrid) > 0


def segmentPatches(
    segmentationNode: SegmentationNode, segmentID: str, volumeNode: VolumeNode, axis: int
) -> list[Patch]:
    """What a segment shows on each of the N slices along a voxel axis of the volume's grid.

    Only the part of the grid is looked at in which anything is stored.

    Args:
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
    """
    count = volumeNode.GetImageData().GetDimensions()[2 - axis]
    block, low = segmentBlock(segmentationNode, segmentID, volumeNode)
    first = low.pop(axis)
    patches = [EMPTY_MASK] * count
    for index, mask in enumerate(np.moveaxis(block, axis, 0), first):
        patches[index] = Patch.cut(mask).moved(*low)
    return patches


def segmentBlock(
    segmentationNode: SegmentationNode, segmentID: str, volumeNode: VolumeNode
) -> tuple[np.ndarray, list[int]]:
    """The part of the volume's grid in which anything is stored of a segment.

    A segment on another grid is resampled, nearest voxel, and the part is the whole grid.

    Args:
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.

    Returns:
        (K, J, I) bool voxels, and the grid's indices (K, J, I) of the first one.
    """
    nothing = np.zeros((0, 0, 0), bool), [0, 0, 0]
    if _isBlank(segmentationNode, segmentID):
        return nothing
    grid = placedOnGrid(volumeNode, segmentationNode)
    stored = _storedOn(grid, segmentationNode, segmentID)
    if stored is None:
        return segmentMask(segmentationNode, segmentID, volumeNode), [0, 0, 0]
    own, target = _overlap(stored.GetExtent(), grid.GetExtent())
    if own is None or target is None:
        return nothing
    block = arrayOf(stored)[own] == _labelValue(segmentationNode, segmentID)
    return block, [part.start for part in target]


def labelmapBlock(
    volumeNode: VolumeNode,
    segmentationNode: SegmentationNode,
    block: np.ndarray,
    low: Sequence[int],
) -> Labelmap:
    """A labelmap with a part of the volume's grid, placed in the segmentation's coordinates.

    Args:
        volumeNode: the volume.
        segmentationNode: the segmentation.
        block: (K, J, I) bool voxels of the part.
        low: the grid's indices (K, J, I) of its first voxel.

    Raises:
        GeometryMismatchError: a deformation lies between volume and segmentation.
    """
    labelmap = placedOnGrid(volumeNode, segmentationNode)
    start = labelmap.GetExtent()[4::-2]
    extent = []
    for axis in (2, 1, 0):
        first = start[axis] + low[axis]
        extent += [first, first + block.shape[axis] - 1]
    labelmap.SetExtent(*extent)
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    arrayOf(labelmap)[:] = block
    return labelmap


def hasVoxels(segmentationNode: SegmentationNode, segmentID: str) -> bool:
    """Whether anything is drawn in a segment."""
    stored = _stored(segmentationNode, segmentID)
    if stored is None:
        return False
    return bool((arrayOf(stored) == _labelValue(segmentationNode, segmentID)).any())


def _stored(segmentationNode: SegmentationNode, segmentID: str) -> Labelmap | None:
    """The labelmap of a segment, which others may share; None when it is empty or not there."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    stored = segment.GetRepresentation("Binary labelmap") if segment else None
    return None if stored is None or stored.IsEmpty() else stored


def _isBlank(segmentationNode: SegmentationNode, segmentID: str) -> bool:
    """Whether a segment has voxels for its form, and none of them; one of surfaces has other forms."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    stored = segment.GetRepresentation("Binary labelmap") if segment else None
    return stored is not None and stored.IsEmpty()


def _storedOn(
    grid: Labelmap, segmentationNode: SegmentationNode, segmentID: str
) -> Labelmap | None:
    """The same where it lies on a grid, so that nothing has to be resampled."""
    stored = _stored(segmentationNode, segmentID)
    match = slicer.vtkOrientedImageDataResample.DoGeometriesMatch
    return stored if stored is not None and match(stored, grid) else None


def _labelValue(segmentationNode: SegmentationNode, segmentID: str) -> int:
    return segmentationNode.GetSegmentation().GetSegment(segmentID).GetLabelValue()


def _directions(volumeNode: VolumeNode) -> np.ndarray:
    """(3, 3) float: column v is the direction of voxel axis v (I, J, K) in R, A, S."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(matrix)
    elements = [matrix.GetElement(*divmod(number, 3)) for number in range(9)]
    return np.reshape(elements, (3, 3))


def _voxelsToSegmentation(volumeNode: VolumeNode, segmentationNode: SegmentationNode) -> Matrix:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    vtk.vtkMatrix4x4.Multiply4x4(
        _volumeToSegmentation(volumeNode, segmentationNode),
        matrix,
        matrix,
    )
    return matrix


def _overlap(
    storedExtent: Sequence[int], gridExtent: Sequence[int]
) -> tuple[Block, Block] | tuple[None, None]:
    """((K, J, I) slices of a labelmap, of the grid) that both cover.

    (None, None) where they have nothing in common.
    """
    own = []
    target = []
    for axis in (2, 1, 0):
        low = max(storedExtent[2 * axis], gridExtent[2 * axis])
        high = min(storedExtent[2 * axis + 1], gridExtent[2 * axis + 1]) + 1
        if high <= low:
            return None, None
        own.append(slice(low - storedExtent[2 * axis], high - storedExtent[2 * axis]))
        target.append(slice(low - gridExtent[2 * axis], high - gridExtent[2 * axis]))
    return tuple(own), tuple(target)


def _volumeToSegmentation(volumeNode: VolumeNode, segmentationNode: SegmentationNode) -> Matrix:
    source = volumeNode.GetParentTransformNode()
    target = segmentationNode.GetParentTransformNode()
    if source is not target and (_isDeformation(source) or _isDeformation(target)):
        raise GeometryMismatchError(
            "A non-linear transform lies between volume '{volume}' and segmentation"
            " '{segmentation}'; harden it, or put both under the same transform.",
            volume=volumeNode.GetName(),
            segmentation=segmentationNode.GetName(),
        )
    matrix = vtk.vtkMatrix4x4()
    if source is not target:
        slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix)
    return matrix


def _isDeformation(transformNode: Node | None) -> bool:
    return transformNode is not None and not transformNode.IsTransformToWorldLinear()
