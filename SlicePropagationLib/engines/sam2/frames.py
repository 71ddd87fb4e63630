"""Slices as the frames of a video: grey values in 8 bits, files in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Anchors, Mask
from SlicePropagationLib.stack import SliceStack

PERCENTILES = (0.5, 99.5)
MARGIN = 0.5  # around what is annotated, of its height and width
LEAST_MARGIN = 8  # pixels
QUALITY = 100


class Contrast(NamedTuple):
    """The intensities that become black and white."""

    black: float
    white: float

    def grey(self, image: np.ndarray) -> np.ndarray:
        """(H, W) uint8 of (H, W) float32."""
        width = self.white - self.black
        if width <= 0:
            return np.zeros(image.shape, np.uint8)
        share = np.clip((image - self.black) / width, 0.0, 1.0)
        return np.round(255 * share).astype(np.uint8)


def contrast_of(stack: SliceStack, anchors: Anchors) -> Contrast:
    """What shows the surroundings of the annotated structure best.

    Padding and far tissue do not count: only the neighbourhood of the masks does.

    Args:
        stack: the slices.
        anchors: {slice index: (H, W) bool mask}, none of them empty.
    """
    near = [stack.images[index][_around(mask)].ravel() for index, mask in anchors.items()]
    black, white = np.percentile(np.concatenate(near), PERCENTILES)
    return Contrast(float(black), float(white))


def write_frames(
    stack: SliceStack, indices: Iterable[int], contrast: Contrast, folder: Path
) -> None:
    """Write slices as 00000.jpg, 00001.jpg, ... in the order given."""
    from PIL import Image

    for number, index in enumerate(indices):
        image = Image.fromarray(contrast.grey(stack.images[index]))
        image.save(folder / f"{number:05d}.jpg", quality=QUALITY)


def _around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of what is annotated, with a margin."""
    rows, columns = np.nonzero(mask)
    return _span(rows), _span(columns)


def _span(places: np.ndarray) -> slice:
    first = int(places.min())
    last = int(places.max())
    margin = max(LEAST_MARGIN, round(MARGIN * (last - first + 1)))
    return slice(max(0, first - margin), last + margin + 1)
