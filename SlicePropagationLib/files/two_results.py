"""Two segmentations of one image, read onto one grid, and which segment of one is which of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.lattice import TOLERANCE, lattice_of
from SlicePropagationLib.files.segmentation_file import (
    Segmentation,
    is_segmentation,
    read_segmentation,
)
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume, read_image, read_volume

Pair = tuple[Segment | None, Segment | None]


@dataclass(frozen=True)
class TwoResults:
    """Two segmentations on one grid.

    Attributes:
        volume: the image, or a black one of the grid where no image is given.
        has_image: whether it is the image.
        first, second: the segmentations.
    """

    volume: Volume
    has_image: bool
    first: Segmentation
    second: Segmentation

    @property
    def pairs(self) -> list[Pair]:
        """The segments, each with its counterpart."""
        return paired(self.first, self.second)

    def masks(self, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
        """(K, J, I) bool of both segments of a pair; empty where there is none."""
        first, second = (
            found.mask(segment) if segment else np.zeros(found.layers[0].shape, bool)
            for found, segment in zip((self.first, self.second), pair, strict=True)
        )
        return first, second


def read_two_results(
    first: Path | str, second: Path | str, image: Path | str | None = None
) -> TwoResults:
    """Read two results of one image, in whatever order each file stores its voxels.

    Args:
        first: label map or segmentation.
        second: the other one.
        image: what was annotated; without it, the files' own grid counts.

    Raises:
        InputError: a file cannot be read.
        GeometryMismatchError: they are not on one grid.
    """
    if image is None:
        grid = common_grid([Path(first), Path(second)])
        volume = Volume(sitk.GetArrayFromImage(grid), grid, Path(first))
    else:
        volume = read_volume(image)
    try:
        results = [read_segmentation(path, volume) for path in (first, second)]
    except GeometryMismatchError as error:
        if image is not None:
            raise
        other = str(error).replace(" and the image ", f" and {first} ", 1)
        raise GeometryMismatchError(other) from error
    return TwoResults(volume, image is not None, results[0], results[1])


def common_grid(paths: Sequence[Path]) -> sitk.Image:
    """A black image on whose voxels two results lie.

    A label map has all voxels of its image. Segmentations may be cropped to their segments: of two,
    the grid of the coarser one is extended to hold the other.

    Args:
        paths: the two files.

    Raises:
        InputError: a file cannot be read.
        GeometryMismatchError: their axes differ.
    """
    grids = [_empty(read_image(path), path) for path in paths]
    for path, grid in zip(paths, grids, strict=True):
        if not is_segmentation(path):
            return grid
    by_size = sorted(range(2), key=lambda number: -float(np.prod(grids[number].GetSpacing())))
    coarse, other = by_size
    return _extended(grids[coarse], grids[other], paths[other])


def _empty(image: sitk.Image, path: Path) -> sitk.Image:
    """A black 3D image of the grid of a file."""
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        raise InputError(
            f"{path} is not 3D (size {image.GetSize()}); give a label map of a volume."
        )
    empty = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(image)
    return empty


def _extended(grid: sitk.Image, other: sitk.Image, path: Path) -> sitk.Image:
    """A grid with as many voxels more as hold another one."""
    lattice = lattice_of(other, grid)
    if lattice is None:
        raise GeometryMismatchError(
            f"{path} runs along other axes than what it is compared with; give both the image that"
            " they were drawn on, with --image."
        )
    counts = np.array(other.GetSize())[::-1][list(lattice.order)]
    # from edge to edge, as finer voxels lie between the middles of coarser ones
    low = np.floor(lattice.start - lattice.step / 2 + 0.5 + TOLERANCE)
    high = np.ceil(lattice.start + lattice.step * (counts - 0.5) - 0.5 - TOLERANCE)
    below = np.maximum(0, -low).astype(int)
    above = np.maximum(0, high + 1 - np.array(grid.GetSize())[::-1]).astype(int)
    return sitk.ConstantPad(grid, below[::-1].tolist(), above[::-1].tolist(), 0)


def paired(first: Segmentation, second: Segmentation) -> list[Pair]:
    """The segments of two results, each with its counterpart, in the order of the first.

    By name, where both files name their segments and no name repeats; by number otherwise.
    What one of them lacks comes with None.
    """
    key = _key(first, second)
    counterparts = {key(segment): segment for segment in second.segments}
    pairs: list[Pair] = [
        (segment, counterparts.pop(key(segment), None)) for segment in first.segments
    ]
    return [*pairs, *((None, segment) for segment in counterparts.values())]


def _key(first: Segmentation, second: Segmentation) -> Callable[[Segment], str | int]:
    by_name = all(each.is_described and _has_own_names(each) for each in (first, second))
    return (lambda segment: segment.name) if by_name else (lambda segment: segment.label)


def _has_own_names(segmentation: Segmentation) -> bool:
    counts = Counter(segment.name for segment in segmentation.segments)
    return all(count == 1 for count in counts.values())
