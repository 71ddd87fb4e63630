"""What scissors cut out of a mask, or fill in, on one slice."""

from collections.abc import Callable

import numpy as np

from SlicePropagationLib.arrays import Mask

# {operation: mask and what lies inside the outline -> mask}
CUTS: dict[str, Callable[[Mask, Mask], Mask]] = {
    "erase_inside": lambda mask, inside: mask & ~inside,
    "erase_outside": lambda mask, inside: mask & inside,
    "fill_inside": lambda mask, inside: mask | inside,
    "fill_outside": lambda mask, inside: mask | ~inside,
}


def inside_on_slice(
    inside: Mask,
    seen_along: int,
    axis: int,
    index: int,
    shape: tuple[int, int, int],
) -> Mask:
    """What of one slice lies inside an outline that goes through the whole volume.

    Args:
        inside: bool, the pixels inside the outline on a slice of the axis that it was drawn along.
        seen_along: that axis (0, 1, 2 for K, J, I).
        axis: the axis of the slice that is asked for.
        index: which slice.
        shape: (K, J, I) of the volume.

    Returns:
        Bool, of the shape of a slice of `axis`.
    """
    if axis == seen_along:
        return inside
    through = np.expand_dims(inside, seen_along).take(index, axis)
    return np.broadcast_to(through, tuple(np.delete(shape, axis)))
