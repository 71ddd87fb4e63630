"""Which cases an experiment of the thesis learns from and which it walks: one split, or folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.training_cases import (
    make_folds,
    read_training_cases,
    split_cases,
)
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import write_cases


def parts_of(request: StudyRequest, seen: list[str]) -> list[StudyRequest]:
    """The request with its split or, with --folds, one for each fold, in a folder of its own.

    The thesis's tables are means and standard deviations of five folds by scan.
    """
    if not request.folds:
        return [_with_split(request, seen)]
    cases = read_training_cases(request.cases)
    known = [case for case in cases if case.split in ("", "train", "val")]
    others = [case for case in known if case.dataset not in seen and case.split != "train"]
    learnt = [case for case in known if case.dataset in seen]
    parts = []
    for number, (rest, held_out) in enumerate(make_folds(learnt, request.folds), 1):
        chosen = [replace(case, split="train") for case in rest]
        chosen += [replace(case, split="val") for case in (*held_out, *others)]
        place = Path(request.out) / f"fold_{number}"
        with atomic_folder(place) as partial:
            write_cases(partial / "cases.csv", chosen)
        parts.append(replace(request, cases=place / "cases.csv", out=place, folds=None))
    return parts


def _with_split(request: StudyRequest, seen: list[str]) -> StudyRequest:
    """The request, with a table that says for every case whether it is learnt from or walked.

    Where theirs does not, the split is made and written down.
    """
    cases = read_training_cases(request.cases)
    if any(case.split for case in cases):
        return request
    train_cases, val_cases = split_cases([case for case in cases if case.dataset in seen])
    val_cases = [*val_cases, *(case for case in cases if case.dataset not in seen)]
    chosen = [replace(case, split="train") for case in train_cases]
    chosen += [replace(case, split="val") for case in val_cases]
    path = Path(request.out) / "cases.csv"
    with atomic_folder(path.parent) as partial:
        write_cases(partial / path.name, chosen)
    return replace(request, cases=path)
