"""`CopyEngine`: the annotated mask as it is, on every slice.

The baseline that every other engine must beat.
"""

from collections.abc import Iterator

import numpy as np

from SlicePropagationLib.arrays import Anchors, Probability
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


class CopyEngine:
    """Repeats the anchor's mask to the end of the run. Needs no image, knows no end."""

    name = "copy"

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Yield the anchor's mask for every target.

        Args:
            stack: the read-only SliceStack; not looked at.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label; only the run's own
                is used.

        Yields:
            (H, W) float32 probability, 0 or 1.
        """
        probability = np.asarray(anchors[run.anchor], dtype=np.float32)
        for _ in run.targets:
            yield probability.copy()
