"""The pancreas paper's experiments on six tiny patients, and their scores worked out by hand."""

import csv
import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import write
from phantoms import disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.studies.pnet import schedule
from SlicePropagationLib.studies.pnet.scores import (
    plateau_width,
    score_volume,
    threshold_curve,
    volume_fit,
)

TINY = {
    "task": {"network": {"channels": 4, "num_units": 5}, "slices": {"size": 32}},
    "loop": {"batches_per_epoch": 4},
}


@pytest.fixture
def cases(tmp_path):
    """A table of six patients with a disc; the last does not show label 1."""
    with open(
        tmp_path / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "split", "dataset", "case"])
        for number in range(6):
            truth = np.zeros((8, 24, 24), np.uint8)
            truth[1:7] = (1 if number < 5 else 2) * disc((24, 24), (12, 10 + number), 5)
            write(
                tmp_path / f"image{number}.nii.gz",
                (
                    100 * (truth > 0) + np.random.default_rng(number).normal(0, 5, truth.shape)
                ).astype(np.int16),
            )
            write(tmp_path / f"label{number}.nii.gz", truth)
            table.writerow(
                [
                    f"image{number}.nii.gz",
                    f"label{number}.nii.gz",
                    "train",
                    "discs",
                    f"patient{number}",
                ]
            )
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def epochs_of(folder):
    """The epochs that a training wrote down."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["epoch"] for line in lines]


def experiment(
    folder,
    name,
    *options,
):
    return main(
        [
            "experiment",
            name,
            "--cases",
            str(folder / "cases.csv"),
            "--out",
            str(folder / "out"),
            "--config",
            str(folder / "tiny.json"),
            "--max-hours",
            "0.0001",
            "--folds",
            "2",
            "--label",
            "1",
            "--device",
            "cpu",
            *options,
        ]
    )


@pytest.mark.parametrize(
    "name, columns, paper",
    [
        ("pnet-losses", 3, "83.2±5.7"),
        ("pnet-architectures", 6, "80.5±6.7"),
        ("pnet-birnn", 4, "83.3±5.6"),
        ("pnet-curriculum", 2, "83.7±5.4"),
    ],
)
def test_an_experiment_scores_every_case_once_in_every_column_with_the_paper_beside_it(
    cases,
    capsys,
    name,
    columns,
    paper,
):
    assert experiment(cases, name) == 0
    text = capsys.readouterr().out
    folder = cases / "out" / "discs-1" / name
    assert "2-fold" in text
    assert "5 cases" in text
    assert paper in text
    rows = rows_of(folder / "scores.csv")
    assert len(rows) == 5 * columns
    assert len({(row["case"], row["column"]) for row in rows}) == len(rows)
    assert {path.name for path in folder.glob("*.png")} == {
        "thresholds.png",
        "volumes.png",
        "sorted.png",
        "examples.png",
        "shapes.png",
        "findings.png",
    }
    page, _, _ = text.partition("## Tables")
    assert "**Updates of each network:** " in page
    assert "cannot be told" in page  # five patients are too few for an interval


def test_a_curriculum_says_how_many_units_had_joined_in_every_fold(cases, capsys):
    assert experiment(cases, "pnet-curriculum") == 0
    captured = capsys.readouterr()
    said = re.search(r"weights of each fold, unit after unit: (\d), (\d)\.", captured.out)
    assert said is not None
    joined = [int(number) for number in said.groups()]  # the faster the machine, the more
    assert all(1 <= number <= 5 for number in joined)
    for number in joined:
        is_warned = f"Warning: only {number} of 5 units joined" in captured.err
        assert is_warned == (number < 5)


def test_a_column_can_be_left_out_but_not_the_one_that_the_others_are_compared_with(cases, capsys):
    assert experiment(cases, "pnet-birnn", "--without", "PNet-MSA trained on") == 0
    text = capsys.readouterr().out
    assert "| PNet-MSA + BiRNN |" in text
    assert "| PNet-MSA trained on |" not in text
    assert experiment(cases, "pnet-birnn", "--without", "PNet-MSA") == 2
    assert (
        "cannot leave out 'PNet-MSA'; choose one of PNet-MSA trained on; PNet-MSA + BiRNN;"
        in capsys.readouterr().err
    )


def test_no_patient_chooses_or_trains_the_weights_that_segment_it_and_every_column_learns_for_as_many_epochs(
    cases,
    monkeypatch,
):
    monkeypatch.setattr(schedule, "SMALL_BATCHES", 4)
    assert (
        main(
            [
                "experiment",
                "pnet-birnn",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--config",
                str(cases / "tiny.json"),
                "--epochs",
                "2",
                "--folds",
                "2",
                "--label",
                "1",
                "--device",
                "cpu",
                "--quiet",
            ]
        )
        == 0
    )
    place = cases / "out" / "discs-1"
    held_out = []
    for fold in (1, 2):
        splits = {row["case"]: row["split"] for row in rows_of(place / f"fold_{fold}.csv")}
        assert len(splits) == 5
        assert set(splits.values()) == {"train", "val", "test"}
        held_out += [case for case, split in splits.items() if split == "test"]
        for column in ("joint-jaccard", "joint-jaccard-birnn"):
            assert epochs_of(place / column / f"fold_{fold}") == [1, 2]
    assert sorted(held_out) == [f"patient{number}" for number in range(5)]
    found = {}
    for row in rows_of(place / "pnet-birnn" / "scores.csv"):
        curve = [value for name, value in row.items() if name.startswith("dice_")]
        found.setdefault(row["column"], {})[row["case"]] = curve
    assert found["PNet-MSA + BiRNN"] != found["PNet-MSA trained on"]


def test_what_one_experiment_trained_serves_the_next(cases, capsys):
    assert experiment(cases, "pnet-losses") == 0
    weights = cases / "out" / "discs-1" / "joint-jaccard" / "fold_1" / "best.pt"
    trained_at = weights.stat().st_mtime_ns
    assert experiment(cases, "pnet-birnn") == 0
    assert weights.stat().st_mtime_ns == trained_at


def test_an_unknown_experiment_or_label_is_refused(cases, capsys):
    assert experiment(cases, "pnet-magic") == 2
    assert "pnet-losses" in capsys.readouterr().err
    assert (
        main(
            [
                "experiment",
                "pnet-losses",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--label",
                "9",
                "--device",
                "cpu",
            ]
        )
        == 2
    )
    assert "label 9" in capsys.readouterr().err


def test_scores_are_those_counted_by_hand():
    truth = np.zeros((1, 2, 4), bool)
    truth[0, 0] = True
    probability = np.array([[[0.9, 0.9, 0.6, 0.3], [0.6, 0.0, 0.0, 0.0]]], np.float32)
    scores = score_volume(probability, truth, (10.0, 10.0, 10.0))
    assert (scores["dice"], scores["jaccard"], scores["precision"], scores["recall"]) == (
        6 / 8,
        3 / 5,
        3 / 4,
        3 / 4,
    )
    assert (scores["true_ml"], scores["found_ml"]) == (4.0, 4.0)
    assert scores["dice_0.05"] == 8 / 9
    assert scores["dice_0.5"] == scores["dice"]
    assert scores["dice_0.75"] == 4 / 6
    assert scores["dice_0.95"] == 0


def test_nothing_found_is_no_precision_and_no_distance():
    truth = np.ones((2, 2, 2), bool)
    scores = score_volume(np.zeros(truth.shape, np.float32), truth, (1.0, 1.0, 1.0))
    assert scores["dice"] == scores["recall"] == 0
    assert np.isnan(scores["precision"])
    assert np.isnan(scores["surface_mm"])


def test_volumes_on_a_line_have_a_full_r_squared_and_the_variance_of_their_error():
    rows = [{"true_ml": true, "found_ml": 2 * true} for true in (1.0, 2.0, 3.0)]
    assert volume_fit(rows) == (pytest.approx(1.0), pytest.approx(2 / 3))
    assert np.isnan(volume_fit(rows[:2])[0])


def test_a_flat_curve_is_all_plateau_and_a_peak_is_little():
    def rows(values):
        return [
            {f"dice_{round(0.05 * number, 2)}": value for number, value in enumerate(values, 1)}
        ]

    assert plateau_width(rows([0.8] * 19)) == 1
    assert plateau_width(rows([0.1] * 9 + [0.8] + [0.1] * 9)) == pytest.approx(1 / 19)
    assert threshold_curve(rows([0.8] * 19)).shape == (19,)
