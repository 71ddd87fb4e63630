"""One case from files: read image and seed, propagate, write the result.

What `propagate` and each row of `batch` do.
"""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.engines import make_engine, weights_record
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import ConfigError, InputError, in_one_line
from SlicePropagationLib.files.companions import check_output
from SlicePropagationLib.files.segmentation_file import Segment, read_labels
from SlicePropagationLib.files.volume import AXES, check_seed, choose_axis, read_volume
from SlicePropagationLib.pipelines.replay import decode_history, replay
from SlicePropagationLib.pipelines.result_files import read_anchors, write_result
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Case:
    """What to propagate and how; the arguments of the command line.

    Attributes:
        image, seed, out: files.
        axis: "auto", "i", "j" or "k".
        span: (first, last) slice that may be predicted, or None.
        engine: name of an engine, or a model file; None for the default.
        device: "auto", "cpu" or "cuda".
        anchors: per-slice table that says which slices of the seed are anchors, or None.
        history: record of an earlier result to do again, or None.
        frame: time point of a 4D image, or None.
    """

    image: str
    seed: str | None
    out: str
    axis: str = "auto"
    span: tuple[int, int] | None = None
    engine: str | None = None
    device: str = "auto"
    anchors: str | None = None
    history: str | None = None
    frame: int | None = None


def run_case(case, on_step=None):
    """Do one case; nothing is written unless all of it worked.

    Args:
        on_step: called with each SlicePrediction.

    Returns:
        The session, finished.

    Raises:
        SlicePropagationError: something about the input, the arguments or the output folder; the
            message says what to do.
    """
    check_output(
        case.out,
        image=case.image,
        seed=None if case.anchors else case.seed,
    )  # a finished result may go on in its place
    engine = choose_engine(case.engine, case.device)
    volume = read_volume(case.image, case.frame)
    began = time.perf_counter()
    if case.history:
        session, segments = _replay_case(case, volume, engine)
    else:
        session, segments = open_session(case, volume)
        for prediction in propagate(session, engine, plan_session(session, span=case.span)):
            if on_step:
                on_step(prediction)
    seconds = time.perf_counter() - began
    write_result(
        case.out,
        volume,
        session,
        segments,
        engine,
        seconds,
        image=str(case.image),
        seed=case.seed and str(case.seed),
    )
    return session


def open_session(case, volume):
    """The session that a seed file describes: (AnnotationSession, segments)."""
    labels, segments = read_labels(case.seed, volume)
    named = read_anchors(case.anchors) if case.anchors else {}
    axis = _choose_axis(labels, case, named, volume.spacing_mm)
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, axis)
    stacked = stack.from_volume_array(labels)
    if not named:
        check_seed(stacked)
    session = AnnotationSession(stack, [segment.label for segment in segments])
    for segment in segments:
        _annotate_segment(session, segment, stacked == segment.label, named)
    return session, segments


def _choose_axis(labels, case, named, spacing_mm):
    """The array axis of a seed.

    Of a finished result, which has labels on slices of every axis, the one that its table is of.
    """
    count = 1 + max((index for _, index in named), default=-1)
    fitting = [axis for axis in range(3) if labels.shape[axis] == count]
    if not fitting or not labels.any():
        return choose_axis(labels > 0, case.axis, spacing_mm)
    wanted = _recorded_axis(case.anchors) if case.axis == "auto" else 2 - AXES.index(case.axis)
    if wanted in fitting:
        return wanted
    if len(fitting) == 1 and case.axis == "auto":
        return fitting[0]
    return choose_axis(labels > 0, case.axis, spacing_mm)


def _recorded_axis(table):
    """The array axis in the record beside a table of slices; None where there is no such record."""
    try:
        return 2 - AXES.index(
            json.loads(
                Path(table.removesuffix(".slices.csv") + ".json").read_text(encoding="utf-8")
            )["axis"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _annotate_segment(session, segment, masks, named):
    for index in range(len(session.stack)):
        kind = named.get((segment.name, index), named.get((str(segment.label), index)))
        if kind is not None and kind >= Provenance.SEED:
            session.annotate(segment.label, index, masks[index], kind)
        elif kind is None and masks[index].any():
            session.annotate(segment.label, index, masks[index])


def _replay_case(case, volume, engine):
    try:
        record = json.loads(Path(case.history).read_text(encoding="utf-8"))
        axis = 2 - AXES.index(record["axis"])
        described = record["segments"]
        history = decode_history(record["history"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{case.history} is not the record of a propagation ({in_one_line(error)}); use the"
            " O.json beside a result."
        ) from error
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, axis)
    segments = [
        Segment(item["label"], item["name"], item["name"], Segment.plain(item["label"]).color)
        for item in described
    ]
    session = AnnotationSession(stack, [segment.label for segment in segments])
    own = weights_record(engine)
    if "smoother_sha256" in record and "smoother_sha256" not in own:
        raise ConfigError(
            f"{case.history} was made with a smoother; give its weights"
            f" ({record['smoother_sha256'][:12]}…) as --smooth."
        )
    for name, option in (("model_sha256", "--engine"), ("smoother_sha256", "--smooth")):
        if record.get(name) not in (None, own.get(name)):
            log.warning(
                "%s was made with other weights (%s…); the voxels may differ. Give the model file"
                " as %s.",
                case.history,
                record[name][:12],
                option,
            )
    replay(
        session,
        history,
        lambda name: engine if engine.name == name else make_engine(name, case.device),
    )
    return session, segments
