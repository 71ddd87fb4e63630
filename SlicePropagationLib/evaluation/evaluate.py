"""The `evaluate` command: which cases are scored and how, on several processes, going on where an earlier call stopped."""

import csv
import json
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from SlicePropagationLib.engines import MODEL_SUFFIXES, model_hash
from SlicePropagationLib.engines.device import choose_engine, one_thread
from SlicePropagationLib.errors import ConfigError, GeometryMismatchError, InputError
from SlicePropagationLib.evaluation.plots import draw_plots
from SlicePropagationLib.evaluation.report import results_text
from SlicePropagationLib.evaluation.scores import (
    DRIFT_COLUMNS,
    STEPS,
    UNIFORM,
    EvaluationProtocol,
    Job,
    load_prior,
    score_case,
)
from SlicePropagationLib.evaluation.statistics import RESULT_COLUMNS, aggregate
from SlicePropagationLib.files.atomic import atomic_folder, clear_away
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.training_cases import read_training_cases

PICKS = ("largest", "middle")
CORRECTIONS = ("suggested", "worst", UNIFORM, STEPS)

WEIGHTS = "weights.json"  # {engine: what its scores depend on}
FILES = "files.json"  # {case: state of its files when it was scored}
USUAL = EvaluationProtocol((), (), ())


class Evaluation(NamedTuple):
    """What came of it: results.md, and for each case that could not be scored its name and why."""

    text: str
    failures: list[tuple[str, str]]


def evaluate(arguments, report=None):
    """Score every structure of every case.

    Write rows.csv, drift.csv, results.csv, results.md and plots; returns an `Evaluation`.

    What an earlier call for the same users and numbers of slices finished in the same folder is not
        scored again: cases whose files are as they were, of an
    engine with the same weights, along the same axis, for the same labels.

    A case whose files cannot be used is told at the end; the others are scored.

    Raises:
        InputError: a table cannot be used, no structure is on enough slices, or no case can be
            scored.
        ConfigError: an engine, a user or a number of slices is not known.
    """
    jobs = read_jobs(arguments)
    kinds = read_kinds(arguments.kinds) if arguments.kinds else {}
    out = Path(arguments.out)
    protocol = jobs[0].protocol
    weights = {name: _origin(name, source, protocol) for name, source in protocol.engines}
    files = {_key(job.dataset, job.case): _state_of_files(job) for job in jobs}
    clear_away(out)
    rows, drift = _finished(out, jobs, weights, files)
    done = {(row["dataset"], row["case"], row["engine"]) for row in rows}
    waiting = [
        _without_engines(
            job,
            {name for name in protocol.names if (job.dataset, job.case, name) in done},
        )
        for job in jobs
    ]
    failures = []
    for job, (scored, distances, error) in _score_all(
        [job for job in waiting if job.protocol.engines],
        arguments.workers,
    ):
        rows = rows + scored
        drift = drift + distances
        if error:
            failures.append((f"{job.dataset} {job.case}", error))
        if scored:
            _keep(out, rows, drift, protocol, {WEIGHTS: weights, FILES: files})
        if report:
            report(f"{job.dataset} {job.case}: {error or f'{len(scored)} scores'}")
    if not rows and failures:
        raise InputError(f"No case could be scored; the first one, {': '.join(failures[0])}")
    if not rows:
        of_labels = f" of label {' or '.join(map(str, protocol.labels))}" if protocol.labels else ""
        raise InputError(
            f"No structure{of_labels} on at least {protocol.min_slices} slices in the {len(jobs)}"
            " cases; lower --min-slices or choose"
            f" {'other labels or ' if protocol.labels else ''}another split."
        )
    return Evaluation(_write_results(out, rows, drift, protocol, kinds, failures), failures)


def _origin(name, source, protocol):
    """What an engine's scores depend on beside the cases: the hash of its weights, None without any, and whatever is not as usual."""
    engine = choose_engine(source, protocol.device)
    facts = [f"of {source}"] if model_hash(engine) is None and source != name else []
    if hasattr(engine, "smoother_sha256"):
        facts.append(f"smoothed by {engine.smoother_sha256}")
    facts += [
        f"{option} {getattr(protocol, option)}"
        for option in ("axis", "min_slices", "labels")
        if getattr(protocol, option) != getattr(USUAL, option)
    ]
    if protocol.prior:
        facts.append(f"judged by {load_prior(protocol.prior).sha256}")
    return " ".join([str(model_hash(engine)), *facts]) if facts else model_hash(engine)


def _key(dataset, case):
    return f"{dataset}/{case}"


def _state_of_files(job):
    """[[size, time of the last change]] of image and label map: a file that changed is scored again."""
    states = [Path(path).stat() for path in (job.image, job.label_map)]
    return [[state.st_size, state.st_mtime_ns] for state in states]


def _keep(out, rows, drift, protocol, facts):
    """Write down what is done: `facts` are {name of a JSON file: what it says} about the rows."""
    with atomic_folder(out) as partial:
        _write_table(partial / "drift.csv", DRIFT_COLUMNS, drift)
        _write_table(partial / "rows.csv", protocol.columns, rows)
        for (
            name,
            values,
            # last: killed in between, new rows are scored again; the other way round, old ones would
            # count as new
        ) in facts.items():
            (partial / name).write_text(json.dumps(values), encoding="utf-8")


def read_jobs(arguments):
    """The cases of a table with columns image, label and optionally split, dataset, case.

    Raises:
        InputError: the table cannot be read, lacks a column, a cell or a file, has a case twice, or
            none of the data sets or of the split.
        ConfigError: as `read_protocol`.
    """
    path = Path(arguments.cases)
    protocol = read_protocol(arguments)
    cases = read_training_cases(path, arguments.datasets.split(",") if arguments.datasets else None)
    splits = {case.split for case in cases} - {""}
    chosen = [case for case in cases if case.split == protocol.split or not splits]
    if not chosen:
        raise InputError(
            f"{path} has no case of split"
            f" '{protocol.split}'{f' in {arguments.datasets}' if arguments.datasets else ''}, only"
            f" of {', '.join(sorted(splits))}; choose one of these."
        )
    jobs = first_cases(
        [Job(case.image, case.label_map, case.dataset, case.name, protocol) for case in chosen],
        protocol.max_cases,
    )
    for job in jobs:
        _check_files(job)
    return jobs


def _check_files(job):
    """Refuse a case without its files, before hours are spent on those ahead of it."""
    for path in (job.image, job.label_map):
        if not Path(path).exists():
            raise InputError(
                f"Case {job.case}: There is no file {path}; check the name in the table."
            )


def first_cases(jobs, count):
    """The first `count` cases of each data set, in the order of the table; all when it is None."""
    seen = {}
    kept = []
    for job in jobs:
        seen[job.dataset] = seen.get(job.dataset, 0) + 1
        if count is None or seen[job.dataset] <= count:
            kept.append(job)
    return kept


def read_protocol(arguments):
    """The EvaluationProtocol that the arguments describe.

    Every engine is made once, so that a missing one is found early.

    Raises:
        ConfigError: an engine is unknown, a user is unknown, or a number of annotated slices is not
            a positive number.
    """
    engines = tuple(_named_engine(text) for text in arguments.engines.split(","))
    if not all(name and source for name, source in engines):
        raise ConfigError(
            f"'{arguments.engines}' names nothing at one place; write engines or model files with"
            " one comma between them."
        )
    twice = sorted({name for name, _ in engines if [other for other, _ in engines].count(name) > 1})
    if twice:
        raise ConfigError(
            f"Two engines are called '{twice[0]}'; write NAME=MODEL.pt to give each a name of its"
            " own."
        )
    for _, source in engines:
        choose_engine(source, arguments.device)
    shots = _numbers(arguments.shots, "numbers of annotated slices")
    labels = _numbers(arguments.labels, "labels") if arguments.labels else None
    users = _users(
        _chosen(arguments.pick, PICKS, "pick"),
        _chosen(arguments.correct, CORRECTIONS, "correct"),
    )
    return EvaluationProtocol(
        engines,
        users,
        shots,
        arguments.axis,
        arguments.min_slices,
        arguments.split,
        arguments.max_cases,
        labels,
        arguments.device,
        getattr(arguments, "prior", None),
    )


def _numbers(text, meaning):
    try:
        numbers = tuple(sorted({int(number) for number in text.split(",")}))
    except ValueError:
        numbers = (0,)
    if numbers[0] < 1:
        raise ConfigError(f"'{text}' is not a list of {meaning}; write for example 1,2,3,5.")
    return numbers


def read_kinds(path):
    """{(dataset, label): kind} of a table with columns dataset, label, kind.

    "*" stands for every data set or label.

    Raises:
        InputError: the table cannot be read, or lacks a column or a cell.
    """
    return {
        (row["dataset"], row["label"]): row["kind"]
        for row in read_table(path, ("dataset", "label", "kind"))
    }


def _named_engine(text):
    """(name in the tables, engine): NAME=ENGINE, or the engine's own name, a model file's without its folder."""
    name, mark, source = text.partition("=")
    if not mark or Path(text).is_file():  # a folder may have the sign in its name
        name = source = text
    return (Path(name).name if name.endswith(MODEL_SUFFIXES) else name), source


def _chosen(text, known, option):
    chosen = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigError(
            f"--{option} does not know '{unknown[0]}'; choose from {', '.join(known)}."
        )
    return chosen


def _users(picks, corrections):
    """Each (pick, correct) pair.

    Uniform slices and steps follow from the structure's extent, the first one too, so they need no
    pick.
    """
    fixed = {UNIFORM: (UNIFORM, UNIFORM), STEPS: ("middle", STEPS)}
    return tuple(
        dict.fromkeys(
            fixed.get(correct, (pick, correct)) for correct, pick in product(corrections, picks)
        )
    )


def _score_all(jobs, workers):
    if workers == 1:
        for job in jobs:
            yield job, _score(job)
        return
    try:
        with ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=one_thread,
        ) as pool:
            yield from zip(jobs, pool.map(_score, jobs))
    except BrokenProcessPool as error:
        raise ConfigError(
            f"One of the {workers} worker processes died, perhaps for lack of memory; give fewer"
            " --workers, and the same command goes on."
        ) from error


def _score(job):
    """(rows, drift rows, None), or ([], [], what is wrong with the case's files)."""
    try:
        return *score_case(job), None
    except (InputError, GeometryMismatchError) as error:
        return [], [], str(error)


def _write_results(out, rows, drift, protocol, kinds, failures):
    results = aggregate(rows, protocol)
    text = results_text(rows, drift, results, protocol, kinds, failures)
    with atomic_folder(out) as partial:
        _write_table(partial / "results.csv", RESULT_COLUMNS, results)
        draw_plots(partial, rows, drift, results, protocol)
        (partial / "results.md").write_text(text, encoding="utf-8")
    return text


def _write_table(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _without_engines(job, names):
    """The job with the other engines only."""
    return replace(
        job,
        protocol=replace(
            job.protocol,
            engines=tuple(engine for engine in job.protocol.engines if engine[0] not in names),
        ),
    )


def _finished(out, jobs, weights, files):
    """(rows, drift rows) of the wanted cases and engines that an earlier call with the same users, numbers of slices, weights and files finished."""
    protocol = jobs[0].protocol
    earlier = _read_facts(out / WEIGHTS)
    scored_files = _read_facts(out / FILES)
    rows, drift = (
        _read_numbers(out / name, columns)
        for name, columns in (("rows.csv", protocol.columns), ("drift.csv", DRIFT_COLUMNS))
    )
    asked = set(product(protocol.users, protocol.shots))
    if not drift or {((row["pick"], row["correct"]), row["shots"]) for row in rows} != asked:
        return [], []
    same = {name for name in weights if name in earlier and earlier[name] == weights[name]}
    cases = {(job.dataset, job.case) for job in jobs}
    cases -= {
        case
        for case in cases
        if scored_files.get(_key(*case), files[_key(*case)]) != files[_key(*case)]
    }
    rows = [row for row in rows if row["engine"] in same and (row["dataset"], row["case"]) in cases]
    done = {(row["dataset"], row["case"], row["engine"]) for row in rows}
    return rows, [row for row in drift if (row["dataset"], row["case"], row["engine"]) in done]


def _read_facts(path):
    """What the earlier call wrote down about its rows; empty where there was none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _read_numbers(path, columns):
    """Rows of a table we wrote, numbers as numbers.

    None when it is absent, damaged or has other columns.
    """
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return (
                [
                    {
                        key: (
                            value
                            if key in ("dataset", "patient", "case", "engine", "slices_away")
                            else _number(value)
                        )
                        for key, value in row.items()
                    }
                    for row in reader
                ]
                if tuple(reader.fieldnames or ()) == columns
                else []
            )
    except (OSError, ValueError, TypeError, csv.Error):  # not as we wrote it
        return []


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
