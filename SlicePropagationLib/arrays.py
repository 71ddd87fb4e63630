"""Names for the arrays that travel between rooms; the comment behind each says its shape."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

Mask: TypeAlias = np.ndarray  # (H, W) bool
Masks: TypeAlias = np.ndarray  # (N, H, W) bool, slice axis first
Slices: TypeAlias = np.ndarray  # (N, H, W) float32 intensities, slice axis first
Labels: TypeAlias = np.ndarray  # (N, H, W) or (K, J, I) integer label map, 0 is background
Probability: TypeAlias = np.ndarray  # (H, W) float32 in [0, 1]
Probabilities: TypeAlias = np.ndarray  # (N, H, W) float32 in [0, 1]
Spacing: TypeAlias = tuple[float, float, float]  # mm, in the order of the array's axes
Anchors: TypeAlias = Mapping[int, Mask]  # {slice index: mask} of the annotated slices of a label
Map: TypeAlias = np.ndarray  # (h, w) float32, numbers on a part or a grid of a slice
Points: TypeAlias = np.ndarray  # (2, ...) float rows and columns, in pixels of a slice
Displacement: TypeAlias = np.ndarray  # (2, h, w) float32 along rows and columns, in pixels


def label_type(highest: int) -> type[np.uint8] | type[np.uint16]:
    """The type of label maps whose labels go up to `highest`, at most 65535."""
    return np.uint8 if highest < 256 else np.uint16
