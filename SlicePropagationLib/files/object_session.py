"""A session for one object of a case whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.session import AnnotationSession

if TYPE_CHECKING:
    from SlicePropagationLib.files.volume import Volume


def object_session(
    volume: Volume, label_map: np.ndarray, label: int, axis: int
) -> tuple[AnnotationSession, np.ndarray]:
    """An empty session for one label of a label map, and the label's true masks.

    Args:
        volume: the image.
        label_map: (K, J, I) true labels on its grid.
        label: the one that the session is of.
        axis: the array axis (0, 1, 2 for K, J, I) that the slices run along.

    Returns:
        (the session, (N, H, W) bool truth).
    """
    stack = volume.stack(axis)
    truth = stack.from_volume_array(label_map == label)
    return AnnotationSession(stack, (label,)), np.ascontiguousarray(truth)
