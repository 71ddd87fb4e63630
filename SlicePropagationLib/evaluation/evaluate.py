"""Score many cases: which, by which engines, corrected how.

On several processes or a Dask cluster, going on where an earlier call stopped.

from SlicePropagationLib import EvaluateRequest, evaluate
print(evaluate(EvaluateRequest("cases.csv", "scores", engines=("copy", "registration"))).text)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from SlicePropagationLib.cluster import as_done_on_cluster
from SlicePropagationLib.engines.device import one_thread
from SlicePropagationLib.errors import (
    ConfigError,
    GeometryMismatchError,
    InputError,
    in_one_line,
)
from SlicePropagationLib.evaluation.jobs import read_jobs, read_kinds
from SlicePropagationLib.evaluation.plots import draw_plots
from SlicePropagationLib.evaluation.processes import is_first, shared
from SlicePropagationLib.evaluation.protocol import EvaluationProtocol, Job, Row
from SlicePropagationLib.evaluation.report import results_text
from SlicePropagationLib.evaluation.request import EvaluateRequest
from SlicePropagationLib.evaluation.resume import (
    Scored,
    done_by,
    keep,
    left_to_do,
    read_finished,
    sources_of,
    write_table,
)
from SlicePropagationLib.evaluation.scores import score_case
from SlicePropagationLib.evaluation.statistics import RESULT_COLUMNS, aggregate
from SlicePropagationLib.evaluation.summary import summary_text
from SlicePropagationLib.evaluation.tables import Tables
from SlicePropagationLib.files.atomic import atomic_folder, check_writable, clear_away
from SlicePropagationLib.pace import Pace
from SlicePropagationLib.workers import WorkerDiedError, in_order

REPORT = "results.md"
Outcome = tuple[list[Row], list[Row], str | None]  # rows, drift rows, what is wrong with the files


class Evaluation(NamedTuple):
    """What came of it.

    Attributes:
        text: what results.md holds.
        failures: for each case that could not be scored its name and why.
        summary: the means as a short table for a terminal.
    """

    text: str
    failures: list[tuple[str, str]]
    summary: str = ""


def evaluate(
    request: EvaluateRequest,
    report: Callable[[str], object] | None = None,
) -> Evaluation:
    """Score every structure of every case.

    Writes rows.csv, drift.csv, results.csv, results.md and plots.

    What an earlier call for the same annotators and numbers of slices finished in the same folder
    is not scored again: cases whose files are as they were, of an engine with the same weights,
    along the same axis, for the same labels.

    A case whose files cannot be used is told at the end; the others are scored.

    Args:
        request: what is scored.
        report: called with a line of text for each case; None to be silent.

    Returns:
        An `Evaluation`.

    Raises:
        InputError: a table cannot be used, no structure is on enough slices, or no case can be
            scored.
        ConfigError: an engine is not known.
    """
    check_writable(request.out)
    jobs = read_jobs(request)
    kinds = read_kinds(request.kinds) if request.kinds else {}
    out = Path(request.out)
    protocol = jobs[0].protocol
    sources = sources_of(jobs)
    clear_away(out, is_ours=True)
    rows, drift = read_finished(out, jobs, sources)
    done = done_by(rows)
    waiting = [left_to_do(job, done) for job in jobs]
    waiting = [job for job in waiting if job.protocol.engines]
    failures = []
    pace = Pace()
    for step, (job, outcome) in enumerate(_score_all(waiting, request), 1):
        scored, distances, error = outcome
        rows = rows + scored
        drift = drift + distances
        if error:
            failures.append((f"{job.dataset} {job.case}", error))
        if scored and is_first():
            keep(out, Scored(rows, drift), protocol, sources)
        if report:
            what = error or f"{len(scored)} scores"
            place = f"case {step} of {len(waiting)}, {pace.told(step, len(waiting))}"
            report(f"{place}: {job.dataset} {job.case}: {what}")
    if request.scheduler and waiting:  # which has the cases come in another order
        rows = _in_order(rows, jobs)
        drift = _in_order(drift, jobs)
        keep(out, Scored(rows, drift), protocol, sources)
    if not rows:
        _refuse_nothing(failures, protocol, len(jobs))
    tables = Tables(rows, drift, aggregate(rows, protocol))
    text = results_text(tables, protocol, kinds, failures)
    if is_first():
        _write_results(out, tables, protocol, text)
    return Evaluation(text, failures, summary_text(tables, protocol))


def _score_all(jobs: list[Job], request: EvaluateRequest) -> Iterator[tuple[Job, Outcome]]:
    workers = request.workers
    if request.scheduler:
        yield from _on_cluster(jobs, request.scheduler)
        return
    if request.num_processes > 1:
        yield from shared(_score, jobs, request)
        return
    if workers == 1:
        for job in jobs:
            yield job, _score(job)
        return
    try:
        yield from zip(jobs, in_order(_score, jobs, workers, prepare=one_thread), strict=True)
    except WorkerDiedError as error:
        raise ConfigError(
            f"One of the {workers} worker processes died, perhaps for lack of memory; give fewer"
            " --workers, and the same command goes on."
        ) from error


def _on_cluster(jobs: list[Job], scheduler: str) -> Iterator[tuple[Job, Outcome]]:
    """Cases and what was found, as they come; one that fails was tried on two workers."""
    there = [_with_whole_paths(job) for job in jobs]
    for number, found in as_done_on_cluster(_score, there, scheduler, _is_failed):
        if isinstance(found, Exception):
            found = ([], [], in_one_line(found))
        yield jobs[number], found


def _in_order(rows: list[Row], jobs: list[Job]) -> list[Row]:
    """Rows in the order of the cases that they are about."""
    places = {(job.dataset, job.case): place for place, job in enumerate(jobs)}
    return sorted(rows, key=lambda row: places[row["dataset"], row["case"]])


def _is_failed(found: Outcome | Exception) -> bool:
    return isinstance(found, Exception) or found[2] is not None


def _with_whole_paths(job: Job) -> Job:
    """A job for a process that works in another folder."""
    engines = tuple(
        (name, str(Path(source).resolve()) if Path(source).is_file() else source)
        for name, source in job.protocol.engines
    )
    prior = job.protocol.prior and Path(job.protocol.prior).resolve()
    return replace(
        job,
        image=str(Path(job.image).resolve()),
        label_map=str(Path(job.label_map).resolve()),
        protocol=replace(job.protocol, engines=engines, prior=prior),
    )


def _score(job: Job) -> Outcome:
    """What `score_case` found, or what is wrong with the case's files."""
    try:
        rows, drift = score_case(job)
    except (InputError, GeometryMismatchError) as error:
        return [], [], str(error)
    return rows, drift, None


def _refuse_nothing(
    failures: list[tuple[str, str]],
    protocol: EvaluationProtocol,
    num_cases: int,
) -> NoReturn:
    """Say why there is no score at all."""
    if failures:
        raise InputError(f"No case could be scored; the first one, {': '.join(failures[0])}")
    of_labels = ""
    other_labels = ""
    if protocol.labels:
        of_labels = f" of label {' or '.join(map(str, protocol.labels))}"
        other_labels = "other labels or "
    raise InputError(
        f"No structure{of_labels} on at least {protocol.min_slices} slices in the {num_cases}"
        f" cases; lower --min-slices or choose {other_labels}another split."
    )


def _write_results(
    out: Path,
    tables: Tables,
    protocol: EvaluationProtocol,
    text: str,
) -> None:
    with atomic_folder(out) as partial:
        write_table(partial / "results.csv", RESULT_COLUMNS, tables.results)
        draw_plots(partial, tables, protocol)
        (partial / REPORT).write_text(text, encoding="utf-8")
