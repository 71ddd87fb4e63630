"""What one case scores: every structure by every engine, corrected by every simulated annotator.

And how the first mask drifts from the truth with the distance to the slice that was annotated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.arrays import Labels, Masks, Spacing
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.evaluation.details import Judge, Structure, details_of
from SlicePropagationLib.evaluation.protocol import (
    DRIFT_COLUMNS,
    EFFORT_COLUMNS,
    OBJECT,
    SHAPE_COLUMNS,
    EvaluationProtocol,
    Job,
    Row,
    is_scored,
)
from SlicePropagationLib.evaluation.simulated_annotator import Round, simulate
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.propagation import Engine
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.shape_model import ShapeModel

DRIFT_BINS = {
    "1": (1, 1),
    "2": (2, 2),
    "3-4": (3, 4),
    "5-8": (5, 8),
    "9-16": (9, 16),
    "17+": (17, None),
}  # slices from the nearest annotated one


@dataclass
class UserScores:
    """What one simulated annotator reached with one structure.

    Attributes:
        rounds: the score after each annotated slice.
        details: {number of annotated slices: further scores}, of the numbers that are asked for.
        drift: rows with the columns of DRIFT_COLUMNS that are not the object's.
    """

    rounds: list[Round] = field(default_factory=list)
    details: dict[int, Row] = field(default_factory=dict)
    drift: list[Row] = field(default_factory=list)


def score_case(job: Job) -> tuple[list[Row], list[Row]]:
    """Score every structure of one case that is on enough slices.

    Returns:
        (rows with COLUMNS, rows with DRIFT_COLUMNS).

    Raises:
        SlicePropagationError: about the case's files or the shape model.
    """
    protocol = job.protocol
    volume = read_volume(job.image, may_map=True)
    labels, segments = read_labels(job.label_map, volume)
    engines = [(name, make_engine(source, protocol.device)) for name, source in protocol.engines]
    is_nominal = _spacing_is_nominal(job.image)
    model = load_prior(protocol.prior) if protocol.prior else None
    axis = 2 - AXES.index(protocol.axis)
    rows = []
    drift = []
    for segment in segments:
        label = segment.label
        if protocol.labels and label not in protocol.labels:
            continue
        session, truth = object_session(volume, labels, label, axis)
        if truth.any(axis=(1, 2)).sum() < protocol.min_slices:
            continue
        judge = _judge_of(model, session.stack, labels, label, volume.spacing_mm)
        structure = Structure(session.stack, truth, judge, is_nominal)
        for name, engine in engines:
            for user in protocol.users:
                values = (job.dataset, patient_of(job.case), job.case, label, name, *user)
                known = dict(zip(OBJECT, values, strict=True))
                scores, distances = _score_user(structure, engine, user, protocol)
                rows += [known | entry for entry in scores]
                drift += [known | entry for entry in distances]
    return rows, drift


def drift_counts(
    prediction: Masks,
    truth: Masks,
    anchors: Sequence[int],
) -> dict[str, tuple[int, int]]:
    """Voxels that agree and voxels of both masks, by distance from the nearest annotated slice.

    Args:
        prediction: (N, H, W) bool.
        truth: (N, H, W) bool.
        anchors: indices of the annotated slices, at least one.

    Returns:
        {bin of DRIFT_BINS: (intersection, size of both masks together)}; Dice of a bin is 2 *
        intersection / size, 0 / 0 where neither mask is.
    """
    indices = np.arange(len(truth))
    away = np.abs(indices[:, None] - np.array(anchors)).min(axis=1)
    intersection = (prediction & truth).sum(axis=(1, 2))
    size = prediction.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    counts = {}
    for name, (first, last) in DRIFT_BINS.items():
        is_inside = (away >= first) & (away <= (last or len(truth)))
        counts[name] = (int(intersection[is_inside].sum()), int(size[is_inside].sum()))
    return counts


def slices_needed(scores: Iterable[float], wanted: float) -> int | str:
    """How many annotated slices it took until Dice was at least `wanted`, "" when it never was.

    Args:
        scores: Dice with 1, 2, 3, ... annotated slices.
        wanted: the Dice to reach.
    """
    for shots, score in enumerate(scores, 1):
        if score >= wanted:
            return shots
    return ""


def load_prior(path: Path | str) -> ShapeModel:
    """The shape model in a file; torch is imported only here.

    Raises:
        CheckpointError: the file cannot be used.
    """
    from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model

    return load_shape_model(path)


def _judge_of(
    model: ShapeModel | None,
    stack: SliceStack,
    labels: Labels,
    label: int,
    spacing_mm: Spacing,
) -> Judge:
    """Scores by a shape model of a prediction of one label, the other labels as in the truth.

    Blank where the shape model says nothing; none at all without one.
    """
    blank: Row = dict.fromkeys(SHAPE_COLUMNS, "")
    if model is None:
        return lambda prediction: {}
    if label not in model.labels:
        return lambda prediction: blank
    others = np.where(labels == label, 0, labels)

    def judge(prediction: Masks) -> Row:
        predicted = stack.to_volume(prediction)
        shape = np.where(predicted, label, others).astype(np.uint8)
        try:
            classes = model.classes_of(shape, spacing_mm, "the prediction", must_fit=False)
        except InputError:  # nothing was predicted
            return blank
        judged = (model.implausibility(classes), model.reconstruction_error(classes))
        rounded = [round(score, 5) for score in judged]
        return dict(zip(SHAPE_COLUMNS, rounded, strict=True))

    return judge


def _score_user(
    structure: Structure,
    engine: Engine,
    user: tuple[str, str],
    protocol: EvaluationProtocol,
) -> tuple[list[Row], list[Row]]:
    """One simulated annotator: scores for each number of slices, drift after the first slice."""
    scores = _annotate(structure, engine, user, protocol)
    object_wide = {"extent": structure.extent, "is_nominal": int(structure.is_nominal)}
    object_wide |= _effort(scores.rounds, structure.extent)
    rows = []
    for wanted in protocol.shots:
        details = scores.details[min(wanted, len(scores.rounds))]
        rows.append({"shots": wanted} | details | object_wide)
    return rows, scores.drift


def _effort(rounds: Sequence[Round], extent: int) -> Row:
    """Slices to Dice .90 and .95.

    By the primary score, where that is scored, and by the whole volume, annotated slices included.
    """
    primary = [
        entry.dice for entry in rounds if is_scored({"shots": entry.shots, "extent": extent})
    ]
    whole = [entry.dice_whole for entry in rounds]
    needed = [
        slices_needed(scores, wanted) for scores in (primary, whole) for wanted in (0.90, 0.95)
    ]
    return dict(zip(EFFORT_COLUMNS, needed, strict=True))


def _annotate(
    structure: Structure,
    engine: Engine,
    user: tuple[str, str],
    protocol: EvaluationProtocol,
) -> UserScores:
    session = AnnotationSession(structure.stack, (1,))
    pick, correct = user
    scores = UserScores()
    for entry in simulate(
        session,
        structure.truth,
        engine,
        pick=pick,
        correct=correct,
        budget=protocol.budget,
    ):
        scores.rounds.append(entry)
        if entry.shots == 1:
            scores.drift = _drift_rows(session, structure.truth)
        if entry.shots in protocol.shots:
            scores.details[entry.shots] = details_of(entry, session, structure)
        if entry.shots >= max(protocol.shots) and _is_reached(scores.rounds, structure.extent):
            break
    last = len(scores.rounds)
    if last not in scores.details:
        # Nothing was left to correct before the next number of interest.
        scores.details[last] = details_of(scores.rounds[-1], session, structure)
    return scores


def _is_reached(rounds: Sequence[Round], extent: int) -> bool:
    """Whether nothing is left to learn about the effort."""
    return "" not in _effort(rounds, extent).values()


def _drift_rows(session: AnnotationSession, truth: Masks) -> list[Row]:
    columns = DRIFT_COLUMNS[len(OBJECT) :]
    slice_mm = session.stack.spacing_mm[0]
    rows = []
    for name, counts in drift_counts(session.masks(1), truth, session.anchors(1)).items():
        rows.append(dict(zip(columns, (name, *counts, slice_mm), strict=True)))
    return rows


def _spacing_is_nominal(image: str) -> bool:
    """What meta.json beside an image says.

    A file of that name that is about something else says nothing.
    """
    try:
        meta = json.loads(Path(image).with_name("meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(meta, dict) and bool(meta.get("spacing_is_nominal"))
