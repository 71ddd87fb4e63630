"""Whole slices as the thesis gives them to its network: clipped, divided, on a square grid."""

import numpy as np

HIGHEST = 1024.0  # of the clipped Hounsfield units, both ways
DIVISOR = 500.0
CT_BELOW = -500.0  # a volume that reaches below is taken for CT


def normalise_volume(array: np.ndarray) -> np.ndarray:
    """Intensities clipped to [-1024, 1024] and divided by 500, as the thesis does with CT.

    Volumes in other units (MR), which the thesis does not have, are first stretched so that their
    1st and 99th percentiles lie at the ends of that range.

    Args:
        array: any shape.

    Returns:
        float32 of the same shape, in [-2.048, 2.048].
    """
    values = np.asarray(array, np.float32)
    if values.min() > CT_BELOW:
        low, high = np.percentile(values, [1, 99])
        share = (values - low) / max(high - low, 1e-6)
        values = share * (2 * HIGHEST) - HIGHEST
    return (np.clip(values, -HIGHEST, HIGHEST) / DIVISOR).astype(np.float32)
