"""`InterpolationEngine`: the shape between the annotated slices, from signed distances alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Probability
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.distance import equivalent_radius, probability_of, signed_distance
from SlicePropagationLib.engines.end_detection import cap_shrink, reach_before_empty
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

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

    Towards an empty anchor the shape closes on an elliptical cap whose tip lies a little before it.
    """

    name = "interpolation"

    def __init__(self, config: InterpolationConfig | None = None):
        self.config = config or InterpolationConfig()

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
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
            if distance_mm is not None:
                yield shape.paste(probability_of(distance_mm, softness_mm))
            elif shape.is_open:
                return
            else:
                yield np.zeros(stack.slice_shape, np.float32)

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """Both walks are the same interpolation."""
        return np.maximum(forward, backward)


class ShapePrior:
    """The signed distance map of a structure on any slice of one gap.

    It is told by the annotated masks at the ends of the gap.

    Args:
        stack: the SliceStack; only its spacing and shape are looked at.
        gap: (left, right) anchors, None for an end of the volume.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.

    Attributes:
        is_open: whether only one end of the gap is annotated.
        seen: the anchors at the ends that show the structure, ascending.
        window: where the maps are computed; the whole slice when no end shows the structure.
    """

    def __init__(
        self,
        stack: SliceStack,
        gap: tuple[int | None, int | None],
        anchors: Anchors,
    ):
        self.spacing_mm = stack.spacing_mm
        self.slice_shape = stack.slice_shape
        masks = {index: anchors[index] for index in gap if index is not None}
        self.annotated = tuple(masks)
        self.is_open = len(masks) == 1
        self.seen = [index for index, mask in masks.items() if mask.any()]
        shown = CropWindow.around_any(list(masks.values()), MARGIN_PIXELS, stack.slice_shape)
        self.window = shown or CropWindow(0, 0, *stack.slice_shape)
        self._maps = {
            index: signed_distance(self.window.crop(masks[index]), stack.spacing_mm[1:])
            for index in self.seen
        }
        self._radii = {
            index: equivalent_radius(masks[index].sum() * stack.pixel_area_mm2)
            for index in self.seen
        }

    @classmethod
    def remembered(cls, stack: SliceStack, gap: tuple[int, int], anchors: Anchors) -> "ShapePrior":
        """The ShapePrior between two anchors; kept with the stack, as every slice asks for it."""
        masks = [np.packbits(anchors[index]).tobytes() for index in gap]
        key = ("shape", gap, *masks)
        shape = stack.cache.get(key)
        if shape is None:
            shape = cls(stack, gap, anchors)
            num_bytes = sum(len(mask) for mask in masks)
            num_bytes += sum(values.nbytes for values in shape._maps.values())
            stack.cache.put(key, shape, num_bytes)
        return shape

    def distance_at(self, index: int) -> Map | None:
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

    def paste(self, values: Map) -> Map:
        """An (H, W) float32 array with (h, w) values inside the window, zeros around it."""
        return self.window.paste(values, self.slice_shape)

    def _closing(
        self,
        index: int,
        seen: int,
    ) -> Map | None:
        """The map of the only slice seen, on a cap.

        Spherical when the gap is open, and before an empty anchor.
        """
        radius_mm = self._radii[seen]
        reach_mm = max(radius_mm, self.spacing_mm[0])
        for other in self.annotated:
            if other != seen:
                distance_mm = abs(other - seen) * self.spacing_mm[0]
                reach_mm = reach_before_empty(distance_mm, self.spacing_mm[0])
        shrink_mm = cap_shrink(abs(index - seen) * self.spacing_mm[0], radius_mm, reach_mm)
        return None if shrink_mm is None else self._maps[seen] - shrink_mm
