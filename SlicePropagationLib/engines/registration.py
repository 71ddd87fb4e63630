"""`RegistrationEngine`: follows a structure from slice to slice by dense registration; needs no training."""

from dataclasses import dataclass, field

import numpy as np

from SlicePropagationLib.engines.appearance import Appearance
from SlicePropagationLib.engines.demons import DemonsConfig, register
from SlicePropagationLib.engines.distance import equivalent_radius, probability_of, signed_distance
from SlicePropagationLib.engines.grid import Grid
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.engines.window import Window
from SlicePropagationLib.planning import gap_of


@dataclass(frozen=True)
class RegistrationConfig:
    """Constants of the registration engine, tuned on the val split of Sunnybrook, OpenKBP and MSD hippocampus.

    Attributes:
        demons: how two slices are registered.
        grid_points: points of the registration grid along its longer side, at most.
        margin: how far the window reaches beyond the mask, as a share of the mask's longer side.
        min_margin_pixels: and at least this far.
        softness_pixels: distance over which the odds of a pixel change by a factor e, on the anchor itself.
        evidence_weight: weight of the intensity likelihood against the warped shape.
    """

    demons: DemonsConfig = field(default_factory=DemonsConfig)
    grid_points: int = 64
    margin: float = 0.5
    min_margin_pixels: int = 10
    softness_pixels: float = 1.0
    softness_growth: float = 0.05
    evidence_weight: float = 0.5
    reach_radii: float = 1.5


class RegistrationEngine:
    """Registers successive slices, warps the anchor once through the composed displacement, refines by intensity."""

    name = "registration"

    def __init__(self, config=RegistrationConfig()):
        self.config = config

    def walk(self, stack, run, anchors):
        """Follow the structure outward from an anchor.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; returns where the structure has ended.
        """
        mask = anchors[run.anchor]
        if not mask.any():
            return
        gap = gap_of(run.targets[0], anchors)
        config = self.config
        softness = config.softness_pixels
        spacing = stack.spacing_mm[1:]
        pixel = min(spacing)
        track = Track(stack, run.anchor, mask, config)
        appearance = learn_appearance(stack, anchors)
        radius = equivalent_radius(mask.sum() * stack.pixel_area_mm2)
        is_open = None in gap
        for index in run.targets:
            distance = track.step_to(index)
            walked = abs(index - run.anchor) * stack.spacing_mm[0]
            shrink = 0.0
            if is_open:
                fraction = walked / max(config.reach_radii * radius, 1.5 * stack.spacing_mm[0])
                if fraction >= 1:
                    return
                shrink = radius * (1 - np.sqrt(1 - fraction**2))
            window = track.window
            image = window.crop(stack.images[index])
            native = track.grid.spread(distance, window)
            evidence = appearance.log_odds(image)
            soft = softness * pixel * (1 + config.softness_growth * walked / pixel)
            logit = (native - shrink) / soft + config.evidence_weight * evidence
            yield window.paste(probability_of(logit, 1.0) * (native > -3 * soft), stack.slice_shape)

    def blend(self, stack, index, forward, backward, gap, anchors):
        """Inverse-distance weights."""
        weight = (index - gap[0]) / (gap[1] - gap[0])
        return ((1 - weight) * forward + weight * backward).astype(np.float32)


def learn_appearance(stack, anchors):
    """The Appearance of a label from all its anchors that are not empty."""
    samples = []
    for index, mask in anchors.items():
        if not mask.any():
            continue
        radius = equivalent_radius(mask.sum())
        ring = max(4.0, 0.6 * radius)
        window = Window.around([mask], (int(ring) + 2,) * 2, stack.slice_shape)
        samples.append((window.crop(stack.images[index]), signed_distance(window.crop(mask), (1.0, 1.0)), ring))
    return Appearance.learn(samples)


class Track:
    """The anchor's signed distance map carried along by composed registrations.

    Attributes:
        window, grid: where the last slice was computed.
        displacement: (2, h, w) float32, from the points of the grid back to the anchor slice, in pixels of the slice.
    """

    def __init__(self, stack, anchor, mask, config):
        self.stack, self.config, self.index = stack, config, anchor
        self.anchor_window = Window.around([mask], self._margin(mask), stack.slice_shape)
        self.anchor_grid = Grid(self.anchor_window.top, self.anchor_window.left, 1.0, self.anchor_window.shape)
        self.anchor_distance = signed_distance(self.anchor_window.crop(mask), stack.spacing_mm[1:])
        self.window = self.anchor_window
        self.grid = Grid.over(self.window, config.grid_points)
        self.displacement = np.zeros((2, *self.grid.shape), np.float32)

    def step_to(self, index):
        """Register the slice with the last one and carry the anchor's map there; (h, w) float32 in millimetres."""
        moving, fixed = self._normalised(self.index, index)
        step = register(fixed, moving, self.config.demons) * np.float32(self.grid.pitch)
        points = self.grid.points()
        carried = [self.grid.read(part, points + step) for part in self.displacement]
        self.displacement = step + np.stack(carried)
        self.index = index
        distance = self.anchor_grid.read(self.anchor_distance, points + self.displacement)
        self._follow(distance)
        return self.anchor_grid.read(self.anchor_distance, self.grid.points() + self.displacement)

    def _normalised(self, *indices):
        """The slices on the grid, scaled together to [0, 1]."""
        images = [self.grid.sample(self.stack.images[index]) for index in indices]
        low, high = np.percentile(np.stack(images), [2, 98])
        return [np.clip((image - low) / max(high - low, 1e-6), -0.2, 1.2).astype(np.float32) for image in images]

    def _follow(self, distance):
        """Move the window with the structure."""
        inside = np.argwhere(distance > 0)
        if not len(inside):
            return
        first, last = (np.array([self.grid.top, self.grid.left]) + self.grid.pitch * corner for corner in (inside.min(0), inside.max(0)))
        margin = (max(self.config.min_margin_pixels, int(self.config.margin * (last - first).max())),) * 2
        window = Window.between(first, last, margin, self.stack.slice_shape)
        grid = Grid.over(window, self.config.grid_points)
        self.displacement = np.stack([self.grid.read(part, grid.points()) for part in self.displacement])
        self.window, self.grid = window, grid

    def _margin(self, mask):
        box = Window.around([mask], (0, 0), self.stack.slice_shape)
        return (max(self.config.min_margin_pixels, int(self.config.margin * max(box.shape))),) * 2
