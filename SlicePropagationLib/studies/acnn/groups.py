"""How well codes tell groups of patients apart, against PCA of their aligned labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.studies.acnn.principal_components import principal_components
from SlicePropagationLib.studies.acnn.random_forest import RandomForest
from SlicePropagationLib.studies.tables import markdown_line

if TYPE_CHECKING:
    from SlicePropagationLib.studies.acnn.codes import CodedCase

BOOTSTRAPS = 2000


class Judged(NamedTuple):
    """Who was told right.

    Attributes:
        frames: that were looked at, as text.
        patients: names.
        by_code, by_labels: (patients,) bool, whether codes, and PCA of aligned labels, were right.
    """

    frames: str
    patients: tuple[str, ...]
    by_code: np.ndarray
    by_labels: np.ndarray


def frames_by_patient(
    coded: Iterable[CodedCase],
) -> tuple[dict[str, list[CodedCase]], list[str]]:
    """The cases of the patients who have every frame that some patient has.

    An ES frame is so never compared with the ED frames of other patients.

    Returns:
        ({patient: CodedCases, sorted by frame}, a message for each patient who was left out).
    """
    frames: dict[str, list[CodedCase]] = {}
    wanted = set()
    for case in sorted(coded, key=lambda case: case.name):
        frames.setdefault(case.patient, []).append(case)
        wanted.add(case.frame)
    complete = {}
    messages = []
    for patient, own in frames.items():
        missing = sorted(wanted - {case.frame for case in own})
        if missing:
            lacking = " and no ".join(missing)
            messages.append(f"Left out: {patient}, of whom there is no {lacking}.\n")
        else:
            complete[patient] = own
    return complete, messages


def classification_text(
    frames: Mapping[str, list[CodedCase]],
    groups: Sequence[int] | np.ndarray,
    names: Sequence[str],
    num_folds: int,
) -> str:
    """The table of groups.md; arguments and errors as of `judge_groups`."""
    return judged_text(judge_groups(frames, groups, names, num_folds), groups, names, num_folds)


def judge_groups(
    frames: Mapping[str, list[CodedCase]],
    groups: Sequence[int] | np.ndarray,
    names: Sequence[str],
    num_folds: int,
) -> list[Judged]:
    """Who is told right by the first frame, and by all.

    Args:
        frames: {patient: CodedCases}, in the order of `groups`, the same frames for each patient.
        groups: (patients,) group numbers.
        names: of the groups.
        num_folds: of the cross-validation.

    Raises:
        InputError: a group has fewer patients than there are folds.
    """
    numbers = np.asarray(groups)
    folds = stratified_folds(np.array(names)[numbers], num_folds)
    kinds = [case.frame for case in next(iter(frames.values()))]
    judged = []
    for count in sorted({1, len(kinds)}):
        first = [own[:count] for own in frames.values()]
        title = str("+".join(kinds[:count]) or count)
        by_code, by_labels = _predictions(first, numbers, folds)
        judged.append(Judged(title, tuple(frames), by_code == numbers, by_labels == numbers))
    return judged


def judged_text(
    judged: Iterable[Judged],
    groups: Sequence[int] | np.ndarray,
    names: Sequence[str],
    num_folds: int,
) -> str:
    """What `judge_groups` found, as a table."""
    numbers = np.asarray(groups)
    counts = [f"{name} {np.count_nonzero(numbers == number)}" for number, name in enumerate(names)]
    lines = [
        f"{len(numbers)} patients: {', '.join(counts)}",
        (
            f"\nAccuracy of a random forest in {num_folds} folds by patient, with its 95 %"
            " bootstrap interval over patients.\n"
        ),
        "| frames | codes | PCA of aligned labels |",
        "| --- | --- | --- |",
    ]
    for one in judged:
        lines.append(markdown_line([one.frames, _accuracy(one.by_code), _accuracy(one.by_labels)]))
    return "\n".join(lines) + "\n"


def stratified_folds(
    groups: Sequence[object] | np.ndarray,
    count: int,
    seed: int = 0,
) -> np.ndarray:
    """(cases,) fold numbers; every group is dealt out evenly.

    Args:
        groups: (cases,) names or numbers of the groups.
        count: number of folds.
        seed: of the order in which cases are dealt out.

    Raises:
        InputError: a group has fewer cases than there are folds.
    """
    group_of = np.asarray(groups)
    folds = np.zeros(len(group_of), int)
    random = np.random.default_rng(seed)
    for group in np.unique(group_of):
        members = random.permutation(np.flatnonzero(group_of == group))
        if len(members) < count:
            raise InputError(
                f"Group {group} has {len(members)} patients, {count} folds need as many; take fewer"
                " folds or more patients."
            )
        folds[members] = np.arange(len(members)) % count
    return folds


def cross_validate(
    features: Sequence[np.ndarray] | np.ndarray,
    groups: Sequence[int] | np.ndarray,
    folds: np.ndarray,
    *,
    num_components: int = 0,
    seed: int = 0,
) -> np.ndarray:
    """(cases,) predicted groups, each by a forest that did not see the fold of the case.

    Args:
        features: (cases, numbers).
        groups: (cases,) group numbers.
        folds: (cases,) fold numbers.
        num_components: principal components that the numbers are reduced to first, found without
            the fold; 0 leaves them as they are.
        seed: of the forests.
    """
    table = np.asarray(features, np.float32)
    group_of = np.asarray(groups)
    predicted = np.zeros(len(group_of), int)
    for fold in np.unique(folds):
        is_seen = folds != fold
        seen = table[is_seen]
        unseen = table[~is_seen]
        if num_components:
            components = principal_components(seen, num_components)
            seen = components.of(seen)
            unseen = components.of(unseen)
        forest = RandomForest(seed=seed).fit(seen, group_of[is_seen])
        predicted[~is_seen] = forest.predict(unseen)
    return predicted


def _predictions(
    frames: list[list[CodedCase]],
    groups: np.ndarray,
    folds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The groups of patients as codes tell them, and as PCA of aligned labels does.

    The latter has as many components as the code has numbers.
    """
    codes = []
    labels = []
    for own in frames:
        codes.append(np.concatenate([case.code for case in own]))
        labels.append(np.concatenate([case.classes.ravel() for case in own]))
    by_code = cross_validate(codes, groups, folds)
    rows = _one_hot_rows(np.array(labels))
    by_labels = cross_validate(rows, groups, folds, num_components=len(codes[0]))
    return by_code, by_labels


def _one_hot_rows(labels: np.ndarray) -> np.ndarray:
    """(cases, voxels * classes) float32: 1 where a voxel has a class, background left out.

    Voxels that are the same in all cases are left out.
    """
    classes = range(1, int(labels.max()) + 1)
    rows = np.concatenate([labels == number for number in classes], axis=1)
    differs = rows.any(axis=0) & ~rows.all(axis=0)
    return rows[:, differs].astype(np.float32)


def _accuracy(is_right: np.ndarray) -> str:
    random = np.random.default_rng(0)
    draws = random.integers(0, len(is_right), (BOOTSTRAPS, len(is_right)))
    low, high = np.percentile(is_right[draws].mean(axis=1), [2.5, 97.5])
    return f"{100 * is_right.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"
