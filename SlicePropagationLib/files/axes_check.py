"""Axes of NRRD and MetaImage files, which may be at any angle; those of volumes are at right ones."""

from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.mapped_file import Image
from SlicePropagationLib.files.nifti_forms import (
    NOTICED_VOXELS,
    STRAIGHT_DEG,
    corners_of,
    shear_deg,
)

LENGTH_SHARE = 0.01  # as of a shear


def check_axes(image: Image, path: Path) -> tuple[str, ...]:
    """Remarks on the first three axes of an image, where they are not at right angles.

    A little off, they stay as they are, so that results lie where the image does.

    Args:
        image: 3D or 4D; of other dimensions nothing is looked at.
        path: the file, for the messages.

    Raises:
        InputError: they are off right angles by more than `STRAIGHT_DEG`, or of other lengths than 1.
    """
    dimension = image.GetDimension()
    if dimension not in (3, 4):
        return ()
    axes = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3]
    _check_lengths(axes, path)
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


def _check_lengths(axes: np.ndarray, path: Path) -> None:
    """Refuse directions that stretch the image: programs differ in how large it is then."""
    lengths = np.linalg.norm(axes, axis=0)
    if np.abs(lengths - 1).max() > LENGTH_SHARE:
        said = ", ".join(f"{length:.3g}" for length in lengths)
        raise InputError(
            f"The axes of {path} have the lengths {said}, where directions have 1; put the lengths"
            " into the spacing, or resample it in 3D Slicer with Resample Scalar/Vector/DWI Volume."
        )
