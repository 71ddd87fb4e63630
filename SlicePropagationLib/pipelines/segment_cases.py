"""Many images, one row of a table each, by a model that needs no seed.

On one process, several, or a Dask cluster; goes on after a failure, and resumes after a kill.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from SlicePropagationLib import __version__
from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import beside, companion
from SlicePropagationLib.files.record import PICTURE, RECORD, check_places, is_whole
from SlicePropagationLib.files.remote import at_hand, exists, read_text, staged, state_of
from SlicePropagationLib.files.table import parse_spacing, read_table
from SlicePropagationLib.files.urls import is_url, joined, split_url
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.pipelines.batch import (
    MARK,
    already_done,
    check_outputs,
    name_of_result,
    with_voxels,
)
from SlicePropagationLib.pipelines.batch_index import BatchIndex
from SlicePropagationLib.pipelines.batch_manifest import BatchManifest
from SlicePropagationLib.pipelines.batch_watch import BatchWatch
from SlicePropagationLib.pipelines.outcomes import Outcome, kept, numbered, on_cluster, on_processes
from SlicePropagationLib.pipelines.segment_file import (
    Segmenter,
    SegmentRequest,
    load_segmenter,
    segment_file,
)
from SlicePropagationLib.segmenters.catalogue import model_path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentCasesRequest:
    """Which images to segment, and with which model.

    Attributes:
        cases: table with a column image and optionally out, series, spacing; paths are relative to
            it. It and its images may be URLs.
        out: folder of the results, which may be a URL.
        model, axis, device, is_cyclic: as in `SegmentRequest`.
        has_pictures: whether O.png, slices with outlines, is written beside each result, and
            index.html over all.
        resume: skip cases whose result is complete and was made from the same files and arguments.
        workers: number of processes.
        scheduler: address of a Dask scheduler, instead of processes of our own.

    Raises:
        ConfigError: the axis or the device is none, the folder is a URL, or there is no worker.
    """

    cases: Path | str
    out: Path | str
    model: Path | str
    axis: str = "k"
    device: str = "auto"
    is_cyclic: bool = True
    has_pictures: bool = False
    resume: bool = False
    workers: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        check_choice("axis", self.axis, AXES)
        check_choice("device", self.device, DEVICES)
        if self.workers < 1:
            raise ConfigError(
                f"There has to be at least one worker, {self.workers} were asked for; give 1 or"
                " more."
            )


def segment_cases(
    request: SegmentCasesRequest, watch: BatchWatch | None = None
) -> Iterator[Outcome]:
    """Do all cases, in any order; one that fails does not keep the others from being done.

    Args:
        request: what is done.
        watch: is told how it goes meanwhile.

    Yields:
        Outcome of each case as it is finished.

    Raises:
        InputError: the table cannot be used; nothing has been done then.
        CheckpointError: the model is not there, or of a family that needs a seed.
        ConfigError: Dask or the scheduler is not there.
        OutputError: the folder has a manifest.csv or an index.html that this program did not write.
    """
    watch = watch or BatchWatch()
    load_segmenter(request.model, request.device)
    cases = read_cases(request)
    watch.found(len(cases))
    outcomes = kept(_outcomes(cases, request, watch), BatchManifest(request.out, cases))
    if request.has_pictures:
        index = BatchIndex(request.cases, request.out, cases, is_seeded=False)
        outcomes = kept(outcomes, index)
    return numbered(outcomes, len(cases))


def read_cases(request: SegmentCasesRequest) -> list[SegmentRequest]:
    """What is to be done for each row of the table.

    Raises:
        InputError: the table cannot be read, lacks a column or a cell, or is empty, or two rows
            would write the same file, or over an image.
    """
    with at_hand(str(request.cases)) as path:
        rows = read_table(path, ("image",))
    cases = [_case(row, request) for row in rows]
    images = [Path(case.image) for case in cases if not is_url(case.image)]
    check_outputs([case.out for case in cases], images, request.cases)
    return cases


def _case(row: dict[str, str], request: SegmentCasesRequest) -> SegmentRequest:
    path = request.cases
    folder = split_url(str(path))[0] if is_url(path) else Path(path).resolve().parent
    try:
        spacing_mm = parse_spacing(row["spacing"]) if row.get("spacing") else None
    except ConfigError as error:
        raise InputError(f"{path}, {row['image']}: {error}") from error
    return SegmentRequest(
        image=joined(folder, row["image"]),
        model=model_path(request.model).resolve(),
        out=joined(
            request.out if is_url(request.out) else Path(request.out).resolve(),
            row.get("out") or name_of_result(Path(row["image"])),
        ),
        axis=request.axis,
        device=request.device,
        is_cyclic=request.is_cyclic,
        series=row.get("series") or None,
        spacing_mm=spacing_mm,
        has_picture=request.has_pictures,
    )


def _outcomes(
    cases: list[SegmentRequest], request: SegmentCasesRequest, watch: BatchWatch
) -> Iterator[Outcome]:
    waiting = []
    done = already_done(cases, is_complete, request.out, resume=request.resume)
    for case, is_done in zip(cases, done, strict=True):
        if is_done:
            yield Outcome(str(case.out), is_skipped=True)
        else:
            waiting.append(case)
    watch.begun(len(waiting))
    if request.scheduler:
        yield from on_cluster(do_case, waiting, request.scheduler)
    elif request.workers > 1:
        yield from on_processes(do_case, waiting, request.workers)
    else:
        yield from map(do_case, waiting)


def do_case(case: SegmentRequest) -> Outcome:
    """Do one case and say how it went; what runs on a worker."""
    name = str(case.out)
    try:
        names = [Path(beside(case.out, suffix)).name for suffix in (PICTURE, RECORD)]
        with staged(case.out, names, Path(beside(case.out, MARK)).name) as out:
            local = replace(case, out=out)
            check_places(out, (MARK,))
            stated = _stamp(local)
            segment_file(local, loaded=_kept_segmenter(local))
            _mark(local, stated)
    except SlicePropagationError as error:
        return Outcome(name, str(error))
    except Exception as error:  # a bug in one case must not cost the others
        log.debug("Case %s failed unexpectedly", name, exc_info=True)
        return Outcome(name, f"{in_one_line(error)}; please report this.")
    return Outcome(name)


def is_complete(case: SegmentRequest) -> bool:
    """Whether the case was done before, from the same files with the same arguments."""
    try:
        mark = json.loads(read_text(beside(case.out, MARK)))
        is_same = mark["fingerprint"] == _stamp(case)
        # elsewhere the mark is sent last, and nothing is read again to be sure of it
        is_kept = is_url(case.out) or is_whole(companion(case.out, RECORD))
        return is_same and exists(case.out) and is_kept
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return False


class _Kept(threading.local):
    """What a thread has."""

    key: Any = None
    segmenter: Segmenter | None = None


_kept = _Kept()


def _kept_segmenter(case: SegmentRequest) -> Segmenter:
    """The model, loaded once in each process, and again where its file was replaced."""
    key = [case.device, *_state(Path(case.model))]
    found = _kept.segmenter
    if found is None or _kept.key != key:
        found = load_segmenter(case.model, case.device)
        _kept.segmenter = found
        _kept.key = key
    return found


def _stamp(case: SegmentRequest) -> list[Any]:
    """All that a result depends on: arguments, and size and time of the files."""
    arguments = [__version__, case.axis, case.is_cyclic, case.series, case.has_picture]
    spacing = list(case.spacing_mm) if case.spacing_mm else None
    if is_url(case.image):
        image = [str(case.image), state_of(str(case.image))]
    else:
        image = [number for file in with_voxels(Path(case.image)) for number in _state(file)]
    return [*arguments, spacing, *image, *_state(Path(case.model))]


def _state(path: Path) -> list[int | str]:
    found = path.stat()
    return [path.name, found.st_size, found.st_mtime_ns]


def _mark(case: SegmentRequest, stated: list[Any]) -> None:
    mark = companion(case.out, MARK)
    with atomic_folder(mark.parent) as partial:
        (partial / mark.name).write_text(json.dumps({"fingerprint": stated}), encoding="utf-8")
