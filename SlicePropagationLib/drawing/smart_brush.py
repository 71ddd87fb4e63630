"""A stroke of the brush that keeps to what is as bright as where it began."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from SlicePropagationLib.arrays import Mask

Voxel = Sequence[int]


def smart_stroke(
    image: np.ndarray,
    stroke: Mask,
    path: Sequence[Voxel],
    tolerance: float,
) -> Mask:
    """What of a stroke is as bright as its beginning, and connected with the brush's centre.

    Args:
        image: intensities, of a slice or a volume.
        stroke: bool, of the same shape: all that the brush went over.
        path: where its centre was, one place after another; places outside of the image count for
            nothing.
        tolerance: how far intensities may be from the median around the first place.

    Returns:
        Bool, of the same shape: those pieces of the similar part of the stroke that the centre went
        through; neighbours share a side.
    """
    inside = [tuple(place) for place in path if _is_in(place, image.shape)]
    if not inside:
        return np.zeros_like(stroke)
    similar = stroke & (np.abs(image - around(image, inside[0])) <= tolerance)
    pieces = np.zeros(similar.shape, np.int32)
    ndimage.label(similar, output=pieces)
    touched = {int(pieces[place]) for place in inside} - {0}
    return np.isin(pieces, sorted(touched))


def around(image: np.ndarray, place: Voxel) -> float:
    """The median intensity of a place and its neighbours, which a single noisy voxel does not move."""
    window = tuple(slice(max(each - 1, 0), each + 2) for each in place)
    return float(np.median(image[window]))


def _is_in(place: Voxel, shape: Sequence[int]) -> bool:
    return all(0 <= each < size for each, size in zip(place, shape, strict=True))
