"""Slices of any distance for a model that was made for one, and its fine slices back on theirs."""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.arrays import Labels, Slices


class SliceSpacing:
    """The thick slices that a model is given of a stack, and where its fine ones lie in it.

    A thick slice is the mean of the thinner slices that lie in it, as a scanner's is, or is
    interpolated linearly between thicker ones. Both stacks have the same middle.

    Args:
        count: slices of the stack.
        spacing_mm: their distance.
        thick_mm: distance of the slices that the model was made for.
        factor: fine slices that come out for each of these.

    Attributes:
        num_thick: slices that the model is given.
        num_fine: slices of the result for each of the stack, 1 where it has thin ones.
    """

    def __init__(self, count: int, spacing_mm: float, thick_mm: float, factor: int) -> None:
        self._count = count
        self._step = spacing_mm / thick_mm  # in distances of thick slices
        self._factor = factor
        self.num_thick = max(1, round(count * self._step))
        self.num_fine = fine_slices(spacing_mm, thick_mm, factor)

    def thick(self, images: Slices) -> Slices:
        """(num_thick, H, W) float32 of (count, H, W) slices."""
        weights = self._averaging() if self._step < 1 else self._between()
        return np.tensordot(weights, images, axes=1).astype(np.float32)

    def nearest(self, fine: Labels) -> Labels:
        """(num_thick, H, W): the nearest of slices (count * num_fine, H, W) that lie as `back` does it."""
        thick = np.arange(self.num_thick) - (self.num_thick - 1) / 2
        own = thick / self._step + (self._count - 1) / 2
        places = np.rint(own * self.num_fine + self.num_fine // 2).astype(int)
        return fine[np.clip(places, 0, len(fine) - 1)]

    def back(self, fine: np.ndarray) -> np.ndarray:
        """(C, count * num_fine, H, W): fine slices (C, num_thick * factor, H, W) where results lie."""
        own = np.arange(self._count * self.num_fine)
        own = (own - self.num_fine // 2) / self.num_fine  # in slices of the stack
        places = self._to_thick(own) * self._factor + self._factor // 2
        places = np.clip(places, 0, fine.shape[1] - 1)
        before = np.floor(places).astype(int)
        after = np.minimum(before + 1, fine.shape[1] - 1)
        share = (places - before).astype(np.float32)[:, None, None]
        return (1 - share) * fine[:, before] + share * fine[:, after]

    def _to_thick(self, slices: np.ndarray) -> np.ndarray:
        """Positions among the thick slices, of positions among the stack's."""
        return (slices - (self._count - 1) / 2) * self._step + (self.num_thick - 1) / 2

    def _averaging(self) -> np.ndarray:
        """(num_thick, count) shares of the thin slices that lie in each thick one."""
        centres = self._to_thick(np.arange(self._count))
        thick = np.arange(self.num_thick)[:, None]
        first = np.maximum(centres - self._step / 2, thick - 0.5)
        last = np.minimum(centres + self._step / 2, thick + 0.5)
        shares = np.maximum(last - first, 0)
        # beyond the ends of the stack there is nothing to average
        return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)

    def _between(self) -> np.ndarray:
        """(num_thick, count) linear shares of the two slices around each."""
        places = (np.arange(self.num_thick) - (self.num_thick - 1) / 2) / self._step
        places = np.clip(places + (self._count - 1) / 2, 0, self._count - 1)
        return np.maximum(1 - np.abs(places[:, None] - np.arange(self._count)), 0)


def fine_slices(spacing_mm: float, thick_mm: float, factor: int) -> int:
    """Slices of the result for each slice of a stack, so that they are about as fine as the model's."""
    return max(1, round(spacing_mm * factor / thick_mm))
