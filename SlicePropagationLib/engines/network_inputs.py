"""What the slice-propagation network is told about a slice beside the mask of its neighbour.

The network need not rediscover what is cheap to know: the warped and the interpolated shape, what
the structure looked like where a person saw it, and how far away that is. All of it is given on a
square around the structure with a fixed number of cells, so that the network sees every structure
at about the same size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Mask
from SlicePropagationLib.engines.crop_window import Corner, CropWindow, corners_of
from SlicePropagationLib.engines.distance import signed_distance
from SlicePropagationLib.engines.image_registration import FollowedSlice, RegistrationEngine
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.engines.padding import without_far_padding
from SlicePropagationLib.engines.presence.walk import noted
from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

CELLS = 48  # along the side of the square that the network sees
MAPS = (
    "image",
    "previous image",
    "next image",
    "warped image",
    "warped distance",
    "evidence",
    "registration",
    "interpolated distance",
)
SCALAR_FEATURES = (
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
MAX_EVIDENCE = 3.0  # log likelihood ratio that is 1 on its map


@dataclass(frozen=True)
class NetworkInputs:
    """One slice as the network sees it.

    Attributes:
        index: the slice.
        roi: where the cells lie.
        maps: (8, size, size) float32, in the order of `MAPS`, about [-1, 1]; intensities up to
            MAX_INTENSITY.
        scalar_features: (5,) float32 in [-1, 1], in the order of `SCALAR_FEATURES`.
        log_odds: (H, W) float32, what registration says of every pixel of the slice, within
            MAX_LOG_ODDS.
        past_end: how far, in radii of the structure, this slice lies beyond the last one that
            registration believes in.
        stride: how far, in radii of the structure, it is from one slice to the next.
    """

    index: int
    roi: Roi
    maps: Map
    scalar_features: Map
    log_odds: Map
    past_end: float
    stride: float


def network_inputs(
    stack: SliceStack,
    run: Run,
    anchors: Anchors,
    cells: int = CELLS,
    margin: float = 1.0,
) -> Iterator[NetworkInputs]:
    """The `NetworkInputs` of each target of a run, nearest first.

    Args:
        stack: the read-only SliceStack.
        run: label, anchor index and target indices.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
        cells: number of cells along the side of the square around the structure,
        margin: and how much further the cells go on beyond that square, at least 1.

    Yields:
        NetworkInputs for each target in turn; nothing from an empty anchor.
    """
    if not anchors[run.anchor].any():
        return
    walk = _InputsOfRun(without_far_padding(stack, anchors), run, anchors, cells, margin)
    for step in noted(RegistrationEngine(), stack, run, anchors):
        yield walk.advance(step)


class _InputsOfRun:
    """What the inputs of one run share, and where the run stands."""

    def __init__(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
        cells: int,
        margin: float,
    ):
        self.stack = stack
        self.run = run
        self.cells = cells
        self.margin = margin
        self.gap = gap_of(run.targets[0], anchors)
        left, right = self.gap
        self.shape = None
        if left is not None and right is not None:
            self.shape = ShapePrior.remembered(stack, (left, right), anchors)
        self.intensity = _Intensity.learn(stack, run.anchor, anchors[run.anchor])
        self.roi = self._square(*corners_of(anchors[run.anchor]))
        self.last_believed = run.anchor

    def advance(self, step: FollowedSlice) -> NetworkInputs:
        """The inputs of the next slice, from what registration knows of it."""
        window = step.warped.window
        distance = step.warped.distance()
        self._move_square(distance > 0, window)
        if not step.has_ended:
            self.last_believed = step.index
        thickness_mm = self.stack.spacing_mm[0]
        past_end = abs(step.index - self.last_believed) * thickness_mm / step.radius_mm
        log_odds = np.clip(step.logits, -MAX_LOG_ODDS, MAX_LOG_ODDS)
        everywhere = np.full(self.stack.slice_shape, -MAX_LOG_ODDS, np.float32)
        window.crop(everywhere)[...] = log_odds
        return NetworkInputs(
            step.index,
            self.roi,
            self._maps(step, distance, log_odds),
            self._scalar_features(step, past_end),
            everywhere,
            past_end,
            thickness_mm / step.radius_mm,
        )

    def _move_square(
        self,
        inside: Mask,
        window: CropWindow,
    ) -> None:
        """Lay the square about the structure, where there is one in the window."""
        if inside.any():
            origin = (window.top, window.left)
            first, last = corners_of(inside)
            self.roi = self._square(np.add(first, origin), np.add(last, origin))

    def _square(
        self,
        first: Corner,
        last: Corner,
    ) -> Roi:
        inner = Roi.around(first, last, self.cells)
        return Roi(inner.row, inner.column, inner.pitch, int(round(self.cells * self.margin)))

    def _maps(
        self,
        step: FollowedSlice,
        distance: Map,
        log_odds: Map,
    ) -> Map:
        """(8, size, size) float32 in the order of `MAPS`."""
        radii = np.clip(distance / step.radius_mm, -1, 1)
        middle = self.intensity.middle
        window = step.warped.window
        here = [step.warped.image(), radii, step.evidence / MAX_EVIDENCE, log_odds / MAX_LOG_ODDS]
        cells = self.roi.sample_all(here, window.top, window.left, [middle, -1, 0, -1])
        images = [*self._images(step.index), cells[0]]
        return np.stack([*self.intensity.apply(images), *cells[1:], self._interpolated(step)])

    def _images(self, index: int) -> Map:
        """(3, size, size): intensities of a slice, of the one before it and of the one behind it.

        Beyond the volume, of its last one.
        """
        last = len(self.stack) - 1
        near = (index, index - self.run.step, index + self.run.step)
        slices = [self.stack.images[min(max(other, 0), last)] for other in near]
        return self.roi.sample_all(slices, 0, 0, [self.intensity.middle] * len(slices))

    def _interpolated(self, step: FollowedSlice) -> Map:
        """(size, size) interpolated distance in radii.

        Zeros beyond the outermost anchors or where the shape has closed.
        """
        distance_mm = self.shape.distance_at(step.index) if self.shape else None
        if self.shape is None or distance_mm is None:
            return np.zeros((self.roi.size, self.roi.size), np.float32)
        radii = np.clip(distance_mm / step.radius_mm, -1, 1)
        return self.roi.sample(radii, self.shape.window.top, self.shape.window.left, -1)

    def _scalar_features(
        self,
        step: FollowedSlice,
        past_end: float,
    ) -> Map:
        """(5,) float32 in the order of `SCALAR_FEATURES`."""
        walked_mm = abs(step.index - self.run.anchor) * self.stack.spacing_mm[0]
        walked = np.tanh(walked_mm / (4 * step.radius_mm))
        is_open = float(None in self.gap)
        ahead = self._share_ahead(step.index)
        return np.array([walked, step.likeness, is_open, ahead, np.tanh(past_end)], np.float32)

    def _share_ahead(self, index: int) -> float:
        """Share of the gap that is still to walk; 0 beyond the outermost anchors."""
        left, right = self.gap
        if left is None or right is None:
            return 0.0
        end = right if self.run.step > 0 else left
        return abs(end - index) / (right - left)


@dataclass(frozen=True)
class _Intensity:
    """Intensities in robust standard deviations of the anchor's surroundings."""

    middle: float
    spread: float

    @classmethod
    def learn(
        cls,
        stack: SliceStack,
        anchor: int,
        mask: Mask,
    ) -> _Intensity:
        reach = int(np.ceil(0.5 * np.sqrt(mask.sum()))) + 4
        window = CropWindow.around(mask, (reach, reach), stack.slice_shape)
        is_near = signed_distance(window.crop(mask), (1.0, 1.0)) > -reach
        values = window.crop(stack.images[anchor])[is_near]
        low, middle, high = np.percentile(values, [10, 50, 90])
        return cls(float(middle), float(max(high - low, 1e-6)) / 2.56)

    def apply(self, images: Sequence[Map]) -> np.ndarray:
        """Images of one size, one after the other, in those units, up to MAX_INTENSITY."""
        scaled = (np.stack(images) - np.float32(self.middle)) / np.float32(self.spread)
        return np.clip(scaled, -MAX_INTENSITY, MAX_INTENSITY)
