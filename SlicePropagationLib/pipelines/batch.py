"""Many volumes, one row of a table each: goes on after a failure, resumes after a kill.

On one process, several, or a Dask cluster.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from SlicePropagationLib import __version__
from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines import ENGINES, MODEL_SUFFIXES, split_name
from SlicePropagationLib.engines.adaptation import split_adapt
from SlicePropagationLib.engines.brought import is_brought, weights_file
from SlicePropagationLib.engines.device import DEVICES, choose_engine
from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import beside, companion
from SlicePropagationLib.files.dicom_frames import files_below
from SlicePropagationLib.files.record import PICTURE, RECORD, TABLE, check_places, is_whole
from SlicePropagationLib.files.remote import at_hand, exists, read_text, staged, state_of
from SlicePropagationLib.files.shipped_weights import find_model, has_model
from SlicePropagationLib.files.table import parse_spacing, parse_span, read_table
from SlicePropagationLib.files.urls import is_url, joined, split_url
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.pipelines.batch_index import BatchIndex
from SlicePropagationLib.pipelines.batch_manifest import BatchManifest
from SlicePropagationLib.pipelines.batch_watch import BatchWatch
from SlicePropagationLib.pipelines.exports import check_exports
from SlicePropagationLib.pipelines.kept_engine import kept_engine
from SlicePropagationLib.pipelines.outcomes import Outcome, kept, numbered, on_cluster, on_processes
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file
from SlicePropagationLib.propagation import Engine, SlicePrediction

log = logging.getLogger(__name__)
# A header that names the file of its voxels.
VOXELS_ELSEWHERE = re.compile(
    rb"^(?:ElementDataFile *=|data ?file:) *(.*?)\s*$",
    re.MULTILINE,
)
IGNORES_CASE = sys.platform in ("win32", "darwin")  # of file names, as these systems come
MARK = ".done.json"
AnyRequest = TypeVar("AnyRequest")
ASKED_AT_A_TIME = 16  # marks in a store that answers after a while


@dataclass(frozen=True)
class BatchRequest:
    """Which volumes to propagate through, and how.

    Attributes:
        cases: table with columns image, seed and optionally out, axis, range, series, spacing; paths are
            relative to it. It, and what it names, may be URLs.
        out: folder of the results, or the URL of one.
        engine: name or model file, as `make_engine` takes it; None for the default.
        device: "auto", "cpu" or "cuda".
        resume: skip cases whose result is complete and was made from the same files and
            arguments.
        workers: number of processes.
        scheduler: address of a Dask scheduler, instead of processes of our own.
        exports: what is written beside each result, as in `PropagateRequest`.
        has_pictures: whether a montage is written beside each result, and index.html over all.

    Raises:
        ConfigError: the device or an export is none, or there is no worker.
    """

    cases: Path | str
    out: Path | str
    engine: Path | str | None = None
    device: str = "auto"
    resume: bool = False
    workers: int = 1
    scheduler: str | None = None
    exports: tuple[str, ...] = ()
    has_pictures: bool = False

    def __post_init__(self) -> None:
        """Refuse what no batch can run with."""
        check_choice("device", self.device, DEVICES)
        check_exports(self.exports)
        if self.workers < 1:
            raise ConfigError(
                f"A batch needs at least one worker, {self.workers} were asked for; give 1 or more."
            )


def run_batch(request: BatchRequest, watch: BatchWatch | None = None) -> Iterator[Outcome]:
    """Do all cases, in any order; one that fails does not keep the others from being done.

    Args:
        request: what is done.
        watch: is told how it goes meanwhile.

    Yields:
        Outcome of each case as it is finished.

    Raises:
        InputError: the table cannot be used; nothing has been done then.
        ConfigError, CheckpointError, DeviceError: the engine, the device or the scheduler is not
            there.
        OutputError: the folder has a manifest.csv or an index.html that this program did not write.
    """
    watch = watch or BatchWatch()
    choose_engine(request.engine, request.device)
    cases = read_cases(request)
    watch.found(len(cases))
    outcomes = _outcomes(cases, request, watch)
    outcomes = kept(outcomes, BatchManifest(request.out, cases))
    if request.has_pictures:
        outcomes = kept(outcomes, BatchIndex(request.cases, request.out, cases))
    return numbered(outcomes, len(cases))


def _outcomes(
    cases: list[PropagateRequest], request: BatchRequest, watch: BatchWatch
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
        yield from map(partial(do_case, on_step=watch.stepped), waiting)


def already_done(
    cases: Sequence[AnyRequest],
    is_complete: Callable[[AnyRequest], bool],
    out: Path | str,
    *,
    resume: bool,
) -> Iterator[bool]:
    """Of each case whether it is passed over; a folder elsewhere is asked for several at a time."""
    if not resume:
        yield from (False for _ in cases)
    elif is_url(out):
        with ThreadPoolExecutor(ASKED_AT_A_TIME) as pool:
            yield from pool.map(is_complete, cases)
    else:
        yield from map(is_complete, cases)


def read_cases(request: BatchRequest) -> list[PropagateRequest]:
    """What is to be done for each row of the table.

    Raises:
        InputError: the table cannot be read, lacks a column or a cell, is empty, has an axis or a
            range that is none, or two rows would write the same file.
    """
    with at_hand(str(request.cases)) as path:
        rows = read_table(path, ("image", "seed"))
    cases = [_case(row, request) for row in rows]
    named = [Path(name) for case in cases for name in (case.image, case.seed) if name]
    check_outputs([case.out for case in cases], named, request.cases)
    return cases


def check_outputs(outs: Sequence[Path | str], sources: Sequence[Path], path: Path | str) -> None:
    """Refuse cases that would write the same files, or over what another one is made from.

    Args:
        outs: the results.
        sources: images and seeds.
        path: of the table.

    Raises:
        InputError: some would.
    """
    read = {_file_key(source.resolve()) for source in sources}
    for out in outs:
        if _file_key(Path(out).resolve()) in read:
            raise InputError(
                f"{path} names the output {out}, which is the image or the seed of a row and"
                " would be replaced; give it another name in the column out."
            )
    seen: dict[str, Path | str] = {}
    for out in outs:
        earlier = seen.setdefault(_file_key(companion(out, "")), out)
        if earlier != out:
            raise InputError(
                f"{path} names the outputs {earlier} and {out}, whose tables and records would"
                " have the same name; give them names that differ before the ending."
            )
    counts = Counter(map(str, outs))
    twice = sorted(out for out, count in counts.items() if count > 1)
    if twice:
        raise InputError(
            f"{path} names the output {twice[0]} {counts[twice[0]]} times; give each row its"
            " own name in the column out."
        )


def _file_key(path: Path) -> str:
    """What two names of one file have in common: on Windows and macOS case does not tell apart."""
    return str(path).casefold() if IGNORES_CASE else str(path)


def _case(
    row: dict[str, str],
    request: BatchRequest,
) -> PropagateRequest:
    path = request.cases
    folder = split_url(str(path))[0] if is_url(path) else Path(path).parent
    axis = row.get("axis") or "auto"
    if axis not in ("auto", *AXES):
        raise InputError(
            f"{path} has the axis '{axis}' for {row['image']}; write auto, {', '.join(AXES)} or"
            " nothing."
        )
    try:
        span = parse_span(row["range"]) if row.get("range") else None
        spacing_mm = parse_spacing(row["spacing"]) if row.get("spacing") else None
    except ConfigError as error:
        raise InputError(f"{path}, {row['image']}: {error}") from error
    out = row.get("out") or name_of_result(Path(row["image"]))
    return PropagateRequest(
        image=joined(folder, row["image"]),
        seed=joined(folder, row["seed"]),
        out=joined(request.out, out),
        axis=axis,
        span=span,
        engine=request.engine,
        device=request.device,
        exports=request.exports,
        has_picture=request.has_pictures,
        series=row.get("series") or None,
        spacing_mm=spacing_mm,
    )


def name_of_result(image: Path) -> str:
    """A result's name where the table has none: from the two folders that the image lies in."""
    parts = [part for part in image.parent.parts[-2:] if part not in ("/", "..")]
    return "_".join((*parts, "labels")) + ".nii.gz"


def do_case(
    case: PropagateRequest, on_step: Callable[[SlicePrediction], None] | None = None
) -> Outcome:
    """Do one case and say how it went; what runs on a worker, which tells of no slices."""
    name = str(case.out)
    try:
        with staged(case.out, *_beside(case)) as out:
            local = replace(case, out=out)
            check_places(out, (MARK,))
            mark = _mark_before(local)
            propagate_file(local, on_step, engine=_engine_of(local))
            _mark_complete(local, mark)
    except SlicePropagationError as error:
        return Outcome(name, str(error))
    except Exception as error:  # a bug in one case must not cost the others
        log.debug("Case %s failed unexpectedly", name, exc_info=True)
        said = (
            f"{in_one_line(error)}; please report this, with what `propagate --debug` says of it."
        )
        return Outcome(name, said)
    return Outcome(name)


def _beside(case: PropagateRequest) -> tuple[list[str], str]:
    """The names of the files that stand beside the result of a case, and that of its mark."""
    paths = [beside(case.out, suffix) for suffix in (TABLE, PICTURE, RECORD, MARK)]
    *others, mark = [Path(path).name for path in paths]
    return others, mark


def _engine_of(case: PropagateRequest) -> Engine:
    return kept_engine(case.engine, case.device, _weight_files(case.engine))


def is_complete(case: PropagateRequest) -> bool:
    """Whether the case was done before, from the same files with the same arguments."""
    try:
        mark = json.loads(read_text(beside(case.out, MARK)))
        stated = mark.get("stamp")
        is_same = stated is not None and stated == stamp(case)
        return (
            (is_same or mark["fingerprint"] == fingerprint(case))
            and exists(case.out)
            # elsewhere the mark is sent last, and nothing is read again to be sure of it
            and (is_url(case.out) or is_whole(companion(case.out, RECORD)))
        )
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return False


def fingerprint(case: PropagateRequest) -> str:
    """Hash of all that a result depends on.

    That is the contents of the case's files, its arguments, the weights it walks with and the
    version. Of files elsewhere it is their size, time and hash, as their store says them.
    """
    digest = hashlib.sha256(_arguments_text(case).encode())
    for path in filter(None, (*_own_files(case), *_weight_files(case.engine))):
        if is_url(path):
            digest.update(f"{path} {state_of(str(path))}".encode())
            continue
        for file in with_voxels(Path(path)):
            _add_file(digest, file)
    return digest.hexdigest()


def stamp(case: PropagateRequest) -> list[str | int]:
    """The arguments of a case, and size and time of each of its files.

    Where they are as they were, so is the fingerprint, and none of the files need be read.
    """
    listed: list[str | int] = [_arguments_text(case)]
    for path in filter(None, (*_own_files(case), *_weight_files(case.engine))):
        if is_url(path):
            listed += [str(path), state_of(str(path))]
            continue
        for file in with_voxels(Path(path)):
            found = file.stat()
            listed += [found.st_size, found.st_mtime_ns]
    return listed


def _own_files(case: PropagateRequest) -> tuple[Path | str | None, ...]:
    return case.image, case.seed, case.anchors


def with_voxels(path: Path) -> list[Path]:
    """The files of an image: those of a series, or a header and the file that it names."""
    if path.is_dir():  # a DICOM series
        return list(files_below(path))
    return [path, *_voxels_elsewhere(path)]


def _voxels_elsewhere(path: Path) -> list[Path]:
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    elsewhere = VOXELS_ELSEWHERE.search(path.read_bytes())
    voxels = path.parent / os.fsdecode(elsewhere[1]) if elsewhere else None
    return [voxels] if voxels and voxels.is_file() else []


def _mark_before(case: PropagateRequest) -> dict[str, Any]:
    """What a mark says of files that may be replaced during the run.

    Empty where one cannot be read; what is wrong with it is said by the run.
    """
    try:
        stated = stamp(case)
        return {"fingerprint": fingerprint(case), "stamp": stated}
    except OSError:
        return {"fingerprint": ""}


def _arguments_text(case: PropagateRequest) -> str:
    """The arguments of a case and the version.

    Spelled as the first release did, whose class was `Case`, so that what it had finished is not
    done again.
    """
    arguments = {
        "image": "",
        "seed": "",
        "out": "",
        "axis": case.axis,
        "span": case.span,
        "engine": _as_text(case.engine),
        "device": case.device,
        "anchors": _as_text(case.anchors),
        "history": _as_text(case.history),
        "frame": case.frame,
    }
    if case.exports:
        arguments["exports"] = case.exports
    arguments |= {"series": case.series} if case.series else {}
    arguments |= {"spacing_mm": case.spacing_mm} if case.spacing_mm else {}
    listed = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"(Case({listed}), {__version__!r})"


def _as_text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    """A file, a piece at a time: it may be larger than memory."""
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)


def _weight_files(engine: Path | str | None) -> list[Path | str | None]:
    """The files of the weights that an engine walks with: those it names, or the shipped ones."""
    name, smoother = split_name(engine)
    name, _ = split_adapt(name)
    if _is_brought(name):
        return [weights_file(name), smoother]
    shipped = ENGINES[name].weights_name if name in ENGINES else name
    if has_model(shipped):
        return [find_model(shipped), smoother]
    return [name if name.endswith(MODEL_SUFFIXES) else None, smoother]


@lru_cache
def _is_brought(name: str) -> bool:
    """As `is_brought`, which looks through all installed packages, once for all cases."""
    return is_brought(name)


def _mark_path(case: PropagateRequest) -> Path:
    return companion(case.out, MARK)


def _mark_complete(case: PropagateRequest, values: dict[str, Any]) -> None:
    mark = _mark_path(case)
    text = json.dumps(values)
    with atomic_folder(mark.parent) as partial:
        (partial / mark.name).write_text(text, encoding="utf-8")
