"""What a structure and its surroundings look like, learnt from the annotated slices."""

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

NUM_BINS = 32
MAX_LOG_RATIO = 3.0


class Appearance:
    """Log likelihood ratio of an intensity: inside the structure against in the ring around it."""

    def __init__(self, low, high, log_ratio):
        self.low = low
        self.high = high
        self.log_ratio = log_ratio

    @classmethod
    def learn(cls, samples):
        """Learn from annotated slices.

        Args:
            samples: (image, distance, ring) triples: (h, w) intensities, (h, w) signed distances,
                and how far outside the
                edge the surroundings count, in the unit of the distances.

        Returns:
            An Appearance; one that says 0 everywhere when the samples are constant.
        """
        inside = np.concatenate([image[distance > 0] for image, distance, _ in samples])
        outside = np.concatenate(
            [image[(distance <= 0) & (distance > -ring)] for image, distance, ring in samples]
        )
        both = np.concatenate([inside, outside])
        low, high = np.percentile(both, [1, 99])
        if inside.size == 0 or outside.size == 0 or high <= low:
            return cls(0.0, 1.0, np.zeros(NUM_BINS, np.float32))
        densities = [_density(values, low, high) for values in (inside, outside)]
        log_ratio = np.clip(np.log(densities[0] / densities[1]), -MAX_LOG_RATIO, MAX_LOG_RATIO)
        return cls(float(low), float(high), log_ratio.astype(np.float32))

    def log_odds(self, image, smoothing=0.5):
        """(h, w) float32 log likelihood ratio of every pixel, smoothed with a Gaussian of `smoothing` pixels."""
        position = np.clip((image - self.low) / (self.high - self.low), 0, 1) * (NUM_BINS - 1)
        ratio = (
            np.interp(position.ravel(), np.arange(NUM_BINS), self.log_ratio)
            .reshape(image.shape)
            .astype(np.float32)
        )
        return gaussian_filter(ratio, smoothing, mode="nearest")


def _density(values, low, high):
    """Smoothed, never empty histogram over the clipped range; sums to 1."""
    bins = np.clip((values - low) / (high - low) * NUM_BINS, 0, NUM_BINS - 1).astype(int)
    counts = gaussian_filter1d(
        np.bincount(bins, minlength=NUM_BINS).astype(float),
        1.5,
        mode="nearest",
    )
    density = counts / counts.sum() + 0.1 / NUM_BINS
    return density / density.sum()
