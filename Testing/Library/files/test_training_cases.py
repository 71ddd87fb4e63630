"""The cases of a training: split by patient, and refused by name where they cannot be learnt from."""

import csv

import numpy as np
import pytest
from case_files import write

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.training_cases import (
    TrainingCase,
    check_cases,
    make_folds,
    read_training_cases,
    split_cases,
)


def case_named(name, split="", dataset="set"):
    return TrainingCase("image.nii.gz", "label.nii.gz", dataset, name, split)


def write_pair(folder, image=None, label=None, shape=(4, 8, 8), spacing=(1.0, 1.5, 3.0)):
    """A case on disk whose image is noise and whose label is a square, unless told otherwise."""
    if image is None:
        image = np.random.default_rng(0).normal(0, 100, shape).astype(np.int16)
    if label is None:
        label = np.zeros(shape, np.uint8)
        label[1:3, 2:5, 2:5] = 1
    return TrainingCase(
        str(write(folder / "image.nii.gz", image)),
        str(write(folder / "label.nii.gz", label, spacing=spacing)),
        "set",
        "patient7",
    )


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def test_a_table_gives_cases_with_files_beside_it(tmp_path):
    table = write_table(
        tmp_path / "cases.csv",
        [
            {
                "image": "a/image.nii.gz",
                "label": "a/label.nii.gz",
                "split": "train",
                "dataset": "set",
                "case": "one",
            }
        ],
    )
    (case,) = read_training_cases(table)
    assert case.image == str(tmp_path / "a" / "image.nii.gz")
    assert (
        case.name,
        case.split,
        case.dataset,
    ) == ("one", "train", "set")


def test_only_the_data_sets_asked_for_are_taken(tmp_path):
    table = write_table(
        tmp_path / "cases.csv",
        [
            {
                "image": f"{name}.nii",
                "label": "l.nii",
                "dataset": name,
            }
            for name in ("heart", "brain")
        ],
    )
    assert [case.dataset for case in read_training_cases(table, ["brain"])] == ["brain"]
    with pytest.raises(InputError, match="liver.*brain, heart"):
        read_training_cases(table, ["liver"])


def test_a_table_without_labels_is_refused(tmp_path):
    with pytest.raises(InputError, match="image and label"):
        read_training_cases(
            write_table(tmp_path / "cases.csv", [{"image": "a.nii", "seed": "b.nii"}])
        )


@pytest.mark.parametrize(
    "stored",
    [b"image,label\na.nii\n", b"image,label\n,l.nii\n"],
    ids=["short row", "empty cell"],
)
def test_a_row_without_both_files_is_refused_by_its_number(tmp_path, stored):
    (tmp_path / "cases.csv").write_bytes(stored)
    with pytest.raises(InputError, match="row 1"):
        read_training_cases(tmp_path / "cases.csv")


@pytest.mark.parametrize("stored", [b"\x1f\x8b\xff\xfe", b"image,label\n\xff\xfe,l.nii\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path, stored):
    (tmp_path / "cases.csv").write_bytes(stored)
    with pytest.raises(InputError, match="cases.csv"):
        read_training_cases(tmp_path / "cases.csv")


def test_a_table_of_a_spreadsheet_that_begins_with_a_mark_is_read(tmp_path):
    (tmp_path / "cases.csv").write_text(
        "image,label\na.nii,l.nii\n",
        encoding="utf-8-sig",
        newline="\r\n",
    )
    assert [case.name for case in read_training_cases(tmp_path / "cases.csv")] == ["a.nii"]


def test_two_cases_of_one_name_are_refused(tmp_path):
    table = write_table(
        tmp_path / "cases.csv",
        [
            {
                "image": "a.nii",
                "label": f"rater{number}.nii",
                "dataset": "set",
            }
            for number in (1, 2)
        ],
    )
    with pytest.raises(InputError, match="a.nii.*twice.*case"):
        read_training_cases(table)


def test_names_may_repeat_in_different_data_sets(tmp_path):
    table = write_table(
        tmp_path / "cases.csv",
        [
            {
                "image": f"{name}.nii",
                "label": "l.nii",
                "dataset": name,
                "case": "one",
            }
            for name in ("heart", "brain")
        ],
    )
    assert len(read_training_cases(table)) == 2


def test_the_table_decides_the_split():
    train, val = split_cases(
        [case_named("a", "train"), case_named("b", "val"), case_named("c", "test")]
    )
    assert [case.name for case in train] == ["a"]
    assert [case.name for case in val] == ["b"]


def test_without_a_split_some_patients_are_held_out_with_all_their_frames():
    cases = [
        case_named(f"patient{number:03d}_{frame}") for number in range(10) for frame in ("ED", "ES")
    ]
    train, val = split_cases(cases)
    assert len(val) == 4
    assert not {case.patient for case in train} & {case.patient for case in val}


@pytest.mark.parametrize("form", ["patient{}_{}.nii.gz", "patient{}_{}/image.nii.gz"])
def test_frames_of_one_patient_stay_together_where_their_files_name_the_cases(form):
    train, val = split_cases(
        [case_named(form.format(number, frame)) for number in range(10) for frame in ("ED", "ES")]
    )
    assert len(val) == 4
    assert not {case.patient for case in train} & {case.patient for case in val}


def test_without_a_split_every_data_set_is_learnt_from_and_judged():
    train, val = split_cases(
        [
            case_named(f"patient{number}", dataset=dataset)
            for dataset in ("heart", "brain")
            for number in range(5)
        ]
    )
    assert len(val) == 2
    assert (
        {case.dataset for case in train}
        == {case.dataset for case in val}
        == {
            "heart",
            "brain",
        }
    )


def test_an_empty_split_is_refused():
    with pytest.raises(InputError, match="'val' has no case"):
        split_cases([case_named("a", "train")])


def test_a_case_without_a_split_among_others_that_have_one_is_refused_by_name():
    with pytest.raises(InputError, match="patient3.*split"):
        split_cases(
            [case_named("patient1", "train"), case_named("patient2", "val"), case_named("patient3")]
        )


@pytest.mark.parametrize("splits", [("train", "val"), ("train", "test"), ("val", "test")])
def test_a_patient_in_two_splits_is_refused_by_name(splits):
    others = [case_named("patient001", "train"), case_named("patient002", "val")]
    frames = [
        case_named(f"patient003_{frame}", split)
        for frame, split in zip(("ED", "ES"), splits, strict=True)
    ]
    with pytest.raises(InputError, match=f"(?s)patient003.*{'.*'.join(sorted(splits))}"):
        split_cases([*others, *frames])


def test_one_patient_alone_cannot_be_split():
    with pytest.raises(InputError, match="'train' has no case"):
        split_cases([case_named("patient001_ED"), case_named("patient001_ES")])


def test_every_patient_is_held_out_once_in_a_cross_validation():
    cases = [
        case_named(f"patient{number:03d}_{frame}") for number in range(7) for frame in ("ED", "ES")
    ]
    folds = make_folds(cases, 3)
    held_out = [case.name for _, val in folds for case in val]
    assert sorted(held_out) == sorted(case.name for case in cases)
    assert all(
        not {case.patient for case in train} & {case.patient for case in val}
        for train, val in folds
    )


def test_more_folds_than_patients_are_refused():
    with pytest.raises(InputError, match="2 patients"):
        make_folds([case_named("a"), case_named("b")], 5)


def test_usable_cases_pass(tmp_path):
    check_cases([write_pair(tmp_path)])


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"label": np.zeros((4, 8, 8), np.uint8)}, "no label"),
        ({"label": np.ones((4, 8, 8), np.uint8)}, "one class"),
        ({"label": np.ones((5, 8, 8), np.uint8)}, "4"),
        ({"spacing": (1.0, 1.0, 2.0)}, "spacing"),
        ({"image": np.full((4, 8, 8), 3, np.int16)}, "constant"),
    ],
)
def test_an_unusable_case_is_refused_by_name(tmp_path, changes, words):
    with pytest.raises(InputError, match=f"(?s)patient7.*{words}"):
        check_cases([write_pair(tmp_path, **changes)])


def test_a_missing_file_is_refused_by_name(tmp_path):
    case = write_pair(tmp_path)
    (tmp_path / "label.nii.gz").unlink()
    with pytest.raises(InputError, match="patient7"):
        check_cases([case])
