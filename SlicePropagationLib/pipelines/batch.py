"""Many cases, one row each: goes on after a failure, resumes after a kill, on one process, several, or a Dask cluster."""

import hashlib
import json
import logging
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from SlicePropagationLib import __version__
from SlicePropagationLib.engines import MODEL_SUFFIXES, split_name
from SlicePropagationLib.engines.device import one_thread
from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.shipped_weights import find_model, has_model
from SlicePropagationLib.files.table import parse_span, read_table
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.pipelines.propagate_file import Case, run_case

log = logging.getLogger(__name__)
VOXELS_ELSEWHERE = re.compile(
    rb"^(?:ElementDataFile *=|data ?file:) *(.*?)\s*$",
    re.MULTILINE,
)  # a header that names the file of its voxels
CASES_PER_PROCESS = 20  # a fresh process now and then, so that nothing a library leaks adds up


@dataclass(frozen=True)
class Outcome:
    """What became of one case: `error` is None when it worked, `skipped` when it had been done before."""

    name: str
    error: str | None = None
    skipped: bool = False


def read_cases(path, out_dir, **options):
    """The `Case`s of a table with columns image, seed and optionally out, axis, range.

    Paths relative to the table.

    Raises:
        InputError: the table cannot be read, lacks a column or a cell, is empty, has an axis or a
            range that is none, or two rows would write the same file.
    """
    path = Path(path)
    cases = [
        _case(row, path, Path(out_dir), options) for row in read_table(path, ("image", "seed"))
    ]
    _check_outputs(cases, path)
    return cases


def _check_outputs(cases, path):
    """Refuse two cases that would write the same file: the labels, or the table and the record beside them."""
    seen = {}
    for case in cases:
        earlier = seen.setdefault(companion(case.out, ""), case.out)
        if earlier != case.out:
            raise InputError(
                f"{path} names the outputs {earlier} and {case.out}, whose tables and records would"
                " have the same name; give them names that differ before the ending."
            )
    outs = [case.out for case in cases]
    twice = sorted({out for out in outs if outs.count(out) > 1})
    if twice:
        raise InputError(
            f"{path} names the output {twice[0]} {outs.count(twice[0])} times; give each row its"
            " own name in the column out."
        )


def _case(row, path, out_dir, options):
    image = path.parent / row["image"]
    out = (
        row.get("out")
        or "_".join(
            part
            for part in (*Path(row["image"]).parent.parts[-2:], "labels")
            if part not in ("/", "..")
        )
        + ".nii.gz"
    )
    axis = row.get("axis") or "auto"
    if axis not in ("auto", *AXES):
        raise InputError(
            f"{path} has the axis '{axis}' for {row['image']}; write auto, {', '.join(AXES)} or"
            " nothing."
        )
    try:
        span = parse_span(row["range"]) if row.get("range") else None
    except ConfigError as error:
        raise InputError(f"{path}, {row['image']}: {error}") from error
    return Case(
        str(image),
        str(path.parent / row["seed"]),
        str(out_dir / out),
        axis=axis,
        span=span,
        **options,
    )


def run_batch(cases, *, resume=False, workers=1, scheduler=None):
    """Do all cases, in any order; one that fails does not keep the others from being done.

    Args:
        resume: skip cases whose result is complete and was made from the same files and arguments.
        workers: number of processes.
        scheduler: address of a Dask scheduler, instead of processes of our own.

    Yields:
        Outcome of each case as it is finished.
    """
    waiting = []
    for case in cases:
        if resume and is_complete(case):
            yield Outcome(case.out, skipped=True)
        else:
            waiting.append(case)
    if scheduler:
        yield from _on_dask(waiting, scheduler)
    elif workers > 1:
        yield from _on_processes(waiting, workers)
    else:
        yield from map(do_case, waiting)


def do_case(case):
    """Do one case and say how it went; what runs on a worker."""
    try:
        run_case(case)
        _mark_complete(case)
    except SlicePropagationError as error:
        return Outcome(case.out, str(error))
    except Exception as error:  # a bug in one case must not cost the others
        log.exception("Case %s failed unexpectedly", case.out)
        return Outcome(case.out, f"{type(error).__name__}: {error}; please report this.")
    return Outcome(case.out)


def is_complete(case):
    """Whether the case was done before, from the same files with the same arguments."""
    try:
        mark = json.loads(_mark_path(case).read_text(encoding="utf-8"))
        return (
            mark["fingerprint"] == fingerprint(case)
            and Path(case.out).is_file()
            and companion(case.out, ".json").is_file()
        )
    except (OSError, ValueError, KeyError):
        return False


def fingerprint(case):
    """Hash of the contents of a case's files, its arguments, the weights it walks with and the version."""
    digest = hashlib.sha256(repr((replace(case, image="", seed="", out=""), __version__)).encode())
    for name in (case.image, case.seed, case.anchors, *_weight_files(case.engine)):
        if name:
            _add_contents(digest, Path(name))
    return digest.hexdigest()


def _add_contents(digest, path):
    if path.is_dir():  # a DICOM series
        for file in sorted(file for file in path.iterdir() if file.is_file()):
            digest.update(file.read_bytes())
    else:
        content = path.read_bytes()
        digest.update(content)
        elsewhere = (
            VOXELS_ELSEWHERE.search(content) if path.suffix.lower() in (".mhd", ".nhdr") else None
        )
        voxels = path.parent / os.fsdecode(elsewhere[1]) if elsewhere else None
        if voxels and voxels.is_file():
            digest.update(voxels.read_bytes())


def _weight_files(engine):
    """The files of the weights that an engine walks with: those that its name names, or the shipped ones."""
    name, smoother = split_name(engine)
    return [
        find_model(name) if has_model(name) else name if name.endswith(MODEL_SUFFIXES) else None,
        smoother,
    ]


def _mark_path(case):
    return companion(case.out, ".done.json")


def _mark_complete(case):
    mark = _mark_path(case)
    text = json.dumps({"fingerprint": fingerprint(case)})
    with atomic_folder(mark.parent) as partial:
        (partial / mark.name).write_text(text, encoding="utf-8")


def _on_processes(cases, workers):
    context = multiprocessing.get_context("spawn")
    done = set()
    try:
        with ProcessPoolExecutor(
            workers,
            mp_context=context,
            max_tasks_per_child=CASES_PER_PROCESS,
            initializer=one_thread,
        ) as pool:
            futures = {pool.submit(do_case, case): case for case in cases}
            for future in as_completed(futures):
                outcome = future.result()
                done.add(futures[future])
                yield outcome
    except (
        BrokenProcessPool
    ):  # a worker died (out of memory, say): each case left gets a process of its own
        for case in cases:
            if case not in done:
                yield _alone(case, context)


def _alone(case, context):
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(do_case, case).result()
    except BrokenProcessPool:
        return Outcome(
            case.out,
            "The worker process died, perhaps for lack of memory; run this case alone or with fewer"
            " workers.",
        )


def _on_dask(cases, scheduler):
    try:
        from dask import distributed
    except ImportError:
        raise ConfigError(
            "--scheduler needs Dask, which is not installed; install slice-propagation[cluster], or"
            " use --workers."
        ) from None
    with _client(distributed, scheduler) as client:
        futures = client.map(do_case, cases, pure=False)
        for _, outcome in distributed.as_completed(futures, with_results=True):
            yield outcome


def _client(distributed, scheduler):
    try:
        return distributed.Client(scheduler)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"There is no Dask scheduler at {scheduler} ({error}); start one there, correct the"
            " address, or use --workers."
        ) from error
