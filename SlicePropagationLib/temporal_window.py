"""Windows of frames around a frame, and the weights by distance that training and inference share.

Source: Bai et al., MICCAI 2018, equation 3: w(d) = (1 - d/R)^r, which the paper calls exponential
and which is a power law. A window has T = 2R - 1 frames, so that all its weights are positive.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.errors import ConfigError, NoAnchorError


@dataclass(frozen=True)
class WindowConfig:
    """Frames that are looked at together, and what each counts.

    Attributes:
        radius: R; a window has 2R - 1 frames.
        power: r; 0 counts all frames alike.
    """

    radius: int = 5
    power: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a window without a frame, and one whose far frames count most."""
        if self.radius < 1 or not self.power >= 0:
            raise ConfigError(
                f"radius must be at least 1 and power not negative, got {self.radius} and"
                f" {self.power}."
            )

    @property
    def length(self) -> int:
        """T, the number of frames of a window."""
        return 2 * self.radius - 1


def distance_weights(distances: np.ndarray, config: WindowConfig) -> np.ndarray:
    """(1 - d/R)^r of distances in frames, 0 from d = R on; float64 of the same shape.

    An infinite distance (a frame without a label) weighs nothing, also with r = 0.
    """
    distances = np.asarray(distances, np.float64)
    share = np.clip(1 - distances / config.radius, 0, 1)
    return np.where(share > 0, share**config.power, 0.0)


def window_around(
    centre: int, count: int, config: WindowConfig, *, is_cyclic: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The frames of the window about a frame.

    Args:
        centre: the frame in the middle, 0 to count - 1.
        count: frames of the sequence.
        config: the length of the window and its weights.
        is_cyclic: the last frame is followed by the first; otherwise the frames at the ends are
            repeated.

    Returns:
        ((T,) int frame indices, (T,) float64 weights by distance to the centre, 0 for repeated
        frames).
    """
    steps = np.arange(1 - config.radius, config.radius)
    frames = centre + steps
    weights = distance_weights(np.abs(steps), config)
    if is_cyclic:
        return frames % count, weights
    is_inside = (frames >= 0) & (frames < count)
    return np.clip(frames, 0, count - 1), np.where(is_inside, weights, 0.0)


def distances_to(
    annotated: Collection[int] | np.ndarray, count: int, *, is_cyclic: bool
) -> np.ndarray:
    """(count,) distance of each frame to the nearest annotated one, in frames.

    Infinite where none is annotated.
    """
    if not len(annotated):
        return np.full(count, np.inf)
    apart = np.abs(np.arange(count)[:, None] - np.asarray(annotated)[None])
    if is_cyclic:
        apart = np.minimum(apart, count - apart)
    return apart.min(axis=1).astype(np.float64)


def nearest_of(
    annotated: Sequence[int],
    frame: int,
    count: int,
    *,
    is_cyclic: bool,
) -> int:
    """The annotated frame nearest to a frame; of two equally near ones the earlier."""
    apart = [abs(frame - other) for other in annotated]
    if is_cyclic:
        apart = [min(distance, count - distance) for distance in apart]
    return annotated[int(np.argmin(apart))]


def unrolled(
    annotated: Collection[int] | np.ndarray,
    count: int,
    *,
    is_cyclic: bool,
) -> list[int]:
    """Frames in the order of a walk.

    As they are, or a cycle cut open at its first annotated frame, which then stands at both ends.

    Raises:
        NoAnchorError: no frame is annotated.
    """
    if not len(annotated):
        raise NoAnchorError("Annotate at least one frame before propagating.")
    if not is_cyclic:
        return list(range(count))
    first = min(annotated)
    return [(first + step) % count for step in range(count + 1)]
