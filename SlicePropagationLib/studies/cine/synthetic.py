"""Synthetic cine sequences with known truth, made of a real end-diastolic and end-systolic frame.

Landmarks on the outlines of the labels move from one frame to the other; a thin-plate spline warps
the pixels between them (Bookstein, IEEE TPAMI 11, 1989). Nothing here registers images, so that no
engine that is scored on these sequences has made them. Both frames are warped to every time and
mixed; labels are mixed as distances to their outlines. Then come noise, a gain that drifts and
breathing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator, RBFInterpolator
from scipy.ndimage import binary_fill_holes, distance_transform_edt, map_coordinates

from SlicePropagationLib.arrays import Labels, Mask
from SlicePropagationLib.errors import ConfigError, GeometryMismatchError, InputError

# Share of the way from end-diastole to end-systole over the cycle: contraction, early filling,
# rest, atrial contraction.
TIMES = (0.0, 0.08, 0.2, 0.32, 0.38, 0.46, 0.56, 0.66, 0.8, 0.9, 1.0)
SHARES = (0.0, 0.1, 0.6, 0.96, 1.0, 0.86, 0.42, 0.24, 0.18, 0.07, 0.0)
END_SYSTOLE = 0.38
COARSE = 4  # pixels between the points where a spline is computed; it is smooth
RING = 1.5  # radius of the ring of points that stay, as a share of the moving ones' reach
RING_POINTS = 16
BORDER_POINTS = 5  # along each side
ABSENT_PIXELS = 8.0  # by which a structure that one end lacks shrinks on the way there
RAY_STEP = 0.25  # pixels


@dataclass(frozen=True)
class SyntheticCineConfig:
    """How a sequence is made.

    Attributes:
        frames: of one cycle; the first is end-diastole. 100 in Bai et al. (section 3.1): a window
            of 21 frames is then a fifth of a beat, and frames lie up to 31 from a labelled one.
        rays: landmarks on each outline.
        stiffness: smoothing of the splines.
        noise: standard deviation, as a share of the range of intensities.
        gain: largest drift of the brightness, as a share of it.
        breathing_pixels: largest shift.
        seed: of everything random, together with the name of the case.
    """

    frames: int = 100
    rays: int = 20
    stiffness: float = 2.0
    noise: float = 0.015
    gain: float = 0.04
    breathing_pixels: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        if self.frames < 4 or self.rays < 4:
            raise ConfigError(
                f"frames and rays must be at least 4, got {self.frames} and {self.rays}."
            )

    @property
    def end_systole(self) -> int:
        """Index of the end-systolic frame."""
        return round(END_SYSTOLE * self.frames)


class Frame(NamedTuple):
    """A real frame, or one slice of it.

    Attributes:
        image: (K, H, W) or (H, W) intensities.
        labels: uint8 of the same shape.
    """

    image: np.ndarray
    labels: Labels

    def part(self, chosen: slice | int) -> Frame:
        """Some of its slices, or one."""
        return Frame(self.image[chosen], self.labels[chosen])


class End(NamedTuple):
    """One slice of a real frame on the way to some time.

    Attributes:
        frame: the slice, float32 intensities.
        landmarks: (P, 2) points of it.
        weight: its share at that time.
    """

    frame: Frame
    landmarks: np.ndarray
    weight: float


def contraction(config: SyntheticCineConfig) -> np.ndarray:
    """(T,) share of the way from end-diastole (0, first frame) to end-systole (1)."""
    shares = PchipInterpolator(TIMES, SHARES)(_times(config))
    shares[config.end_systole] = 1.0
    return shares


def make_cine(
    diastole: Frame,
    systole: Frame,
    config: SyntheticCineConfig,
    *,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """A sequence and its truth.

    Args:
        diastole: the end-diastolic frame, (K, H, W).
        systole: the end-systolic one, voxel-aligned with it.
        config: a SyntheticCineConfig.
        seed: beside that of the configuration.

    Returns:
        ((T, K, H, W) float32 images, (T, K, H, W) uint8 truth, indices of the slices kept: those
        with a structure in both frames).

    Raises:
        GeometryMismatchError: the frames differ in shape.
        InputError: no slice shows one structure in both.
    """
    if diastole.image.shape != systole.image.shape:
        raise GeometryMismatchError(
            f"The end-diastolic frame is {diastole.image.shape}, the end-systolic one"
            f" {systole.image.shape}; give two frames of one grid."
        )
    common = _common_slices(diastole.labels, systole.labels)
    rng = np.random.default_rng([config.seed, seed])
    shares = contraction(config)
    shifts = _breathing(config, rng)
    gains = _gains(config, rng)
    images = np.empty((config.frames, len(common), *diastole.image.shape[1:]), np.float32)
    truth = np.empty(images.shape, np.uint8)
    for place, index in enumerate(common):
        first = _as_float(diastole.part(index))
        second = _as_float(systole.part(index))
        points = _landmarks(first.labels, second.labels, config.rays)
        for time, share in enumerate(shares):
            ends = (
                End(first, points[0], 1 - share),
                End(second, points[1], share),
            )
            made = _mixed(ends, shifts[time], config.stiffness)
            images[time, place] = made.image
            truth[time, place] = made.labels
    images *= gains[:, None, None, None].astype(np.float32)
    low, high = np.percentile(diastole.image, [1, 99])
    noise = rng.normal(0, config.noise * (high - low), images.shape)
    return images + noise.astype(np.float32), truth, common


def _times(config: SyntheticCineConfig) -> np.ndarray:
    """(T,) shares of the cycle."""
    return np.arange(config.frames) / config.frames


def _common_slices(diastole: Labels, systole: Labels) -> list[int]:
    """The slices that show a structure in both frames."""
    common = []
    for index, (one, other) in enumerate(zip(diastole, systole, strict=True)):
        if set(np.unique(one)) & set(np.unique(other)) - {0}:
            common.append(index)
    if not common:
        raise InputError(
            "No slice shows one structure in both frames; a motion between them is not known."
        )
    return common


def _as_float(frame: Frame) -> Frame:
    return Frame(np.asarray(frame.image, np.float32), frame.labels)


def _breathing(config: SyntheticCineConfig, rng: np.random.Generator) -> np.ndarray:
    """(T, 2) shifts in pixels: a slow wave, mostly up and down.

    It does not close with the heart beat.
    """
    phase = 2 * np.pi * (_times(config) * rng.uniform(0.2, 0.4) + rng.uniform())
    direction = np.array([1.0, rng.uniform(-0.3, 0.3)])
    return config.breathing_pixels * np.sin(phase)[:, None] * direction


def _gains(config: SyntheticCineConfig, rng: np.random.Generator) -> np.ndarray:
    """(T,) factors of the brightness: a slow wave."""
    phase = 2 * np.pi * (_times(config) * rng.uniform(0.5, 1.5) + rng.uniform())
    return 1 + config.gain * np.sin(phase)


def _mixed(
    ends: tuple[End, End],
    shift: np.ndarray,
    stiffness: float,
) -> Frame:
    """One slice at one time, warped from both ends and mixed."""
    first, second = ends
    here = first.weight * first.landmarks + second.weight * second.landmarks + shift
    shape = first.frame.labels.shape
    image = np.zeros(shape)
    distances: dict[int, np.ndarray] = {}
    for end in ends:
        if end.weight == 0:
            continue
        places = _spline(here, end.landmarks, shape, stiffness)
        image = image + end.weight * _at(end.frame.image, places)
        for label in _labels_in(end.frame.labels):
            warped = _at(_signed(end.frame.labels == label), places)
            distances[label] = distances.get(label, 0.0) + end.weight * warped
    for label in distances:  # a structure that one end lacks shrinks away towards it
        lacking = [end.weight for end in ends if not (end.frame.labels == label).any()]
        distances[label] = distances[label] - sum(lacking) * ABSENT_PIXELS
    return Frame(image.astype(np.float32), _labels_of(distances, shape))


def _labels_in(labels: Labels) -> list[int]:
    return [int(label) for label in np.unique(labels[labels > 0])]


def _at(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(H, W) values of an array at (2, H, W) places, its border repeated."""
    return map_coordinates(
        array,
        places,
        order=1,
        mode="nearest",
    )


def _labels_of(distances: dict[int, np.ndarray], shape: tuple[int, ...]) -> Labels:
    """The label whose outline is farthest outside; 0 where all are inside."""
    found = np.zeros(shape, np.uint8)
    best = np.zeros(shape)
    for label in sorted(distances):
        wins = distances[label] > best
        found[wins] = label
        best[wins] = distances[label][wins]
    return found


def _signed(mask: Mask) -> np.ndarray:
    """Distance to the outline in pixels, positive inside."""
    inside = np.asarray(distance_transform_edt(mask))
    outside = np.asarray(distance_transform_edt(~mask))
    return inside - outside


def _landmarks(
    first: Labels,
    second: Labels,
    num_rays: int,
) -> np.ndarray:
    """(2, P, 2): corresponding points on the outlines of both label maps, then points that stay.

    The latter are the border and a ring around it all.
    """
    pairs = []
    for label in np.intersect1d(first[first > 0], second[second > 0]):
        from_points = _outline(first == label, num_rays)
        to_points = _outline(second == label, num_rays)
        for pair in zip(from_points, to_points, strict=True):
            if None not in pair:
                pairs.append(pair)
    moving = np.array(pairs, float).transpose(1, 0, 2)
    still = np.array([*_border(first.shape), *_ring(moving)])
    staying = np.broadcast_to(still, (2, len(still), 2))
    return np.concatenate([moving, staying], axis=1)


def _border(shape: tuple[int, ...]) -> list[tuple[float, float]]:
    """Points on the four sides of a slice."""
    height, width = shape
    points = []
    for row in np.linspace(0, height - 1, BORDER_POINTS):
        for column in np.linspace(0, width - 1, BORDER_POINTS):
            if row in (0, height - 1) or column in (0, width - 1):
                points.append((row, column))
    return points


def _ring(moving: np.ndarray) -> list[tuple[float, float]]:
    """Points around all the (2, P, 2) moving ones."""
    row, column = moving.mean(axis=(0, 1))
    reach = np.linalg.norm(moving - moving.mean(axis=(0, 1)), axis=2).max()
    points = []
    for angle in np.linspace(0, 2 * np.pi, RING_POINTS, endpoint=False):
        radius = RING * reach
        points.append((row + radius * np.sin(angle), column + radius * np.cos(angle)))
    return points


def _outline(mask: Mask, num_rays: int) -> list[tuple[float, float] | None]:
    """The outermost point of a filled mask along each ray from its centroid.

    None where a ray misses it.
    """
    filled = np.asarray(binary_fill_holes(mask))
    centre = np.argwhere(filled).mean(axis=0)
    steps = np.arange(0, max(mask.shape), RAY_STEP)
    found = []
    for angle in np.linspace(0, 2 * np.pi, num_rays, endpoint=False):
        line = centre + steps[:, None] * np.array([np.sin(angle), np.cos(angle)])
        values = map_coordinates(
            filled.astype(np.float32),
            line.T,
            order=1,
            cval=0,
        )
        inside = np.flatnonzero(values >= 0.5)
        outermost = tuple(line[inside[-1]]) if inside.size else None
        found.append(outermost)
    return found


def _spline(
    here: np.ndarray,
    there: np.ndarray,
    shape: tuple[int, ...],
    stiffness: float,
) -> np.ndarray:
    """(2, H, W) places in the source for every pixel.

    A thin-plate spline that takes points `here` to points `there`.
    """
    unique, index = np.unique(np.round(here, 3), axis=0, return_index=True)
    rows, columns = (np.arange(0, side + COARSE, COARSE, dtype=float) for side in shape)
    points = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    spline = RBFInterpolator(
        unique,
        (there - here)[index],
        smoothing=stiffness,
        kernel="thin_plate_spline",
    )
    change = spline(points).reshape(len(rows), len(columns), 2)
    pixels = np.indices(shape, dtype=float)
    places = pixels / COARSE
    fine = [_at(change[..., part], places) for part in range(2)]
    return np.stack(fine) + pixels
