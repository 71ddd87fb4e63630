"""Whether voxels are labels, and not intensities of an image."""

import numpy as np

MOST_LABELS = 32  # different values; the dullest scan has hundreds
SAMPLED = 1_000_000  # voxels that are looked at


def are_labels(array: np.ndarray) -> bool:
    """Whether the values of an image look like labels: few different whole numbers from 0 on.

    Args:
        array: of any shape; where it is large, voxels at even distances are looked at.
    """
    step = max(array.size // SAMPLED, 1)
    values = np.unique(array.reshape(-1)[::step])
    is_whole = bool(np.all(values == np.round(values)))
    return is_whole and 0 < values.size <= MOST_LABELS and bool(values[0] >= 0)
