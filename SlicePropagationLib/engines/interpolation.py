"""`InterpolationEngine`: the shape between the annotated slices, from signed distance maps alone."""

from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.engines.distance import equivalent_radius, probability_of, signed_distance
from SlicePropagationLib.engines.end_detection import cap_shrink
from SlicePropagationLib.planning import gap_of

MARGIN_PIXELS = (4, 4)


@dataclass(frozen=True)
class InterpolationConfig:
    """How shapes are interpolated.

    Attributes:
        softness_pixels: distance in pixels over which the odds of a pixel change by a factor e.
    """

    softness_pixels: float = 0.75


class InterpolationEngine:
    """Interpolates signed distance maps linearly between two anchors.

    Beyond them a spherical cap closes the structure.

    Towards an empty anchor the shape closes on an elliptical cap whose tip lies there.
    """

    name = "interpolation"

    def __init__(self, config=InterpolationConfig()):
        self.config = config

    def walk(self, stack, run, anchors):
        """Interpolate the slices of `run`; the two walks of a gap agree.

        Args:
            stack: the read-only SliceStack; only its spacing is looked at.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; returns where the structure has closed.
        """
        shape = ShapePrior(stack, gap_of(run.targets[0], anchors), anchors)
        softness_mm = self.config.softness_pixels * min(stack.spacing_mm[1:])
        for index in run.targets:
            distance_mm = shape.distance_at(index)
            if distance_mm is None and shape.is_open:
                return
            yield shape.paste(
                None if distance_mm is None else probability_of(distance_mm, softness_mm)
            )

    def blend(self, stack, index, forward, backward, gap, anchors):
        """Both walks are the same interpolation."""
        return np.maximum(forward, backward)


class ShapePrior:
    """The signed distance map of a structure on any slice of one gap, from the annotated masks at its ends.

    Attributes:
        window: where the maps are computed; None when the structure is on neither end.
    """

    def __init__(self, stack, gap, anchors):
        self.spacing_mm = stack.spacing_mm
        self.slice_shape = stack.slice_shape
        self.ends = {index: anchors[index] for index in gap if index is not None}
        self.is_open = len(self.ends) == 1
        self.seen = [index for index, mask in self.ends.items() if mask.any()]
        self.window = Window.around(list(self.ends.values()), MARGIN_PIXELS, stack.slice_shape)
        self._maps = {
            index: signed_distance(self.window.crop(self.ends[index]), stack.spacing_mm[1:])
            for index in self.seen
        }
        self._radii = {
            index: equivalent_radius(self.ends[index].sum() * stack.pixel_area_mm2)
            for index in self.seen
        }

    def distance_at(self, index):
        """(h, w) float32 signed distances in millimetres inside the window.

        None where the structure has closed.
        """
        if len(self.seen) == 2:
            first, second = self.seen
            weight = (index - first) / (second - first)
            return (1 - weight) * self._maps[first] + weight * self._maps[second]
        if len(self.seen) == 1:
            return self._closing(index, self.seen[0])
        return None

    def paste(self, values):
        """An (H, W) float32 array with `values` inside the window; zeros for None."""
        if values is None:
            return np.zeros(self.slice_shape, np.float32)
        return self.window.paste(values, self.slice_shape)

    def _closing(self, index, seen):
        """The map of the only slice seen, on a cap: spherical when open, and never beyond an empty anchor."""
        radius_mm = self._radii[seen]
        reach_mm = max(radius_mm, self.spacing_mm[0])
        for other in self.ends:
            if other != seen:
                reach_mm = abs(other - seen) * self.spacing_mm[0]
        shrink_mm = cap_shrink(abs(index - seen) * self.spacing_mm[0], radius_mm, reach_mm)
        return None if shrink_mm is None else self._maps[seen] - shrink_mm
