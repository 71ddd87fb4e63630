"""Which slices of a structure are annotated in a sample, and which window of them is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class DrawingConfig:
    """How samples are drawn.

    Attributes:
        num_annotated: how often 1, 2, 3, ... slices are annotated.
        empty_share: how often a slice beyond an end is confirmed to be empty.
        largest_share: how often the first annotated slice is that of the largest area.
        even_share: how often several annotated slices are spread evenly; else they lie anywhere.
        min_pixels: slices with less are not annotated,
        min_area_share: nor those with less than this share of the largest area.
        context: most slices that are seen beyond the annotated ends of a gap.
        thin_share: how often only every second or third slice is taken where there are many.
    """

    num_annotated: tuple[float, ...] = (0.5, 0.15, 0.15, 0.08, 0.06, 0.03, 0.03)
    empty_share: float = 0.12
    largest_share: float = 0.5
    even_share: float = 0.6
    min_pixels: int = 10
    min_area_share: float = 0.1
    context: int = 6
    thin_share: float = 0.3

    def __post_init__(self) -> None:
        if abs(sum(self.num_annotated) - 1) > 1e-6 or min(self.num_annotated) < 0:
            raise ConfigError(
                f"num_annotated must be shares that sum to 1, got {list(self.num_annotated)}."
            )


def draw_annotated(
    areas: np.ndarray, config: DrawingConfig, rng: np.random.Generator
) -> list[int] | None:
    """Slices that a person has annotated, ascending; None where none can be.

    Args:
        areas: (N,) pixels of the structure on each slice.
        config: how they are drawn.
        rng: numpy Generator.
    """
    usable = np.flatnonzero(areas >= max(config.min_pixels, config.min_area_share * areas.max()))
    if not usable.size:
        return None
    count = min(1 + int(rng.choice(len(config.num_annotated), p=config.num_annotated)), usable.size)
    is_largest = rng.random() < config.largest_share
    chosen = {int(areas.argmax()) if is_largest else int(rng.choice(usable))}
    if count > 1 and rng.random() < config.even_share:
        places = (np.arange(count) + 0.5) / count * (usable.size - 1)
        jitter = rng.normal(0, 0.15 * usable.size / count, count)
        indices = np.clip(np.round(places + jitter), 0, usable.size - 1).astype(int)
        chosen = {int(usable[index]) for index in indices}
    while len(chosen) < count:
        chosen.add(int(rng.choice(usable)))
    shown = np.flatnonzero(areas)
    for end, sign in ((shown[0], -1), (shown[-1], 1)):
        beyond = end + sign * (1 + int(rng.integers(4)))
        if rng.random() < config.empty_share and 0 <= beyond < len(areas):
            chosen.add(int(beyond))
    return sorted(chosen)


def draw_window(
    annotated: list[int],
    num_slices: int,
    length: int,
    config: DrawingConfig,
    rng: np.random.Generator,
) -> int:
    """First slice of a window around a gap, with a little of what lies beyond its ends.

    It may lie below 0, and its end beyond the volume.

    Args:
        annotated: annotated slices, ascending.
        num_slices: slices of the volume.
        length: slices of the window.
        config: how it is drawn.
        rng: numpy Generator.
    """
    ends = [-1, *annotated, num_slices]
    gaps = [pair for pair in zip(ends, ends[1:], strict=False) if pair[1] - pair[0] > 1]
    if not gaps:
        return annotated[0] - int(rng.integers(length))
    left, right = gaps[int(rng.integers(len(gaps)))]
    context = int(rng.integers(config.context + 1))
    if left < 0:
        return right + context - length + 1
    if right == num_slices:
        return left - context
    spare = length - (right - left + 1)
    if spare <= 0:
        return left if rng.random() < 0.5 else right - length + 1
    return left - int(rng.integers(spare + 1))
