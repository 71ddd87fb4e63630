"""Dense registration of two small images: symmetric-force demons, coarse to fine.

Source: Vercauteren et al., Diffeomorphic demons, NeuroImage 45 (2009), the additive variant with
    symmetric forces and a
smoothed total displacement. One thread, so the same input gives the same displacement on any number
of cores.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, zoom


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


def register(fixed, moving, config):
    """Displacement that makes the moving image look like the fixed one.

    Args:
        fixed, moving: (H, W) float32 on the same grid, normalised together to about [0, 1].

    Returns:
        (2, H, W) float32 in pixels: `fixed[p]` corresponds to `moving[p + displacement[:, p]]`;
        zeros for constant images
        and for images of a single row or column.
    """
    if min(fixed.shape) < 2:
        return np.zeros((2, *fixed.shape), np.float32)
    displacement = None
    for level, num_iterations in enumerate(config.iterations):
        factor = 2 ** (len(config.iterations) - 1 - level)
        if min(fixed.shape) < 8 * factor and factor > 1:
            continue
        fixed_level = _reduce(fixed, factor)
        moving_level = _reduce(moving, factor)
        start = _resize(displacement, fixed_level.shape)
        displacement = _demons(fixed_level, moving_level, start, num_iterations, config)
    return displacement


def warp(image, displacement, mode="nearest"):
    """(H, W) float32: `image` read, linearly, at every pixel moved by the (2, H, W) displacement."""
    rows, columns = np.ogrid[: displacement.shape[1], : displacement.shape[2]]
    points = displacement + np.stack(np.broadcast_arrays(rows, columns))
    return map_coordinates(image, points, order=1, mode=mode, output=np.float32)


def _demons(fixed, moving, displacement, num_iterations, config):
    fixed_gradient = np.stack(np.gradient(fixed))
    limit = np.float32(4 * config.max_step_pixels**2)
    for _ in range(num_iterations):
        warped = warp(moving, displacement)
        gradient = fixed_gradient + np.stack(np.gradient(warped))
        difference = fixed - warped
        scale = (
            2 * difference / ((gradient**2).sum(0) + 4 * difference**2 / limit + np.float32(1e-6))
        )
        displacement = displacement + np.clip(
            scale * gradient,
            -config.max_step_pixels,
            config.max_step_pixels,
        )
        displacement = np.stack(
            [
                gaussian_filter(part, config.smoothing_pixels, mode="nearest", truncate=3)
                for part in displacement
            ]
        )
    return displacement.astype(np.float32)


def _reduce(image, factor):
    """The image at 1/factor of its resolution."""
    if factor == 1:
        return image
    shape = tuple(max(2, size // factor) for size in image.shape)
    return _zoom_to(gaussian_filter(image, 0.5 * factor, mode="nearest"), shape)


def _resize(displacement, shape):
    """A displacement on a grid of another size, its lengths with it; zeros for None."""
    if displacement is None:
        return np.zeros((2, *shape), np.float32)
    scales = [new / old for new, old in zip(shape, displacement.shape[1:])]
    return np.stack(
        [_zoom_to(part, shape) * np.float32(scale) for part, scale in zip(displacement, scales)]
    )


def _zoom_to(image, shape):
    factors = [new / old for new, old in zip(shape, image.shape)]
    return zoom(image, factors, order=1, mode="nearest", grid_mode=True, output=np.float32)
