"""The `evaluate` command: which cases are scored and how, on several processes, going on where an earlier call stopped."""

import csv
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from SlicePropagationLib.atomic import atomic_folder
from SlicePropagationLib.batch import one_thread
from SlicePropagationLib.case import choose_engine
from SlicePropagationLib.engines import MODEL_SUFFIXES, model_hash
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.evaluation_plots import draw_plots
from SlicePropagationLib.evaluation_report import results_text
from SlicePropagationLib.evaluation_scores import DRIFT_COLUMNS, STEPS, UNIFORM, EvaluationProtocol, Job, load_prior, score_case
from SlicePropagationLib.evaluation_statistics import RESULT_COLUMNS, aggregate
from SlicePropagationLib.table import read_table

PICKS, CORRECTIONS = ("largest", "middle"), ("suggested", "worst", UNIFORM, STEPS)

WEIGHTS, SETTINGS = "weights.json", "settings.json"


def evaluate(arguments, report=None):
    """Score every structure of every case; write rows.csv, drift.csv, results.csv, results.md and plots; returns results.md.

    What an earlier call for the same users, numbers of slices, labels and axis finished in the same folder is not scored again: cases of an engine with the same weights.

    Raises:
        InputError: a table cannot be used, or no structure is on enough slices.
        ConfigError: an engine, a user or a number of slices is not known.
    """
    jobs = read_jobs(arguments)
    kinds = read_kinds(arguments.kinds) if arguments.kinds else {}
    out, protocol = Path(arguments.out), jobs[0].protocol
    weights = {name: _weights_of(name, source, protocol.device) for name, source in protocol.engines}
    if protocol.prior:
        weights = {name: f"{value} judged by {load_prior(protocol.prior).sha256}" for name, value in weights.items()}
    rows, drift = _finished(out, jobs, weights)
    done = {(row["dataset"], row["case"], row["engine"]) for row in rows}
    waiting = [_without_engines(job, {name for name in protocol.names if (job.dataset, job.case, name) in done}) for job in jobs]
    for job, (scored, distances) in _score_all([job for job in waiting if job.protocol.engines], arguments.workers):
        rows, drift = rows + scored, drift + distances
        with atomic_folder(out) as partial:
            _write_table(partial / "drift.csv", DRIFT_COLUMNS, drift)
            (partial / WEIGHTS).write_text(json.dumps(weights), encoding="utf-8")
            (partial / SETTINGS).write_text(json.dumps(_settings(protocol)), encoding="utf-8")
            _write_table(partial / "rows.csv", protocol.columns, rows)       # last: it says what is done
        if report:
            report(f"{job.dataset} {job.case}: {len(scored)} scores")
    if not rows:
        raise InputError(f"No structure on at least {protocol.min_slices} slices in the {len(jobs)} cases; lower --min-slices or choose another split.")
    return _write_results(out, rows, drift, protocol, kinds)


def read_jobs(arguments):
    """The cases of a table with columns image, label and optionally split, dataset, case.

    Raises:
        InputError: the table cannot be read, lacks a column, or has no case of the split.
        ConfigError: as `read_protocol`.
    """
    path, protocol = Path(arguments.cases), read_protocol(arguments)
    table = read_table(path, ("image", "label"))
    datasets = arguments.datasets.split(",") if arguments.datasets else None
    table = [row for row in table if datasets is None or row.get("dataset") in datasets]
    rows = [row for row in table if row.get("split", protocol.split) == protocol.split]
    if not rows:
        raise InputError(f"{path} has no case of split '{protocol.split}'{f' in {arguments.datasets}' if datasets else ''}, "
                         f"only of {', '.join(sorted({row.get('split', '') for row in table})) or 'other data sets'}; choose one of these.")
    jobs = [Job(str(path.parent / row["image"]), str(path.parent / row["label"]), row.get("dataset") or "all", row.get("case") or row["image"], protocol)
            for row in rows]
    return first_cases(jobs, protocol.max_cases)


def first_cases(jobs, count):
    """The first `count` cases of each data set, in the order of the table; all when it is None."""
    seen, kept = {}, []
    for job in jobs:
        seen[job.dataset] = seen.get(job.dataset, 0) + 1
        if count is None or seen[job.dataset] <= count:
            kept.append(job)
    return kept


def read_protocol(arguments):
    """The EvaluationProtocol that the arguments describe; every engine is made once, so that a missing one is found early.

    Raises:
        ConfigError: an engine is unknown, a user is unknown, or a number of annotated slices is not a positive number.
    """
    engines = tuple(_named_engine(text) for text in arguments.engines.split(","))
    twice = sorted({name for name, _ in engines if [other for other, _ in engines].count(name) > 1})
    if twice:
        raise ConfigError(f"Two engines are called '{twice[0]}'; write NAME=MODEL.pt to give each a name of its own.")
    for _, source in engines:
        choose_engine(source, arguments.device)
    shots = _numbers(arguments.shots, "numbers of annotated slices")
    labels = _numbers(arguments.labels, "labels") if arguments.labels else None
    users = _users(_chosen(arguments.pick, PICKS, "pick"), _chosen(arguments.correct, CORRECTIONS, "correct"))
    return EvaluationProtocol(engines, users, shots, arguments.axis, arguments.min_slices, arguments.split, arguments.max_cases, labels, arguments.device,
                              getattr(arguments, "prior", None))


def _numbers(text, meaning):
    try:
        numbers = tuple(sorted({int(number) for number in text.split(",")}))
    except ValueError:
        numbers = (0,)
    if numbers[0] < 1:
        raise ConfigError(f"'{text}' is not a list of {meaning}; write for example 1,2,3,5.")
    return numbers


def read_kinds(path):
    """{(dataset, label): kind} of a table with columns dataset, label, kind; "*" stands for every data set or label.

    Raises:
        InputError: the table cannot be read or lacks a column.
    """
    return {(row["dataset"], row["label"]): row["kind"] for row in read_table(path, ("dataset", "label", "kind"))}


def _named_engine(text):
    """(name in the tables, engine): NAME=ENGINE, or the engine's own name, a model file's without its folder."""
    name, _, source = text.partition("=")
    source = source or name
    if not name:
        raise ConfigError(f"'{text}' names no engine; write --engines NAME,NAME or NAME=MODEL.pt.")
    return (Path(name).name if name.endswith(MODEL_SUFFIXES) else name), source


def _chosen(text, known, option):
    chosen = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigError(f"--{option} does not know '{unknown[0]}'; choose from {', '.join(known)}.")
    return chosen


def _users(picks, corrections):
    """Each (pick, correct) pair; uniform slices and steps follow from the structure's extent, the first one too, so they need no pick."""
    fixed = {UNIFORM: (UNIFORM, UNIFORM), STEPS: ("middle", STEPS)}
    return tuple(dict.fromkeys(fixed.get(correct, (pick, correct)) for correct, pick in product(corrections, picks)))


def _score_all(jobs, workers):
    if workers == 1:
        for job in jobs:
            yield job, score_case(job)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        yield from zip(jobs, pool.map(score_case, jobs))


def _write_results(out, rows, drift, protocol, kinds):
    results = aggregate(rows, protocol)
    text = results_text(rows, drift, results, protocol, kinds)
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
    return replace(job, protocol=replace(job.protocol, engines=tuple(engine for engine in job.protocol.engines if engine[0] not in names)))


def _finished(out, jobs, weights):
    """(rows, drift rows) of the wanted cases and engines that an earlier call with the same users, numbers of slices, settings and weights finished."""
    protocol, earlier = jobs[0].protocol, _read_json(out / WEIGHTS, {})
    rows, drift = (_read_numbers(out / name, columns) for name, columns in (("rows.csv", protocol.columns), ("drift.csv", DRIFT_COLUMNS)))
    asked = set(product(protocol.users, protocol.shots))
    if not drift or _read_json(out / SETTINGS, _settings(EvaluationProtocol((), (), ()))) != _settings(protocol):
        return [], []
    if {((row["pick"], row["correct"]), row["shots"]) for row in rows} != asked:
        return [], []
    same = {name for name in weights if name in earlier and earlier[name] == weights[name]}
    cases = {(job.dataset, job.case) for job in jobs}
    rows = [row for row in rows if row["engine"] in same and (row["dataset"], row["case"]) in cases]
    done = {(row["dataset"], row["case"], row["engine"]) for row in rows}
    return rows, [row for row in drift if (row["dataset"], row["case"], row["engine"]) in done]


def _weights_of(name, source, device):
    """What tells whether an engine's scores are those of the same engine: the hash of its weights; without weights, what it is where its name does not say so."""
    return model_hash(choose_engine(source, device)) or (None if source == name else source)


def _settings(protocol):
    """What decides which structures of a case are scored, and along which slices."""
    return {"axis": protocol.axis, "min_slices": protocol.min_slices, "labels": list(protocol.labels) if protocol.labels else None}


def _read_json(path, default):
    """What an earlier call wrote; the default where there was none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default


def _read_numbers(path, columns):
    """Rows of a table we wrote, numbers as numbers; none when it is absent or has other columns."""
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return [{key: value if key in ("dataset", "patient", "case", "engine", "slices_away") else _number(value) for key, value in row.items()}
                for row in reader] if tuple(reader.fieldnames or ()) == columns else []


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
