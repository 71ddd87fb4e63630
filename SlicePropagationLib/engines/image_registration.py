"""`RegistrationEngine`: follows a structure from slice to slice by dense registration.

Needs no training.
"""

from dataclasses import dataclass, field

import numpy as np

from SlicePropagationLib.engines.appearance import Appearance
from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.engines.demons import register
from SlicePropagationLib.engines.distance import equivalent_radius, probability_of, signed_distance
from SlicePropagationLib.engines.end_detection import Taper, TaperConfig
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.engines.warped_anchor import Track, TrackConfig
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.planning import gap_of


@dataclass(frozen=True)
class RegistrationConfig:
    """Constants of the registration engine, tuned on train and val of Sunnybrook, OpenKBP and MSD hippocampus.

    Attributes:
        track: how the mask is carried from slice to slice.
        taper: how the structure is believed to close beyond the last anchor.
        softness_pixels: distance over which the odds of a pixel change by a factor e, on the anchor
            itself,
        softness_growth: how much longer that distance gets per pixel length walked,
        softest_radii: and its longest, in radii of the structure.
        evidence_weight: weight of the log likelihood ratio of the intensities against the warped
            shape,
        evidence_weight_in_time: and along time between two outlines, where these (with papillary
            muscles in a cavity, say) count for more
            than what looks alike: of 0, .1, .25 and .5 the first two were best on 4 synthetic
                sequences with two annotated frames. With one
            frame, which in a cycle stands at both ends, none of them was better than
            `evidence_weight`.
        ring_radii, min_ring_pixels: how far around a mask the intensities count as its
            surroundings.
        shape_weight: share of the interpolated shape in a gap where both walks agree,
        shape_weight_apart: and how much more where they do not overlap at all.
    """

    track: TrackConfig = field(default_factory=TrackConfig)
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
        track: the Track, standing on this slice; the next slice moves it.
        evidence: (h, w) float32 in `track.window`, log likelihood ratio of the intensities.
        logits: (h, w) float32 in `track.window`, log odds of the structure; beyond its end those of
            a shape that has closed to a point.
        likeness: correlation of the slice with the warped anchor, in [-1, 1].
        radius_mm: in-plane radius of the structure on the anchor.
        has_ended: whether the structure is believed to have ended before this slice.
    """

    index: int
    track: Track
    evidence: np.ndarray
    logits: np.ndarray
    likeness: float
    radius_mm: float
    has_ended: bool


class RegistrationEngine:
    """Registers successive slices, warps the anchor once through the composed displacement, refines it by intensity.

    The refined mask never enters the next step. Beyond the last anchor the structure closes as its
    taper, its shape and
    its likeness to the anchor suggest.
    """

    name = "registration"

    register = staticmethod(
        register
    )  # finds the displacement of two slices; a trained network may take its place

    def __init__(self, config=RegistrationConfig()):
        self.config = config

    def walk(self, stack, run, anchors):
        """Follow the structure outward from an anchor.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; returns where the structure has ended, at once from an empty
            anchor.
        """
        for step in self.follow(stack, run, anchors):
            if step.has_ended:
                return
            yield step.track.window.paste(probability_of(step.logits, 1.0), stack.slice_shape)

    def follow(self, stack, run, anchors):
        """What the registration knows of each target of `run`, also beyond the end that it believes in; arguments as in `walk`.

        Yields:
            FollowedSlice for each target in turn; nothing from an empty anchor.
        """
        if not anchors[run.anchor].any():
            return
        gap = gap_of(run.targets[0], anchors)
        closes = not all(index is not None and anchors[index].any() for index in gap)
        track = Track(stack, run.anchor, anchors[run.anchor], self.config.track, self.register)
        appearance = self._learn_appearance(stack, anchors)
        taper = Taper(stack, run, anchors, self.config.taper)
        is_between = (
            stack.is_time and not closes and not np.array_equal(*(anchors[index] for index in gap))
        )
        evidence_weight = (
            self.config.evidence_weight_in_time if is_between else self.config.evidence_weight
        )
        ring_mm = self._ring_pixels(anchors[run.anchor]) * min(stack.spacing_mm[1:])
        last = run.anchor
        for index in run.targets:
            track.step_to(index)
            likeness = track.likeness(ring_mm)
            shrink_mm = (
                taper.advance(abs(index - last) * stack.spacing_mm[0], likeness) if closes else 0.0
            )
            has_ended = shrink_mm is None
            last = index
            evidence = appearance.log_odds(track.window.crop(stack.images[index]))
            softness_mm = self._softness(stack, abs(index - run.anchor), taper.radius_mm)
            logits = (
                track.distance() - (taper.radius_mm if has_ended else shrink_mm)
            ) / softness_mm + evidence_weight * evidence
            yield FollowedSlice(
                index,
                track,
                evidence,
                logits,
                likeness,
                taper.radius_mm,
                has_ended,
            )

    def blend(self, stack, index, forward, backward, gap, anchors):
        """Weigh the walks of a gap by how near their anchors are, and the interpolated shape by how little they agree.

        The shape counts only as far as the two anchors overlap, since shapes that do not overlap
        interpolate to nothing.

        Args:
            stack, index: the slice to predict.
            forward, backward: (H, W) float32 probabilities of the walks from the left and from the
                right anchor.
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
        share = np.float32(
            self._shape_share(forward >= 0.5, backward >= 0.5, anchors[left], anchors[right])
        )
        if share == 0:
            return walked
        shape = ShapePrior(stack, gap, anchors)
        softness_mm = self.config.softness_pixels * min(stack.spacing_mm[1:])
        return (1 - share) * walked + share * shape.paste(
            probability_of(shape.distance_at(index), softness_mm)
        )

    def _shape_share(self, forward, backward, left, right):
        """Weight in [0, 1] of the interpolated shape."""
        disagreement = 1 - dice(forward, backward)
        return (
            min(1.0, self.config.shape_weight + self.config.shape_weight_apart * disagreement)
            * dice(left, right) ** 2
        )

    def _softness(self, stack, num_slices, radius_mm):
        """How blurred the outline is believed to be after `num_slices`, in millimetres: further away, intensities count more."""
        pixel_mm = min(stack.spacing_mm[1:])
        start_mm = self.config.softness_pixels * pixel_mm
        grown_mm = start_mm * (
            1 + self.config.softness_growth * num_slices * stack.spacing_mm[0] / pixel_mm
        )
        return min(grown_mm, max(start_mm, self.config.softest_radii * radius_mm))

    def _ring_pixels(self, mask):
        return max(
            self.config.min_ring_pixels,
            self.config.ring_radii * equivalent_radius(mask.sum()),
        )

    def _learn_appearance(self, stack, anchors):
        """The Appearance of a label, from all its anchors that are not empty."""
        samples = []
        for index, mask in anchors.items():
            if mask.any():
                ring = self._ring_pixels(mask)
                window = Window.around([mask], (int(ring) + 2,) * 2, stack.slice_shape)
                samples.append(
                    (
                        window.crop(stack.images[index]),
                        signed_distance(window.crop(mask), (1.0, 1.0)),
                        ring,
                    )
                )
        return Appearance.learn(samples)
