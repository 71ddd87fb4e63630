"""How far each predicted slice can be trusted, and which slice to correct next."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.metrics import dice
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.planning import Run
from SlicePropagationLib.session import AnnotationSession, Provenance

if TYPE_CHECKING:
    from SlicePropagationLib.stack import SliceStack

PRESENT = 0.5  # a pixel belongs to a label from this probability on


@dataclass(frozen=True)
class Evidence:
    """What speaks for or against one predicted slice.

    Attributes:
        distance: to the nearest anchor that shows the structure, in units of its equivalent radius,
            >= 0.
        certainty: soft Dice of the probabilities with their own mask; 1 where edges are sharp.
        continuity: Dice with the slice before it in the walk.
        agreement: Dice of the two walks of a gap; 0 where only one has passed.
        shrinkage: how much smaller than at the nearest anchor, |log area ratio|.
        shift: change of the mean intensity inside the mask since that anchor, in standard
            deviations of the slice.
    """

    distance: float
    certainty: float
    continuity: float
    agreement: float
    shrinkage: float
    shift: float


# Where an engine does not say how probable it is that a structure goes on: right behind the end of a
# walk, and how far on, in halves of the extent that is shown, until that falls to a third; chosen
# on `train` cases of the permitted sets by what corrections gained there.
ENDED_DOUBT = 0.3
ENDED_REACH = 1.0
# What a structure has of its area at the outermost anchor where it is there although its walk has
# ended; 0.5, 0.7 and 1 were tried on `val` of the three sets that may be tuned on.
MISSED_SHARE = 0.7

# Logistic regression of the true slice Dice on the evidence, fitted on the `train` cases of the
# permitted sets.
INTERCEPT = 0.23
WEIGHTS = Evidence(
    distance=-0.32,
    certainty=2.67,
    continuity=1.75,
    agreement=1.6,
    shrinkage=-0.48,
    shift=-0.8,
)


def slice_confidence(
    session: AnnotationSession,
    run: Run,
    index: int,
    probability: np.ndarray,
    forward: np.ndarray | None = None,
    backward: np.ndarray | None = None,
) -> float:
    """Trust in one predicted slice, an estimate of its Dice from the `Evidence`.

    Args:
        session: where the prediction belongs.
        run: the walk that it is of.
        index: the slice.
        probability: (H, W) what was predicted.
        forward: (H, W) the prediction of the walk that came from below, None where it has not
            passed.
        backward: (H, W) the prediction of the walk that came from above, or None.

    Returns:
        A number in [0, 1]; for an empty prediction, trust in the slice being empty.
    """
    mask = Patch.cut(probability >= PRESENT)
    if mask.is_empty:
        return 0.5
    agreement = _agreement(forward, backward)
    evidence = _gather(session, run, index, probability, mask, agreement)
    weighted = [
        getattr(WEIGHTS, item.name) * getattr(evidence, item.name) for item in fields(Evidence)
    ]
    return 1.0 / (1.0 + math.exp(-(INTERCEPT + sum(weighted))))


def _agreement(forward: np.ndarray | None, backward: np.ndarray | None) -> float:
    """Dice of the two walks of a gap; 0 where only one has passed."""
    if forward is None or backward is None:
        return 0.0
    return dice(forward >= PRESENT, backward >= PRESENT)


def _gather(
    session: AnnotationSession,
    run: Run,
    index: int,
    probability: np.ndarray,
    mask: Patch,
    agreement: float,
) -> Evidence:
    distance, anchor = distance_in_sizes(session, run.label, index)
    drawn = session.state(run.label, anchor).patch
    before = session.state(run.label, index - run.step).patch
    growth = (mask.area + 1) / (drawn.area + 1)
    spread = _spread_of_slice(session.stack, anchor) or 1.0
    inside = _mean_inside(session.stack, index, mask)
    inside_anchor = _mean_inside(session.stack, anchor, drawn)
    return Evidence(
        distance=math.sqrt(min(distance, 6.0)),
        certainty=_soft_dice(probability, mask) - 0.8,
        continuity=mask.dice(before),
        agreement=agreement,
        shrinkage=min(abs(math.log(growth)), 4.0),
        shift=min(abs(inside - inside_anchor) / spread, 3.0),
    )


def _mean_inside(stack: SliceStack, index: int, mask: Patch) -> float:
    """Mean intensity inside a mask on a slice."""
    return float(stack.images[index][mask.window][mask.crop].mean())


def _spread_of_slice(stack: SliceStack, index: int) -> float:
    """Standard deviation of the intensities of a slice, found out once."""
    key = ("standard deviation", index)
    spread = stack.cache.get(key)
    if spread is None:
        spread = float(stack.images[index].std())
        stack.cache.put(key, spread, sys.getsizeof(spread))
    return spread


def ended_doubt(
    session: AnnotationSession,
    run: Run,
    index: int,
    end: int,
) -> float:
    """Probability that a structure goes on behind its end, for engines that do not say it.

    It falls with the distance against half of the extent that is shown: long structures are missed
    over more slices.

    Args:
        session: what is shown so far.
        run: the walk that has ended.
        index: a slice behind the end.
        end: the first one.
    """
    shown = np.flatnonzero(session.areas(run.label))
    extent = shown[-1] - shown[0] + 1 if shown.size else 1
    reach = ENDED_REACH * max(1.0, extent / 2)
    return ENDED_DOUBT * math.exp(-(abs(index - end) + 1) / reach)


def distance_in_sizes(
    session: AnnotationSession,
    label: int,
    index: int,
) -> tuple[float, int]:
    """Distance to the nearest anchor that shows the structure.

    In units of that anchor's equivalent radius.

    Returns:
        (distance >= 0, index of that anchor); (inf, index itself) when no anchor shows the
        structure.
    """
    shown = _shown_anchors(session, label)
    if not shown:
        return math.inf, index
    nearest = min(shown, key=lambda anchor: abs(anchor - index))
    return abs(nearest - index) * _step_in_sizes(session, label, nearest), nearest


def next_slice_to_correct(session: AnnotationSession, label: int) -> int | None:
    """The predicted slice whose correction is expected to gain the most.

    None when none would gain anything. What is out of date is none: the next run predicts it anew.
    """
    gains = np.where(session.stale(label), 0.0, correction_gains(session, label))
    return int(gains.argmax()) if gains.max() > 0 else None


def correction_gains(session: AnnotationSession, label: int) -> np.ndarray:
    """Expected gain, in pixels, of correcting each slice.

    0 for anchors and where nothing was predicted.

    What is wrong on a slice grows with its way to the anchors. A correction shortens the way of the
    slices around it, and takes away that share of what is believed to be wrong there. So gains lie
    in the middle of what is doubtful, and the middle of a gap comes before a slice beside an anchor.

    Returns:
        (N,) float64.
    """
    row = session.labels.index(label)
    count = len(session.stack)
    predicted = session.provenance[row] == Provenance.PROPAGATED
    if not predicted.any():
        return np.zeros(count)
    wrong = np.where(predicted, _expected_errors(session, label), 0.0)
    gains = np.zeros(count)
    bounds = [-math.inf, *session.anchors(label), math.inf]
    indices = np.arange(count)
    for left, right in pairwise(bounds):
        inside = indices[(indices > left) & (indices < right)]
        gains[inside] = _gains_in_gap(inside, left, right, wrong[inside])
    return np.where(predicted, gains, 0.0)


def _gains_in_gap(inside: np.ndarray, left: float, right: float, wrong: np.ndarray) -> np.ndarray:
    """What correcting each slice of a gap takes away.

    Args:
        inside: (n,) the slices of the gap.
        left: the anchor before them, -inf where there is none,
        right: and the one behind them, inf where there is none.
        wrong: (n,) pixels that are believed to be wrong on them.

    Returns:
        (n,) float64 pixels.
    """
    corrected = inside[:, None]
    from_left = np.where(inside < corrected, inside - left, inside - corrected)
    from_right = np.where(inside < corrected, corrected - inside, right - inside)
    before = _way(inside - left, right - inside)
    return ((1 - _way(from_left, from_right) / before) * wrong).sum(axis=1)


def _expected_errors(session: AnnotationSession, label: int) -> np.ndarray:
    """(N,) float64: pixels that are believed to be wrong on every slice.

    Where slices are empty, the walk may have ended too early.
    """
    doubt = 1 - np.nan_to_num(session.confidence[session.labels.index(label)])
    areas = session.areas(label).astype(float)
    return np.where(areas > 0, areas * np.sqrt(doubt), _missed(session, label, areas, doubt))


def _missed(
    session: AnnotationSession, label: int, areas: np.ndarray, doubt: np.ndarray
) -> np.ndarray:
    """(N,) float64: pixels expected on slices beyond both ends of what is shown.

    A share of the area of the outermost anchor, as far as it is doubted that they are empty. Nothing
    beyond a slice that a person left empty.
    """
    missed = np.zeros(len(areas))
    shown = np.flatnonzero(areas)
    anchors = _shown_anchors(session, label)
    if not (shown.size and anchors):
        return missed
    empty = [index for index in session.anchors(label) if index not in anchors]
    first = max([index for index in empty if index < shown[0]], default=-1)
    last = min([index for index in empty if index > shown[-1]], default=len(areas))
    for anchor, beyond in (
        (anchors[0], slice(first + 1, shown[0])),
        (anchors[-1], slice(shown[-1] + 1, last)),
    ):
        missed[beyond] = MISSED_SHARE * areas[anchor] * doubt[beyond]
    return missed


def _way(from_left: np.ndarray, from_right: np.ndarray) -> np.ndarray:
    """How far slices lie from what a person drew, from their distances to both anchors, in slices.

    Between two anchors both are of use, as on a bridge: the product of the distances over their
    sum. Where there is one, its distance; 0 on an anchor.
    """
    with np.errstate(divide="ignore"):
        return 1 / (1 / np.asarray(from_left, float) + 1 / np.asarray(from_right, float))


def _shown_anchors(session: AnnotationSession, label: int) -> list[int]:
    """The anchors that show the structure, ascending."""
    return [
        anchor
        for anchor in session.anchors(label)
        if not session.state(label, anchor).patch.is_empty
    ]


def _step_in_sizes(
    session: AnnotationSession,
    label: int,
    anchor: int,
) -> float:
    """One slice's thickness in equivalent radii of the structure at an anchor."""
    area_mm2 = session.state(label, anchor).patch.area * session.stack.pixel_area_mm2
    radius_mm = math.sqrt(area_mm2 / math.pi)
    return session.stack.spacing_mm[0] / max(radius_mm, min(session.stack.spacing_mm))


def soft_dice(probability: np.ndarray, mask: np.ndarray) -> float:
    """Dice of a probability map with a mask, both (H, W).

    1 where the map is certain, less where its edges are soft.
    """
    return _soft_dice(probability, Patch.cut(mask))


def _soft_dice(probability: np.ndarray, mask: Patch) -> float:
    total = float(probability.sum()) + mask.area
    inside = probability[mask.window][mask.crop]
    return 1.0 if total == 0 else 2.0 * float(inside.sum()) / total
