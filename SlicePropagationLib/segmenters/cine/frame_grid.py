"""How frames come to networks of fixed resolution, in training and in use alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from SlicePropagationLib.arrays import Slices
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.mapped_slices import MappedSlices
from SlicePropagationLib.orientation import check_letters
from SlicePropagationLib.segmenters.square_grid import SquareGrid

INTENSITIES = ("range", "zscore", "soft_tissue")
SOFT_TISSUE_HU = (-160.0, 240.0)  # the window of most programs for soft tissue in CT


@dataclass(frozen=True)
class Scale:
    """How intensities become what a network sees.

    Attributes:
        zero: the intensity that becomes 0.
        width: the difference that becomes 1.
        is_limited: whether what lies beyond 0 and 1 is cut off.
    """

    zero: Any
    width: Any
    is_limited: bool = False

    def of(self, images: Slices) -> Slices:
        """float32 of the same shape."""
        scaled = (images - self.zero) / self.width
        if self.is_limited:
            scaled = np.clip(scaled, 0, 1)
        return scaled.astype(np.float32)


@dataclass(frozen=True)
class FrameGridConfig:
    """The square that a network sees of every frame, and its intensities.

    Attributes:
        size: points along a side, divisible by 16.
        pixel_mm: distance of points; 0 for that of each image.
        intensities: "range" (1st and 99th percentile of the series become 0 and 1), "zscore"
            (mean and standard deviation of the voxels from the 10th percentile on become 0 and 1,
            as in the code of Bai et al.), or for CT "soft_tissue" (-160 and 240 HU become 0 and 1).
        orientation: where slices, rows and columns of volumes count towards, three letters as in
            `orientation`; "" for volumes as they are stored.
    """

    size: int = 192
    pixel_mm: float = 1.5
    intensities: str = "range"
    orientation: str = ""

    def __post_init__(self) -> None:
        check_letters(self.orientation)
        is_halvable = self.size >= 16 and self.size % 16 == 0
        is_known = self.intensities in INTENSITIES
        if not (is_halvable and is_known) or self.pixel_mm < 0:
            raise ConfigError(
                "size must be a multiple of 16, pixel_mm not negative and intensities one of"
                f" {', '.join(INTENSITIES)}; got {self.size}, {self.pixel_mm} and"
                f" {self.intensities}."
            )

    def grid(
        self,
        slice_shape: Sequence[int],
        spacing_mm: Sequence[float],
    ) -> SquareGrid:
        """The SquareGrid about the middle of frames (H, W) with a spacing (rows, columns)."""
        return SquareGrid.over(slice_shape, spacing_mm, self.pixel_mm, self.size)

    def normalise(self, images: Slices) -> Slices:
        """float32 of the same shape: the intensities of a whole series, as the network sees them."""
        images = np.asarray(images, np.float32)
        return self.scale_of(images).of(images)

    def scale_of(self, images: Slices | MappedSlices) -> Scale:
        """How the intensities of a whole series are scaled; of mapped slices found block by block."""
        if self.intensities == "soft_tissue":
            low, high = SOFT_TISSUE_HU
            return Scale(low, high - low, is_limited=True)
        counted = images.counted() if isinstance(images, MappedSlices) else None
        if counted is not None:
            return self._scale_of_counts(*counted)
        images = np.asarray(images, np.float32)
        if self.intensities == "range":
            low, high = np.percentile(images, [1, 99])
            return Scale(low, max(high - low, 1e-6), is_limited=True)
        tissue = images[images >= np.percentile(images, 10)]
        return Scale(tissue.mean(), max(float(tissue.std()), 1e-6))

    def _scale_of_counts(self, values: np.ndarray, counts: np.ndarray) -> Scale:
        """As `scale_of`, of ascending values and how many voxels have each."""
        if self.intensities == "range":
            low, high = (_percentile(values, counts, share) for share in (1, 99))
            return Scale(low, max(high - low, 1e-6), is_limited=True)
        is_tissue = values >= _percentile(values, counts, 10)
        values, counts = values[is_tissue].astype(float), counts[is_tissue]
        mean = np.average(values, weights=counts)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=counts))
        return Scale(np.float32(mean), max(float(np.float32(deviation)), 1e-6))


def _percentile(values: np.ndarray, counts: np.ndarray, share: float) -> np.floating:
    """As NumPy's, of ascending values and how many there are of each."""
    place = (int(counts.sum()) - 1) * share / 100
    before = int(place)
    two = values[
        np.searchsorted(np.cumsum(counts), [before, before + 1], side="right").clip(
            0, len(values) - 1
        )
    ]
    return np.percentile(two, 100 * (place - before))
