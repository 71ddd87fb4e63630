"""What the slice-propagation network is told about a slice beside the mask of its neighbour.

The network need not rediscover what is cheap to know: the carried and the interpolated shape, what
    the structure looked like where a
person saw it, and how far away that is. All of it is given on a square around the structure with a
fixed number of cells, so
that the network sees every structure at about the same size.
"""

from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.engines.distance import signed_distance
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.planning import gap_of

CELLS = 48  # along the side of the square that the network sees
MAPS = (
    "image",
    "previous image",
    "next image",
    "carried image",
    "carried distance",
    "evidence",
    "registration",
    "interpolated distance",
)
FACTS = (
    "distance walked",
    "likeness",
    "is beyond the anchors",
    "share of the gap ahead",
    "distance past the registration's end",
)
IMAGES = slice(0, 4)  # the maps that are intensities
REGISTRATION = MAPS.index("registration")
MAX_LOG_ODDS = 4.0  # of the registration, and the unit of its map
MAX_INTENSITY = 4.0  # robust standard deviations


@dataclass(frozen=True)
class Guide:
    """One slice as the network sees it.

    Attributes:
        index: the slice.
        roi: where the cells lie.
        maps: (8, size, size) float32, in the order of `MAPS`, about [-1, 1]; intensities up to
            MAX_INTENSITY.
        facts: (5,) float32 in [-1, 1], in the order of `FACTS`.
        log_odds: (H, W) float32, what registration says of every pixel of the slice, within
            MAX_LOG_ODDS.
        past_end: how far, in radii of the structure, this slice lies beyond the last one that
            registration believes in.
        stride: how far, in radii of the structure, it is from one slice to the next.
    """

    index: int
    roi: Roi
    maps: np.ndarray
    facts: np.ndarray
    log_odds: np.ndarray
    past_end: float
    stride: float


def guide(stack, run, anchors, cells=CELLS, margin=1.0):
    """Yield the `Guide` of each target of a run, nearest first; nothing from an empty anchor.

    Args:
        stack: the read-only SliceStack.
        run: label, anchor index and target indices.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
        cells: number of cells along the side of the square around the structure,
        margin: and how much further the cells go on beyond that square, at least 1.
    """
    if not anchors[run.anchor].any():
        return
    scale = _Intensity.learn(stack, run.anchor, anchors[run.anchor])
    gap = gap_of(run.targets[0], anchors)
    shape = None if None in gap else ShapePrior(stack, gap, anchors)
    roi = _square(*_corners(anchors[run.anchor]), cells, margin)
    last_believed = run.anchor
    for step in RegistrationEngine().follow(stack, run, anchors):
        window = step.track.window
        distance = step.track.distance()
        inside = distance > 0
        if inside.any():
            roi = _square(
                *(np.add(corner, (window.top, window.left)) for corner in _corners(inside)),
                cells,
                margin,
            )
        seen = [
            _nearest(index, len(stack))
            for index in (step.index, step.index - run.step, step.index + run.step)
        ]
        images = [
            scale.apply(roi.sample(stack.images[index], outside=scale.middle)) for index in seen
        ]
        carried = scale.apply(
            roi.sample(step.track.carried_image(), window.top, window.left, scale.middle)
        )
        log_odds = np.clip(step.logits, -MAX_LOG_ODDS, MAX_LOG_ODDS)
        known = [
            (np.clip(distance / step.radius_mm, -1, 1), -1),
            (step.evidence / 3.0, 0),
            (log_odds / MAX_LOG_ODDS, -1),
        ]
        known = [roi.sample(values, window.top, window.left, outside) for values, outside in known]
        maps = np.stack([*images, carried, *known, _shape_map(shape, step, roi)])
        everywhere = np.full(stack.slice_shape, -MAX_LOG_ODDS, np.float32)
        window.crop(everywhere)[...] = log_odds
        last_believed = last_believed if step.has_ended else step.index
        past_end = abs(step.index - last_believed) * stack.spacing_mm[0] / step.radius_mm
        yield Guide(
            step.index,
            roi,
            maps.astype(np.float32),
            _facts(stack, run, gap, step, past_end),
            everywhere,
            past_end,
            stack.spacing_mm[0] / step.radius_mm,
        )


def _shape_map(shape, step, roi):
    """(size, size) interpolated distance in radii.

    Zeros beyond the outermost anchors or where the shape has closed.
    """
    distance_mm = None if shape is None else shape.distance_at(step.index)
    if distance_mm is None:
        return np.zeros((roi.size, roi.size), np.float32)
    return roi.sample(
        np.clip(distance_mm / step.radius_mm, -1, 1),
        shape.window.top,
        shape.window.left,
        -1,
    )


def _facts(stack, run, gap, step, past_end):
    walked = np.tanh(abs(step.index - run.anchor) * stack.spacing_mm[0] / (4 * step.radius_mm))
    is_open = None in gap
    ahead = (
        0.0
        if is_open
        else abs((gap[1] if run.step > 0 else gap[0]) - step.index) / (gap[1] - gap[0])
    )
    return np.array([walked, step.likeness, float(is_open), ahead, np.tanh(past_end)], np.float32)


@dataclass(frozen=True)
class _Intensity:
    """Intensities in robust standard deviations of the anchor's surroundings."""

    middle: float
    spread: float

    @classmethod
    def learn(cls, stack, anchor, mask):
        reach = int(np.ceil(0.5 * np.sqrt(mask.sum()))) + 4
        window = Window.around([mask], (reach, reach), stack.slice_shape)
        values = window.crop(stack.images[anchor])
        values = values[signed_distance(window.crop(mask), (1.0, 1.0)) > -reach]
        low, middle, high = np.percentile(values, [10, 50, 90])
        return cls(float(middle), float(max(high - low, 1e-6)) / 2.56)

    def apply(self, image):
        return np.clip((image - self.middle) / self.spread, -MAX_INTENSITY, MAX_INTENSITY)


def _square(first, last, cells, margin):
    inner = Roi.around(first, last, cells)
    return Roi(inner.row, inner.column, inner.pitch, int(round(cells * margin)))


def _corners(mask):
    """First and last (row, column) of the box around a mask that is not empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (rows[0], columns[0]), (rows[-1], columns[-1])


def _nearest(index, count):
    return min(max(index, 0), count - 1)
