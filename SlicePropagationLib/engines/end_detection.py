"""How a structure closes beyond the slices where a person saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Anchors
from SlicePropagationLib.engines.distance import equivalent_radius
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

# A cap ends a slice before an empty anchor, or at this share of the way where that is further: half-
# way, half of the area is left then.
NEAR_EMPTY_SHARE = 0.7
# Where an empty anchor is that near, its distance counts, however alike the slices are: far from it
# a structure is better followed as it looks.
NEAR_EMPTY_SLICES = 4


def reach_before_empty(distance_mm: float, thickness_mm: float, share: float = 1.0) -> float:
    """Where a cap closes before an anchor that says "not here".

    Args:
        distance_mm: to that anchor.
        thickness_mm: distance between slices.
        share: of the distance, where that is less.

    Returns:
        Millimetres, > 0.
    """
    before = max(NEAR_EMPTY_SHARE * distance_mm, distance_mm - thickness_mm)
    return min(share * distance_mm, before)


def cap_shrink(
    distance_mm: float,
    radius_mm: float,
    reach_mm: float,
) -> float | None:
    """How far the outline has moved inwards on an ellipsoidal cap.

    Args:
        distance_mm: distance walked from the last slice where the structure was seen.
        radius_mm: in-plane radius there.
        reach_mm: distance at which the cap closes, > 0.

    Returns:
        Millimetres, from 0 on the slice itself to `radius_mm` at the tip; None beyond the tip.
    """
    fraction = distance_mm / reach_mm
    if fraction >= 1:
        return None
    return radius_mm * (1 - float(np.sqrt(1 - fraction**2)))


@dataclass(frozen=True)
class TaperConfig:
    """How a structure is believed to close beyond its last anchor.

    Attributes:
        lone_reach_radii: with one anchor, the cap closes after this many in-plane radii,
        lone_reach_slices: but not before this many slices: thick slices leave few to judge by.
        reach_radii, reach_slices: the same with several anchors, before their trend is counted in.
        reach_share: with several anchors the cap reaches at least this share of the range that they
            span.
        trend: weight of the change in squared radius seen between the last two anchors.
        empty_reach: the cap closes at most at this share of the way to an anchor that says "not
            here".
        doubt: how much faster a step counts as the slice looks less like the anchor: a factor
            exp(doubt) per unit of correlation lost since the first step beyond `accepted_loss`, and
            as much slower while less is lost.
        accepted_loss: correlation that may be lost without any doubt.
    """

    lone_reach_radii: float = 1.8
    lone_reach_slices: float = 4.0
    reach_radii: float = 1.0
    reach_slices: float = 3.0
    reach_share: float = 0.2
    trend: float = 0.7
    empty_reach: float = 0.9
    doubt: float = 1.0
    accepted_loss: float = 0.2


class Taper:
    """The in-plane radius expected beyond the last anchor.

    Its square falls as on an ellipsoid, r² - slope z - curvature z².

    Args:
        stack: the SliceStack; only its spacing is looked at.
        run: the walk.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
        config: a TaperConfig.

    Attributes:
        radius_mm: radius of the disc that has the area of the anchor's mask.
        walked_mm: distance walked so far; a step counts longer the less its slice looks like the
            anchor.
    """

    def __init__(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
        config: TaperConfig,
    ):
        self.config = config
        radii = {
            index: equivalent_radius(mask.sum() * stack.pixel_area_mm2)
            for index, mask in anchors.items()
        }
        self._begin(run, radii, stack.spacing_mm[0])

    @classmethod
    def of_radii(
        cls,
        run: Run,
        radii_mm: Mapping[int, float],
        thickness_mm: float,
        config: TaperConfig | None = None,
    ) -> Taper:
        """The taper of a walk whose anchors are known by their radii alone.

        Args:
            run: the walk.
            radii_mm: {slice index: radius of the disc that has the mask's area} of all anchors.
            thickness_mm: distance between slices.
            config: a TaperConfig.
        """
        taper = cls.__new__(cls)
        taper.config = config or TaperConfig()
        taper._begin(run, radii_mm, thickness_mm)
        return taper

    def _begin(
        self,
        run: Run,
        radii: Mapping[int, float],
        thickness_mm: float,
    ) -> None:
        self.walked_mm = 0.0
        self._first_likeness: float | None = None
        self.radius_mm = radii[run.anchor]
        slope, reach_mm = self._expect(_behind(run, radii, thickness_mm), thickness_mm)
        self._slope = slope
        self._curvature = (self.radius_mm / reach_mm) ** 2
        ahead = _ahead(run, radii, thickness_mm)
        self._is_near_empty = bool(ahead) and min(ahead) <= NEAR_EMPTY_SLICES * thickness_mm
        if ahead:
            share = self.config.empty_reach
            self._close_before(reach_before_empty(min(ahead), thickness_mm, share))

    def advance(
        self,
        step_mm: float,
        likeness: float,
    ) -> float | None:
        """Millimetres that the outline has moved inwards after one more step.

        Args:
            step_mm: length of the step.
            likeness: correlation, in [-1, 1], of this slice with the anchor warped onto it.

        Returns:
            From 0 to `radius_mm`; None when the structure has ended.
        """
        if self._first_likeness is None:
            self._first_likeness = likeness
        doubt = self.config.doubt * (self._first_likeness - likeness - self.config.accepted_loss)
        pace = float(np.exp(np.clip(doubt, -1.5, 1.5)))
        self.walked_mm += step_mm * (max(1.0, pace) if self._is_near_empty else pace)
        narrowed = self.radius_mm**2 - self._slope * self.walked_mm
        squared = narrowed - self._curvature * self.walked_mm**2
        return None if squared <= 0 else self.radius_mm - float(np.sqrt(squared))

    def _expect(
        self,
        behind: list[tuple[float, float]],
        thickness_mm: float,
    ) -> tuple[float, float]:
        """(slope, reach_mm) of the cap, from the (distance, radius) of the anchors behind."""
        config = self.config
        if not behind:
            reach_mm = config.lone_reach_radii * self.radius_mm
            return 0.0, max(reach_mm, config.lone_reach_slices * thickness_mm)
        distance_mm, radius_mm = behind[0]
        slope = max(0.0, config.trend * (radius_mm**2 - self.radius_mm**2) / distance_mm)
        reach_mm = max(
            config.reach_radii * self.radius_mm,
            config.reach_slices * thickness_mm,
            config.reach_share * behind[-1][0],
        )
        return slope, reach_mm

    def _close_before(self, limit_mm: float) -> None:
        """Bend the cap so that it closes within this distance."""
        needed = (self.radius_mm**2 - self._slope * limit_mm) / limit_mm**2
        self._curvature = max(self._curvature, needed)


def _behind(run, radii, thickness_mm):
    """[(distance, radius)] in mm of the anchors behind that show the structure, nearest first."""
    return sorted(
        (abs(index - run.anchor) * thickness_mm, radius)
        for index, radius in radii.items()
        if radius > 0 and (index - run.anchor) * run.step < 0
    )


def _ahead(run, radii, thickness_mm):
    """[distance] in mm of the anchors ahead."""
    return [
        abs(index - run.anchor) * thickness_mm
        for index in radii
        if (index - run.anchor) * run.step > 0
    ]
