"""How far each predicted slice can be trusted, and which slice to correct next."""

import math
from dataclasses import dataclass, fields

import numpy as np

from SlicePropagationLib.metrics import dice
from SlicePropagationLib.session import Provenance


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


FRESH_DICE = 0.95  # what a slice beside a fresh correction reaches
# of the anchor's area is at stake where a walk has ended; chosen on `train` cases by what five
# suggested corrections gained
ENDED_SHARE = 0.5

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


def slice_confidence(session, run, index, probability, forward=None, backward=None):
    """Trust in one predicted slice, an estimate of its Dice from the `Evidence`.

    Args:
        session, run, index: where the prediction belongs.
        probability: (H, W) what was predicted.
        forward, backward: (H, W) the predictions of the two walks, None where a walk has not
            passed.

    Returns:
        A number in [0, 1]; for an empty prediction, trust in the slice being empty.
    """
    mask = probability >= 0.5
    if not mask.any():
        return 0.5
    evidence = _gather(session, run, index, probability, mask, forward, backward)
    score = INTERCEPT + sum(
        getattr(WEIGHTS, item.name) * getattr(evidence, item.name) for item in fields(Evidence)
    )
    return 1.0 / (1.0 + math.exp(-score))


def _gather(session, run, index, probability, mask, forward, backward):
    distance, anchor = distance_in_sizes(session, run.label, index)
    both = forward is not None and backward is not None
    images = session.stack.images
    anchor_mask = session.mask(run.label, anchor)
    spread = float(images[anchor].std()) or 1.0
    change = (
        abs(float(images[index][mask].mean()) - float(images[anchor][anchor_mask].mean())) / spread
    )
    return Evidence(
        distance=math.sqrt(min(distance, 6.0)),
        certainty=soft_dice(probability, mask) - 0.8,
        continuity=dice(mask, session.mask(run.label, index - run.step)),
        agreement=dice(forward >= 0.5, backward >= 0.5) if both else 0.0,
        shrinkage=min(abs(math.log((mask.sum() + 1) / (anchor_mask.sum() + 1))), 4.0),
        shift=min(change, 3.0),
    )


def ended_confidence(session, run, index, end):
    """Trust in a slice beyond the end of the structure being empty: half at the end, growing with the distance from it."""
    slices_beyond = abs(index - end)
    return 1.0 - 0.5 * math.exp(-0.5 * slices_beyond)


def distance_in_sizes(session, label, index):
    """Distance to the nearest anchor that shows the structure, in units of that anchor's equivalent radius.

    Returns:
        (distance >= 0, index of that anchor); (inf, index itself) when no anchor shows the
        structure.
    """
    shown = _shown_anchors(session, label)
    if not shown:
        return math.inf, index
    nearest = min(shown, key=lambda anchor: abs(anchor - index))
    return abs(nearest - index) * _step_in_sizes(session, label, nearest), nearest


def next_slice_to_correct(session, label):
    """The predicted slice whose correction is expected to gain the most, or None when none would gain anything."""
    gains = correction_gains(session, label)
    return int(gains.argmax()) if gains.max() > 0 else None


def correction_gains(session, label):
    """Expected gain, in pixels, of correcting each slice.

    0 for anchors and where nothing was predicted.

    A correction of slice c lifts the Dice of a slice at distance d (in radii of the structure) to
    what a fresh anchor
    gives there, about 0.95 exp(-d), if that is more than its confidence; the gain is the sum of the
    lifts, each
    weighted by the area at stake. An empty slice stakes a share of the nearest anchor's area, as
    the walk may have ended too early.

    Returns:
        (N,) float64.
    """
    row = session.labels.index(label)
    count = len(session.stack)
    predicted = session.provenance[row] == Provenance.PROPAGATED
    if not predicted.any():
        return np.zeros(count)
    confidence = np.nan_to_num(session.confidence[row])
    at_stake = session.areas(label).astype(float)
    areas, steps = _areas_and_steps(session, label)
    ended = predicted & (at_stake == 0)
    at_stake += np.where(ended, ENDED_SHARE * (1 - confidence) * areas, 0.0)
    indices = np.arange(count)
    distance = np.abs(indices[:, None] - indices) * steps  # (candidate, slice)
    lift = np.maximum(FRESH_DICE * np.exp(-distance) - np.where(ended, 0.0, confidence), 0.0)
    return np.where(predicted, (lift * at_stake * predicted).sum(axis=1), 0.0)


def _areas_and_steps(session, label):
    """For every slice: area at the nearest anchor that shows the structure, in pixels, and one slice's thickness in radii of the structure there; two (N,) float64."""
    shown = _shown_anchors(session, label)
    indices = np.arange(len(session.stack))
    if not shown:
        return session.areas(label).astype(float), np.zeros(len(indices))
    nearest = np.abs(indices[:, None] - np.array(shown)).argmin(axis=1)  # the lower one of two
    areas = np.array([session.state(label, anchor).patch.area for anchor in shown], float)
    steps = np.array([_step_in_sizes(session, label, anchor) for anchor in shown])
    return areas[nearest], steps[nearest]


def _shown_anchors(session, label):
    return [
        anchor
        for anchor in session.anchors(label)
        if not session.state(label, anchor).patch.is_empty
    ]


def _step_in_sizes(session, label, anchor):
    """One slice's thickness in equivalent radii of the structure at an anchor."""
    radius_mm = math.sqrt(
        session.state(label, anchor).patch.area * session.stack.pixel_area_mm2 / math.pi
    )
    return session.stack.spacing_mm[0] / max(radius_mm, min(session.stack.spacing_mm))


def soft_dice(probability, mask):
    """Dice of a probability map with a mask: 1 where the map is certain, less where its edges are soft."""
    total = float(probability.sum()) + np.count_nonzero(mask)
    return 1.0 if total == 0 else 2.0 * float(probability[mask].sum()) / total
