"""`digest_of`: annotated slices as a short text, under which what they told is kept."""

import hashlib

import numpy as np

from SlicePropagationLib.arrays import Anchors


def digest_of(anchors: Anchors) -> str:
    """A text that is another one as soon as a pixel of an annotated slice is.

    Args:
        anchors: {slice index: (H, W) bool mask} of a label.
    """
    digest = hashlib.sha256()
    for index in sorted(anchors):
        digest.update(index.to_bytes(8, "little") + np.packbits(anchors[index]).tobytes())
    return digest.hexdigest()
