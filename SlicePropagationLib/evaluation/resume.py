"""What an earlier evaluation in the same folder finished, so that it is not scored again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from SlicePropagationLib.engines import model_hash, split_name
from SlicePropagationLib.engines.brought import is_brought
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.protocol import (
    DRIFT_COLUMNS,
    EARLIER_COLUMNS,
    EvaluationProtocol,
    Job,
    Row,
    case_key,
)
from SlicePropagationLib.evaluation.scores import load_prior
from SlicePropagationLib.evaluation.surface_scores import has_surface_scores
from SlicePropagationLib.files.atomic import atomic_folder

WEIGHTS = "weights.json"  # {engine: what its scores depend on}
FILES = "files.json"  # {case: state of its files when it was scored}
USUAL = EvaluationProtocol((), (), ())
TEXT_COLUMNS = ("dataset", "patient", "case", "engine", "slices_away")


class Scored(NamedTuple):
    """What has been scored: rows with the protocol's columns, and rows with DRIFT_COLUMNS."""

    rows: list[Row]
    drift: list[Row]


class Sources(NamedTuple):
    """What scores depend on: a score is taken over only while both are as they were.

    Attributes:
        weights: {engine: as `_origin` says}.
        files: {case: [[size, time of the last change]] of image and label map}.
    """

    weights: dict[str, str | None]
    files: dict[str, list[list[int]]]


def sources_of(jobs: list[Job]) -> Sources:
    """What the scores of these jobs depend on."""
    protocol = jobs[0].protocol
    weights = {name: _origin(name, source, protocol) for name, source in protocol.engines}
    files = {job.key: _state_of_files(job) for job in jobs}
    return Sources(weights, files)


def read_finished(
    out: Path,
    jobs: list[Job],
    sources: Sources,
) -> Scored:
    """What an earlier call for the same annotators and numbers of slices scored.

    Only of the wanted cases with the same files, and of engines with the same weights.

    Raises:
        ConfigError: the folder has scores of a protocol that is no longer used.
    """
    protocol = jobs[0].protocol
    _refuse_earlier(out / "rows.csv")
    rows = _read_numbers(out / "rows.csv", protocol.columns)
    drift = _read_numbers(out / "drift.csv", DRIFT_COLUMNS)
    asked = set(product(protocol.users, protocol.shots))
    scored = {((row["pick"], row["correct"]), row["shots"]) for row in rows}
    if not drift or scored != asked:
        return Scored([], [])
    engines = _unchanged_engines(_read_record(out / WEIGHTS), sources.weights)
    cases = _unchanged_cases(_read_record(out / FILES), jobs, sources.files)
    rows = [
        row for row in rows if row["engine"] in engines and (row["dataset"], row["case"]) in cases
    ]
    done = done_by(rows)
    return Scored(rows, [row for row in drift if _unit(row) in done])


def done_by(rows: Iterable[Row]) -> set[tuple[str, str, str]]:
    """{(data set, case, engine)} that rows are about."""
    return {_unit(row) for row in rows}


def left_to_do(job: Job, done: set[tuple[str, str, str]]) -> Job:
    """The job with the engines that have not scored its case yet."""
    engines = tuple(
        (name, source)
        for name, source in job.protocol.engines
        if (job.dataset, job.case, name) not in done
    )
    return replace(job, protocol=replace(job.protocol, engines=engines))


def keep(
    out: Path,
    scored: Scored,
    protocol: EvaluationProtocol,
    sources: Sources,
) -> None:
    """Write down what is scored, and what that depends on.

    The latter last: killed in between, new rows are scored again; the other way round, old ones
    would count as new.
    """
    with atomic_folder(out) as partial:
        write_table(partial / "drift.csv", DRIFT_COLUMNS, scored.drift)
        write_table(partial / "rows.csv", protocol.columns, scored.rows)
        for name, values in ((WEIGHTS, sources.weights), (FILES, sources.files)):
            (partial / name).write_text(json.dumps(values), encoding="utf-8")


def write_table(
    path: Path,
    columns: Iterable[str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Write rows as a table of comma-separated values."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)


def _origin(
    name: str,
    source: str,
    protocol: EvaluationProtocol,
) -> str | None:
    """What an engine's scores depend on beside the cases.

    The hash of its weights, None without any, and whatever is not as usual.
    """
    engine = choose_engine(source, protocol.device)
    weights = model_hash(engine)
    unusual = []
    if weights is None and source != name:
        unusual.append(f"of {source}")
    if is_brought(split_name(source)[0]):
        unusual.append(f"walked by {engine.name}")
    adaptation = getattr(engine, "adaptation", None)
    if adaptation is not None:
        unusual.append(f"adapting in {adaptation.steps} steps from {adaptation.seed}")
    outline = getattr(engine, "outline_sha256", None)
    if outline is not None:
        unusual.append(f"outlined by {outline}")
    smoother = getattr(engine, "smoother_sha256", None)
    if smoother is not None:
        unusual.append(f"smoothed by {smoother}")
    if not has_surface_scores():
        unusual.append("without surface scores")
    for option in ("axis", "min_slices", "labels", "effort"):
        value = getattr(protocol, option)
        if value != getattr(USUAL, option):
            unusual.append(f"{option} {value}")
    if protocol.prior:
        unusual.append(f"judged by {load_prior(protocol.prior).sha256}")
    return " ".join([str(weights), *unusual]) if unusual else weights


def _state_of_files(job: Job) -> list[list[int]]:
    """A file that changed is scored again."""
    states = [Path(path).stat() for path in (job.image, job.label_map)]
    return [[state.st_size, state.st_mtime_ns] for state in states]


def _unit(row: Row) -> tuple[str, str, str]:
    return row["dataset"], row["case"], row["engine"]


def _unchanged_engines(earlier: dict[str, Any], weights: dict[str, str | None]) -> set[str]:
    return {name for name, origin in weights.items() if name in earlier and earlier[name] == origin}


def _unchanged_cases(
    earlier: dict[str, Any],
    jobs: list[Job],
    files: dict[str, list[list[int]]],
) -> set[tuple[str, str]]:
    """The cases whose files are as they were; those that nothing is written about count as such."""
    unchanged = set()
    for job in jobs:
        key = case_key(job.dataset, job.case)
        if earlier.get(key, files[key]) == files[key]:
            unchanged.add((job.dataset, job.case))
    return unchanged


def _refuse_earlier(path: Path) -> None:
    """Refuse to mix scores with those of a protocol that they cannot be compared with."""
    if _columns_of(path)[: len(EARLIER_COLUMNS)] == EARLIER_COLUMNS:
        raise ConfigError(
            f"{path.parent} has scores of an earlier protocol (no column extent, distances between"
            " voxels), which new ones cannot be added to; give another --out. What is there stays"
            " as it is."
        )


def _columns_of(path: Path) -> tuple[str, ...]:
    """The columns of a table; none where it cannot be read."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return tuple(next(csv.reader(file), ()))
    except (OSError, ValueError, csv.Error):
        return ()


def _read_record(path: Path) -> dict[str, Any]:
    """What the earlier call wrote down about its rows; empty where there was none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _read_numbers(path: Path, columns: tuple[str, ...]) -> list[Row]:
    """Rows of a table that we wrote, numbers as numbers.

    None when it is absent, damaged or has other columns.
    """
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [_with_numbers(row) for row in reader]
            known = tuple(reader.fieldnames or ())
    except (OSError, ValueError, TypeError, csv.Error):  # not as we wrote it
        return []
    return rows if known == columns else []


def _with_numbers(row: dict[str, str]) -> Row:
    return {name: text if name in TEXT_COLUMNS else _number(text) for name, text in row.items()}


def _number(text: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
