"""What is known about each slice of one segment, for a person who looks for what to correct."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from SlicePropagationLib.confidence import distance_in_sizes
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.slices_table import slice_row
from SlicePropagationLib.session import AnnotationSession, Provenance

FAR_SIZES = 1.0  # further from an anchor than one radius of the structure
CHANGED_DICE = 0.75  # neighbouring slices that overlap less than this differ much
CHANGED_AREA = 0.35  # share of the neighbour's area by which a slice may grow or shrink unremarked


class Kind(IntEnum):
    """What a cell of the slice strip shows."""

    UNKNOWN = 0
    PROPAGATED = 1
    SEED = 2
    CORRECTION = 3
    CONFIRMED = 4
    STALE = 5
    HINT = 6


@dataclass(frozen=True)
class SliceReview:
    """One segment's slices.

    Attributes:
        kinds: (N,) uint8, values of `Kind`.
        confidence: (N,) float32 in [0, 1]; 1 for anchors, NaN where nothing was predicted.
        isEmpty: (N,) bool; whether the segment is known, or predicted, not to be on a slice.
        isHinted: (N,) bool; whether a person drew on a slice in another plane, and not on it.
    """

    kinds: np.ndarray
    confidence: np.ndarray
    isEmpty: np.ndarray
    isHinted: np.ndarray

    def __len__(self) -> int:
        return len(self.kinds)

    def count(self, *kinds: Kind) -> int:
        """How many slices are of these kinds."""
        return int(np.isin(self.kinds, kinds).sum())


def reviewSlices(session: AnnotationSession, label: int) -> SliceReview:
    """The `SliceReview` of a label."""
    row = session.labels.index(label)
    kinds = session.provenance[row].copy()
    kinds[session.stale(label)] = Kind.STALE
    isHinted = np.zeros(len(kinds), bool)
    isHinted[list(session.hints(label))] = True
    kinds[isHinted & (kinds == Kind.UNKNOWN)] = Kind.HINT
    return SliceReview(
        kinds,
        session.confidence[row],
        (session.areas(label) == 0) & (kinds != Kind.UNKNOWN),
        isHinted,
    )


@dataclass(frozen=True)
class SliceReasons:
    """Why a predicted slice is trusted as much or as little as it is.

    Attributes:
        anchor: the nearest annotated slice that shows the structure, or None.
        isFar: whether that is further away than the structure is wide.
        isEmpty: whether the slice was predicted to show nothing.
        differsFrom: a neighbouring slice with a much different outline, or None.
        areaChange: how much larger (> 0) or smaller (< 0) the area is than there, as a share of it.
        foundBy: the model that found it without anything drawn, or "".
    """

    anchor: int | None
    isFar: bool
    isEmpty: bool
    differsFrom: int | None
    areaChange: float
    foundBy: str = ""


def explainSlice(
    session: AnnotationSession,
    label: int,
    index: int,
) -> SliceReasons:
    """The `SliceReasons` of a predicted slice.

    What `SlicePropagationLib.confidence` weighs, as far as it can be seen.
    """
    distance, anchor = distance_in_sizes(session, label, index)
    isShown = bool(np.isfinite(distance))
    other = _unlikeNeighbour(session, label, index)
    change = 0.0
    if other is not None:
        areas = session.areas(label)
        change = float((areas[index] - areas[other]) / max(areas[other], 1))
    return SliceReasons(
        anchor=anchor if isShown else None,
        isFar=isShown and distance > FAR_SIZES,
        isEmpty=not session.mask(label, index).any(),
        differsFrom=other,
        areaChange=change,
        foundBy=session.state(label, index).found_by,
    )


def _unlikeNeighbour(
    session: AnnotationSession,
    label: int,
    index: int,
) -> int | None:
    """The neighbouring slice whose outline differs most, when it differs much."""
    mask = session.mask(label, index)
    overlaps = {}
    for other in (index - 1, index + 1):
        isInside = 0 <= other < len(session.stack)
        if isInside and session.state(label, other).provenance != Provenance.EMPTY:
            overlaps[other] = dice(mask, session.mask(label, other))
    worst = min(overlaps, key=lambda other: overlaps[other], default=None)
    return worst if worst is not None and overlaps[worst] < CHANGED_DICE else None


def sliceTable(
    session: AnnotationSession,
    label: int,
    segmentName: str,
    segmentID: str,
) -> list[tuple]:
    """Rows of the slices that are known, with the columns of the command line's table."""
    segment = replace(Segment.plain(label), name=segmentName, id=segmentID)
    review = reviewSlices(session, label)
    areas = session.areas(label) * session.stack.pixel_area_mm2
    rows = []
    for index in np.flatnonzero(_isKnown(review)).tolist():
        state = session.state(label, index)
        rows.append(slice_row(index, segment, state, areas[index], session))
    return rows


def sliceColumns(session: AnnotationSession, label: int) -> dict[str, list]:
    """What a chart of the slices that are known shows; see `nodes.slices_chart.showSlices`."""
    review = reviewSlices(session, label)
    known = np.flatnonzero(_isKnown(review))
    areas = session.areas(label) * session.stack.pixel_area_mm2
    return {
        "slice": known.tolist(),
        "provenance": [Kind(review.kinds[index]).name.lower() for index in known],
        "area_mm2": areas[known].tolist(),
        "confidence": review.confidence[known].tolist(),
    }


def _isKnown(review: SliceReview) -> np.ndarray:
    """(N,) bool: what tables tell of; nobody and no run vouched for the rest."""
    return ~np.isin(review.kinds, (Kind.UNKNOWN, Kind.HINT))
