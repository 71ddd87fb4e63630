"""A Slicer segmentation laid onto an image's grid: cropped, larger, turned round or finer.

Slicer crops a segmentation to its segments, may let it reach beyond the image, and draws in
smaller voxels where the person asks for them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.errors import GeometryMismatchError
from SlicePropagationLib.files.lattice import TOLERANCE, Lattice, lattice_of, other_grid

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.files.mapped_file import Image

log = logging.getLogger(__name__)
HALF = 0.5 - 1e-6  # the share of a voxel from which on it belongs to a segment


def laid_onto(
    masks: Sequence[np.ndarray],
    stored: Image,
    image: Image,
    path: Path | str,
) -> list[np.ndarray]:
    """Layers of a segmentation file on the grid of an image, with remarks about what changed.

    Args:
        masks: (K, J, I) integer label maps, as the file stores them.
        stored: the file's image.
        image: the image whose grid counts.
        path: the file, for the messages.

    Raises:
        GeometryMismatchError: the voxels are coarser than the image's, lie between them, or along
            other axes; or nothing that is drawn lies in the image.
    """
    lattice = lattice_of(stored, image)
    if lattice is None or lattice.skew > TOLERANCE:
        raise other_grid(image, stored, "the image", str(path))
    turned = [lattice.reordered(mask) for mask in masks]
    shape = tuple(reversed(image.GetSize()))
    num_drawn = sum(int(np.count_nonzero(layer)) for layer in turned)
    if lattice.shift(turned[0].shape) <= TOLERANCE:
        placed = [_cropped(layer, np.round(lattice.start).astype(int), shape) for layer in turned]
        num_lost = num_drawn - sum(int(np.count_nonzero(layer)) for layer in placed)
    elif _is_finer(lattice, turned[0].shape):
        log.warning(
            "%s has smaller voxels than the image; a voxel of the image belongs to a segment that"
            " fills half of it.",
            path,
        )
        placed = [_coarsened(layer, lattice, shape) for layer in turned]
        num_lost = sum(_num_outside(layer, lattice, shape) for layer in turned)
    else:
        raise other_grid(image, stored, "the image", str(path))
    _tell_lost(num_drawn, num_lost, path)
    return placed


def _tell_lost(num_drawn: int, num_lost: int, path: Path | str) -> None:
    if num_drawn and num_lost == num_drawn:
        raise GeometryMismatchError(
            f"{path} and the image are on different grids: all {num_drawn} voxels that are drawn"
            " lie outside the image; give the segmentation of this image."
        )
    if num_lost:
        log.warning(
            "%s reaches beyond the image; %d of %d drawn voxels lie outside and are left out.",
            path,
            num_lost,
            num_drawn,
        )


def _cropped(layer: np.ndarray, start: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A layer in the place of its first voxel; what lies outside is left out."""
    if layer.shape == tuple(shape) and not start.any():
        return layer
    whole = np.zeros(shape, layer.dtype)
    low = np.maximum(start, 0)
    high = np.minimum(start + layer.shape, shape)
    if (high > low).all():
        target = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        source = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
        whole[target] = layer[source]
    return whole


def _is_finer(lattice: Lattice, shape: Sequence[int]) -> bool:
    """Whether no axis has larger steps than the image, and one that has the same lies on it."""
    same = np.abs(lattice.step - 1) * shape <= TOLERANCE
    on_place = np.abs(lattice.start - np.round(lattice.start)) <= TOLERANCE
    return bool(np.all((lattice.step < 1) & ~same | same & on_place))


def _coarsened(layer: np.ndarray, lattice: Lattice, shape: Sequence[int]) -> np.ndarray:
    """The image's voxels of which a label fills half; of two that do, the one with more."""
    weights = _weights(lattice, layer.shape, shape)
    placed = np.zeros(shape, layer.dtype)
    most = np.full(shape, HALF)
    for value in np.unique(layer[layer > 0]):
        share = _share_on_grid(layer == value, weights)
        wins = (share >= most) & (share > 0)
        if not wins.any() or _has_lost_slices(layer == value, wins, weights):
            wins |= _thin_slices(layer == value, wins, weights)
        placed[wins] = value
        most[wins] = np.maximum(share[wins], HALF)
    return placed


def _weights(lattice: Lattice, sizes: Sequence[int], shape: Sequence[int]) -> list[np.ndarray]:
    """For each axis (image's voxels, file's voxels): the share of one that the other covers."""
    matrices = []
    for axis in range(3):
        centres = lattice.start[axis] + lattice.step[axis] * np.arange(sizes[axis])
        own = np.arange(shape[axis])[:, None]
        half = lattice.step[axis] / 2
        low = np.maximum(own - 0.5, centres - half)
        high = np.minimum(own + 0.5, centres + half)
        matrices.append(np.maximum(high - low, 0).astype(np.float32))
    return matrices


def _share_on_grid(mask: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    share = mask.astype(np.float32)
    for axis, matrix in enumerate(weights):
        share = np.moveaxis(np.tensordot(matrix, share, (1, axis)), 0, axis)
    return share


def _has_lost_slices(mask: np.ndarray, placed: np.ndarray, weights: Sequence[np.ndarray]) -> bool:
    axis = _thinnest(mask)
    drawn = _shown(mask, axis)
    return not (weights[axis][_shown(placed, axis)][:, drawn] > 0).any(axis=0).all()


def _thin_slices(mask: np.ndarray, placed: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    """What was drawn on slices so thin that no voxel of the image is half full, as whole slices."""
    axis = _thinnest(mask)
    found = np.zeros_like(placed)
    shown = _shown(placed, axis)
    for index in np.flatnonzero(_shown(mask, axis)):
        covered = weights[axis][:, index]
        if covered.any() and not (covered[shown] > 0).any():
            plane = np.take(mask, [index], axis)
            flat = list(weights)
            flat[axis] = np.ones((1, 1), np.float32)
            target = [slice(None)] * 3
            target[axis] = slice(int(covered.argmax()), int(covered.argmax()) + 1)
            found[tuple(target)] |= _share_on_grid(plane, flat) >= HALF
    return found


def _thinnest(mask: np.ndarray) -> int:
    return min(range(3), key=lambda axis: np.count_nonzero(_shown(mask, axis)))


def _shown(mask: np.ndarray, axis: int) -> np.ndarray:
    others = tuple(other for other in range(3) if other != axis)
    return np.any(mask, axis=others)


def _num_outside(layer: np.ndarray, lattice: Lattice, shape: Sequence[int]) -> int:
    """Drawn voxels whose centres lie outside the image."""
    places = np.argwhere(layer) * lattice.step + lattice.start
    is_inside = (places >= -0.5) & (places <= np.array(shape) - 0.5)
    return int((~is_inside.all(axis=1)).sum())
