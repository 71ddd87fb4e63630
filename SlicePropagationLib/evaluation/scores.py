"""What one case scores: every structure x engine x simulated user x number of annotated slices, and how the first mask drifts."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.evaluation.simulated_annotator import simulate
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.metrics import slices_past_ends, surface_distances
from SlicePropagationLib.session import AnnotationSession

OBJECT = ("dataset", "patient", "case", "label", "engine", "pick", "correct")
COLUMNS = (
    *OBJECT,
    "shots",
    "dice",
    "dice_thesis",
    "surface_dice",
    "hd95_mm",
    "mean_surface_mm",
    "mm_past_first",
    "mm_past_last",
    "mm_past_ends",
    "seconds_per_slice",
    "slices_to_90",
    "slices_to_95",
    "is_nominal",
)
DRIFT_COLUMNS = (*OBJECT, "slices_away", "intersection", "size", "slice_mm")
SHAPE_COLUMNS = ("implausibility", "misfit")  # with a shape model only
DRIFT_BINS = {
    "1": (1, 1),
    "2": (2, 2),
    "3-4": (3, 4),
    "5-8": (5, 8),
    "9-16": (9, 16),
    "17+": (17, None),
}  # slices from the nearest annotated one
STEPS = "steps"  # a user who corrects at every tenth of the extent, as in the thesis
UNIFORM = "uniform"  # a user whose first slice follows from the rule of the others


@dataclass(frozen=True)
class EvaluationProtocol:
    """What is done with every case.

    Attributes:
        engines: (name in the tables, name or model file of the engine) pairs.
        users: (pick, correct) pairs of simulated users; ("uniform", "uniform") has no first slice
            of its own.
        shots: numbers of annotated slices, ascending.
        axis: "i", "j" or "k".
        min_slices: structures on fewer slices are left out.
        split: the split that the cases are of.
        max_cases: number of cases of each data set at most, or None.
        labels: the only labels that are scored, or None for all.
        device: what engines with a network run on: "auto", "cpu" or "cuda".
        prior: model file of a shape model that says how implausible a predicted shape is, or None.
    """

    engines: tuple[tuple[str, str], ...]
    users: tuple[tuple[str, str], ...]
    shots: tuple[int, ...]
    axis: str = "k"
    min_slices: int = 5
    split: str = "val"
    max_cases: int | None = None
    labels: tuple[int, ...] | None = None
    device: str = "auto"
    prior: str | None = None

    @property
    def columns(self):
        """Columns of the table of scores."""
        return COLUMNS + SHAPE_COLUMNS if self.prior else COLUMNS

    @property
    def names(self):
        """The engines' names in the tables."""
        return [name for name, _ in self.engines]

    @property
    def first_users(self):
        """One user for each rule of the first slice: what is annotated later does not change the first mask. Uniform slices only where nothing else is asked for."""
        by_pick = {pick: (pick, correct) for pick, correct in reversed(self.users)}
        return [
            user
            for user in self.users
            if user in by_pick.values() and (user[0] != UNIFORM or len(by_pick) == 1)
        ]


@dataclass(frozen=True)
class Job:
    """One case to score: its files and what to do with it."""

    image: str
    label_map: str
    dataset: str
    case: str
    protocol: EvaluationProtocol


def score_case(job):
    """(rows with COLUMNS, rows with DRIFT_COLUMNS) for every structure of one case that is on enough slices."""
    volume = read_volume(job.image)
    labels, segments = read_labels(job.label_map, volume)
    engines = [
        (name, make_engine(source, job.protocol.device)) for name, source in job.protocol.engines
    ]
    nominal = {"is_nominal": int(_spacing_is_nominal(job.image))}
    model = load_prior(job.protocol.prior) if job.protocol.prior else None
    rows = []
    drift = []
    for segment in segments:
        if job.protocol.labels and segment.label not in job.protocol.labels:
            continue
        session, truth = object_session(
            volume,
            labels,
            segment.label,
            2 - AXES.index(job.protocol.axis),
        )
        if truth.any(axis=(1, 2)).sum() < job.protocol.min_slices:
            continue
        judge = (
            _shape_judge(model, session.stack, labels, segment.label, volume.spacing_mm)
            if model
            else None
        )
        for name, engine in engines:
            for pick, correct in job.protocol.users:
                known = dict(
                    zip(
                        OBJECT,
                        (
                            job.dataset,
                            patient_of(job.case),
                            job.case,
                            segment.label,
                            name,
                            pick,
                            correct,
                        ),
                    )
                )
                scores, distances = _score_user(
                    session.stack,
                    truth,
                    engine,
                    (pick, correct),
                    job.protocol.shots,
                    judge,
                )
                rows += [known | entry | nominal for entry in scores]
                drift += [known | entry for entry in distances]
    return rows, drift


def drift_counts(prediction, truth, anchors):
    """Voxels that agree and voxels of both masks, pooled over the slices at like distance from the nearest annotated one.

    Args:
        prediction, truth: (N, H, W) bool.
        anchors: indices of the annotated slices, at least one.

    Returns:
        {bin of DRIFT_BINS: (intersection, size of both masks together)}; Dice of a bin is 2 *
        intersection / size, 0 / 0 where neither mask is.
    """
    away = np.abs(np.arange(len(truth))[:, None] - np.array(anchors)).min(axis=1)
    intersection = (prediction & truth).sum(axis=(1, 2))
    size = prediction.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    inside = {
        name: (away >= first) & (away <= (last or len(truth)))
        for name, (first, last) in DRIFT_BINS.items()
    }
    return {
        name: (int(intersection[chosen].sum()), int(size[chosen].sum()))
        for name, chosen in inside.items()
    }


def slices_needed(scores, wanted):
    """How many annotated slices it took until Dice was at least `wanted`, "" when it never was.

    `scores` are of 1, 2, 3, ... slices.
    """
    return next((shots for shots, score in enumerate(scores, 1) if score >= wanted), "")


def load_prior(path):
    """The shape model in a file.

    Torch is imported only here. CheckpointError where it cannot be used.
    """
    from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model

    return load_shape_model(path)


def _shape_judge(model, stack, labels, label, spacing_mm):
    """A function of the (N, H, W) prediction of one label: further scores, with the other labels as in the truth; blank where the shape model says nothing."""

    def judge(prediction):
        predicted = stack.to_volume(prediction)
        shape = np.where(predicted, label, np.where(labels == label, 0, labels)).astype(np.uint8)
        try:
            classes = model.classes_of(shape, spacing_mm, "the prediction", must_fit=False)
        except InputError:  # nothing was predicted
            return dict.fromkeys(SHAPE_COLUMNS, "")
        return {
            "implausibility": round(model.implausibility(classes), 5),
            "misfit": round(model.reconstruction_error(classes), 5),
        }

    return judge if label in model.labels else lambda prediction: dict.fromkeys(SHAPE_COLUMNS, "")


def _score_user(stack, truth, engine, user, shots, judge=None):
    """One simulated user with one structure: (scores for each number of slices, drift after the first slice)."""
    session, spacing, (pick, correct) = AnnotationSession(stack, (1,)), stack.spacing_mm, user
    judge = judge or (lambda prediction: {})
    rounds = []
    details = {}
    drift = []
    for entry in simulate(session, truth, engine, pick=pick, correct=correct, budget=max(shots)):
        rounds.append(entry)
        prediction = session.masks(1)
        if entry.shots == 1:
            counts = drift_counts(prediction, truth, session.anchors(1)).items()
            drift = [
                dict(zip(DRIFT_COLUMNS[len(OBJECT) :], (name, *pair, spacing[0])))
                for name, pair in counts
            ]
        if entry.shots in shots:
            details[entry.shots] = _details(entry, prediction, truth, spacing) | judge(prediction)
    if len(rounds) not in details:  # nothing was left to correct before the next number of interest
        details[len(rounds)] = _details(rounds[-1], session.masks(1), truth, spacing) | judge(
            session.masks(1)
        )
    effort = {
        f"slices_to_{percent}": slices_needed([entry.dice for entry in rounds], percent / 100)
        for percent in (90, 95)
    }
    return [
        {"shots": wanted} | details[min(wanted, len(rounds))] | effort for wanted in shots
    ], drift


def _details(entry, prediction, truth, spacing_mm):
    """The scores of one round; distances are of the whole volume, annotated slices included."""
    surface = surface_distances(prediction, truth, spacing_mm)
    first, last = (count * spacing_mm[0] for count in slices_past_ends(prediction, truth))
    seconds = "" if entry.seconds_per_slice is None else round(entry.seconds_per_slice, 6)
    return {
        "dice": round(entry.dice, 5),
        "dice_thesis": round(entry.dice_thesis, 5),
        "surface_dice": round(surface.surface_dice, 5),
        "hd95_mm": round(surface.hd95, 3),
        "mean_surface_mm": round(surface.mean, 3),
        "mm_past_first": round(first, 3),
        "mm_past_last": round(last, 3),
        "mm_past_ends": round(entry.mm_past_ends, 3),
        "seconds_per_slice": seconds,
    }


def _spacing_is_nominal(image):
    """What meta.json beside an image says.

    A file of that name that is about something else says nothing.
    """
    try:
        meta = json.loads(Path(image).with_name("meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(meta, dict) and bool(meta.get("spacing_is_nominal"))
