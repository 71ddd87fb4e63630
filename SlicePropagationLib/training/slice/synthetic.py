"""Synthetic volumes with a known structure among neighbours that look alike.

Structures are lobes, branching tubes and shells with random textures.

They teach what no set of organs does alone: that a structure is what the person drew, wherever it
lies and whatever it looks like.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

Shape = tuple[int, ...]  # slices, rows, columns
SHAPE = (36, 72, 72)
KINDS = ("lobes", "tube", "shell")


@dataclass(frozen=True)
class Phantom:
    """A generated volume.

    Attributes:
        volume: (K, J, I) float32, arbitrary units.
        mask: (K, J, I) bool, one structure.
        spacing_mm: along K, J, I.
    """

    volume: np.ndarray
    mask: np.ndarray
    spacing_mm: tuple[float, float, float]


def make_phantom(rng: np.random.Generator, shape: Shape = SHAPE) -> Phantom:
    """A Phantom whose structure has neighbours that touch it and share its grey values in part.

    Args:
        rng: numpy Generator; the same state gives the same voxels.
        shape: (K, J, I).
    """
    thickness = float(rng.choice([1.0, 1.5, 2.5, 4.0]))
    points = _points(shape, thickness)
    size = points.max(axis=(1, 2, 3))
    labels = np.zeros(shape, np.uint8)
    count = int(rng.integers(3, 8))
    for label in range(count, 0, -1):  # the structure itself, 1, is drawn last
        place = [rng.uniform(0.3, 0.7), *rng.uniform(0.2, 0.8, 2)]
        if label == 1:
            place = [0.5, *rng.uniform(0.35, 0.65, 2)]
        centre = np.array(place) * size
        labels[_draw(rng, points, centre) > 0] = label
    volume = _paint(rng, labels)
    mask = _largest_part(labels == 1)
    return Phantom(volume, mask, (thickness, 1.0, 1.0))


def _points(shape: Shape, thickness: float) -> np.ndarray:
    """(3, K, J, I) positions in pixels of a slice."""
    axes = [np.arange(size, dtype=np.float32) for size in shape]
    scale = np.array([thickness, 1, 1], np.float32)
    return np.stack(np.meshgrid(*axes, indexing="ij")) * scale[:, None, None, None]


def _draw(
    rng: np.random.Generator,
    points: np.ndarray,
    centre: np.ndarray,
) -> np.ndarray:
    """(K, J, I) values, positive inside a random shape."""
    kind = rng.choice(KINDS, p=[0.45, 0.4, 0.15])
    radius = rng.uniform(5, 15)
    if kind == "tube":
        field = _tube(rng, points, centre, 0.5 * radius)
    else:
        balls = []
        for _ in range(rng.integers(1, 4)):
            middle = centre + rng.normal(0, 0.7 * radius, 3)
            balls.append(_ball(rng, points, middle, radius))
        field = np.maximum.reduce(balls)
    smoothness = rng.uniform(2, 6)
    field = field + 0.25 * radius * _noise(rng, points.shape[1:], smoothness)
    return 0.3 * radius - np.abs(field) if kind == "shell" else field


def _ball(
    rng: np.random.Generator,
    points: np.ndarray,
    centre: np.ndarray,
    radius: float,
) -> np.ndarray:
    stretch = rng.uniform(0.6, 1.6, 3).astype(np.float32)
    offset = points - centre.astype(np.float32)[:, None, None, None]
    offset = offset / stretch[:, None, None, None]
    return radius - np.sqrt((offset**2).sum(axis=0))


def _tube(
    rng: np.random.Generator,
    points: np.ndarray,
    centre: np.ndarray,
    radius: float,
) -> np.ndarray:
    """A smooth line mostly across the slices, with one branch half of the time."""

    def line(
        start: np.ndarray,
        slope: np.ndarray,
        bend: np.ndarray,
    ) -> np.ndarray:
        height = points[0] - start[0]
        rows = start[1] + slope[0] * height + bend[0] * height**2
        columns = start[2] + slope[1] * height + bend[1] * height**2
        return radius - np.hypot(points[1] - rows, points[2] - columns)

    bend = rng.normal(0, 0.008, 2)
    field = line(centre, rng.normal(0, 0.35, 2), bend)
    if rng.random() < 0.5:
        branch = line(centre, rng.normal(0, 0.7, 2), bend)
        field = np.maximum(field, np.where(points[0] > centre[0], branch, -radius))
    reach = rng.uniform(8, 0.5 * points[0].max())
    return np.minimum(field, reach - np.abs(points[0] - centre[0]))


def _noise(
    rng: np.random.Generator,
    shape: Shape,
    smoothness: float,
) -> np.ndarray:
    """(K, J, I) smooth field of unit spread."""
    noise = rng.standard_normal(shape, np.float32)
    field = ndimage.gaussian_filter(noise, (0.5 * smoothness, smoothness, smoothness))
    return field / field.std()


def _paint(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Grey values: every region its own, some alike; texture, partial volume, shading and noise."""
    greys = rng.normal(0, 1, labels.max() + 1).astype(np.float32)
    if rng.random() < 0.4 and len(greys) > 2:
        greys[2] = greys[1] + rng.normal(0, 0.15)  # a neighbour that looks the same
    textures = rng.uniform(0, 0.5, len(greys)).astype(np.float32)
    texture = _noise(rng, labels.shape, rng.uniform(0.6, 2.5))
    volume = greys[labels] + textures[labels] * texture
    blur = (0.3, rng.uniform(0.3, 1.2), rng.uniform(0.3, 1.2))
    volume = ndimage.gaussian_filter(volume, blur)
    shading = 0.3 * _noise(rng, labels.shape, 12) * rng.uniform(0, 1)
    noise = rng.uniform(0.02, 0.3) * rng.standard_normal(labels.shape, np.float32)
    volume += shading + noise
    return (100 * volume).astype(np.float32)


def _largest_part(mask: np.ndarray) -> np.ndarray:
    found: Any = ndimage.label(mask)
    parts, count = found
    if count < 2:
        return mask
    return parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())
