"""`RegistrationEngine`: follows a structure from slice to slice by dense registration.

Needs no training.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Mask, Probability
from SlicePropagationLib.engines.appearance import Appearance, Sample
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.demons import Register, register
from SlicePropagationLib.engines.digest import digest_of
from SlicePropagationLib.engines.distance import equivalent_radius, probability_of, signed_distance
from SlicePropagationLib.engines.end_detection import Taper, TaperConfig
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.engines.padding import without_far_padding
from SlicePropagationLib.engines.presence.network import shipped_presence
from SlicePropagationLib.engines.presence.walk import noted, presence
from SlicePropagationLib.engines.warped_anchor import WarpedAnchor, WarpedAnchorConfig
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack


@dataclass(frozen=True)
class RegistrationConfig:
    """Constants of the registration engine.

    Tuned on train and val of Sunnybrook, OpenKBP and MSD hippocampus.

    Attributes:
        warped_anchor: how the mask is warped from slice to slice.
        taper: how the structure is believed to close beyond the last anchor.
        softness_pixels: distance over which the odds of a pixel change by a factor e, on the anchor
            itself,
        softness_growth: how much longer that distance gets per pixel length walked,
        softest_radii: and its longest, in radii of the structure.
        evidence_weight: weight of the log likelihood ratio of the intensities against the warped
            shape,
        evidence_weight_in_time: and along time between two outlines, where these (with papillary
            muscles in a cavity, say) count for more than what looks alike: of 0, .1, .25 and .5 the
            first two were best on 4 synthetic sequences with two annotated frames. With one frame,
            which in a cycle stands at both ends, none of them was better than `evidence_weight`.
        ring_radii, min_ring_pixels: how far around a mask the intensities count as its
            surroundings.
        shape_weight: share of the interpolated shape in a gap where both walks agree,
        shape_weight_apart: and how much more where they do not overlap at all.
    """

    warped_anchor: WarpedAnchorConfig = field(default_factory=WarpedAnchorConfig)
    taper: TaperConfig = field(default_factory=TaperConfig)
    softness_pixels: float = 1.0
    softness_growth: float = 0.2
    softest_radii: float = 0.3
    evidence_weight: float = 0.5
    evidence_weight_in_time: float = 0.1
    ring_radii: float = 0.5
    min_ring_pixels: float = 3.0
    shape_weight: float = 0.2
    shape_weight_apart: float = 0.5


@dataclass(frozen=True)
class FollowedSlice:
    """What the registration knows of one slice.

    Attributes:
        index: the slice.
        warped: the WarpedAnchor, standing on this slice; the next slice moves it.
        evidence: (h, w) float32 in `warped.window`, log likelihood ratio of the intensities.
        logits: (h, w) float32 in `warped.window`, log odds of the structure; beyond its end those
            of a shape that has closed to a point.
        likeness: correlation of the slice with the warped anchor, in [-1, 1].
        radius_mm: in-plane radius of the structure on the anchor.
        has_ended: whether the structure is believed to have ended before this slice.
        closing_mm: how far the outline has moved inwards as the structure closes.
        softness_mm: distance over which the odds change by a factor e.
    """

    index: int
    warped: WarpedAnchor
    evidence: Map
    logits: Map
    likeness: float
    radius_mm: float
    has_ended: bool
    closing_mm: float
    softness_mm: float


class RegistrationEngine:
    """Registers successive slices and warps the anchor once through the composed displacement.

    The warped mask is refined by intensity, and never enters the next step. Beyond the last anchor
    the structure closes as its taper, its shape and its likeness to the anchor suggest.
    """

    name = "registration"

    # finds the displacement of two slices; a trained network may take its place
    register = staticmethod(register)

    def __init__(self, config: RegistrationConfig | None = None):
        self.config = config or RegistrationConfig()

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Follow the structure outward from an anchor.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; returns where the structure has ended, at once from an empty
            anchor.
        """
        for step in noted(self, stack, run, anchors):
            if step.has_ended:
                return
            yield step.warped.window.paste(probability_of(step.logits, 1.0), stack.slice_shape)

    def follow(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
        passed: Sequence[float] = (),
    ) -> Iterator[FollowedSlice]:
        """What the registration knows of each target, also beyond the end that it believes in.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.
            passed: likeness of the first targets, where this walk has been followed so far before;
                nothing more is found out about them.

        Yields:
            FollowedSlice for each other target in turn; nothing from an empty anchor.
        """
        stack = without_far_padding(stack, anchors)
        mask = anchors[run.anchor]
        if not mask.any():
            return
        closes = not _is_enclosed(run, anchors)
        warped_config = self.config.warped_anchor
        warped = WarpedAnchor(stack, run.anchor, mask, warped_config, self.register_on(stack))
        appearance = self.appearance_of(stack, anchors)
        taper = Taper(stack, run, anchors, self.config.taper)
        evidence_weight = self._evidence_weight(stack, run, anchors)
        ring_mm = self._ring_pixels(mask) * min(stack.spacing_mm[1:])
        last = run.anchor
        for position, index in enumerate(run.targets):
            warped.step_to(index)
            is_passed = position < len(passed)
            likeness = passed[position] if is_passed else warped.likeness(ring_mm)
            step_mm = abs(index - last) * stack.spacing_mm[0]
            last = index
            shrink_mm = taper.advance(step_mm, likeness) if closes else 0.0
            has_ended = shrink_mm is None
            if is_passed:
                continue
            closing_mm = taper.radius_mm if shrink_mm is None else shrink_mm
            evidence = appearance.log_odds(warped.window.crop(stack.images[index]))
            softness_mm = self._softness(stack, abs(index - run.anchor), taper.radius_mm)
            shape_odds = (warped.distance() - closing_mm) / softness_mm
            logits = shape_odds + evidence_weight * evidence
            yield FollowedSlice(
                index,
                warped,
                evidence,
                logits,
                likeness,
                taper.radius_mm,
                has_ended,
                closing_mm,
                softness_mm,
            )

    def register_on(self, stack: SliceStack) -> Register:
        """What finds the displacement of two slices of a stack."""
        return self.register

    def presence(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[float] | None:
        """How probable it is that the structure is on each target beyond the outermost anchor.

        Whatever the walk found there; see `presence.walk`.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Returns:
            An iterator of numbers in [0, 1], which may end early; None where nothing is known.
        """
        network = None if stack.is_time else shipped_presence()
        return network and presence(self, network, stack, run, anchors)

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """Weigh the walks of a gap by how near their anchors are, and the interpolated shape.

        The shape counts the more the less the walks agree, and only as far as the two anchors
        overlap, since shapes that do not overlap interpolate to nothing.

        Args:
            stack: the read-only SliceStack.
            index: the slice to predict.
            forward: (H, W) float32 probability of the walk from the left anchor,
            backward: and of the one from the right anchor.
            gap: (left, right) anchors.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Returns:
            (H, W) float32 probability; the only walk where the other anchor is empty.
        """
        left, right = gap
        if not (anchors[left].any() and anchors[right].any()):
            return np.maximum(forward, backward)
        weight = np.float32((right - index) / (right - left))
        walked = weight * forward + (1 - weight) * backward
        agreement = dice(forward >= 0.5, backward >= 0.5)
        share = self._shape_share(agreement, dice(anchors[left], anchors[right]))
        if share == 0:
            return walked
        shape = ShapePrior.remembered(stack, gap, anchors)
        distance_mm = shape.distance_at(index)
        assert distance_mm is not None  # both ends show the structure
        softness_mm = self.config.softness_pixels * min(stack.spacing_mm[1:])
        interpolated = shape.paste(probability_of(distance_mm, softness_mm))
        return (1 - share) * walked + share * interpolated

    def _shape_share(
        self,
        agreement: float,
        overlap: float,
    ) -> np.float32:
        """Weight in [0, 1] of the interpolated shape.

        Args:
            agreement: Dice of the two walks.
            overlap: Dice of the two anchors.
        """
        apart = self.config.shape_weight_apart * (1 - agreement)
        return np.float32(min(1.0, self.config.shape_weight + apart) * overlap**2)

    def _softness(
        self,
        stack: SliceStack,
        num_slices: int,
        radius_mm: float,
    ) -> float:
        """How blurred the outline is believed to be after `num_slices`, in millimetres.

        Further away, intensities count more.
        """
        pixel_mm = min(stack.spacing_mm[1:])
        start_mm = self.config.softness_pixels * pixel_mm
        growth = self.config.softness_growth * num_slices * stack.spacing_mm[0] / pixel_mm
        softest_mm = max(start_mm, self.config.softest_radii * radius_mm)
        return min(start_mm * (1 + growth), softest_mm)

    def _evidence_weight(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> float:
        if stack.is_time and _is_between_two_outlines(run, anchors):
            return self.config.evidence_weight_in_time
        return self.config.evidence_weight

    def _ring_pixels(self, mask: Mask) -> float:
        wanted = self.config.ring_radii * equivalent_radius(mask.sum())
        return max(self.config.min_ring_pixels, wanted)

    def appearance_of(
        self,
        stack: SliceStack,
        anchors: Anchors,
    ) -> Appearance:
        """The Appearance of a label, from all its anchors that are not empty.

        Kept with the stack, as every walk of the label asks for it.
        """
        key = ("appearance", self.config, digest_of(anchors))
        appearance = stack.cache.get(key)
        if appearance is None:
            appearance = self._learnt(stack, anchors)
            stack.cache.put(key, appearance, 2 * appearance.log_ratio.nbytes)
        return appearance

    def _learnt(self, stack: SliceStack, anchors: Anchors) -> Appearance:
        samples = []
        for index, mask in anchors.items():
            if mask.any():
                ring = self._ring_pixels(mask)
                margin = int(ring) + 2
                window = CropWindow.around(mask, (margin, margin), stack.slice_shape)
                distance = signed_distance(window.crop(mask), (1.0, 1.0))
                samples.append(Sample(window.crop(stack.images[index]), distance, ring))
        return Appearance.learn(samples)


def _is_enclosed(run: Run, anchors: Anchors) -> bool:
    """Whether anchors that show the structure stand at both ends of the gap of a run."""
    gap = gap_of(run.targets[0], anchors)
    return all(index is not None and anchors[index].any() for index in gap)


def _is_between_two_outlines(run: Run, anchors: Anchors) -> bool:
    """Whether a run is enclosed by two anchors, and not by the same one twice."""
    left, right = gap_of(run.targets[0], anchors)
    if left is None or right is None or not _is_enclosed(run, anchors):
        return False
    return not np.array_equal(anchors[left], anchors[right])
