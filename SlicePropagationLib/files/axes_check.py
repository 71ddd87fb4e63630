"""Axes of NRRD and MetaImage files, which may be at any angle; those of volumes are at right ones."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti_forms import (
    NOTICED_VOXELS,
    STRAIGHT_DEG,
    corners_of,
    shear_deg,
)


def check_axes(image: sitk.Image, path: Path) -> tuple[str, ...]:
    """Remarks on the first three axes of an image, where they are not at right angles.

    A little off, they stay as they are, so that results lie where the image does.

    Args:
        image: 3D or 4D; of other dimensions nothing is looked at.
        path: the file, for the messages.

    Raises:
        InputError: they are off right angles by more than `STRAIGHT_DEG`.
    """
    dimension = image.GetDimension()
    if dimension not in (3, 4):
        return ()
    axes = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3]
    shear = shear_deg(axes)
    if shear > STRAIGHT_DEG:
        raise InputError(
            f"The axes of {path} are {shear:.3g} degrees off a right angle, at most"
            f" {STRAIGHT_DEG:g} is read; resample it on a grid with right angles, in 3D Slicer with"
            " Resample Scalar/Vector/DWI Volume."
        )
    left, _, right = np.linalg.svd(axes)
    spacing = np.array(image.GetSpacing()[:3])
    off = (left @ right - axes) * spacing
    away = np.linalg.norm(off @ corners_of(image.GetSize())[:3], axis=0).max()
    if away <= NOTICED_VOXELS * spacing.min():
        return ()
    return (
        f"The axes of {path} are {shear:.3g} degrees off a right angle; areas and distances are"
        " those of right angles.",
    )
