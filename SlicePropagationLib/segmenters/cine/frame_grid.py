"""How frames come to networks of fixed resolution, in training and in use alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Slices
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.segmenters.orientation import check_letters
from SlicePropagationLib.segmenters.square_grid import SquareGrid


@dataclass(frozen=True)
class FrameGridConfig:
    """The square that a network sees of every frame, and its intensities.

    Attributes:
        size: points along a side, divisible by 16.
        pixel_mm: distance of points; 0 for that of each image.
        intensities: "range" (1st and 99th percentile of the series become 0 and 1) or "zscore"
            (mean and standard deviation of the voxels from the 10th percentile on become 0 and 1,
            as in the code of Bai et al.).
        orientation: where slices, rows and columns of volumes count towards, three letters as in
            `segmenters.orientation`; "" for volumes as they are stored.
    """

    size: int = 192
    pixel_mm: float = 1.5
    intensities: str = "range"
    orientation: str = ""

    def __post_init__(self) -> None:
        check_letters(self.orientation)
        is_halvable = self.size >= 16 and self.size % 16 == 0
        is_known = self.intensities in ("range", "zscore")
        if not (is_halvable and is_known) or self.pixel_mm < 0:
            raise ConfigError(
                "size must be a multiple of 16, pixel_mm not negative and intensities range or"
                f" zscore; got {self.size}, {self.pixel_mm} and {self.intensities}."
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
        if self.intensities == "range":
            low, high = np.percentile(images, [1, 99])
            return np.clip((images - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        tissue = images[images >= np.percentile(images, 10)]
        return ((images - tissue.mean()) / max(float(tissue.std()), 1e-6)).astype(np.float32)
