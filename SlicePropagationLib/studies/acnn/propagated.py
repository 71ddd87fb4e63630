"""Masks that engines propagate, judged by a shape model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice, dice_per_slice
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.segmenters.acnn.fine_grid import place_on_structure, to_classes
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.acnn.damages import judged
from SlicePropagationLib.studies.request import Report
from SlicePropagationLib.studies.tables import Row

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.shape_model import ShapeModel

# From useless to good, so that there is something to tell apart.
ENGINES = ("copy", "interpolation", "registration")
SHOTS = (1, 3)


class Propagated(NamedTuple):
    """What was propagated.

    Attributes:
        whole: a row for each mask of a whole case.
        slices: a row for each slice of the best engine from one annotated slice.
    """

    whole: list[Row]
    slices: list[Row]


def propagated_rows(
    model: ShapeModel,
    cases: list[TrainingCase],
    report: Report | None = None,
) -> Propagated:
    """What the engines propagate from SHOTS evenly spread slices of each case.

    Args:
        model: a shape model.
        cases: those that are propagated.
        report: called with a line of text for each case; None to be silent.

    Raises:
        InputError: no case has a label of the model.
    """
    propagated = Propagated([], [])
    for case in cases:
        volume = read_volume(case.image)
        labels, _ = read_labels(case.label_map, volume)
        stack = volume.stack(0)
        truth = to_classes(stack.from_volume_array(labels), model.labels)
        if not truth.any():
            continue
        _add_case(propagated, model, case.name, stack, truth)
        if report:
            report(f"{case.dataset} {case.name} propagated")
    if not propagated.whole:
        raise InputError(
            f"No case of split val has a label of the model ({', '.join(map(str, model.labels))});"
            " choose other data sets with --datasets."
        )
    return propagated


def _add_case(
    propagated: Propagated,
    model: ShapeModel,
    name: str,
    stack: SliceStack,
    truth: Labels,
) -> None:
    for engine in ENGINES:
        for shots in SHOTS:
            session = _propagate(stack, truth, engine, shots)
            found = session.label_map()
            known = {
                "case": name,
                "engine": engine,
                "shots": shots,
                "dice": _mean_dice(found, truth),
            }
            propagated.whole.append(known | _judged_on_grid(model, found, stack, name))
            if (engine, shots) == (ENGINES[-1], 1):
                rows = _slice_rows(model, session, found, truth)
                propagated.slices.extend({"case": name} | row for row in rows)


def _propagate(
    stack: SliceStack,
    truth: Labels,
    engine: str,
    shots: int,
) -> AnnotationSession:
    """A session in which evenly spread slices of every structure were annotated and propagated."""
    session = AnnotationSession(stack, tuple(_classes_of(truth)))
    for number in session.labels:
        mask = truth == number
        shown = np.flatnonzero(mask.any(axis=(1, 2)))
        middles = np.linspace(shown[0], shown[-1], 2 * shots + 1)[1::2]
        for index in sorted({int(round(middle)) for middle in middles}):
            session.annotate(number, index, mask[index])
    for _ in propagate(session, choose_engine(engine, "cpu"), plan_session(session)):
        pass
    return session


def _classes_of(truth: Labels) -> list[int]:
    return [int(number) for number in np.unique(truth) if number]


def _mean_dice(found: Labels, truth: Labels) -> float:
    scores = [dice(found == number, truth == number) for number in _classes_of(truth)]
    return float(np.mean(scores))


def _judged_on_grid(
    model: ShapeModel,
    found: Labels,
    stack: SliceStack,
    name: str,
) -> Row:
    placement = place_on_structure(model.grid, found, stack.spacing_mm, name, must_fit=False)
    return judged(model, placement.read_classes(found, len(model.labels) + 1))


def _slice_rows(
    model: ShapeModel,
    session: AnnotationSession,
    found: Labels,
    truth: Labels,
) -> Iterator[Row]:
    """A row for each slice on which a structure was predicted.

    Its Dice, its confidence, and its Dice with the shape that the code of all stands for.
    """
    decoded = _decoded(model, session, found)
    for place, number in enumerate(session.labels):
        mask = found == number
        scores = dice_per_slice(mask, truth == number)
        agreement = dice_per_slice(mask, decoded == number)
        is_predicted = session.provenance[place] == Provenance.PROPAGATED
        for index in np.flatnonzero(is_predicted & mask.any(axis=(1, 2))):
            yield {
                "label": number,
                "slice": int(index),
                "dice": float(scores[index]),
                "confidence": float(session.confidence[place, index]),
                "agreement": float(agreement[index]),
            }


def _decoded(
    model: ShapeModel,
    session: AnnotationSession,
    found: Labels,
) -> Labels:
    """(N, H, W) classes of the shape that the code of a prediction stands for."""
    placement = place_on_structure(
        model.grid,
        found,
        session.stack.spacing_mm,
        "the prediction",
        must_fit=False,
    )
    classes = placement.read_classes(found, len(model.labels) + 1)
    probabilities = model.probabilities(model.code(classes))
    spread = np.stack([placement.write_image(values, found.shape) for values in probabilities])
    spread[0] = 1 - spread[1:].sum(axis=0)
    return spread.argmax(axis=0)
