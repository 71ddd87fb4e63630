"""`SliceStack`: a volume seen as slices along one of its axes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.cache import Cache
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.lazy_voxels import stays_in_file
from SlicePropagationLib.mapped_slices import MappedSlices, padding_in_blocks
from SlicePropagationLib.orientation import sliced

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

PADDING_GAP = 0.5  # between padding and image, in widths of the image's middle nine tenths
SMALLEST_PADDING = 0.001  # share of the voxels
ODD_VALUES = "%s has %d NaN or infinite voxels; they count as the smallest value, %g."
SAMPLED_VOXELS = 200_000  # enough to tell that there is no padding


@dataclass(frozen=True)
class SliceStack:
    """An image volume with its slice axis first; read-only.

    Attributes:
        images: (N, H, W) float32, finite; of a memory map and of other large volumes `MappedSlices`,
            which convert what is looked at.
        spacing_mm: distance between slices, rows and columns, in millimetres, all > 0.
        axis: the axis of the volume array (k, j, i) that became the slice axis: 0, 1 or 2.
        is_cyclic: whether the last slice is followed by the first (a heart beat).
        is_time: whether the slices are one place at successive times.
        towards: where slices, rows and columns count towards in the patient, as "SPL" (see
            `orientation`); "" where that is not known.
        cache: what engines found out about these images and want to find again; goes with the
            stack.
    """

    images: np.ndarray
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    axis: int = 0
    is_cyclic: bool = False
    is_time: bool = False
    towards: str = ""
    cache: Cache = field(
        default_factory=Cache,
        repr=False,
        compare=False,
    )

    def __post_init__(self) -> None:
        """Check the image and make it read-only; InputError says what is wrong with it."""
        if self.images.ndim != 3:
            raise InputError(
                "A stack needs a 3D image, this one has {ndim} dimensions; pick a"
                " single volume or frame.",
                ndim=self.images.ndim,
            )
        if 0 in self.images.shape:
            raise InputError(
                "The image is empty (shape {shape}); pick a volume with voxels.",
                shape=self.images.shape,
            )
        if any(not spacing > 0 for spacing in self.spacing_mm):
            raise InputError(
                "Voxel spacing must be positive, the image says {spacing_mm} mm;"
                " correct its header.",
                spacing_mm=self.spacing_mm,
            )
        if isinstance(self.images, MappedSlices) or stays_in_file(self.images):
            self._keep_mapped()
            return
        images = np.ascontiguousarray(self.images, dtype=np.float32)
        if images is self.images or images.base is self.images:
            images = images.view()
        images.flags.writeable = False
        object.__setattr__(self, "images", images)

    def _keep_mapped(self) -> None:
        """Leave voxels in their file: no array of all of them is made."""
        if not isinstance(self.images, MappedSlices):
            object.__setattr__(self, "images", MappedSlices(self.images))

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def slice_shape(self) -> tuple[int, int]:
        """(H, W) of one slice."""
        _, height, width = self.images.shape
        return height, width

    @property
    def pixel_area_mm2(self) -> float:
        """Area of one pixel of a slice in square millimetres."""
        return self.spacing_mm[1] * self.spacing_mm[2]

    def in_order(self, order: Sequence[int] | np.ndarray) -> SliceStack:
        """The slices `order`, repeats allowed, as a stack that is not cyclic."""
        return replace(
            self,
            images=self.images[order],
            is_cyclic=False,
            cache=Cache(),
        )

    def in_memory(self) -> SliceStack:
        """These slices with all their voxels in memory; this stack where they are there."""
        if not isinstance(self.images, MappedSlices):
            return self
        return replace(self, images=np.asarray(self.images), cache=Cache())

    @cached_property
    def without_padding(self) -> SliceStack:
        """These slices with padding at the image's own least or greatest value.

        This stack where there is none, otherwise one with a cache of its own.
        """
        images = self.images
        for sign in (1, -1):
            padding = find_padding(images, sign)
            if padding is not None:
                value, filled = padding
                images = _with_filled(images, value, filled)
        return self if images is self.images else replace(self, images=images, cache=Cache())

    @classmethod
    def from_volume(
        cls,
        volume: np.ndarray,
        spacing_mm: Sequence[float],
        axis: int = 0,
        *,
        is_cyclic: bool = False,
        towards: str = "",
        keeps_type: bool = False,
    ) -> SliceStack:
        """Make a stack of a volume array.

        Args:
            volume: (K, J, I) array, as numpy views of ITK and VTK images are laid out.
            spacing_mm: spacing along K, J, I in millimetres.
            axis: which of K, J, I the slices run along.
            is_cyclic: whether the last slice is followed by the first.
            towards: where K, J and I count towards in the patient; "" where that is not known.
            keeps_type: whether the voxels, all finite, stay as they are in memory, and are converted
                when they are looked at; those of a memory map always are.

        Raises:
            InputError: the volume is not 3D, is empty, or a spacing is not positive.
        """
        if volume.ndim != 3:
            raise InputError(
                "A stack needs a 3D image, this one has {ndim} dimensions; pick a"
                " single volume or frame.",
                ndim=volume.ndim,
            )
        order = (axis, *(other for other in range(3) if other != axis))
        between, high, wide = (float(spacing_mm[a]) for a in order)
        turned = np.transpose(volume, order)
        images: Any = MappedSlices(turned) if keeps_type else turned
        letters = sliced(towards, axis)
        return cls(images, (between, high, wide), axis, is_cyclic, towards=letters)

    def to_volume(self, array: np.ndarray) -> np.ndarray:
        """Lay an (N, H, W) array of this stack out as the volume it came from, (K, J, I)."""
        return np.moveaxis(array, 0, self.axis)

    def from_volume_array(self, array: np.ndarray) -> np.ndarray:
        """Lay a (K, J, I) array of the same volume (labels, say) out as this stack, (N, H, W)."""
        return np.moveaxis(array, self.axis, 0)


def find_padding(images: np.ndarray, sign: int = 1) -> tuple[float, float] | None:
    """A value that was written where a scanner saw nothing, far below all of the image.

    Args:
        images: of any shape.
        sign: -1 for a value far above.

    Returns:
        (this value, the least one of the image), with sign -1 the greatest; None where many voxels
        have no one value, or it is as near to the rest as the rest is to itself.
    """
    step = max(1, round((images.size / SAMPLED_VOXELS) ** (1 / images.ndim)))
    is_mapped = isinstance(images, MappedSlices)
    every = (slice(None, None, step),) * images.ndim
    sample = images.sample(step) if is_mapped else images[every]
    # What no padding is in the sample has none at all: the sample's gap is the wider one.
    for values in (sample, images):
        found = _padding_of(values, sign)
        if found is None:
            return None
    return found


def _with_filled(images: np.ndarray, value: float, filled: float) -> Any:
    """Images with another value in the place of their padding."""
    if isinstance(images, MappedSlices):
        return images.replacing(value, filled)
    return np.where(images == value, np.float32(filled), images)


def _padding_of(images: np.ndarray, sign: int) -> tuple[float, float] | None:
    if isinstance(images, MappedSlices):
        found = padding_in_blocks(images, sign, SMALLEST_PADDING, SAMPLED_VOXELS)
        return found and _if_far(*found, sign)
    value = images.min() if sign > 0 else images.max()
    image = images[images != value]
    if image.size == 0 or images.size - image.size < SMALLEST_PADDING * images.size:
        return None
    least = image.min() if sign > 0 else image.max()
    sample = image[:: max(1, image.size // SAMPLED_VOXELS)]
    return _if_far(float(value), float(least), sample, sign)


def _if_far(
    value: float,
    least: float,
    image: np.ndarray,
    sign: int,
) -> tuple[float, float] | None:
    """(value, least) where they are far apart, compared with a sample of the image; else None."""
    low, high = np.percentile(image, [5, 95])
    gap = sign * (least - value)
    return (value, least) if gap > PADDING_GAP * (high - low) > 0 else None


def finite_values(array: np.ndarray, name: Path | str) -> np.ndarray:
    """An array whose NaN and infinite values are replaced by its smallest finite one.

    With a warning; the array itself where there are none.

    Args:
        array: of any shape and kind.
        name: what it is, as the sentences begin.

    Raises:
        InputError: no value is finite.
    """
    if not np.issubdtype(array.dtype, np.floating) or np.isfinite(array).all():
        return array
    is_finite = np.isfinite(array)
    if not is_finite.any():
        raise InputError(
            "{name} holds no finite voxel (all {size} are NaN or infinite); export the"
            " image again.",
            name=name,
            size=array.size,
        )
    smallest = array[is_finite].min()
    log.warning(
        ODD_VALUES,
        name,
        int((~is_finite).sum()),
        float(smallest),
    )
    return np.where(is_finite, array, smallest)


def check_outline(
    name: str,
    index: int,
    area: int,
    num_pixels: int,
) -> None:
    """Refuse a seed that no propagation can start from.

    Args:
        name: what was drawn, as the sentence begins.
        index: the slice it is on.
        area: its pixels there.
        num_pixels: pixels of the slice.

    Raises:
        InputError: it is a single pixel, or fills the slice.
    """
    if area == 1:
        raise InputError(
            "{name} is a single pixel on slice {index}; outline the structure, at least 2 pixels.",
            name=name,
            index=index,
        )
    if area == num_pixels:
        raise InputError(
            "{name} fills all {num_pixels} pixels of slice {index}; outline the"
            " structure and leave its surroundings free.",
            name=name,
            num_pixels=num_pixels,
            index=index,
        )
