"""A finished segmentation of an earlier scan, or of another phase, carried over to a new image.

Rigid, then deformable registration by SimpleITK: Mattes' mutual information on a pyramid (Mattes et
al., IEEE TMI 22, 2003), then symmetric-force demons (Vercauteren et al., NeuroImage 45, 2009) on
what lies around the structures. What comes out is a suggestion, never something drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from SlicePropagationLib.arrays import Anchors, Probability
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

MARGIN_MM = 25.0  # of what surrounds the structures that registration looks at
MOST_POINTS = 96  # of the grid of the deformable registration along its longest side
RIGID_POINTS = 64  # and of the rigid one
DEMONS_ITERATIONS = (30, 20)  # coarse, fine
SMOOTHING = 1.5  # voxels of the grid
RING_VOXELS = 3  # around a mask where images are compared
FAR_MM = 1e3
SEED = 1  # of where within their voxels points are sampled


@dataclass(frozen=True)
class CarriedLabel:
    """One structure on the grid of the new image.

    Attributes:
        mask: (K, J, I) bool.
        likeness: (K, J, I) float32, local agreement of the images in [0, 1], the same array for
            all labels.
    """

    mask: np.ndarray
    likeness: np.ndarray

    def confidence(self, index: int, axis: int) -> float:
        """How far a slice can be trusted, in [0, 1]: how alike the images are on and around it.

        Args:
            index: the slice.
            axis: of the array, that slices run along.
        """
        mask = np.take(self.mask, index, axis)
        near = binary_dilation(mask, iterations=RING_VOXELS) if mask.any() else None
        if near is None:
            return 0.5
        return float(np.clip(np.take(self.likeness, index, axis)[near].mean(), 0.05, 0.95))


@dataclass(frozen=True)
class FollowUp:
    """What stands in a result in place of an engine; it never walks."""

    name: str = "follow_up"

    def walk(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[Probability]:
        """Nothing: what an earlier scan shows is carried over all at once."""
        return iter(())


FOLLOW_UP = FollowUp()


def thickest_axis(volume: Volume) -> int:
    """The array axis along which slices are the thickest; the first of equal ones."""
    return int(np.argmax(np.round(volume.spacing_mm, 6)))


def carry_labels(
    earlier: Volume, masks: Mapping[int, np.ndarray], volume: Volume
) -> dict[int, CarriedLabel]:
    """The structures of an earlier scan as a new one shows them.

    Args:
        earlier: the image that was segmented.
        masks: {label: (K, J, I) bool on its grid}.
        volume: the new image, of the same patient.

    Returns:
        {label: CarriedLabel} of the labels that show anything.

    Raises:
        InputError: nothing is labelled, or the images have nothing in common.
    """
    shown = {label: mask for label, mask in masks.items() if mask.any()}
    if not shown:
        raise InputError("The earlier segmentation is empty; give one that shows a structure.")
    moving = _as_float(earlier.itk_image)
    fixed = _as_float(volume.itk_image)
    where = sitk.GetImageFromArray(np.logical_or.reduce(list(shown.values())).astype(np.uint8))
    where.CopyInformation(earlier.itk_image)
    rigid = _register_rigidly(fixed, moving, where)
    region = _region_of(fixed, where, rigid)
    grid = _reduced(region, MOST_POINTS)
    resampled = sitk.Resample(moving, grid, rigid, sitk.sitkLinear, _background(moving))
    deformation = _register_deformably(sitk.Resample(fixed, grid), resampled)
    total = sitk.CompositeTransform([rigid, deformation])
    likeness = _likeness(fixed, sitk.Resample(moving, fixed, total, sitk.sitkLinear))
    return {
        label: CarriedLabel(_carried_mask(mask, earlier, volume, total), likeness)
        for label, mask in shown.items()
    }


def _as_float(image: sitk.Image) -> sitk.Image:
    return sitk.Cast(image, sitk.sitkFloat32)


def _background(image: sitk.Image) -> float:
    return float(np.percentile(sitk.GetArrayViewFromImage(image), 1))


def _reduced(image: sitk.Image, most: int) -> sitk.Image:
    """An empty image of the same extent with at most so many points along a side."""
    size = np.array(image.GetSize())
    spacing = np.array(image.GetSpacing())
    step = max(spacing.min(), (size * spacing).max() / most)
    steps = np.maximum(spacing, step)
    count = np.maximum(1, np.floor((size - 1) * spacing / steps).astype(int) + 1)
    grid = sitk.Image([int(n) for n in count], sitk.sitkFloat32)
    grid.SetOrigin(image.GetOrigin())
    grid.SetDirection(image.GetDirection())
    grid.SetSpacing([float(step) for step in steps])
    return grid


def _register_rigidly(fixed: sitk.Image, moving: sitk.Image, where: sitk.Image) -> sitk.Transform:
    """The rigid transform from the new image to the earlier one.

    It begins from where both scanners say that the patient lay, and from images laid centre on
    centre; the better of the two counts.
    """
    small = [sitk.Resample(image, _reduced(image, RIGID_POINTS)) for image in (fixed, moving)]
    around = sitk.BinaryDilate(where, _voxels(where, MARGIN_MM)) if _is_large(where) else None
    centred = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    middle = fixed.TransformContinuousIndexToPhysicalPoint(
        [(size - 1) / 2 for size in fixed.GetSize()]
    )
    still = sitk.Euler3DTransform()
    still.SetCenter(middle)
    found = []
    for start in (still, centred):
        try:
            found.append(_optimised(small[0], small[1], sitk.Euler3DTransform(start), around))
        except RuntimeError:  # the images do not overlap from there
            continue
    if not found:
        raise InputError(
            "The earlier image and this one have nothing in common; are they of one patient and"
            " region?"
        )
    return min(found, key=lambda pair: pair[0])[1]


def _use_one_thread(method: sitk.ProcessObject) -> None:
    """Have the same sums, and so the same voxels, on any machine."""
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)


def _is_large(where: sitk.Image) -> bool:
    """Whether an image has a few voxels along each side, so that a margin makes sense."""
    return min(where.GetSize()) >= 4


def _voxels(image: sitk.Image, reach_mm: float) -> list[int]:
    return [max(1, int(reach_mm / step)) for step in image.GetSpacing()]


def _optimised(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform, around: sitk.Image | None
) -> tuple[float, sitk.Transform]:
    """(value of the metric, the smaller the better; transform)."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.5, SEED)
    if around is not None:
        method.SetMetricMovingMask(around)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=100, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    method.SetInitialTransform(start, inPlace=False)
    _use_one_thread(method)
    found = method.Execute(fixed, moving)
    return method.GetMetricValue(), found


def _region_of(fixed: sitk.Image, where: sitk.Image, rigid: sitk.Transform) -> sitk.Image:
    """The part of the new image around the structures."""
    moved = sitk.Resample(where, fixed, rigid, sitk.sitkNearestNeighbor, 0)
    places = np.argwhere(sitk.GetArrayViewFromImage(moved))
    if not len(places):
        raise InputError(
            "The structures of the earlier scan lie outside this image; are both of one region?"
        )
    margin = np.array(_voxels(fixed, MARGIN_MM))
    size = np.array(fixed.GetSize())
    first = np.maximum(places.min(axis=0)[::-1] - margin, 0)
    last = np.minimum(places.max(axis=0)[::-1] + margin, size - 1)
    extent = [int(n) for n in last - first + 1]
    return sitk.RegionOfInterest(fixed, extent, [int(n) for n in first])


def _register_deformably(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """The displacement from points of the new image to those of the earlier one, on one grid."""
    moving = sitk.HistogramMatching(moving, fixed, 128, 16)
    field = None
    for factor, iterations in zip((2, 1), DEMONS_ITERATIONS, strict=True):
        shrink = [factor if size >= 8 * factor else 1 for size in fixed.GetSize()]
        pair = [sitk.Shrink(image, shrink) for image in (fixed, moving)]
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(SMOOTHING)
        _use_one_thread(demons)
        before = [] if field is None else [sitk.Resample(field, pair[0])]
        field = demons.Execute(*pair, *before)
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))


def _carried_mask(
    mask: np.ndarray, earlier: Volume, volume: Volume, total: sitk.Transform
) -> np.ndarray:
    """(K, J, I) bool on the grid of the new image; edges are carried to a fraction of a voxel."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(earlier.itk_image)
    distance = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    moved = sitk.Resample(distance, volume.itk_image, total, sitk.sitkLinear, -FAR_MM)
    # The filter's zero runs through the outermost voxels of the mask, half a voxel inside its edge.
    return sitk.GetArrayFromImage(moved) > -0.5 * min(earlier.image.GetSpacing())


def _likeness(fixed: sitk.Image, moved: sitk.Image) -> np.ndarray:
    """(K, J, I) float32 in [0, 1]: correlation of two images in the surroundings of each voxel."""
    sigma = [2.0 * step for step in fixed.GetSpacing()]

    def smooth(image: sitk.Image) -> sitk.Image:
        if min(image.GetSize()) < 4:
            return image
        return sitk.SmoothingRecursiveGaussian(image, sigma)

    mean_fixed = smooth(fixed)
    mean_moved = smooth(moved)
    both = sitk.GetArrayFromImage(smooth(fixed * moved) - mean_fixed * mean_moved)
    of_fixed = sitk.GetArrayFromImage(smooth(fixed * fixed) - mean_fixed * mean_fixed)
    of_moved = sitk.GetArrayFromImage(smooth(moved * moved) - mean_moved * mean_moved)
    scale = np.sqrt(np.maximum(of_fixed, 0) * np.maximum(of_moved, 0))
    least = 1e-6 * float(np.square(sitk.GetArrayViewFromImage(fixed)).mean() + 1e-12)
    return np.clip(both / np.maximum(scale, least), 0, 1).astype(np.float32)
