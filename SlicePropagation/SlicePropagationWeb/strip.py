"""What the slice strip shows: one cell per slice of one segment, and what a person reads when the mouse rests on it."""

import numpy as np

from SlicePropagationMRML.review import Kind, reviewSlices

WORDS = {Kind.UNKNOWN: "not propagated yet", Kind.PROPAGATED: "propagated", Kind.SEED: "seed: drawn by you", Kind.CORRECTION: "correction: drawn by you over a prediction",
         Kind.CONFIRMED: "confirmed by you", Kind.STALE: "out of date: an annotated slice nearby changed since"}
CLASSES = {Kind.UNKNOWN: "empty", Kind.PROPAGATED: "propagated", Kind.SEED: "seed", Kind.CORRECTION: "correction", Kind.CONFIRMED: "confirmed", Kind.STALE: "propagated"}


def cells(session, label):
    """One dict a slice, ready for the page.

    Returns:
        [{"kind": name of the provenance, "stale": bool, "shown": whether the structure is on the slice,
        "height": confidence as 0..1, "text": what the cell says}]
    """
    review = reviewSlices(session, label)
    return [_cell(review, index) for index in range(len(review))]


def _cell(review, index):
    kind, confidence = Kind(int(review.kinds[index])), float(review.confidence[index])
    text = f"Slice {index} of {len(review)}: {WORDS[kind]}"
    if review.isEmpty[index]:
        text += ", not on this slice"
    if kind in (Kind.PROPAGATED, Kind.STALE) and not np.isnan(confidence):
        text += f"; confidence {confidence:.0%}"
    return {"kind": CLASSES[kind], "stale": kind == Kind.STALE, "shown": not review.isEmpty[index] and kind != Kind.UNKNOWN,
            "height": 0.0 if np.isnan(confidence) else round(confidence, 3), "text": text}


def summary(session, label):
    """One sentence about a segment: how much of it a person vouches for, and how much was propagated."""
    review = reviewSlices(session, label)
    anchors = review.count(Kind.SEED, Kind.CORRECTION, Kind.CONFIRMED)
    if not anchors:
        return "Nothing is drawn yet: paint the structure on one slice."
    stale = review.count(Kind.STALE)
    return f"{anchors} annotated, {review.count(Kind.PROPAGATED, Kind.STALE)} propagated" + (f", {stale} out of date" if stale else "")
