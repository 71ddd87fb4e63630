"""How far each predicted slice can be trusted, and which slice to correct next."""

import math

import numpy as np

from SlicePropagationLib.metrics import dice
from SlicePropagationLib.session import Provenance


def slice_confidence(session, run, index, probability, forward=None, backward=None):
    """Trust in one predicted slice, an estimate of its Dice.

    Falls with the distance from the anchor in units of the structure's size, with soft edges, with a jump against the
    slice before it in the walk, and with the disagreement of the two walks of a gap.

    Args:
        session, run, index: where the prediction belongs.
        probability: (H, W) what was predicted.
        forward, backward: (H, W) the predictions of the two walks, None where a walk has not passed.

    Returns:
        A number in [0, 1]; of an empty prediction, trust in the slice being empty.
    """
    mask = probability >= 0.5
    if not mask.any():
        return 0.5
    certainty = soft_dice(probability, mask)
    continuity = dice(mask, session.mask(run.label, index - run.step))
    decay = math.exp(-0.5 * distance_in_sizes(session, run.label, index))
    confidence = certainty * decay * (0.5 + 0.5 * continuity)
    if forward is not None and backward is not None:
        confidence *= 0.3 + 0.7 * dice(forward >= 0.5, backward >= 0.5)
    return float(min(max(confidence, 0.0), 1.0))


def ended_confidence(session, run, index, end):
    """Trust in a slice beyond the end of the structure being empty: half at the end, growing with the distance from it."""
    slices_beyond = abs(index - end)
    return 1.0 - 0.5 * math.exp(-0.5 * slices_beyond)


def distance_in_sizes(session, label, index):
    """Distance to the nearest anchor that shows the structure, in units of that anchor's equivalent radius."""
    anchors = [anchor for anchor in session.anchors(label) if session.state(label, anchor).patch.area]
    if not anchors:
        return math.inf
    nearest = min(anchors, key=lambda anchor: abs(anchor - index))
    radius_mm = math.sqrt(session.state(label, nearest).patch.area * session.stack.pixel_area_mm2 / math.pi)
    return abs(nearest - index) * session.stack.spacing_mm[0] / max(radius_mm, min(session.stack.spacing_mm))


def next_slice_to_correct(session, label):
    """The predicted slice whose correction is expected to gain the most volume, or None when none is predicted.

    The gain of a candidate: the sum of (1 - confidence) x area over the predicted slices nearer to it than to any
    anchor, itself included; what a correction there would improve.
    """
    gains = correction_gains(session, label)
    if not gains.size or not np.nanmax(gains, initial=0.0) > 0:
        return None
    return int(np.nanargmax(gains))


def correction_gains(session, label):
    """(N,) expected gain in square millimetres of correcting each slice; 0 for anchors and unpredicted slices."""
    count, anchors = len(session.stack), np.array(session.anchors(label), int)
    row = session.labels.index(label)
    predicted = session.provenance[row] == Provenance.PROPAGATED
    doubt = np.where(predicted, 1 - np.nan_to_num(session.confidence[row]), 0)
    weight = doubt * session.areas(label) * session.stack.pixel_area_mm2
    indices = np.arange(count)
    to_anchor = np.abs(indices[:, None] - anchors).min(axis=1) if anchors.size else np.full(count, count)
    nearer = np.abs(indices[:, None] - indices) < to_anchor[None, :]      # (candidate, slice)
    return np.where(predicted, (nearer * weight).sum(axis=1), 0.0)



def soft_dice(probability, mask):
    """Dice of a probability map with a mask: 1 where the map is certain, less where its edges are soft."""
    total = float(probability.sum()) + np.count_nonzero(mask)
    return 1.0 if total == 0 else 2.0 * float(probability[mask].sum()) / total
