"""The cases of a training: read from a table and split by patient.

Refused before the training starts where they are unusable.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import is_sequence, read_label_sequence, read_sequence
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.volume import read_volume


@dataclass(frozen=True)
class TrainingCase:
    """One labelled volume.

    Attributes:
        image, label_map: files.
        dataset, name: where it comes from and what it is called.
        split: "train", "val" or whatever the table says; empty when it says nothing.
    """

    image: str
    label_map: str
    dataset: str
    name: str
    split: str = ""

    @property
    def patient(self) -> str:
        """Data set and patient, so that equal names of two data sets stay apart."""
        return f"{self.dataset}/{patient_of(self.name)}"


Split = tuple[list[TrainingCase], list[TrainingCase]]  # (train, val)


def read_training_cases(
    path: Path | str, datasets: Collection[str] | None = None
) -> list[TrainingCase]:
    """All cases of a table with columns image, label and optionally split, dataset, case.

    Args:
        path: the table; paths in it are relative to it.
        datasets: names of the only data sets wanted, None for all.

    Raises:
        InputError: the table cannot be read, lacks a column or a cell, is empty, has none of these
            data sets or a case twice.
    """
    path = Path(path)
    rows = read_table(path, ("image", "label"))
    cases = [
        TrainingCase(
            image=str(path.parent / row["image"]),
            label_map=str(path.parent / row["label"]),
            dataset=row.get("dataset") or "all",
            name=row.get("case") or row["image"],
            split=row.get("split") or "",
        )
        for row in rows
    ]
    known = sorted({case.dataset for case in cases})
    unknown = sorted(set(datasets or ()) - set(known))
    if unknown:
        raise InputError(f"{path} has no data set {', '.join(unknown)}; it has {', '.join(known)}.")
    _check_names(cases)
    return [case for case in cases if datasets is None or case.dataset in datasets]


def without_sets(cases: Sequence[TrainingCase], left_out: Collection[str]) -> list[TrainingCase]:
    """The cases that are of none of the data sets which are left out.

    Raises:
        InputError: one of these is of no case, or no case is left.
    """
    known = sorted({case.dataset for case in cases})
    for name in left_out:
        if name not in known:
            raise InputError(
                f"There is no data set or group {name} to leave out; the cases are of"
                f" {', '.join(known)}."
            )
    kept = [case for case in cases if case.dataset not in left_out]
    if not kept:
        raise InputError(f"Leaving out {', '.join(left_out)} leaves no case; leave out fewer.")
    return kept


def _check_names(cases: Sequence[TrainingCase]) -> None:
    """Refuse two cases of one name.

    What is prepared of one would replace what is prepared of the other.
    """
    seen = set()
    for case in cases:
        if (case.dataset, case.name) in seen:
            raise InputError(
                f"Case {case.name} of data set {case.dataset} is in the table twice; give every row"
                " a name of its own in the column case."
            )
        seen.add((case.dataset, case.name))


def split_cases(cases: Sequence[TrainingCase], val_share: float = 0.2) -> Split:
    """(train, val) as the table says.

    Where it says nothing, the last share of the patients of every data set is for validation.

    Raises:
        InputError: one of the two is empty, a patient is in two splits (whichever), or only some
            cases say theirs.
    """
    if any(case.split for case in cases):
        _check_splits(cases)
        train = [case for case in cases if case.split == "train"]
        val = [case for case in cases if case.split == "val"]
    else:
        held_out = _last_patients(cases, val_share)
        train = [case for case in cases if case.patient not in held_out]
        val = [case for case in cases if case.patient in held_out]
    for name, chosen in (("train", train), ("val", val)):
        if not chosen:
            raise InputError(
                f"The split '{name}' has no case (of {len(cases)}); add rows to the table, or leave"
                " the column split empty to have it made."
            )
    return train, val


def _last_patients(cases: Sequence[TrainingCase], share: float) -> set[str]:
    """The last share of the patients of every data set.

    Where each has too few for that, of all together, at least one.
    """
    sets: dict[str, set[str]] = {}
    for case in cases:
        sets.setdefault(case.dataset, set()).add(case.patient)
    held_out = set()
    for patients in sets.values():
        held_out |= _last(patients, round(share * len(patients)))
    everyone = {case.patient for case in cases}
    return held_out or _last(everyone, max(1, round(share * len(everyone))))


def _last(patients: set[str], count: int) -> set[str]:
    return set(sorted(patients)[len(patients) - count :])


def _check_splits(cases: Sequence[TrainingCase]) -> None:
    """Refuse cases that would be left out, and patients that would be learnt from and judged by."""
    split_of: dict[str, str] = {}
    for case in cases:
        if not case.split:
            raise InputError(
                f"Case {case.name} has no split, others have; fill the column split for every case"
                " or for none."
            )
        earlier = split_of.setdefault(case.patient, case.split)
        if earlier != case.split:
            raise InputError(
                f"Patient {case.patient} is in two splits,"
                f" {' and '.join(sorted((earlier, case.split)))}; every patient belongs to one."
            )


def make_folds(cases: Sequence[TrainingCase], count: int) -> list[Split]:
    """[(train, val)] of a cross-validation by patient.

    Patients are dealt out in order, so every data set is in every fold.

    Raises:
        InputError: there are fewer patients than folds.
    """
    patients = sorted({case.patient for case in cases})
    if not 2 <= count <= len(patients):
        raise InputError(
            f"{count} folds need at least 2 folds and as many patients; there are {len(patients)}"
            " patients."
        )
    fold_of = {patient: number % count for number, patient in enumerate(patients)}
    return [
        (
            [case for case in cases if fold_of[case.patient] != fold],
            [case for case in cases if fold_of[case.patient] == fold],
        )
        for fold in range(count)
    ]


def check_cases(cases: Sequence[TrainingCase]) -> None:
    """Read every case once and refuse what cannot be learnt from.

    Raises:
        InputError: names the case and says what is wrong: a file is missing or unreadable, the
            grids differ, there is no label, one label fills the volume, or the image is constant.
    """
    for case in cases:
        try:
            labels = _read_label_map(case)
        except SlicePropagationError as error:
            raise InputError(f"Case {case.name}: {error}") from error
        if not labels.any():
            raise InputError(
                f"Case {case.name}: {case.label_map} has no label, every voxel is 0; label it or"
                " take it out of the table."
            )
        if np.ptp(labels) == 0:
            raise InputError(
                f"Case {case.name}: {case.label_map} has one class only, every voxel is"
                f" {labels.flat[0]}; structure and background are both needed."
            )


def _read_label_map(case: TrainingCase) -> np.ndarray:
    """The labels of a case, with every check of image and labels."""
    if is_sequence(case.image):
        return read_label_sequence(case.label_map, read_sequence(case.image))
    labels, _ = read_labels(case.label_map, read_volume(case.image))
    return labels
