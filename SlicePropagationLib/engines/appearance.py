"""What a structure and its surroundings look like, learnt from the annotated slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from SlicePropagationLib.arrays import Map

NUM_BINS = 32
MAX_LOG_RATIO = 3.0


@dataclass(frozen=True)
class Sample:
    """What one annotated slice teaches.

    Attributes:
        image: (h, w) intensities.
        distance: (h, w) signed distances to the edge of the mask, positive inside.
        ring: how far outside the edge the surroundings count, in the unit of the distances.
    """

    image: Map
    distance: Map
    ring: float

    def inside(self) -> Map:
        """Intensities of the structure."""
        return self.image[self.distance > 0]

    def around(self) -> Map:
        """Intensities of the ring around it."""
        return self.image[(self.distance <= 0) & (self.distance > -self.ring)]


class Appearance:
    """Log likelihood ratio of an intensity: inside the structure against in the ring around it.

    Attributes:
        low, high: intensities at the ends of the histogram.
        log_ratio: (NUM_BINS,) float32, within MAX_LOG_RATIO.
    """

    def __init__(
        self,
        low: float,
        high: float,
        log_ratio: Map,
    ):
        self.low = low
        self.high = high
        self.log_ratio = log_ratio
        self._bins_per_unit = np.float32((NUM_BINS - 1) / (high - low))
        self._slopes = np.append(np.diff(log_ratio), np.float32(0))

    @classmethod
    def learn(cls, samples: Sequence[Sample]) -> Appearance:
        """Learn from annotated slices; says 0 everywhere when the samples are constant."""
        inside = np.concatenate([sample.inside() for sample in samples])
        outside = np.concatenate([sample.around() for sample in samples])
        low, high = np.percentile(np.concatenate([inside, outside]), [1, 99])
        if inside.size == 0 or outside.size == 0 or high <= low:
            return cls(0.0, 1.0, np.zeros(NUM_BINS, np.float32))
        ratio = _density(inside, low, high) / _density(outside, low, high)
        log_ratio = np.clip(np.log(ratio), -MAX_LOG_RATIO, MAX_LOG_RATIO)
        return cls(float(low), float(high), log_ratio.astype(np.float32))

    def log_odds(
        self,
        image: Map,
        smoothing: float = 0.5,
    ) -> Map:
        """Log likelihood ratio of every pixel.

        Args:
            image: (h, w) intensities.
            smoothing: sigma of the Gaussian that smooths the result, in pixels.

        Returns:
            (h, w) float32.
        """
        position = (image - np.float32(self.low)) * self._bins_per_unit
        np.maximum(position, np.float32(0), out=position)
        np.minimum(position, np.float32(NUM_BINS - 1), out=position)
        first = position.astype(np.intp)
        position -= first
        position *= self._slopes.take(first)
        position += self.log_ratio.take(first)
        return gaussian_filter(position, smoothing, mode="nearest")


def _density(values, low, high):
    """(NUM_BINS,) smoothed, never empty histogram over the clipped range; sums to 1."""
    bins = np.clip((values - low) / (high - low) * NUM_BINS, 0, NUM_BINS - 1).astype(int)
    counts = np.bincount(bins, minlength=NUM_BINS).astype(float)
    counts = gaussian_filter1d(counts, 1.5, mode="nearest")
    density = counts / counts.sum() + 0.1 / NUM_BINS
    return density / density.sum()
