"""Images in which another machine might have seen the same anatomy.

Regions of a label map, and what the image itself falls into, get random grey values and textures
(after the idea of Billot et al., SynthSeg, Medical Image Analysis 2023); or the intensities of the
real image are varied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from SlicePropagationLib.arrays import Labels, Slices


@dataclass(frozen=True)
class PaintingConfig:
    """How often and how much images are changed.

    Attributes:
        painted_share: how often the image is painted anew from the label map.
        invert: probability of a negative.
        gamma: spread of the logarithm of the exponent of brightness.
        noise: largest standard deviation of the noise, in those of the image,
        noise_share: and how often there is any.
        slice_jitter: spread of brightness between slices, with probability one quarter.
        bias: strength of a smooth multiplicative field, with probability 0.3.
        blur: largest sigma in pixels, with probability one quarter.
    """

    painted_share: float = 0.15
    invert: float = 0.15
    gamma: float = 0.3
    noise: float = 0.35
    noise_share: float = 0.4
    slice_jitter: float = 0.15
    bias: float = 0.4
    blur: float = 1.0


def paint(images: Slices, labels: Labels, rng: np.random.Generator) -> Slices:
    """(T, H, W) float32 with grey values of its own for every label and every part of the rest.

    Args:
        images: (T, H, W) intensities; the parts of what has no label follow from them.
        labels: (T, H, W).
        rng: numpy Generator.
    """
    smooth = gaussian_filter(images, (0.5, 1.0, 1.0))
    count = int(rng.integers(3, 7))
    levels = np.quantile(smooth, np.sort(rng.uniform(0.02, 0.98, count)))
    parts = np.digitize(smooth, np.unique(levels))
    regions = np.where(labels > 0, labels.astype(np.int64) + parts.max() + 1, parts)
    _, regions = np.unique(regions, return_inverse=True)
    regions = regions.reshape(images.shape)
    num_regions = int(regions.max()) + 1
    greys = rng.normal(0, 1, num_regions).astype(np.float32)
    textures = rng.uniform(0, 0.4, num_regions).astype(np.float32)
    sigma = rng.uniform(0.5, 2.5)
    field = _smooth_noise(images.shape, (0.5 * sigma, sigma, sigma), rng)
    painted = greys[regions] + textures[regions] * field
    edge = rng.uniform(0.3, 1.0)
    return gaussian_filter(painted, (0.2, edge, edge)).astype(np.float32)


def vary(images: Slices, config: PaintingConfig, rng: np.random.Generator) -> Slices:
    """(T, H, W) float32: the images with other contrast, noise, shading and sharpness.

    Args:
        images: (T, H, W) intensities of any unit.
        config: how much.
        rng: numpy Generator.
    """
    low, middle, high = np.percentile(images, [5, 50, 95])
    values = ((images - middle) / max(high - low, 1e-6) * 3).astype(np.float32)
    if rng.random() < config.invert:
        values = -values
    exponent = float(np.exp(rng.normal(0, config.gamma)))
    values = np.sign(values) * np.abs(values) ** exponent
    if rng.random() < 0.3:
        coarse = rng.normal(0, config.bias, (2, 3, 3)).astype(np.float32)
        factors = [size / old for size, old in zip(values.shape, coarse.shape, strict=True)]
        values = values + values.std() * zoom(
            coarse, factors, order=1, grid_mode=True, mode="nearest"
        )
    if rng.random() < 0.25:
        values = values + rng.normal(0, config.slice_jitter, (len(values), 1, 1)).astype(np.float32)
    if rng.random() < 0.25:
        sigma = rng.uniform(0.3, config.blur)
        values = gaussian_filter(values, (0, sigma, sigma))
    if rng.random() < config.noise_share:
        noise = rng.standard_normal(values.shape, np.float32)
        values = values + rng.uniform(0, config.noise) * max(values.std(), 1e-3) * noise
    return values.astype(np.float32)


def _smooth_noise(
    shape: tuple[int, ...], sigma: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    field = gaussian_filter(rng.standard_normal(shape, np.float32), sigma)
    return field / max(float(field.std()), 1e-6)
