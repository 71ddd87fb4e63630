"""Phantoms for the library's tests.

A disc that moves and grows along the slices, and an engine that repeats the anchor.
"""

import numpy as np

from SlicePropagationLib.stack import SliceStack


def disc(shape, centre, radius):
    """(H, W) bool disc."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def square(top, left, size, shape=(20, 20)):
    """(H, W) bool square."""
    mask = np.zeros(shape, bool)
    mask[top : top + size, left : left + size] = True
    return mask


def blank_stack(count=8, shape=(20, 20), spacing_mm=(3.0, 1.0, 1.0)):
    """A stack of empty images, for engines that do not look."""
    return SliceStack(np.zeros((count, *shape), np.float32), spacing_mm)


def drifting_disc(count=16, shape=(48, 48), first=3, last=12, spacing_mm=(3.0, 1.0, 1.0)):
    """A bright disc that drifts to the right over slices first..last of a noisy stack: (stack, truth)."""
    truth = np.zeros((count, *shape), bool)
    for index in range(first, last + 1):
        truth[index] = disc(shape, (24, 16 + index), 8)
    noise = np.random.default_rng(0).normal(0, 5, truth.shape)
    return SliceStack((100.0 * truth + noise).astype(np.float32), spacing_mm), truth


class RepeatingEngine:
    """Predicts the anchor's mask with a constant probability, on at most `reach` slices, and counts its work."""

    name = "repeating"

    def __init__(self, probability=1.0, reach=None):
        self.probability = probability
        self.reach = reach
        self.asked = []

    def walk(self, stack, run, anchors):
        for index in run.targets[: self.reach]:
            self.asked.append((run.label, index))
            certain = (
                self.probability[run.label]
                if isinstance(self.probability, dict)
                else self.probability
            )
            yield anchors[run.anchor].astype(np.float32) * np.float32(certain)
