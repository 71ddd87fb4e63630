"""`propagate --axis t`: from annotated frames along time, each slice position for itself."""

import csv
import json
import time
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines import FALLBACK_ENGINE, weights_record
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.segmentation_file import Segment
from SlicePropagationLib.files.sequence import (
    read_label_sequence,
    read_sequence,
    time_stacks,
    write_sequence,
)
from SlicePropagationLib.pipelines.result_files import COLUMNS, versions
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.temporal_window import unrolled


class TimeSession:
    """An AnnotationSession along the time of one slice position.

    A heart beat is cut open at its first annotated frame, which then stands at both ends of the
    session, so that every gap lies between two
    annotated frames and any engine can walk it.

    Args:
        stack: a SliceStack whose slices are frames.
        drawn: (T, H, W) uint8 label map, annotated frames only.
        annotated: indices of the annotated frames; a label that one of them lacks is not there.

    Attributes:
        session: the AnnotationSession.
        order: (P,) the frame that each slice of the session is.

    Raises:
        NoAnchorError: no frame is annotated.
        InputError: a frame is outside the sequence.
    """

    def __init__(self, stack, drawn, annotated):
        outside = [frame for frame in annotated if not 0 <= frame < len(stack)]
        if outside:
            raise InputError(
                f"Frame {outside[0]} is annotated, the sequence has frames 0 to {len(stack) - 1};"
                " annotate frames of the sequence."
            )
        self.order = unrolled(annotated, len(stack), is_cyclic=stack.is_cyclic)
        self.session = AnnotationSession(
            stack.in_order(self.order),
            [int(label) for label in np.unique(drawn[drawn > 0])],
        )
        for place, frame in enumerate(self.order):
            for label in self.session.labels if frame in annotated else ():
                mask = drawn[frame] == label
                if mask.any():
                    self.session.annotate(label, place, mask)
                else:
                    self.session.confirm(label, place)

    def steps(self, engine):
        """Propagate; yields SlicePredictions whose index is a place in `order`."""
        return propagate(self.session, engine, plan_session(self.session))

    def label_map(self):
        """(T, H, W) uint8, frames in their own order."""
        return self.in_time(self.session.label_map())

    def in_time(self, along):
        """What the session has per slice (first axis), per frame."""
        count = max(self.order) + 1
        return np.stack([along[self.order.index(frame)] for frame in range(count)])


def run_time_case(case, on_step=None, *, is_cyclic=True):
    """Do one case along time.

    Writes O (4D), O.slices.csv (slice is the frame, position the slice) and O.json, all or none.

    Args:
        case: a Case with axis "t"; slices lie along k.
        on_step: called with (position number, number of positions, SlicePrediction).

    Returns:
        (T, K, J, I) uint8 labels.

    Raises:
        SlicePropagationError: something about the input, the arguments or the output folder.
    """
    check_output(case.out, image=case.image, seed=case.seed)
    out = Path(case.out)
    table = companion(out, ".slices.csv")
    record_path = companion(out, ".json")
    engine = choose_engine(
        case.engine or FALLBACK_ENGINE,
        case.device,
    )  # the trained network learnt from volumes and is behind it along time
    if case.history or case.anchors or case.span:
        raise InputError(
            "--history, --anchors and --range are for volumes; along time (--axis t) give the"
            " annotated frames with --seed."
        )
    sequence = read_sequence(case.image)
    drawn = read_label_sequence(case.seed, sequence)
    annotated = np.flatnonzero(drawn.any(axis=(1, 2, 3))).tolist()
    if not annotated:
        raise InputError(
            f"{case.seed} has no annotated frame; outline the structure on at least one."
        )
    began = time.perf_counter()
    labels = np.zeros(drawn.shape, np.uint8)
    rows = []
    stacks = [
        (place, stack)
        for place, stack in time_stacks(sequence, is_cyclic=is_cyclic)
        if drawn[place].any()
    ]
    for number, (place, stack) in enumerate(stacks, 1):
        timed = TimeSession(stack, drawn[place], annotated)
        for prediction in timed.steps(engine):
            if on_step:
                on_step(number, len(stacks), prediction)
        labels[place] = timed.label_map()
        rows += _rows(timed, place[-1])
    record = {
        "engine": engine.name,
        **weights_record(engine),
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
        "axis": "t",
        "is_cyclic": is_cyclic,
        "annotated": annotated,
        "image": str(case.image),
        "seed": str(case.seed),
    }
    with atomic_folder(out.parent) as partial:
        write_sequence(partial / out.name, labels, sequence)
        with open(partial / table.name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([(*COLUMNS, "position"), *rows])
        (partial / record_path.name).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return labels


def _rows(timed, position):
    session = timed.session
    rows = []
    for label in session.labels:
        areas = session.areas(label) * session.stack.pixel_area_mm2
        for frame in range(max(timed.order) + 1):
            place = timed.order.index(frame)
            state = session.state(label, place)
            confidence = "" if np.isnan(state.confidence) else f"{state.confidence:.3f}"
            rows.append(
                (
                    frame,
                    Segment.plain(label).name,
                    state.provenance.name.lower(),
                    confidence,
                    f"{areas[place]:.2f}",
                    label,
                    position,
                )
            )
    return rows
