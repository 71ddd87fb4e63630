"""Many cases, one row each: goes on after a failure, resumes after a kill, on one process, several, or a Dask cluster."""

import csv
import hashlib
import json
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from SlicePropagationLib import __version__
from SlicePropagationLib.case import Case, parse_span, run_case
from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError
from SlicePropagationLib.atomic import atomic_folder
from SlicePropagationLib.outputs import companion

log = logging.getLogger(__name__)
CASES_PER_PROCESS = 20          # a fresh process now and then, so that nothing a library leaks adds up


@dataclass(frozen=True)
class Outcome:
    """What became of one case: `error` is None when it worked, `skipped` when it had been done before."""

    name: str
    error: str | None = None
    skipped: bool = False


def read_cases(path, out_dir, **options):
    """The `Case`s of a table with columns image, seed and optionally out, axis, range; paths relative to the table.

    Raises:
        InputError: the table cannot be read, lacks a column or a cell, is empty, or two rows would write the same file.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:      # spreadsheets begin a table with a mark
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table of cases ({error}); it needs the columns image and seed.") from error
    if not rows or not {"image", "seed"} <= set(rows[0]):
        raise InputError(f"{path} has {len(rows)} rows with the columns {', '.join(rows[0]) if rows else 'none'}; it needs at least one row and the columns image and seed.")
    for number, row in enumerate(rows, 1):
        if not row["image"] or not row["seed"]:
            raise InputError(f"{path} has no {'seed' if row['image'] else 'image'} in row {number}; fill the cell or take the row out.")
    cases = [_case(row, path.parent, Path(out_dir), options) for row in rows]
    outs = [case.out for case in cases]
    twice = sorted({out for out in outs if outs.count(out) > 1})
    if twice:
        raise InputError(f"{path} names the output {twice[0]} {outs.count(twice[0])} times; give each row its own name in the column out.")
    return cases


def _case(row, folder, out_dir, options):
    image = folder / row["image"]
    out = row.get("out") or "_".join(part for part in (*Path(row["image"]).parent.parts[-2:], "labels") if part not in ("/", "..")) + ".nii.gz"
    span = parse_span(row["range"]) if row.get("range") else None
    return Case(str(image), str(folder / row["seed"]), str(out_dir / out), axis=row.get("axis") or "auto", span=span, **options)


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
    except Exception as error:          # a bug in one case must not cost the others
        log.exception("Case %s failed unexpectedly", case.out)
        return Outcome(case.out, f"{type(error).__name__}: {error}; please report this.")
    return Outcome(case.out)


def is_complete(case):
    """Whether the case was done before, from the same files with the same arguments."""
    try:
        mark = json.loads(_mark_path(case).read_text(encoding="utf-8"))
        return mark["fingerprint"] == fingerprint(case) and Path(case.out).is_file() and companion(case.out, ".json").is_file()
    except (OSError, ValueError, KeyError):
        return False


def fingerprint(case):
    """Hash of the contents of a case's files, its arguments and the version."""
    digest = hashlib.sha256(repr((replace(case, image="", seed="", out=""), __version__)).encode())
    for name in (case.image, case.seed, case.anchors):
        if name:
            digest.update(Path(name).read_bytes())
    return digest.hexdigest()


def _mark_path(case):
    return companion(case.out, ".done.json")


def _mark_complete(case):
    mark = _mark_path(case)
    with atomic_folder(mark.parent) as partial:
        (partial / mark.name).write_text(json.dumps({"fingerprint": fingerprint(case)}), encoding="utf-8")


def one_thread():
    """Keep a worker to one thread, set before it imports torch: workers that each use all cores hold one another up."""
    os.environ["OMP_NUM_THREADS"] = "1"


def _on_processes(cases, workers):
    context = multiprocessing.get_context("spawn")
    done = set()
    try:
        with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=CASES_PER_PROCESS, initializer=one_thread) as pool:
            futures = {pool.submit(do_case, case): case for case in cases}
            for future in as_completed(futures):
                outcome = future.result()
                done.add(futures[future])
                yield outcome
    except BrokenProcessPool:           # a worker died (out of memory, say): each case left gets a process of its own
        for case in cases:
            if case not in done:
                yield _alone(case, context)


def _alone(case, context):
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(do_case, case).result()
    except BrokenProcessPool:
        return Outcome(case.out, "The worker process died, perhaps for lack of memory; run this case alone or with fewer workers.")


def _on_dask(cases, scheduler):
    try:
        from dask import distributed
    except ImportError:
        raise ConfigError("--scheduler needs Dask, which is not installed; install slice-propagation[cluster], or use --workers.") from None
    with distributed.Client(scheduler) as client:
        futures = client.map(do_case, cases, pure=False)
        for _, outcome in distributed.as_completed(futures, with_results=True):
            yield outcome
