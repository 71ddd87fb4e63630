"""*Segment first*: what a model without a seed finds becomes predictions, to be reviewed and corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationLib.segmenters.parts import FoundSlices, finer_slices, found_slices
from SlicePropagationLib.session import RUN, AnnotationSession

Found = dict[tuple[int, int], tuple[Patch, float]]  # {(label, index): (mask, trust in it)}


def suggest_structures(
    session: AnnotationSession,
    segmenter: Any,
    labels: Mapping[int, int],
    *,
    name: str = "",
    allow_overlap: bool = False,
) -> Iterator[SlicePrediction]:
    """Segment the session's stack, and take over what was found; one undoable step.

    Slices that a person drew or confirmed stay as they are. Where other labels of the session are
    drawn nothing is claimed, unless overlaps are allowed. Nothing is written before the model has
    seen all slices: stopped earlier, the session stays as it is.

    Args:
        session: the AnnotationSession that is filled.
        segmenter: a `Segmenter` whose results have as many slices as the stack.
        labels: {label of the model's results: label of the session}.
        name: of the model, which each slice keeps.
        allow_overlap: whether it may claim what other labels of the session have.

    Yields:
        SlicePrediction for each slice that the model has seen; the last one has touched all.

    Raises:
        ConfigError: the model makes finer slices.
    """
    if finer_slices(segmenter, session.stack.spacing_mm[0]) != 1:
        raise ConfigError(
            "This model makes finer slices of thick ones; use `slice-propagation segment` or"
            " `superresolve` with it."
        )
    count = len(session.stack)
    label = min(labels.values())
    found: Found = {}
    for part in found_slices(segmenter, session.stack):
        found |= _found(part, labels)
        last = part.first + len(part.labels)
        for index in range(part.first, min(last, count - 1)):
            yield SlicePrediction(label, index, (), index + 1, count, is_final=True)
    touched = _take_over(session, found, name, allow_overlap)
    yield SlicePrediction(label, count - 1, touched, count, count, is_final=True)


def _found(part: FoundSlices, labels: Mapping[int, int]) -> Found:
    found = {}
    for own, label in labels.items():
        trust = part.confidence.get(own)
        for number, classes in enumerate(part.labels):
            confidence = 1.0 if trust is None else float(trust[number])
            found[label, part.first + number] = Patch.of(classes == own), confidence
    return found


def _take_over(
    session: AnnotationSession, found: Found, name: str, allow_overlap: bool
) -> tuple[tuple[int, int], ...]:
    """Suggest what was found in one step; returns the (label, slice) pairs that changed."""
    step = session.open_step(RUN)
    touched = []
    for (label, index), (patch, confidence) in found.items():
        if session.is_anchor(label, index):
            continue
        free = patch if allow_overlap else _without_kept(session, found, (label, index))
        session.suggest(label, index, free, confidence, step, by=name)
        touched.append((label, index))
    return tuple(touched)


def _without_kept(session: AnnotationSession, found: Found, place: tuple[int, int]) -> Patch:
    """What was found of a label on a slice, without what other labels keep there."""
    label, index = place
    free, _ = found[place]
    for other in session.labels:
        is_kept = session.is_anchor(other, index) or (other, index) not in found
        if other != label and is_kept:
            free = free.without(session.state(other, index).patch)
    return free
