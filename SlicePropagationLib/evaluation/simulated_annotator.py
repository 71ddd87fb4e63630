"""The simulated annotator: seeds a slice, propagates, corrects slices from the truth, keeps score.

from SlicePropagationLib.evaluation.simulated_annotator import SimulateRequest, simulate_file
rounds = simulate_file(SimulateRequest("image.nii.gz", "truth.nii.gz", label=1))
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES, choose_engine
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.evaluation.better_walk import KEEPS, propagate_better
from SlicePropagationLib.evaluation.protocol import CORRECTIONS, PICKS, STEPS, UNIFORM
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.metrics import dice, dice_within, dice_without, slices_past_ends
from SlicePropagationLib.propagation import Engine, SlicePrediction, plan_session, propagate

if TYPE_CHECKING:
    from SlicePropagationLib.session import AnnotationSession


@dataclass(frozen=True)
class SimulateRequest:
    """One labelled volume, and how it is annotated.

    Attributes:
        image: the volume.
        truth: label map with the whole structure.
        label: the structure.
        pick: the slice that is annotated first: "largest" or "middle".
        correct: slices that are corrected: "suggested", "worst", "uniform" or "steps".
        budget: number of annotated slices.
        keep: what a correction leaves of slices that were predicted before: the "new" prediction,
            blended in gaps, or the "better" of both, see `better_walk`.
        axis: the axis that is walked along: "i", "j" or "k".
        engine: name of an engine, or a model file; None for the default.
        device: "auto", "cpu" or "cuda".
        out: file that the rounds are written to as JSON; None for none.
        series: which volume of a DICOM folder that holds several, as `read_volume` takes it.
        spacing_mm: of TIFF or PNG files, along I, J, K.
    """

    image: Path | str
    truth: Path | str
    label: int
    pick: str = "largest"
    correct: str = "suggested"
    budget: int = 5
    keep: str = "new"
    axis: str = "k"
    engine: str | None = None
    device: str = "auto"
    out: Path | str | None = None
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        check_choice("pick", self.pick, PICKS)
        check_choice("correct", self.correct, CORRECTIONS)
        check_choice("keep", self.keep, KEEPS)
        check_choice("axis", self.axis, AXES)
        check_choice("device", self.device, DEVICES)
        if self.budget < 1:
            raise ConfigError(f"budget must be at least 1, got {self.budget}.")


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
        dice_whole: whole volume, annotated slices included.
    """

    shots: int
    dice: float
    dice_thesis: float
    mm_past_ends: float
    annotated: tuple[int, ...]
    seconds_per_slice: float | None = None
    dice_whole: float = 0.0


class Extent(NamedTuple):
    """The slices that show a structure: the first, the one in the middle and the last."""

    first: int
    middle: int
    last: int

    @classmethod
    def of(cls, truth: Masks) -> Extent:
        """The extent of a (N, H, W) bool truth that is not empty."""
        shown = np.flatnonzero(truth.any(axis=(1, 2)))
        return cls(int(shown[0]), int(shown[len(shown) // 2]), int(shown[-1]))

    @property
    def length(self) -> int:
        """Number of slices, those between the ends that do not show it included."""
        return self.last - self.first + 1


def simulate_file(
    request: SimulateRequest, on_round: Callable[[Round], object] | None = None
) -> list[Round]:
    """Annotate one label of a case as a person would; written as JSON when asked for.

    Args:
        request: the volume and how it is annotated.
        on_round: called with each `Round` as it ends.

    Returns:
        The `Round` after each annotated slice.

    Raises:
        InputError: the label is not in the truth.
        SlicePropagationError: about the files or the engine.
    """
    choice = (None, request.series, request.spacing_mm)
    volume = read_volume(request.image, *choice, may_map=True)
    labels, _ = read_labels(request.truth, volume)
    if not (labels == request.label).any():
        raise InputError(
            f"{request.truth} has no voxel of label {request.label}, only of"
            f" {np.unique(labels[labels > 0]).tolist()}; choose one of these."
        )
    axis = 2 - AXES.index(request.axis)
    session, truth = object_session(volume, labels, request.label, axis)
    rounds = []
    for entry in simulate(
        session,
        truth,
        choose_engine(request.engine, request.device),
        pick=request.pick,
        correct=request.correct,
        budget=request.budget,
        keep=request.keep,
    ):
        rounds.append(entry)
        if on_round:
            on_round(entry)
    if request.out:
        _write_rounds(Path(request.out), rounds)
    return rounds


def simulate(
    session: AnnotationSession,
    truth: Masks,
    engine: Engine,
    *,
    pick: str = "largest",
    correct: str = "suggested",
    budget: int = 5,
    keep: str = "new",
) -> Iterator[Round]:
    """Annotate `budget` slices one after the other as a person would.

    A correction is the truth of one slice.

    Args:
        session: an AnnotationSession of one label, without annotations.
        truth: (N, H, W) bool.
        engine: what walks.
        pick: the slice annotated first, "largest" area or "middle" of the extent.
        correct: "suggested" by the confidence, "worst" by the truth, "uniform" over the true extent
            (all slices drawn at once, then one run), or "steps": from the middle outwards at every
            tenth of the true extent, each correction propagated outwards only, as in the
            slice-propagation thesis; `pick` counts for the first two alone.
        budget: number of annotated slices.
        keep: as in `SimulateRequest`.

    Yields:
        Round after each annotated slice; fewer than the budget when nothing is left to correct.
    """
    label = session.labels[0]
    steps = slices_in_steps(truth)
    extent = Extent.of(truth)
    for shots in range(1, budget + 1):
        span = None
        agreement = 1.0
        if correct == UNIFORM:
            if shots > extent.length:
                return
            _annotate_uniformly(session, truth, shots)
        else:
            index = _next_slice(session, truth, shots, pick, correct, steps)
            if index is None:
                return
            if correct == STEPS and shots > 1:
                span = _outwards(index, extent.middle, len(truth))
            agreement = dice(session.mask(label, index), truth[index])
            annotate_truth(session, truth, index)
        walk = partial(propagate_better, agreement=agreement) if keep == "better" else propagate
        seconds = _propagate(session, engine, span, walk)
        yield replace(score(session, truth, shots), seconds_per_slice=seconds)
        if len(session.anchors(label)) == len(truth):
            return


def first_slice(truth: Masks, pick: str = "largest") -> int:
    """The slice that is annotated first.

    Args:
        truth: (N, H, W) bool, not empty.
        pick: "largest" area, or "middle" of the extent.
    """
    if pick == "middle":
        return Extent.of(truth).middle
    return int(truth.sum(axis=(1, 2)).argmax())


def slices_in_steps(truth: Masks, share: float = 0.1) -> list[int]:
    """The middle slice of the extent, then slices in steps outwards, up and down in turn.

    Args:
        truth: (N, H, W) bool, not empty.
        share: length of a step as a share of the extent's; a step is one slice at least.
    """
    extent = Extent.of(truth)
    indices = [extent.middle]
    for number in range(1, extent.length + 1):
        offset = max(number, round(number * share * extent.length))
        for index in (extent.middle + offset, extent.middle - offset):
            if extent.first <= index <= extent.last:
                indices.append(index)
    return indices


def slice_to_correct(
    session: AnnotationSession,
    truth: Masks,
    correct: str,
) -> int | None:
    """The next slice that is corrected, or None when there is nothing to gain.

    Args:
        session: of one label.
        truth: (N, H, W) bool.
        correct: "suggested" by the confidence, or "worst" by the truth.
    """
    label = session.labels[0]
    if correct == "suggested":
        return next_slice_to_correct(session, label)
    pairs = ((session.mask(label, index), true) for index, true in enumerate(truth))
    wrong = np.array([np.count_nonzero(mask ^ true) for mask, true in pairs])
    wrong[session.anchors(label)] = 0
    return int(wrong.argmax()) if wrong.any() else None


def annotate_truth(
    session: AnnotationSession,
    truth: Masks,
    index: int,
) -> None:
    """Give the session the truth of one slice: a drawing, or "it is right as it is"."""
    label = session.labels[0]
    if np.array_equal(session.mask(label, index), truth[index]):
        session.confirm(label, index)
    else:
        session.annotate(label, index, truth[index])


def score(
    session: AnnotationSession,
    truth: Masks,
    shots: int,
) -> Round:
    """The `Round` that a session stands at.

    Args:
        session: of one label.
        truth: (N, H, W) bool.
        shots: number of annotated slices.
    """
    label = session.labels[0]
    prediction = session.masks(label)
    drawn = [
        event["index"] for event in session.history if event["event"] in ("annotate", "confirm")
    ]
    # Uniform slices take the place of earlier ones.
    annotated = [index for index in dict.fromkeys(drawn) if session.is_anchor(label, index)]
    beyond = sum(slices_past_ends(prediction, truth))
    return Round(
        shots=shots,
        dice=dice_without(prediction, truth, session.anchors(label)),
        dice_thesis=dice_within(prediction, truth),
        mm_past_ends=beyond * session.stack.spacing_mm[0],
        annotated=tuple(annotated),
        dice_whole=dice(prediction, truth),
    )


def _next_slice(
    session: AnnotationSession,
    truth: Masks,
    shots: int,
    pick: str,
    correct: str,
    steps: list[int],
) -> int | None:
    """The slice to annotate as the number `shots`; None where none is left."""
    if correct == STEPS:
        return steps[shots - 1] if shots <= len(steps) else None
    if shots == 1:
        return first_slice(truth, pick)
    return slice_to_correct(session, truth, correct)


def _outwards(
    index: int,
    middle: int,
    count: int,
) -> tuple[int, int]:
    """The (first, last) slice from one slice to the end of the stack on its side of the middle."""
    return (index, count - 1) if index > middle else (0, index)


def _propagate(
    session: AnnotationSession,
    engine: Engine,
    span: tuple[int, int] | None,
    walk: Callable[..., Iterator[SlicePrediction]],
) -> float | None:
    """Walk what is stale; the seconds that it took for each slice, None where there was none."""
    began = time.perf_counter()
    plan = plan_session(session, span=span)
    predicted = {step.index for step in walk(session, engine, plan)}
    seconds = time.perf_counter() - began
    return seconds / len(predicted) if predicted else None


def _annotate_uniformly(
    session: AnnotationSession,
    truth: Masks,
    shots: int,
) -> None:
    """Replace the anchors by `shots` slices in the middles of equal parts of the true extent."""
    label = session.labels[0]
    extent = Extent.of(truth)
    middles = np.linspace(extent.first, extent.last, 2 * shots + 1)[1::2]
    wanted = {int(round(middle)) for middle in middles}
    anchors = set(session.anchors(label))
    for index in anchors - wanted:
        session.release(label, index)
    for index in sorted(wanted - anchors):
        annotate_truth(session, truth, index)


def _write_rounds(path: Path, rounds: list[Round]) -> None:
    text = json.dumps([asdict(entry) for entry in rounds], indent=1)
    with atomic_folder(path.parent) as partial:
        (partial / path.name).write_text(text, encoding="utf-8")
