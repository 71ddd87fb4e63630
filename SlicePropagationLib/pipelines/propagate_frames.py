"""`propagate --axis t`: from annotated frames along time, each slice position for itself."""

import csv
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.engines import FALLBACK_ENGINE, weights_record
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import PICTURE, RECORD, TABLE, check_places, write_record
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.sequence import (
    Sequence,
    read_label_sequence,
    read_sequence,
    time_stacks,
    write_sequence,
)
from SlicePropagationLib.pipelines.propagate_file import ALONG_TIME, PropagateRequest
from SlicePropagationLib.pipelines.result_files import result_suffixes, versions
from SlicePropagationLib.pipelines.slices_table import COLUMNS, slice_row
from SlicePropagationLib.propagation import Engine, SlicePrediction, plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.temporal_window import unrolled

Row = tuple[Any, ...]  # of the table: COLUMNS and the position


class TimeSession:
    """An AnnotationSession along the time of one slice position.

    A heart beat is cut open at its first annotated frame, which then stands at both ends of the
    session, so that every gap lies between two annotated frames and any engine can walk it.

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

    def __init__(
        self,
        stack: SliceStack,
        drawn: np.ndarray,
        annotated: Collection[int],
    ) -> None:
        outside = [frame for frame in annotated if not 0 <= frame < len(stack)]
        if outside:
            raise InputError(
                f"Frame {outside[0]} is annotated, the sequence has frames 0 to {len(stack) - 1};"
                " annotate frames of the sequence."
            )
        self.order = unrolled(annotated, len(stack), is_cyclic=stack.is_cyclic)
        labels = [int(label) for label in np.unique(drawn[drawn > 0])]
        self.session = AnnotationSession(stack.in_order(self.order), labels)
        for place, frame in enumerate(self.order):
            if frame in annotated:
                self._annotate(place, drawn[frame])

    def _annotate(
        self,
        place: int,
        drawn: np.ndarray,
    ) -> None:
        for label in self.session.labels:
            mask = drawn == label
            if mask.any():
                self.session.annotate(label, place, mask)
            else:
                self.session.confirm(label, place)

    def steps(self, engine: Engine) -> Iterator[SlicePrediction]:
        """Propagate; yields SlicePredictions whose index is a place in `order`."""
        return propagate(self.session, engine, plan_session(self.session))

    def label_map(self) -> np.ndarray:
        """(T, H, W) uint8, frames in their own order."""
        return self.in_time(self.session.label_map())

    def in_time(self, along: np.ndarray) -> np.ndarray:
        """What the session has per slice (first axis), per frame."""
        count = max(self.order) + 1
        return np.stack([along[self.order.index(frame)] for frame in range(count)])


def propagate_frames(
    request: PropagateRequest,
    on_step: Callable[[int, int, SlicePrediction], None] | None = None,
) -> np.ndarray:
    """Propagate along time.

    Writes O (4D), O.slices.csv (slice is the frame, position the slice), O.json and where it is
    wanted O.png, all or none. The picture shows frames of the slice position with the most labels.

    Args:
        request: with axis "t"; slices lie along k.
        on_step: called with (position number, number of positions, SlicePrediction).

    Returns:
        (T, K, J, I) labels.

    Raises:
        SlicePropagationError: something about the input, the request or the output folder.
    """
    if request.axis != ALONG_TIME or not request.seed:
        raise ConfigError(
            "propagate_frames walks along time from annotated frames: give axis t and a seed, or"
            " use propagate_file."
        )
    check_output(request.out, image=request.image, seed=request.seed)
    check_places(request.out, result_suffixes(request.has_picture))
    # The trained network learnt from volumes and is behind the fallback along time.
    engine = choose_engine(request.engine or FALLBACK_ENGINE, request.device)
    sequence = read_sequence(request.image, request.series)
    drawn = read_label_sequence(request.seed, sequence)
    annotated = annotated_frames(drawn, request.seed)
    began = time.perf_counter()
    labels = np.zeros(drawn.shape, drawn.dtype)
    rows = []
    largest = _Largest()
    stacks = time_stacks(sequence, is_cyclic=request.is_cyclic)
    shown = [(place, stack) for place, stack in stacks if drawn[place].any()]
    for number, (place, stack) in enumerate(shown, 1):
        timed = TimeSession(stack, drawn[place], annotated)
        for prediction in timed.steps(engine):
            if on_step:
                on_step(number, len(shown), prediction)
        labels[place] = timed.label_map()
        *_, position = place
        rows += _rows(timed, position)
        largest.look_at(timed, position)
    record = {
        "engine": engine.name,
        **weights_record(engine),
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
        "axis": ALONG_TIME,
        "is_cyclic": request.is_cyclic,
        "annotated": annotated,
        "image": str(request.image),
        "seed": str(request.seed),
    }
    picture = largest.picture(sequence) if request.has_picture else None
    _write(Path(request.out), labels, sequence, rows, record, picture)
    return labels


class _Largest:
    """The slice position that shows most of what was labelled, for the picture."""

    def __init__(self) -> None:
        self._pixels = -1
        self._timed: TimeSession | None = None
        self._position: int | slice = 0

    def look_at(self, timed: TimeSession, position: int | slice) -> None:
        """Keep a position, finished, if it shows more than those before."""
        pixels = np.count_nonzero(timed.label_map())
        if pixels > self._pixels:
            self._pixels, self._timed, self._position = pixels, timed, position

    def picture(self, sequence: Sequence) -> np.ndarray:
        """(H, W, 3) uint8: up to twelve of its frames along time, ascending."""
        # what draws is imported on use: most runs write no picture
        from SlicePropagationLib.pipelines.result_picture import choose_slices, picture_of

        timed = self._timed
        assert timed is not None  # where nothing is annotated, no run begins
        chosen = choose_slices(timed.session)
        places = {timed.order[place]: place for place in reversed(chosen)}
        named = {places[frame]: f"frame {frame} slice {self._position}" for frame in sorted(places)}
        segments = [Segment.plain(label) for label in timed.session.labels]
        return picture_of(timed.session, segments, sequence.image, named)


def _write(
    out: Path,
    labels: np.ndarray,
    sequence: Sequence,
    rows: list[Row],
    record: dict[str, Any],
    picture: np.ndarray | None,
) -> None:
    table = companion(out, TABLE)
    record_path = companion(out, RECORD)
    with atomic_folder(out.parent) as partial:
        write_sequence(partial / out.name, labels, sequence)
        with open(
            partial / table.name,
            "w",
            newline="",
            encoding="utf-8",
        ) as file:
            csv.writer(file).writerows([(*COLUMNS, "position"), *rows])
        if picture is not None:
            write_png(partial / companion(out, PICTURE).name, picture)
        write_record(partial, record_path.name, record)


def annotated_frames(drawn: np.ndarray, path: Path | str) -> list[int]:
    """The frames on which anything is drawn.

    Args:
        drawn: (T, K, J, I) label map.
        path: its file, for the message.

    Raises:
        InputError: there is none.
    """
    annotated = np.flatnonzero(drawn.any(axis=(1, 2, 3))).tolist()
    if not annotated:
        raise InputError(f"{path} has no annotated frame; outline the structure on at least one.")
    return annotated


def _rows(timed: TimeSession, position: int | slice) -> list[Row]:
    """One row for each label on each frame of a slice position."""
    session = timed.session
    rows = []
    for label in session.labels:
        areas = session.areas(label) * session.stack.pixel_area_mm2
        segment = Segment.plain(label)
        for frame in range(max(timed.order) + 1):
            place = timed.order.index(frame)
            state = session.state(label, place)
            row = slice_row(frame, segment, state, areas[place], session)
            rows.append((*row, position))
    return rows
