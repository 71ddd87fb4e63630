"""Walks to learn from, from an annotated slice past the end of the structure.

A walk is what the network would be told on the way, and the truth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Mask, Masks
from SlicePropagationLib.engines.network_inputs import (
    CELLS,
    IMAGES,
    MAPS,
    MAX_INTENSITY,
    network_inputs,
)
from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.orientation import Turn
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

STORED_CELLS = 66  # so that a turned square of CELLS cells still lies inside
FULL = 127.0  # int8 of a map at 1, or of an intensity at MAX_INTENSITY


@dataclass(frozen=True)
class WalksConfig:
    """Which walks are recorded of every structure.

    Attributes:
        axes: voxel axes (of the volume array k, j, i) that slices are cut along,
        max_anisotropy: and skipped where slices would be that much thicker than their pixels are
            wide, unless it is axis 0.
        anchors: annotated slices tried per structure, shared out among its axes; the first of an
            axis is that of the largest area.
        gap_share: how many of the anchors also walk towards a second anchor.
        thick_share: how often only every second slice is taken.
        past_end: slices walked beyond the end of the structure, as a share of its extent, from 3 to
            16.
        max_steps: longest walk.
        min_slices, min_pixels: structures smaller than this are left out.
    """

    axes: tuple[int, ...] = (0, 1, 2)
    max_anisotropy: float = 2.0
    anchors: int = 9
    gap_share: float = 0.6
    thick_share: float = 0.2
    past_end: float = 0.5
    max_steps: int = 48
    min_slices: int = 4
    min_pixels: int = 12

    def __post_init__(self) -> None:
        if not self.axes or not set(self.axes) <= {0, 1, 2}:
            raise ConfigError(f"axes must name at least one of 0, 1 and 2, got {list(self.axes)}.")
        if self.anchors < 1 or self.max_steps < 1:
            raise ConfigError(
                f"anchors and max_steps must be positive, got {self.anchors} and {self.max_steps}."
            )


@dataclass(frozen=True)
class Walk:
    """One walk, T slices, nearest first; maps on squares of S = STORED_CELLS cells.

    Slices are upright, see `Turn.upright`, where it is known how they lie in the patient.

    Attributes:
        maps: (T, 8, S, S) int8, see `network_inputs.MAPS` and FULL.
        scalar_features: (T, 5) float32, see `network_inputs.SCALAR_FEATURES`.
        squares: (T, 3) float32, row, column and pitch of each square in pixels, rows and columns
            from one origin for all of a walk.
        truth: (T, S, S) uint8, share of each cell that is inside, 255 for all of it.
        seed: (S, S) uint8, the annotated mask seen on the first square.
    """

    maps: np.ndarray
    scalar_features: np.ndarray
    squares: np.ndarray
    truth: np.ndarray
    seed: np.ndarray


def record_walks(
    volume: np.ndarray,
    spacing_mm: Sequence[float],
    mask: Masks,
    config: WalksConfig,
    rng: np.random.Generator,
    towards: str = "",
) -> Iterator[Walk]:
    """Yield the Walks of one structure.

    Args:
        volume: (K, J, I) intensities.
        spacing_mm: along K, J, I.
        mask: (K, J, I) bool.
        config: a WalksConfig.
        rng: numpy Generator; the same state gives the same walks.
        towards: where K, J and I count towards in the patient; "" where that is not known.
    """
    axes = [axis for axis in config.axes if is_cut_along(axis, spacing_mm, config.max_anisotropy)]
    for axis in axes:
        stack = SliceStack.from_volume(volume, spacing_mm, axis, towards=towards)
        truth = np.ascontiguousarray(stack.from_volume_array(mask))
        for number in range(-(-config.anchors // len(axes))):
            yield from _walks_from(stack, truth, number == 0, config, rng)


def is_cut_along(axis: int, spacing_mm: Sequence[float], max_anisotropy: float) -> bool:
    """Whether slices along an axis are not too thick for their pixels; along 0 they never are."""
    finest = min(np.delete(spacing_mm, axis))
    return axis == 0 or spacing_mm[axis] <= max_anisotropy * finest


def _walks_from(
    stack: SliceStack,
    truth: Masks,
    is_first: bool,
    config: WalksConfig,
    rng: np.random.Generator,
) -> Iterator[Walk]:
    """The walks both ways from one slice, and perhaps towards a second one."""
    if rng.random() < config.thick_share:
        stack, truth = every_second(stack, truth, int(rng.integers(2)))
    areas = truth.sum(axis=(1, 2))
    usable = np.flatnonzero(areas >= config.min_pixels)
    if np.count_nonzero(areas) < config.min_slices or usable.size == 0:
        return
    anchor = int(areas.argmax()) if is_first else int(rng.choice(usable))
    other = int(rng.choice(usable)) if rng.random() < config.gap_share else anchor
    known = {index: truth[index] for index in (anchor, other)}
    for step in (1, -1):
        targets = _targets(areas, anchor, step, other, len(stack), config)
        if targets:
            yield _record(stack, truth, Run(anchor, targets), known)


def _targets(
    areas: np.ndarray,
    anchor: int,
    step: int,
    other: int,
    count: int,
    config: WalksConfig,
) -> tuple[int, ...]:
    shown = np.flatnonzero(areas)
    if (other - anchor) * step > 0:
        return tuple(range(anchor + step, other, step))[: config.max_steps]
    past = int(np.clip(round(config.past_end * len(shown)), 3, 16))
    last = shown[-1] + past if step > 0 else shown[0] - past
    indices = range(anchor + step, last + step, step)
    inside = tuple(index for index in indices if 0 <= index < count)
    return inside[: config.max_steps]


def every_second(
    stack: SliceStack,
    truth: Masks,
    first: int,
) -> tuple[SliceStack, Masks]:
    """Slices twice as thick: every second one, from `first` on."""
    chosen = slice(first, None, 2)
    thickness, row_mm, column_mm = stack.spacing_mm
    spacing_mm = (2 * thickness, row_mm, column_mm)
    thick = SliceStack(stack.images[chosen], spacing_mm, towards=stack.towards)
    return thick, truth[chosen]


def _record(
    stack: SliceStack,
    truth: Masks,
    run: Run,
    known: dict[int, Mask],
) -> Walk:
    guides = list(network_inputs(stack, run, known, CELLS, STORED_CELLS / CELLS))
    turn = Turn.upright(stack.towards)
    squares = [(*turn.place(step.roi.row, step.roi.column), step.roi.pitch) for step in guides]
    return Walk(
        maps=np.stack([_packed(turn.of(step.maps)) for step in guides]),
        scalar_features=np.stack([step.scalar_features for step in guides]),
        squares=np.array(squares, np.float32),
        truth=np.stack([turn.of(_cells(step.roi, truth[step.index])) for step in guides]),
        seed=turn.of(_cells(guides[0].roi, truth[run.anchor])),
    )


def _packed(maps: np.ndarray) -> np.ndarray:
    scale = np.full((len(MAPS), 1, 1), FULL, np.float32)
    scale[IMAGES] = FULL / MAX_INTENSITY
    return np.clip(np.round(maps * scale), -FULL, FULL).astype(np.int8)


def _cells(roi: Roi, mask: Mask) -> np.ndarray:
    return np.round(255 * roi.sample(mask)).astype(np.uint8)
