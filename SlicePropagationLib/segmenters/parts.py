"""What a segmenter found on some slices, and how far it can be trusted there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.arrays import Labels

if TYPE_CHECKING:
    from SlicePropagationLib.stack import SliceStack

# Pixels that are added to both sides of the quotient: where next to nothing is expected and nothing
# was found the Dice would be 0/0.
SMOOTHING = 5.0
UNKNOWN = 0.5  # trust in a slice of which a segmenter says its labels only


@dataclass(frozen=True)
class FoundSlices:
    """What was found on neighbouring slices.

    Attributes:
        first: index of the first of them.
        labels: (n, H, W) uint8.
        confidence: {label: (n,) float32 in [0, 1]}, of every label that the segmenter knows.
    """

    first: int
    labels: Labels
    confidence: dict[int, np.ndarray]


def expected_dice(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The Dice that a mask would have if probabilities were right, a number a slice.

    Twice the probability inside of the mask over its sum everywhere and the size of the mask: the
    ratio of the expected sizes of overlap and sum (as the soft Dice of Milletari et al., 2016, with
    the truth replaced by its probability).

    Args:
        probability: (n, H, W) in [0, 1].
        mask: (n, H, W) bool.

    Returns:
        (n,) float32 in [0, 1]; 1 where nothing was found and nothing is expected.
    """
    inside = np.where(mask, probability, 0).sum(axis=(1, 2))
    sizes = probability.sum(axis=(1, 2)) + mask.sum(axis=(1, 2))
    return ((2 * inside + SMOOTHING) / (sizes + SMOOTHING)).astype(np.float32)


def finer_slices(segmenter: Any, spacing_mm: float) -> int:
    """Slices of a segmenter's result for each slice of an image, of slices so far apart."""
    return segmenter.factor_for(spacing_mm) if hasattr(segmenter, "factor_for") else 1


def found_slices(segmenter: Any, stack: SliceStack) -> Iterator[FoundSlices]:
    """Segment a stack, part by part where the segmenter can.

    Args:
        segmenter: a `Segmenter`; one with `parts(stack)` yields FoundSlices by itself.
        stack: a read-only SliceStack.

    Yields:
        FoundSlices that cover the stack in order.
    """
    if not getattr(segmenter, "takes_mapped", False):
        stack = stack.in_memory()
    if hasattr(segmenter, "parts"):
        yield from segmenter.parts(stack)
        return
    labels = segmenter.segment(stack)
    trust = np.full(len(labels), UNKNOWN, np.float32)
    present = np.unique(labels[labels > 0])
    yield FoundSlices(0, labels, {int(label): trust for label in present})
