"""Synthetic cine sequences with known truth, made of a real end-diastolic and a real end-systolic frame.

Landmarks on the outlines of the labels move from one frame to the other; a thin-plate spline
carries the pixels between them (Bookstein,
IEEE TPAMI 11, 1989). Nothing here registers images, so that no engine that is scored on these
sequences has made them. Both frames are
carried to every time and mixed; labels are mixed as distances to their outlines. Then come noise, a
gain that drifts and breathing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator, RBFInterpolator
from scipy.ndimage import binary_fill_holes, distance_transform_edt, map_coordinates

from SlicePropagationLib.errors import ConfigError, GeometryMismatchError, InputError

# Share of the way from end-diastole to end-systole over the cycle: contraction, early filling,
# rest, atrial contraction.
TIMES = (0.0, 0.08, 0.2, 0.32, 0.38, 0.46, 0.56, 0.66, 0.8, 0.9, 1.0)
SHARES = (0.0, 0.1, 0.6, 0.96, 1.0, 0.86, 0.42, 0.24, 0.18, 0.07, 0.0)
END_SYSTOLE = 0.38
COARSE = 4  # pixels between the points where a spline is computed; it is smooth


@dataclass(frozen=True)
class SyntheticCineConfig:
    """How a sequence is made.

    Attributes:
        frames: of one cycle; the first is end-diastole.
        rays: landmarks on each outline.
        stiffness: smoothing of the splines.
        noise: standard deviation, gain: largest drift of the brightness, both as shares of the
            range of intensities.
        breathing_pixels: largest shift.
        seed: of everything random, together with the name of the case.
    """

    frames: int = 20
    rays: int = 20
    stiffness: float = 2.0
    noise: float = 0.015
    gain: float = 0.04
    breathing_pixels: float = 0.6
    seed: int = 0

    def __post_init__(self):
        if self.frames < 4 or self.rays < 4:
            raise ConfigError(
                f"frames and rays must be at least 4, got {self.frames} and {self.rays}."
            )

    @property
    def end_systole(self):
        """Index of the end-systolic frame."""
        return round(END_SYSTOLE * self.frames)


def contraction(config):
    """(T,) share of the way from end-diastole (0, first frame) to end-systole (1)."""
    times = np.arange(config.frames) / config.frames
    shares = PchipInterpolator(TIMES, SHARES)(times)
    shares[config.end_systole] = 1.0
    return shares


def make_cine(diastole, systole, config, *, seed=0):
    """A sequence and its truth.

    Args:
        diastole, systole: (image (K, H, W), labels (K, H, W) uint8) of the two real frames,
            voxel-aligned.
        config: a SyntheticCineConfig.
        seed: beside that of the configuration.

    Returns:
        ((T, K, H, W) float32 images, (T, K, H, W) uint8 truth, indices of the slices kept: those
        with a structure in both frames).

    Raises:
        GeometryMismatchError: the frames differ in shape.
        InputError: no slice shows one structure in both.
    """
    if diastole[0].shape != systole[0].shape:
        raise GeometryMismatchError(
            f"The end-diastolic frame is {diastole[0].shape}, the end-systolic one"
            f" {systole[0].shape}; give two frames of one grid."
        )
    common = [
        k
        for k in range(len(diastole[1]))
        if set(np.unique(diastole[1][k])) & set(np.unique(systole[1][k])) - {0}
    ]
    if not common:
        raise InputError(
            "No slice shows one structure in both frames; a motion between them is not known."
        )
    rng = np.random.default_rng([config.seed, seed])
    shares = contraction(config)
    shifts = _breathing(config, rng)
    low, high = np.percentile(diastole[0], [1, 99])
    gains = 1 + config.gain * np.sin(
        2
        * np.pi
        * (np.arange(config.frames) / config.frames * rng.uniform(0.5, 1.5) + rng.uniform())
    )
    images = np.empty((config.frames, len(common), *diastole[0].shape[1:]), np.float32)
    truth = np.empty(images.shape, np.uint8)
    for place, k in enumerate(common):
        ends = [
            (np.asarray(image[k], np.float32), labels[k]) for image, labels in (diastole, systole)
        ]
        landmarks = _landmarks(ends[0][1], ends[1][1], config.rays)
        for frame, share in enumerate(shares):
            images[frame, place], truth[frame, place] = _frame(
                ends,
                landmarks,
                share,
                shifts[frame],
                config.stiffness,
            )
    images *= gains[:, None, None, None].astype(np.float32)
    return (
        images + rng.normal(0, config.noise * (high - low), images.shape).astype(np.float32),
        truth,
        common,
    )


def _breathing(config, rng):
    """(T, 2) shifts in pixels: a slow wave, mostly up and down, that does not close with the heart beat."""
    phase = (
        2
        * np.pi
        * (np.arange(config.frames) / config.frames * rng.uniform(0.2, 0.4) + rng.uniform())
    )
    return (
        config.breathing_pixels * np.sin(phase)[:, None] * np.array([1.0, rng.uniform(-0.3, 0.3)])
    )


def _frame(ends, landmarks, share, shift, stiffness):
    """(image, labels) of one slice at one time, from both ends."""
    here = (1 - share) * landmarks[0] + share * landmarks[1] + shift
    shape = ends[0][0].shape
    image = 0.0
    distances = {}
    for (source, labels), points, weight in zip(ends, landmarks, (1 - share, share)):
        if weight == 0:
            continue
        where = _spline(here, points, shape, stiffness)
        image = image + weight * map_coordinates(source, where, order=1, mode="nearest")
        for label in np.unique(labels[labels > 0]):
            carried = map_coordinates(_signed(labels == label), where, order=1, mode="nearest")
            distances[label] = distances.get(label, 0.0) + weight * carried
    for label in distances:  # a structure that one end lacks shrinks away towards it
        absent = sum(
            weight
            for (_, labels), weight in zip(ends, (1 - share, share))
            if not (labels == label).any()
        )
        distances[label] = distances[label] - absent * 8.0
    return image.astype(np.float32), _labels_of(distances, shape)


def _labels_of(distances, shape):
    found = np.zeros(shape, np.uint8)
    best = np.zeros(shape)
    for label in sorted(distances):
        wins = distances[label] > best
        found[wins], best[wins] = label, distances[label][wins]
    return found


def _signed(mask):
    """Distance to the outline in pixels, positive inside."""
    return distance_transform_edt(mask) - distance_transform_edt(~mask)


def _landmarks(first, second, num_rays):
    """(2, P, 2): corresponding points on the outlines of both label maps, then points that stay: the border and a ring around it all."""
    pairs = []
    for label in np.intersect1d(first[first > 0], second[second > 0]):
        rays = [_outline(labels == label, num_rays) for labels in (first, second)]
        pairs += [pair for pair in zip(*rays) if None not in pair]
    moving = np.array(pairs, float).transpose(1, 0, 2)
    height, width = first.shape
    still = [
        (row, column)
        for row in np.linspace(0, height - 1, 5)
        for column in np.linspace(0, width - 1, 5)
        if row in (0, height - 1) or column in (0, width - 1)
    ]
    centre = moving.mean(axis=(0, 1))
    reach = np.linalg.norm(moving - moving.mean(axis=(0, 1)), axis=2).max()
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    still += [
        tuple(centre + 1.5 * reach * np.array([np.sin(angle), np.cos(angle)])) for angle in angles
    ]
    return np.concatenate([moving, np.broadcast_to(np.array(still), (2, len(still), 2))], axis=1)


def _outline(mask, num_rays):
    """The outermost point of a filled mask along each ray from its centroid.

    None where a ray misses it.
    """
    filled = binary_fill_holes(mask)
    places = np.argwhere(filled)
    centre = places.mean(axis=0)
    steps = np.arange(0, max(mask.shape), 0.25)
    found = []
    for angle in np.linspace(0, 2 * np.pi, num_rays, endpoint=False):
        line = centre + steps[:, None] * np.array([np.sin(angle), np.cos(angle)])
        inside = map_coordinates(filled.astype(np.float32), line.T, order=1, cval=0) >= 0.5
        found.append(tuple(line[np.flatnonzero(inside)[-1]]) if inside.any() else None)
    return found


def _spline(here, there, shape, stiffness):
    """(2, H, W) places in the source for every pixel: a thin-plate spline that takes points `here` to points `there`."""
    unique, index = np.unique(np.round(here, 3), axis=0, return_index=True)
    coarse = [np.arange(0, side + COARSE, COARSE, dtype=float) for side in shape]
    points = np.stack(np.meshgrid(*coarse, indexing="ij"), axis=-1).reshape(-1, 2)
    change = RBFInterpolator(
        unique,
        (there - here)[index],
        smoothing=stiffness,
        kernel="thin_plate_spline",
    )(points)
    change = change.reshape(len(coarse[0]), len(coarse[1]), 2)
    rows, columns = (np.arange(side) / COARSE for side in shape)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    fine = np.stack(
        [map_coordinates(change[..., part], grid, order=1, mode="nearest") for part in range(2)]
    )
    return fine + np.stack(
        np.meshgrid(*(np.arange(side, dtype=float) for side in shape), indexing="ij")
    )
