"""The images that the cases are made of; arrays are (K, J, I) and noise comes from fixed seeds."""

from collections.abc import Iterable

import numpy as np


def ellipse(
    size: int,
    centre: tuple[float, float],
    radii: tuple[float, float] | float,
) -> np.ndarray:
    """(size, size) bool; centre and radii are (row, column)."""
    across, along = np.broadcast_to(radii, 2)
    rows, columns = np.indices((size, size))
    down = (rows - centre[0]) * along  # multiplied, as quotients would be rounded at the edge
    aside = (columns - centre[1]) * across
    return down**2 + aside**2 <= (across * along) ** 2


def wandering_disc(
    size: int = 48,
    count: int = 20,
    on: range = range(3, 17),
    radius: int = 8,
    bright: float = 100.0,
    noise: float = 5.0,
) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc that is one column further on every slice: (image, where it is)."""
    truth = np.zeros((count, size, size), bool)
    for step, index in enumerate(on):
        truth[index] = ellipse(size, (size / 2, size / 2 - 8 + step), radius)
    grain = np.random.default_rng(0).normal(0, noise, truth.shape)
    return (bright * truth + grain).astype(np.float32), truth


def two_discs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The disc, and a brighter one 24 rows below: (image, first, second)."""
    image, first = wandering_disc(size=64)
    second = np.roll(first, 24, axis=1)
    return image + 100 * second, first, second


def texture(
    shape: tuple[int, ...],
    seed: int,
    blurs: int,
) -> np.ndarray:
    """Noise of standard deviation 1 that was averaged over neighbours so many times."""
    values = np.random.default_rng(seed).normal(size=shape)
    for _ in range(blurs):
        for axis in range(values.ndim):
            both = np.roll(values, 1, axis) + np.roll(values, -1, axis)
            values = (values + both) / 3
    return values / values.std()


def widened(mask: np.ndarray, steps: int) -> np.ndarray:
    """A (H, W) mask with all that is at most so many steps up, down or aside from it."""
    wide = mask.copy()
    for _ in range(steps):
        before = wide.copy()
        wide[1:] |= before[:-1]
        wide[:-1] |= before[1:]
        wide[:, 1:] |= before[:, :-1]
        wide[:, :-1] |= before[:, 1:]
    return wide


def drawn_on(
    truth: np.ndarray,
    indices: Iterable[int],
    label: int = 1,
    axis: int = 0,
):
    """A seed: the truth on some slices of an axis, as a label."""
    seed = np.zeros(truth.shape, np.uint8)
    for index in indices:
        np.moveaxis(seed, axis, 0)[index] = label * np.moveaxis(truth, axis, 0)[index]
    return seed
