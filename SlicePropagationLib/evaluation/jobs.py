"""Which cases an evaluation scores and how: the table of cases, engines, simulated annotators."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.engines import MODEL_SUFFIXES
from SlicePropagationLib.engines.adaptation import split_adapt
from SlicePropagationLib.engines.brought import weights_file
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.evaluation.protocol import (
    ALL_SPLITS,
    STEPS,
    UNIFORM,
    EvaluationProtocol,
    Job,
)
from SlicePropagationLib.files.dataset_groups import read_groups, sets_of_groups
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.training_cases import read_training_cases

if TYPE_CHECKING:
    from SlicePropagationLib.evaluation.request import EvaluateRequest


def read_jobs(request: EvaluateRequest) -> list[Job]:
    """The cases of a table with columns image, label and optionally split, dataset, case.

    Raises:
        InputError: the table cannot be read, lacks a column, a cell or a file, has a case twice, or
            none of the data sets or of the split.
        ConfigError: as `read_protocol`.
    """
    protocol = read_protocol(request)
    datasets = request.datasets
    if request.left_out:
        datasets = sets_of_groups(protocol.groups, request.left_out)
    cases = read_training_cases(Path(request.cases), datasets)
    splits = {case.split for case in cases} - {""}
    all_count = protocol.split == ALL_SPLITS or not splits
    chosen = [case for case in cases if all_count or case.split == protocol.split]
    if not chosen:
        of_sets = f" in {','.join(request.datasets)}" if request.datasets else ""
        raise InputError(
            f"{Path(request.cases)} has no case of split '{protocol.split}'{of_sets}, only of"
            f" {', '.join(sorted(splits))}; choose one of these."
        )
    jobs = [Job(case.image, case.label_map, case.dataset, case.name, protocol) for case in chosen]
    jobs = first_cases(jobs, protocol.max_cases)
    for job in jobs:
        _check_files(job)
    return jobs


def read_protocol(request: EvaluateRequest) -> EvaluationProtocol:
    """The EvaluationProtocol that a request describes.

    Every engine is made once, so that a missing one is found early.

    Raises:
        ConfigError: an engine is unknown, has no name or that of another one.
    """
    engines = tuple(_named_engine(text) for text in request.engines)
    _check_names(engines, request)
    for _, source in engines:
        choose_engine(source, request.device)
    labels = tuple(sorted(set(request.labels))) if request.labels else None
    return EvaluationProtocol(
        engines=engines,
        users=_users(request.pick, request.correct),
        shots=tuple(sorted(set(request.shots))),
        axis=request.axis,
        min_slices=request.min_slices,
        split=ALL_SPLITS if request.left_out else request.split,
        max_cases=request.max_cases,
        labels=labels,
        device=request.device,
        prior=request.prior,
        groups=_groups_of(request),
        effort=request.effort,
    )


def _groups_of(request: EvaluateRequest) -> dict[str, tuple[str, ...]]:
    """The groups that a mean is given of: those of the table, or those that were left out."""
    groups = read_groups(request.groups) if request.groups else {}
    chosen = request.left_out or tuple(groups)
    return {name: sets_of_groups(groups, [name]) for name in chosen}


def first_cases(jobs: list[Job], count: int | None) -> list[Job]:
    """The first `count` cases of each data set, in the order of the table; all when it is None."""
    if count is None:
        return jobs
    seen: Counter[str] = Counter()
    kept = []
    for job in jobs:
        seen[job.dataset] += 1
        if seen[job.dataset] <= count:
            kept.append(job)
    return kept


def read_kinds(path: Path | str) -> dict[tuple[str, str], str]:
    """{(dataset, label): kind} of a table with columns dataset, label, kind.

    "*" stands for every data set or label.

    Raises:
        InputError: the table cannot be read, or lacks a column or a cell.
    """
    kinds = {}
    for row in read_table(path, ("dataset", "label", "kind")):
        kinds[row["dataset"], row["label"]] = row["kind"]
    return kinds


def _check_files(job: Job) -> None:
    """Refuse a case without its files, before hours are spent on those ahead of it."""
    for path in (job.image, job.label_map):
        if not Path(path).exists():
            raise InputError(
                f"Case {job.case}: There is no file {path}; check the name in the table."
            )


def _named_engine(text: str) -> tuple[str, str]:
    """(name in the tables, engine) of NAME=ENGINE, or of an engine.

    The latter has its own name, a file that without its folder.
    """
    name, mark, source = text.partition("=")
    if not mark or Path(text).is_file():  # a folder may have the sign in its name
        name = text
        source = text
    if split_adapt(name)[0].endswith(MODEL_SUFFIXES) or weights_file(name):
        name = Path(name).name
    return name, source


def _check_names(engines: tuple[tuple[str, str], ...], request: EvaluateRequest) -> None:
    if not all(name and source for name, source in engines):
        raise ConfigError(
            f"'{','.join(request.engines)}' names nothing at one place; write engines or model"
            " files with one comma between them."
        )
    counts = Counter(name for name, _ in engines)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ConfigError(
            f"Two engines are called '{twice[0]}'; write NAME=MODEL.pt to give each a name of its"
            " own."
        )


def _users(picks: tuple[str, ...], corrections: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each (pick, correct) pair.

    Uniform slices and steps follow from the structure's extent, the first one too, so they need no
    pick.
    """
    fixed = {UNIFORM: (UNIFORM, UNIFORM), STEPS: ("middle", STEPS)}
    users = [fixed.get(correct, (pick, correct)) for correct, pick in product(corrections, picks)]
    return tuple(dict.fromkeys(users))
