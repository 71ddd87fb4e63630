"""Masks of one slice that grow, shrink, and lose holes or stray pieces."""

import numpy as np
from scipy import ndimage

from SlicePropagationLib.arrays import Mask

WITH_CORNERS = np.ones((3, 3), bool)  # pixels that touch at a corner are one piece
# What rounding may add to a distance, so that a pixel that is just so far away counts.
SLACK = 1e-6


def grown(
    mask: Mask,
    distance: float,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> Mask:
    """The mask and all that lies within a distance of it.

    Args:
        mask: (H, W) bool.
        distance: in the unit of the spacing, >= 0.
        spacing: of rows and of columns: in mm, or (1, 1) for a distance in pixels.
    """
    if not mask.any():
        return mask.copy()
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return np.asarray(away) <= distance + SLACK


def shrunk(
    mask: Mask,
    distance: float,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> Mask:
    """The mask without what lies within a distance of its outside.

    The edge of the image is no outside: what the image cuts off goes on there.

    Args:
        mask: (H, W) bool.
        distance: in the unit of the spacing, >= 0.
        spacing: as for `grown`.
    """
    if mask.all():
        return mask.copy()
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    return np.asarray(inside) > distance + SLACK


def without_holes(mask: Mask) -> Mask:
    """The mask and all that it surrounds."""
    return np.asarray(ndimage.binary_fill_holes(mask), bool)


def largest_piece(mask: Mask) -> Mask:
    """The piece with the most pixels; the first one of several that are as large."""
    labels = _pieces(mask)
    if labels.max() < 2:
        return mask.copy()
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return labels == areas.argmax()


def piece_at(mask: Mask, row: int, column: int) -> Mask:
    """The piece that a pixel belongs to; empty where the pixel is outside."""
    if not mask[row, column]:
        return np.zeros_like(mask)
    labels = _pieces(mask)
    return labels == labels[row, column]


def _pieces(mask: Mask) -> np.ndarray:
    """(H, W) int32: the number of the piece that each pixel belongs to, 0 outside."""
    labels = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, WITH_CORNERS, output=labels)
    return labels
