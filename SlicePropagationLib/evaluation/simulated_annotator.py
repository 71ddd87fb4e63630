"""The simulated annotator: seeds a slice, propagates, corrects slices from the truth, and keeps the score."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.metrics import dice_within, dice_without, slices_past_ends
from SlicePropagationLib.propagation import plan_session, propagate


@dataclass(frozen=True)
class Round:
    """The score after one more annotated slice.

    Attributes:
        shots: number of annotated slices.
        dice: whole volume, annotated slices excluded (the primary score).
        dice_thesis: the structure's extent only, annotated slices included.
        mm_past_ends: how far the prediction runs past both ends of the structure together, in
            millimetres.
        annotated: indices of the annotated slices, in the order they were drawn.
        seconds_per_slice: time of the round's propagation, per slice predicted; None when none was.
    """

    shots: int
    dice: float
    dice_thesis: float
    mm_past_ends: float
    annotated: tuple[int, ...]
    seconds_per_slice: float | None = None


def simulate(session, truth, engine, *, pick="largest", correct="suggested", budget=5):
    """Annotate `budget` slices one after the other as a person would.

    A correction is the truth of one slice.

    Args:
        session: an AnnotationSession of one label, without annotations.
        truth: (N, H, W) bool.
        engine: what walks.
        pick: the slice annotated first, "largest" area or "middle" of the extent.
        correct: "suggested" by the confidence, "worst" by the truth, "uniform" over the true extent
            (all slices drawn at
            once, then one run), or "steps": from the middle outwards at every tenth of the true
            extent, each correction
            propagated outwards only, as in the slice-propagation thesis; `pick` counts for the
            first two alone.

    Yields:
        Round after each annotated slice; fewer than the budget when nothing is left to correct.
    """
    label = session.labels[0]
    steps = slices_in_steps(truth)
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    for shots in range(1, budget + 1):
        span = None
        if correct == "uniform":
            if shots > shown[-1] - shown[0] + 1:
                return
            _annotate_uniformly(session, truth, shots)
        elif correct == "steps":
            if shots > len(steps):
                return
            index = steps[shots - 1]
            span = (
                None if shots == 1 else (index, len(truth) - 1) if index > steps[0] else (0, index)
            )
            annotate_truth(session, truth, index)
        else:
            index = (
                first_slice(truth, pick)
                if shots == 1
                else slice_to_correct(session, truth, correct)
            )
            if index is None:
                return
            annotate_truth(session, truth, index)
        began = time.perf_counter()
        predicted = {
            step.index for step in propagate(session, engine, plan_session(session, span=span))
        }
        seconds = time.perf_counter() - began
        yield replace(
            score(session, truth, shots),
            seconds_per_slice=seconds / len(predicted) if predicted else None,
        )
        if session.anchors(label) == list(range(len(truth))):
            return


def first_slice(truth, pick="largest"):
    """The slice that is annotated first."""
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    if pick == "middle":
        return int(shown[len(shown) // 2])
    return int(truth.sum(axis=(1, 2)).argmax())


def slices_in_steps(truth, share=0.1):
    """The middle slice of the extent, then slices at multiples of `share` of its length, upwards and downwards in turn."""
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    middle = int(shown[len(shown) // 2])
    length = int(shown[-1] - shown[0] + 1)
    offsets = [
        sign * max(number, round(number * share * length))
        for number in range(1, length + 1)
        for sign in (1, -1)
    ]
    return [
        middle,
        *(middle + offset for offset in offsets if shown[0] <= middle + offset <= shown[-1]),
    ]


def slice_to_correct(session, truth, correct):
    """The next slice that is corrected, or None when there is nothing to gain."""
    label = session.labels[0]
    if correct == "suggested":
        return next_slice_to_correct(session, label)
    wrong = (session.masks(label) ^ truth).sum(axis=(1, 2))
    wrong[session.anchors(label)] = 0
    return int(wrong.argmax()) if wrong.any() else None


def annotate_truth(session, truth, index):
    """Give the session the truth of one slice: a drawing, or "it is right as it is"."""
    label = session.labels[0]
    if np.array_equal(session.mask(label, index), truth[index]):
        session.confirm(label, index)
    else:
        session.annotate(label, index, truth[index])


def score(session, truth, shots):
    """The `Round` that a session stands at."""
    label = session.labels[0]
    prediction = session.masks(label)
    drawn = dict.fromkeys(
        event["index"] for event in session.history if event["event"] in ("annotate", "confirm")
    )
    annotated = tuple(
        index for index in drawn if session.is_anchor(label, index)
    )  # uniform slices take the place of earlier ones
    beyond = sum(slices_past_ends(prediction, truth)) * session.stack.spacing_mm[0]
    return Round(
        shots,
        dice_without(prediction, truth, session.anchors(label)),
        dice_within(prediction, truth),
        beyond,
        annotated,
    )


def simulate_files(arguments):
    """The `simulate` command: rounds for one label of a case, written as JSON when asked for.

    Raises:
        InputError: the label is not in the truth.
    """
    volume = read_volume(arguments.image)
    labels, _ = read_labels(arguments.truth, volume)
    if not (labels == arguments.label).any():
        raise InputError(
            f"{arguments.truth} has no voxel of label {arguments.label}, only of"
            f" {np.unique(labels[labels > 0]).tolist()}; choose one of these."
        )
    session, truth = object_session(volume, labels, arguments.label, 2 - AXES.index(arguments.axis))
    engine = choose_engine(arguments.engine, arguments.device)
    rounds = list(
        simulate(
            session,
            truth,
            engine,
            pick=arguments.pick,
            correct=arguments.correct,
            budget=arguments.budget,
        )
    )
    if arguments.out:
        path = Path(arguments.out)
        with atomic_folder(path.parent) as partial:
            (partial / path.name).write_text(
                json.dumps([asdict(entry) for entry in rounds], indent=1),
                encoding="utf-8",
            )
    return rounds


def _annotate_uniformly(session, truth, shots):
    """Replace the anchors by `shots` slices in the middles of equal parts of the true extent."""
    label = session.labels[0]
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    wanted = {
        int(round(position)) for position in np.linspace(shown[0], shown[-1], 2 * shots + 1)[1::2]
    }
    for index in set(session.anchors(label)) - wanted:
        session.release(label, index)
    for index in sorted(wanted - set(session.anchors(label))):
        annotate_truth(session, truth, index)
