"""Dense registration of two small images: symmetric-force demons, coarse to fine.

Source: Vercauteren et al., Diffeomorphic demons, NeuroImage 45 (2009), the additive variant with
symmetric forces and a smoothed total displacement. One thread, so the same input gives the same
displacement on any number of cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, zoom

from SlicePropagationLib.arrays import Displacement, Map
from SlicePropagationLib.engines.bilinear import read_points


@dataclass(frozen=True)
class DemonsConfig:
    """How two images are registered.

    Attributes:
        iterations: per level, coarsest first; a level has half the resolution of the next.
        smoothing_pixels: Gaussian sigma that regularises the displacement after each iteration, in
            pixels of the level.
        max_step_pixels: longest update of one iteration, in pixels of the level.
    """

    iterations: tuple[int, ...] = (15,)
    smoothing_pixels: float = 2.5
    max_step_pixels: float = 0.5


# What finds the displacement of two small images, called as `register` is.
Register = Callable[[Map, Map, DemonsConfig], Displacement]


def register(
    fixed: Map,
    moving: Map,
    config: DemonsConfig,
) -> Displacement:
    """Displacement that makes the moving image look like the fixed one.

    Args:
        fixed: (H, W) float32.
        moving: the same on the same grid, normalised together with it to about [0, 1].
        config: how they are registered.

    Returns:
        (2, H, W) float32 in pixels: `fixed[p]` corresponds to `moving[p + displacement[:, p]]`;
        zeros for constant images and for images of a single row or column.
    """
    displacement = np.zeros((2, *fixed.shape), np.float32)
    if min(fixed.shape) < 2:
        return displacement
    for factor, num_iterations in _levels(fixed.shape, config.iterations):
        fixed_level = _reduce(fixed, factor)
        moving_level = _reduce(moving, factor)
        start = _resize(displacement, fixed_level.shape)
        displacement = _demons(fixed_level, moving_level, start, num_iterations, config)
    return displacement


def warp(image: Map, displacement: Displacement) -> Map:
    """An image read, linearly, at every pixel moved by a displacement; its border goes on outside.

    Args:
        image: (H, W).
        displacement: (2, H, W) in pixels.

    Returns:
        (H, W) float32.
    """
    return read_points(image, displacement + np.indices(displacement.shape[1:]))


def _levels(shape, iterations):
    """[(factor, iterations)] of the levels, coarsest first; none on which an image is tiny."""
    coarsest = 2 ** (len(iterations) - 1)
    factors = [coarsest // 2**level for level in range(len(iterations))]
    return [
        (factor, count)
        for factor, count in zip(factors, iterations, strict=True)
        if factor == 1 or min(shape) >= 8 * factor
    ]


def _demons(
    fixed: Map,
    moving: Map,
    displacement: Displacement,
    num_iterations: int,
    config: DemonsConfig,
) -> Displacement:
    """The (2, h, w) displacement of one level after some iterations from a first one."""
    fixed_gradient = _gradient(fixed)
    longest = np.float32(config.max_step_pixels)
    stiffness = np.float32(1 / longest**2)
    moving_at = _Reader(moving)
    for _ in range(num_iterations):
        warped = moving_at.read(displacement)
        gradient = _gradient(warped)
        gradient += fixed_gradient
        difference = fixed - warped
        steepness = gradient[0] * gradient[0]
        steepness += gradient[1] * gradient[1]
        steepness += stiffness * difference * difference
        steepness += np.float32(1e-6)
        difference += difference
        difference /= steepness
        gradient *= difference
        np.minimum(gradient, longest, out=gradient)
        np.maximum(gradient, -longest, out=gradient)
        gradient += displacement
        displacement = _smoothed(gradient, config.smoothing_pixels)
    return displacement


class _Reader:
    """An image that is read at its own pixels moved by one displacement after the other.

    As `bilinear.read_points` does, in single precision: most of the time of a walk goes here.

    Args:
        image: (h, w).
    """

    def __init__(self, image: Map):
        height, width = image.shape
        self._pixels = np.indices(image.shape, np.float32)
        self._last = np.array([height - 1, width - 1], np.float32)[:, None, None]
        self._row = width + 1
        # One more row and column, so that each pixel has a neighbour below and behind it.
        image = np.pad(np.asarray(image, np.float32), ((0, 1), (0, 1)), mode="edge")
        slopes = np.zeros_like(image)
        slopes[:, :-1] = image[:, 1:] - image[:, :-1]
        self._above, self._below = image.ravel(), image.ravel()[self._row :]
        self._slope_above, self._slope_below = slopes.ravel(), slopes.ravel()[self._row :]

    def read(self, displacement: Displacement) -> Map:
        """(h, w) float32 at every pixel moved by a (2, h, w) displacement."""
        points = self._pixels + displacement
        np.maximum(points, np.float32(0), out=points)
        np.minimum(points, self._last, out=points)
        first = points.astype(np.intp)
        points -= first
        down, across = points
        pixels = first[0]
        pixels *= self._row
        pixels += first[1]
        found = self._slope_above.take(pixels)
        found *= across
        found += self._above.take(pixels)
        below = self._slope_below.take(pixels)
        below *= across
        below += self._below.take(pixels)
        below -= found
        below *= down
        found += below
        return found


def _gradient(image: Map) -> Displacement:
    """(2, h, w) slopes along rows and columns: differences of neighbours, one-sided at the ends."""
    slopes = np.empty((2, *image.shape), image.dtype)
    for along, turned in ((slopes[0], image), (slopes[1].T, image.T)):
        along[1:-1] = (turned[2:] - turned[:-2]) / 2
        along[0] = turned[1] - turned[0]
        along[-1] = turned[-1] - turned[-2]
    return slopes


def _smoothed(displacement: Displacement, sigma: float) -> Displacement:
    """A Gaussian along rows and columns, each as one product with a matrix.

    On some thousand pixels that takes a fraction of the time of a filter.
    """
    _, height, width = displacement.shape
    down = _gaussian_matrix(height, sigma) @ displacement
    return down @ _gaussian_matrix(width, sigma).T


@lru_cache(maxsize=32)
def _gaussian_matrix(length: int, sigma: float) -> np.ndarray:
    """(length, length) float32: what `gaussian_filter1d` does to a row of pixels."""
    matrix = gaussian_filter1d(np.eye(length), sigma, axis=0, mode="nearest", truncate=3)
    return matrix.astype(np.float32)


def _reduce(image, factor):
    """The image at 1/factor of its resolution."""
    if factor == 1:
        return image
    shape = tuple(max(2, size // factor) for size in image.shape)
    return _zoom_to(gaussian_filter(image, 0.5 * factor, mode="nearest"), shape)


def _resize(displacement, shape):
    """A displacement on a grid of another size, its lengths with it."""
    if displacement.shape[1:] == shape:
        return displacement
    scales = _ratios(shape, displacement.shape[1:])
    parts = [
        _zoom_to(part, shape) * np.float32(scale)
        for part, scale in zip(displacement, scales, strict=True)
    ]
    return np.stack(parts)


def _zoom_to(image: Map, shape: tuple[int, ...]) -> Map:
    factors = _ratios(shape, image.shape)
    zoomed = zoom(
        image,
        factors,
        order=1,
        mode="nearest",
        grid_mode=True,
        output=np.float32,
    )
    return np.asarray(zoomed)


def _ratios(shape, old_shape):
    return [new / old for new, old in zip(shape, old_shape, strict=True)]
