"""Dense registration of two small images: symmetric-force demons, coarse to fine.

Source: Vercauteren et al., Diffeomorphic demons, NeuroImage 45 (2009), the additive variant with
symmetric forces and a smoothed total displacement. One thread, so the same input gives the same
displacement on any number of cores.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from SlicePropagationLib.arrays import Displacement, Map


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


def warp(
    image: Map,
    displacement: Displacement,
    mode: str = "nearest",
) -> Map:
    """An image read, linearly, at every pixel moved by a displacement.

    Args:
        image: (H, W).
        displacement: (2, H, W) in pixels.
        mode: what lies outside, as in `scipy.ndimage`.

    Returns:
        (H, W) float32.
    """
    pixels = np.indices(displacement.shape[1:])
    points = displacement + pixels
    return map_coordinates(
        image,
        points,
        order=1,
        mode=mode,
        output=np.float32,
    )


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
    longest = config.max_step_pixels
    limit = np.float32(4 * longest**2)
    for _ in range(num_iterations):
        warped = warp(moving, displacement)
        gradient = fixed_gradient + _gradient(warped)
        difference = fixed - warped
        steepness = (gradient**2).sum(0) + 4 * difference**2 / limit + np.float32(1e-6)
        scale = 2 * difference / steepness
        displacement = displacement + np.clip(scale * gradient, -longest, longest)
        displacement = _smoothed(displacement, config.smoothing_pixels)
    return displacement.astype(np.float32)


def _gradient(image: Map) -> Displacement:
    """(2, h, w) slopes along rows and columns."""
    along_rows, along_columns = np.gradient(image)
    return np.stack([along_rows, along_columns])


def _smoothed(displacement: Displacement, sigma: float) -> Displacement:
    parts = [
        gaussian_filter(
            part,
            sigma,
            mode="nearest",
            truncate=3,
        )
        for part in displacement
    ]
    return np.stack(parts)


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
