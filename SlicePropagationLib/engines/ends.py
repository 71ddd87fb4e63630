"""How a structure closes beyond the slices where a person saw it."""

import numpy as np


def cap_shrink(distance_mm, radius_mm, reach_mm):
    """How far the outline has moved inwards on an ellipsoidal cap.

    Args:
        distance_mm: distance walked from the last slice where the structure was seen.
        radius_mm: in-plane radius there.
        reach_mm: distance at which the cap closes, > 0.

    Returns:
        Millimetres, from 0 on the slice itself to `radius_mm` at the tip; None beyond the tip.
    """
    fraction = distance_mm / reach_mm
    if fraction >= 1:
        return None
    return radius_mm * (1 - float(np.sqrt(1 - fraction**2)))
