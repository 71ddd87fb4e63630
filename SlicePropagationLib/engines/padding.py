"""Padding that lies away from a structure does not set the scale of its intensities."""

from scipy.ndimage import binary_dilation

from SlicePropagationLib.arrays import Anchors
from SlicePropagationLib.stack import SliceStack

NEAR_PIXELS = 3  # padding so near to what a person drew is what the structure is seen against


def without_far_padding(stack: SliceStack, anchors: Anchors) -> SliceStack:
    """The stack with its padding at the value of the image that is nearest to it.

    As it is where there is none, or where it is the background of the structure.

    Args:
        stack: the read-only SliceStack.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
    """
    filled = stack.without_padding
    if filled is stack:
        return stack
    for index, mask in anchors.items():
        near = binary_dilation(mask, iterations=NEAR_PIXELS)
        if (stack.images[index] != filled.images[index])[near].any():
            return stack
    return filled
