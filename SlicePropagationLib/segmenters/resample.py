"""Reading arrays at the points of a grid whose axes are parallel to theirs."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import affine_transform


def read_at(
    array: np.ndarray,
    step: Sequence[float],
    first: Sequence[float],
    shape: tuple[int, ...],
    *,
    order: int = 1,
    mode: str = "constant",
) -> np.ndarray:
    """An array at the points of a grid.

    Args:
        array: of any number of dimensions.
        step: distance of the points along each axis, in cells of the array.
        first: position of the first point along each axis, in cells of the array.
        shape: number of points along each axis.
        order: 1 to interpolate linearly, 0 for the nearest cell.
        mode: what lies outside, as in `scipy.ndimage`; by default zeros.

    Returns:
        The array's type, of that shape.
    """
    return affine_transform(
        array,
        step,
        first,  # pyright: ignore[reportArgumentType]  one for each axis, which its types forget
        shape,
        order=order,
        mode=mode,
    )
