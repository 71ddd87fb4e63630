"""One volume from files: read image and seed, propagate, write the result.

What `propagate` and each row of `batch` do.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines import make_engine, weights_record
from SlicePropagationLib.engines.device import DEVICES, choose_engine
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.companions import beside, check_output
from SlicePropagationLib.files.drawn_planes import drawn_elsewhere, left_out, two_planes_error
from SlicePropagationLib.files.record import check_places, check_whole, not_a_record, read_record
from SlicePropagationLib.files.remote import staged
from SlicePropagationLib.files.segmentation_file import Segmentation, read_segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.urls import is_url
from SlicePropagationLib.files.volume import (
    AXES,
    Volume,
    annotated_slices,
    check_seed,
    choose_among,
    read_volume,
)
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.exports import (
    check_exports,
    export_places,
    export_sources,
    write_exports,
)
from SlicePropagationLib.pipelines.follow_up import FOLLOW_UP, carry_labels, thickest_axis
from SlicePropagationLib.pipelines.replay import decode_history, replay
from SlicePropagationLib.pipelines.result_files import (
    recorded_segment,
    result_suffixes,
    write_result,
)
from SlicePropagationLib.pipelines.seed_remark import remark_on_finished
from SlicePropagationLib.pipelines.slices_table import AnchorTable, read_anchors
from SlicePropagationLib.propagation import (
    Engine,
    SlicePrediction,
    drawn_overlaps,
    plan_session,
    propagate,
)
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)
ALONG_TIME = "t"
Drawn = tuple[Patch, Provenance | None]  # a mask, and what it is where a table says so


@dataclass(frozen=True)
class PropagateRequest:
    """What to propagate and how.

    Attributes:
        image: the volume; a 4D image for axis "t".
        seed: label map on the image's grid, non-zero only on annotated slices; None with `history`.
        out: the full label map to be written, with its table and record beside it.
        axis: voxel axis that slices run along: "i", "j", "k", "auto" for that of the seed, or "t"
            along time, for `propagate_frames`.
        span: (first, last) slice that may be predicted, both included, or None for all.
        engine: name of an engine, or a model file, as `make_engine` takes it; None for the default.
        device: "auto", "cpu" or "cuda".
        anchors: per-slice table that says which slices of the seed are anchors, or None.
        history: record of an earlier result to do again, or None.
        frame: time point of a 4D image, from 0, or None.
        is_cyclic: with axis "t": the last frame is followed by the first.
        exports: what is written beside the result for other programs, of `exports.EXPORTS`.
        series: which volume of a DICOM folder that holds several, as `read_volume` takes it.
        spacing_mm: of TIFF or PNG files, along I, J, K.
        earlier: segmentation of an earlier scan of the same patient, or of another phase, that is
            carried over in place of a seed, or None,
        earlier_image: and the image that it is of.
        has_picture: whether O.png, a montage of slices, is written beside the result, too.

    Raises:
        InputError: there is no seed, history or earlier segmentation, or something is asked for
            along time that is for volumes.
        ConfigError: a history comes with what it says already, or the axis or device is none.
    """

    image: Path | str
    seed: Path | str | None
    out: Path | str
    axis: str = "auto"
    span: tuple[int, int] | None = None
    engine: Path | str | None = None
    device: str = "auto"
    anchors: Path | str | None = None
    history: Path | str | None = None
    frame: int | None = None
    is_cyclic: bool = True
    exports: tuple[str, ...] = ()
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    earlier: Path | str | None = None
    earlier_image: Path | str | None = None
    has_picture: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        check_choice("axis", self.axis, ("auto", *AXES, ALONG_TIME))
        check_choice("device", self.device, DEVICES)
        check_exports(self.exports)
        if self.exports and self.axis == ALONG_TIME:
            raise ConfigError("--export is for volumes; leave it out along time (--axis t).")
        self._check_earlier()
        if not self.seed and not self.history and not self.earlier:
            raise InputError(
                "There is no seed; give --seed S, a label map with at least one annotated slice, or"
                " --history O.json, or --from EARLIER.seg.nrrd."
            )
        if self.history and (self.seed or self.anchors or self.span):
            raise ConfigError(
                "--history does an earlier result again, with its anchors and ranges; leave --seed,"
                " --anchors and --range out."
            )
        if self.axis == ALONG_TIME and (self.history or self.anchors or self.span):
            raise InputError(
                "--history, --anchors and --range are for volumes; along time (--axis t) give the"
                " annotated frames with --seed."
            )

    def _check_earlier(self) -> None:
        """Refuse half of an earlier scan, and what cannot be had together with one."""
        if bool(self.earlier) != bool(self.earlier_image):
            raise ConfigError(
                "An earlier segmentation and its image belong together; give both --from S and"
                " --from-image I."
            )
        others = self.seed or self.history or self.anchors or self.span
        if self.earlier and (others or self.axis == ALONG_TIME):
            raise ConfigError(
                "--from takes an earlier segmentation in place of a seed, for volumes; leave --seed,"
                " --history, --anchors, --range and --axis t out."
            )


def propagate_file(
    request: PropagateRequest,
    on_step: Callable[[SlicePrediction], None] | None = None,
    *,
    engine: Engine | None = None,
) -> AnnotationSession:
    """Propagate through one volume; nothing is written unless all of it worked.

    Args:
        request: what to propagate and how.
        on_step: called with each SlicePrediction.
        engine: the one that the request names, where it is there already.

    Returns:
        The session, finished.

    Raises:
        SlicePropagationError: something about the input, the request or the output folder; the
            message says what to do.
    """
    if is_url(request.out):
        return _propagate_elsewhere(request, on_step, engine)
    if request.axis == ALONG_TIME:
        raise ConfigError("propagate_file walks through a volume; use propagate_frames for axis t.")
    # A finished result, whose table names its anchors, may go on in its place.
    seed = None if request.anchors else request.seed
    earlier = {"earlier segmentation": request.earlier, "earlier image": request.earlier_image}
    check_output(request.out, may_be_zarr=True, image=request.image, seed=seed, **earlier)
    suffixes = result_suffixes(request.has_picture)
    check_places(request.out, suffixes, export_places(request.out, request.exports))
    if request.earlier:
        engine = FOLLOW_UP
    engine = engine or choose_engine(request.engine, request.device)
    volume = _read(request)
    dicom_slices = export_sources(volume, request.exports)
    began = time.perf_counter()
    if request.history:
        session, segments = _replay_history(request, request.history, volume, engine)
    elif request.earlier:
        session, segments = _carry_over(request, volume)
    else:
        session, segments = open_session(request, volume)
        runs = plan_session(session, span=request.span)
        pairs = drawn_overlaps(session)
        for prediction in propagate(session, engine, runs, allow_overlap=pairs):
            if on_step:
                on_step(prediction)
    seconds = time.perf_counter() - began
    sources = {
        "image": str(request.image),
        "seed": str(request.seed) if request.seed else None,
    }
    if request.series:
        sources["series"] = request.series
    if request.earlier:
        sources |= {"from": str(request.earlier), "from_image": str(request.earlier_image)}
    write_result(
        request.out,
        volume,
        session,
        segments,
        engine,
        seconds,
        has_picture=request.has_picture,
        **sources,
    )
    if request.exports:
        write_exports(
            request.out,
            request.exports,
            volume,
            session,
            segments,
            dicom_slices,
            engine.name,
        )
    return session


def _propagate_elsewhere(
    request: PropagateRequest,
    on_step: Callable[[SlicePrediction], None] | None,
    engine: Engine | None,
) -> AnnotationSession:
    """As `propagate_file`, of an output that is a URL: it is written here, and sent then."""
    suffixes = result_suffixes(request.has_picture)
    names = [Path(beside(request.out, suffix)).name for suffix in suffixes]
    with staged(request.out, names[:-1], names[-1]) as out:
        return propagate_file(replace(request, out=out), on_step, engine=engine)


def _read(request: PropagateRequest) -> Volume:
    """The image; a large one stays in its file, unless all of it is looked at."""
    may_map = not request.earlier
    choice = (request.frame, request.series, request.spacing_mm)
    return read_volume(request.image, *choice, may_map=may_map)


def _carry_over(
    request: PropagateRequest, volume: Volume
) -> tuple[AnnotationSession, list[Segment]]:
    """The session that begins with suggestions from an earlier scan, and its segments."""
    earlier = read_volume(str(request.earlier_image))
    found = read_segmentation(str(request.earlier), earlier)
    masks = {
        segment.label: found.layers[segment.layer] == segment.stored for segment in found.segments
    }
    carried = carry_labels(earlier, masks, volume)
    axis = 2 - AXES.index(request.axis) if request.axis != "auto" else thickest_axis(volume)
    stack = volume.stack(axis)
    session = AnnotationSession(stack, list(carried))
    for label, structure in carried.items():
        stacked = stack.from_volume_array(structure.mask)
        for index, mask in enumerate(stacked):
            session.suggest(label, index, mask, structure.confidence(index, axis))
    return session, [segment for segment in found.segments if segment.label in carried]


def open_session(
    request: PropagateRequest, volume: Volume
) -> tuple[AnnotationSession, list[Segment]]:
    """The session that a request's seed describes, nothing predicted yet, and its segments.

    Raises:
        InputError, GeometryMismatchError: the seed or its table cannot be used.
    """
    if not request.seed:
        raise InputError("A session is opened from a seed; the request has none.")
    found = read_segmentation(request.seed, volume)
    table = read_anchors(request.anchors) if request.anchors else None
    if request.anchors:
        check_whole(request.seed, request.anchors)
    axis = _choose_axis(found, request, table, volume.spacing_mm)
    stack = volume.stack(axis)
    if table is None:
        check_seed(stack.from_volume_array(found.labels))
    session = AnnotationSession(stack, [segment.label for segment in found.segments])
    drawings = _drawn_slices(found, stack, table)
    if table is None:
        _leave_out_other_planes(drawings, found, axis, may_choose=request.axis == "auto")
    for label, drawn in drawings.items():
        for index, (patch, kind) in drawn.items():
            session.annotate(label, index, patch.paste(stack.slice_shape), kind)
    remark = None if table else remark_on_finished(session, request.seed)
    if remark:
        log.warning("%s", remark)
    return session, list(found.segments)


def _choose_axis(
    found: Segmentation,
    request: PropagateRequest,
    table: AnchorTable | None,
    spacing_mm: tuple[float, ...],
) -> int:
    """The array axis of a seed.

    Of a finished result, which has labels on slices of every axis, the one that its table is of.
    """
    shape = found.layers[0].shape
    count = table.num_slices if table else 0
    fitting = [axis for axis in range(3) if shape[axis] == count]
    shown = annotated_slices(found.layers)
    if fitting and len(shown[0]):
        wanted = _wanted_axis(request)
        if wanted in fitting:
            return wanted
        if len(fitting) == 1 and request.axis == "auto":
            return fitting[0]
    return choose_among(shown, request.axis, spacing_mm)


def _wanted_axis(request: PropagateRequest) -> int | None:
    """The array axis that is asked for, or that the record beside the table of anchors has."""
    if request.axis == "auto":
        return _recorded_axis(str(request.anchors))
    return 2 - AXES.index(request.axis)


def _recorded_axis(table: str) -> int | None:
    """The array axis in the record beside a table of slices; None where there is no such record."""
    path = Path(table.removesuffix(".slices.csv") + ".json")
    try:
        return 2 - AXES.index(read_record(path)["axis"])
    except (InputError, ValueError, KeyError, TypeError):
        return None


def _drawn_slices(
    found: Segmentation,
    stack: SliceStack,
    table: AnchorTable | None,
) -> dict[int, dict[int, Drawn]]:
    """{label: {slice: (mask, what it is or None)}} of all that the session begins with."""
    named = table.of_segments(found.segments, has_ids=found.is_described) if table else {}
    layers = [stack.from_volume_array(layer) for layer in found.layers]
    shown = [_shown_values(layer) for layer in layers]
    begun: dict[int, dict[int, Drawn]] = {}
    for segment in found.segments:
        kinds = named.get(segment.label, {})
        drawn = begun.setdefault(segment.label, {})
        for index, values in enumerate(shown[segment.layer]):
            kind = kinds.get(index)
            is_drawn = kind is None and segment.stored in values
            if is_drawn or (kind is not None and kind >= Provenance.SEED):
                drawn[index] = Patch.cut(layers[segment.layer][index] == segment.stored), kind
    return begun


def _leave_out_other_planes(
    drawings: dict[int, dict[int, Drawn]],
    found: Segmentation,
    axis: int,
    *,
    may_choose: bool,
) -> None:
    """Take the lines of drawings in other planes away, where a person said which plane counts.

    Raises:
        InputError: a segment is drawn in two planes, and nobody said which one counts.
    """
    for label, planes in drawn_elsewhere(found, axis).items():
        name = f"Label {label}"
        if may_choose or not planes.own:
            raise two_planes_error(name, planes, axis)
        log.warning("%s", left_out(name, planes))
        for index in planes.lines:
            del drawings[label][index]


def _shown_values(layer: np.ndarray) -> list[set[int]]:
    """The values that each slice of a label map has, 0 left out where there is no other."""
    return [set(np.unique(part).tolist()) if part.any() else set() for part in layer]


def _replay_history(
    request: PropagateRequest, path: Path | str, volume: Volume, engine: Engine
) -> tuple[AnnotationSession, list[Segment]]:
    """The session of an earlier result, made again from its record."""
    record = read_record(path)
    try:
        axis = 2 - AXES.index(record["axis"])
        segments = [recorded_segment(item) for item in record["segments"]]
        events = record["history"]
        _check_hashes(record)
    except (ValueError, KeyError, TypeError) as error:
        raise not_a_record(path, error, "the record of a propagation") from error
    stack = volume.stack(axis)
    history = decode_history(events, stack)
    session = AnnotationSession(stack, [segment.label for segment in segments])
    _check_weights(path, record, weights_record(engine))

    def engine_of(name: str) -> Engine:
        return engine if engine.name == name else make_engine(name, request.device)

    replay(session, history, engine_of)
    return session, segments


def _check_hashes(record: dict[str, Any]) -> None:
    """Raise a TypeError where a record states no hash, but something else, of its weights."""
    for name in ("model_sha256", "outline_sha256", "smoother_sha256"):
        if not isinstance(record.get(name, ""), (str, NoneType)):
            raise TypeError(f"{name} is {record[name]!r}")


def _check_weights(
    path: Path | str,
    record: dict[str, Any],
    own: dict[str, str | None],
) -> None:
    """Refuse to do a smoothed result again without a smoother; warn where weights differ.

    Args:
        path: the record's file.
        record: what it holds.
        own: `weights_record` of the engine that is to do it again.
    """
    if "smoother_sha256" in record and "smoother_sha256" not in own:
        raise ConfigError(
            f"{path} was made with a smoother; give its weights"
            f" ({record['smoother_sha256'][:12]}…) as --smooth."
        )
    options = {
        "model_sha256": "--engine",
        "outline_sha256": "--engine",
        "smoother_sha256": "--smooth",
    }
    for name, option in options.items():
        if record.get(name) not in (None, own.get(name)):
            log.warning(
                "%s was made with other weights (%s…); the voxels may differ. Give the model file"
                " as %s.",
                path,
                record[name][:12],
                option,
            )
