"""What is said of a seed that looks like a finished segmentation."""

from __future__ import annotations

from pathlib import Path

from SlicePropagationLib.session import AnnotationSession

FEWEST_SLICES = 8  # fewer in a row may well have been drawn
NEARLY_ALL = 0.8  # of the slices from the first annotated one to the last


def remark_on_finished(session: AnnotationSession, seed: Path | str) -> str | None:
    """A sentence where a label is annotated on nearly every slice that it reaches over, else None.

    Args:
        session: that has begun with the seed.
        seed: its file.
    """
    full = [text for label in session.labels if (text := _reach_of_full(session, label))]
    if not full:
        return None
    return (
        f"{seed} looks like a finished segmentation: {', '.join(full)}. All of these count as drawn"
        " and stay as they are. Leave only the slices in it that a person annotated, or name them"
        " with --anchors O.slices.csv, the table beside a result."
    )


def _reach_of_full(session: AnnotationSession, label: int) -> str | None:
    """Where a label is annotated, in words, if that is nearly everywhere between its ends."""
    anchors = session.anchors(label)
    if len(anchors) < FEWEST_SLICES:
        return None
    count = anchors[-1] - anchors[0] + 1
    if len(anchors) < NEARLY_ALL * count:
        return None
    return (
        f"label {label} is annotated on {len(anchors)} of the {count} slices {anchors[0]} to"
        f" {anchors[-1]}"
    )
