"""`PresenceFacts`: what tells whether a structure is on the slices of a walk.

All of it is relative to the annotated slice that the walk comes from, so that it is the same for
large and small structures, and for every scale of intensities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Map
from SlicePropagationLib.planning import Run

FACTS = (
    "slices walked",
    "distance walked",
    "thickness",
    "radius in pixels",
    "likeness",
    "likeness lost",
    "evidence inside",
    "evidence around",
    "evidence lost inside",
    "evidence gained around",
    "warped area",
    "area with evidence",
    "best shrink",
    "gain of the best shrink",
    "contrast of the edge",
    "contrast of the edge lost",
    "annotated slices",
    "narrowing",
    "span behind",
    "emptiness ahead",
    "slices to emptiness",
    "radius of the cap",
    "slices past the cap",
)
BINS = 32  # of the distance to the edge, from -DEEPEST to DEEPEST radii
DEEPEST = 1.0
RING = 0.5  # radii outside the edge that count as the surroundings
BAND = 0.2  # radii on both sides of the edge whose difference is its contrast
FAR = 20.0  # slices, where nobody said that the structure is not there


@dataclass(frozen=True)
class Look:
    """What a structure looks like on one slice, by the distance to its outline.

    Attributes:
        counts: (BINS,) pixels whose distance lies in the bin,
        evidence: and the sum of their evidence.
    """

    counts: np.ndarray
    evidence: np.ndarray

    @classmethod
    def of(cls, distance_mm: Map, evidence: Map, radius_mm: float) -> Look:
        """The Look of a window.

        Args:
            distance_mm: (h, w) signed distances to the outline, positive inside.
            evidence: (h, w) log likelihood ratio of the intensities.
            radius_mm: of the structure on the annotated slice.
        """
        place = (distance_mm.ravel() * (BINS / (2 * DEEPEST * radius_mm)) + BINS / 2).astype(int)
        is_near = place >= 0
        place = np.minimum(place[is_near], BINS - 1)
        counts = np.bincount(place, minlength=BINS)
        sums = np.bincount(place, evidence.ravel()[is_near], minlength=BINS)
        return cls(counts.astype(float), sums)

    def mean(self, first: float, last: float) -> float:
        """Mean evidence of the pixels from `first` to `last` radii inside the outline."""
        bins = slice(_bin(first), _bin(last))
        count = self.counts[bins].sum()
        return float(self.evidence[bins].sum() / count) if count else 0.0

    @property
    def inside(self) -> float:
        """Mean evidence inside the outline."""
        return self.mean(0.0, DEEPEST)

    @property
    def around(self) -> float:
        """Mean evidence in the surroundings."""
        return self.mean(-RING, 0.0)

    @property
    def contrast(self) -> float:
        """By how much the evidence changes across the outline."""
        return self.mean(0.0, BAND) - self.mean(-BAND, 0.0)

    def best_shrink(self) -> tuple[float, float]:
        """(how far inwards, in radii, the outline fits the intensities best, what that gains).

        The gain is in evidence per pixel inside.
        """
        inside = np.cumsum(self.evidence[::-1])[::-1]
        best = int(inside.argmax())
        count = max(1.0, self.counts[BINS // 2 :].sum())
        shrink = (best - BINS / 2) * 2 * DEEPEST / BINS
        return shrink, float(inside[best] - inside[BINS // 2]) / count


def _bin(radii: float) -> int:
    return round((radii / DEEPEST + 1) * BINS / 2)


@dataclass(frozen=True)
class Surroundings:
    """What the other annotated slices of a label say about a walk beyond one of them.

    Attributes:
        num_shown: annotated slices that show the structure.
        narrowing: how fast the squared radius falls, in radii per radius walked, from the annotated
            slice behind the walk's to it; 0 where there is none.
        span: distance in radii to the farthest annotated slice behind.
        to_empty: slices from the walk's annotated slice to the nearest one ahead that was left
            empty; None where there is none.
    """

    num_shown: int
    narrowing: float
    span: float
    to_empty: int | None

    @classmethod
    def of(cls, run: Run, radii_mm: Mapping[int, float], thickness_mm: float) -> Surroundings:
        """The Surroundings of a run.

        Args:
            run: the walk.
            radii_mm: {slice index: radius of the disc that has the mask's area} of all anchors.
            thickness_mm: distance between slices.
        """
        radius_mm = radii_mm[run.anchor]
        ways = {index: (index - run.anchor) * run.step for index in radii_mm}
        behind = sorted(
            (-way * thickness_mm, radii_mm[index])
            for index, way in ways.items()
            if way < 0 and radii_mm[index] > 0
        )
        ahead = [way for index, way in ways.items() if way > 0 and radii_mm[index] == 0]
        narrowing = 0.0
        if behind:
            way_mm, other_mm = behind[0]
            narrowing = (other_mm**2 - radius_mm**2) / (radius_mm * way_mm)
        return cls(
            num_shown=sum(radius > 0 for radius in radii_mm.values()),
            narrowing=float(np.clip(narrowing, -2, 2)),
            span=behind[-1][0] / radius_mm if behind else 0.0,
            to_empty=min(ahead, default=None),
        )


class PresenceFacts:
    """The facts of the slices of one walk.

    Args:
        run: the walk.
        radii_mm: {slice index: radius of the disc that has the mask's area} of all anchors.
        spacing_mm: of slices, rows and columns.
        look: the Look of the annotated slice.
    """

    def __init__(
        self,
        run: Run,
        radii_mm: Mapping[int, float],
        spacing_mm: tuple[float, float, float],
        look: Look,
    ):
        self.run = run
        self.radius_mm = radii_mm[run.anchor]
        self.thickness_mm = spacing_mm[0]
        self.pixel_area_mm2 = spacing_mm[1] * spacing_mm[2]
        self.num_pixels = np.pi * self.radius_mm**2 / self.pixel_area_mm2
        self.look = look
        self.surroundings = Surroundings.of(run, radii_mm, self.thickness_mm)
        self._first_likeness: float | None = None
        self._last_in_cap = 0

    def of(
        self, index: int, likeness: float, look: Look, area: int, cap_radius: float
    ) -> np.ndarray:
        """The facts of one slice.

        Args:
            index: the slice.
            likeness: its correlation with the warped anchor.
            look: of the slice, about the warped outline.
            area: pixels that registration would give it, if the structure did not close.
            cap_radius: share of the radius that a cap has left here, 0 beyond it.

        Returns:
            (len(FACTS),) float32, about [-3, 3].
        """
        if self._first_likeness is None:
            self._first_likeness = likeness
        num_slices = abs(index - self.run.anchor)
        if cap_radius > 0:
            self._last_in_cap = num_slices
        shrink, gain = look.best_shrink()
        to_empty = self.surroundings.to_empty
        left = FAR if to_empty is None else min(FAR, max(0, to_empty - num_slices))
        facts = (
            np.log1p(num_slices),
            np.log1p(num_slices * self.thickness_mm / self.radius_mm),
            np.log(self.thickness_mm / self.radius_mm),
            np.log(self.num_pixels) / 2 - 2,
            likeness,
            self._first_likeness - likeness,
            look.inside,
            look.around,
            self.look.inside - look.inside,
            look.around - self.look.around,
            _log_share(look.counts[BINS // 2 :].sum() / self.num_pixels),
            _log_share(area / self.num_pixels),
            shrink,
            gain,
            look.contrast,
            self.look.contrast - look.contrast,
            np.log(max(1, self.surroundings.num_shown)),
            self.surroundings.narrowing,
            np.log1p(self.surroundings.span),
            0.0 if to_empty is None else 1.0,
            np.log1p(left) - np.log1p(FAR),
            cap_radius,
            np.log1p(num_slices - self._last_in_cap),
        )
        return np.clip(np.array(facts, np.float32), -6, 6)


def _log_share(share: float) -> float:
    """A share of the anchor's area on a scale on which halves and doubles are alike."""
    return float(np.log(share + 0.02))
