"""What the slice strip shows in the browser: one cell per slice of one segment."""

from typing import Any

import numpy as np
from SlicePropagationMRML.presenting.controls import barOf
from SlicePropagationMRML.presenting.messages import reasonTexts, sliceText
from SlicePropagationMRML.presenting.review import Kind, SliceReview, explainSlice, reviewSlices

from SlicePropagationLib.session import AnnotationSession
from SlicePropagationWeb.slice_numbers import number, reasons_in_numbers

ANCHORS = (Kind.SEED, Kind.CORRECTION, Kind.CONFIRMED)
CLASSES = {
    Kind.UNKNOWN: "empty",
    Kind.PROPAGATED: "propagated",
    Kind.SEED: "seed",
    Kind.CORRECTION: "correction",
    Kind.CONFIRMED: "confirmed",
    Kind.STALE: "propagated",
    Kind.HINT: "hint",
}


def cells(review: SliceReview) -> list[dict[str, Any]]:
    """One dict a slice, ready for the browser.

    Args:
        review: what is known of the slices of one segment.

    Returns:
        [{"kind": name of the provenance, "color", "height": share of the strip, "stale": bool,
        "shown": whether the structure is on the slice}]
    """
    listed = []
    for index in range(len(review)):
        kind = Kind(int(review.kinds[index]))
        color, height, is_striped = barOf(kind, float(review.confidence[index]))
        listed.append(
            {
                "kind": CLASSES[kind],
                "color": color,
                "height": round(height, 3),
                "stale": is_striped,
                "shown": not review.isEmpty[index],
            }
        )
    return listed


def describe(
    session: AnnotationSession,
    label: int,
    index: int,
) -> str:
    """What a person reads when the mouse rests on a cell."""
    review = reviewSlices(session, label)
    kind = Kind(int(review.kinds[index]))
    confidence = float(review.confidence[index])
    is_predicted = kind in (Kind.PROPAGATED, Kind.STALE) and not np.isnan(confidence)
    why = reasons_in_numbers(explainSlice(session, label, index)) if is_predicted else None
    is_hinted = bool(review.isHinted[index])
    return sliceText(number(index), len(review), kind, confidence, why, isHinted=is_hinted)


def doubts(
    session: AnnotationSession,
    label: int,
    index: int,
) -> str:
    """Why a slice is worth a look, in sentences."""
    reasons = reasons_in_numbers(explainSlice(session, label, index))
    return ". ".join(reasonTexts(reasons, number(index)))
