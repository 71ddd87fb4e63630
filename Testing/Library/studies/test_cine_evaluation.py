"""The measures of the cine paper by hand, and `evaluate-cine` on sequences with known truth."""

import csv

import numpy as np
import pytest
from phantoms import square
from test_pseudo_labels import beat, write_4d

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.studies.cine.evaluation import describe
from SlicePropagationLib.studies.cine.measures import (
    curvature,
    jitter,
    measure_frames,
    measure_series,
)
from SlicePropagationLib.studies.cine.tables import paired_p

pytest.importorskip("torch")


def test_a_constant_area_has_no_curvature_and_a_straight_rise_none_either():
    assert curvature([5.0] * 6) == 0
    assert curvature([1.0, 3.0, 5.0, 7.0], is_cyclic=False) == 0


def test_curvature_by_hand():
    # A = 0 1 0 1: A' = 0 everywhere, A'' = 2 or -2; A = 0 0 3 0: A' = 0 1.5 0 -1.5 and A'' = 0 3 -6
    # 3
    assert curvature([0, 1, 0, 1]) == 2
    assert curvature([0, 0, 3, 0]) == pytest.approx((0 + 2 * 3 / (1 + 1.5**2) ** 1.5 + 6) / 4)


def test_curvature_does_not_depend_on_the_unit_of_the_area():
    beating = np.stack([square(4, 4, side) for side in (6, 5, 4, 5)])
    coarse, fine = (
        measure_series(beating, beating, spacing, [1]) for spacing in ((3.0, 3.0), (1.0, 1.0))
    )
    # areas 36 25 16 25 of mean 25.5, T = 4: A' = 2 (after - before) / 25.5, A'' = 16 (after - 2
    # here + before) / 25.5
    kappa = [
        16 * 22 / 25.5,
        16 * 2 / 25.5 / (1 + (2 * 20 / 25.5) ** 2) ** 1.5,
        16 * 18 / 25.5,
        16 * 2 / 25.5 / (1 + (2 * 20 / 25.5) ** 2) ** 1.5,
    ]
    assert coarse["curvature"] == pytest.approx(fine["curvature"]) == pytest.approx(np.mean(kappa))


def test_jitter_counts_errors_that_jump_and_not_errors_that_stay():
    truth = [30.0, 20.0, 10.0, 20.0]
    assert jitter(np.add(truth, 5), truth) == 0
    assert jitter(np.multiply(truth, 1), truth) == 0
    assert jitter([30.0, 21.0, 10.0, 20.0], truth) == pytest.approx((1 + 2 + 1) / 4)
    assert jitter([0.0, 1.0, 2.0, 3.0], [0.0] * 4, is_cyclic=False) == 0


def beating(sides):
    """A square whose side is another one in every frame."""
    return np.stack([square(2, 2, side) for side in sides])


def test_a_model_that_jumps_from_frame_to_frame_bends_more_than_a_smooth_one_of_the_same_mean_error():
    frames = np.arange(20)
    sides = np.round(14 - 5 * np.sin(np.pi * frames / 20)).astype(int)
    truth = beating(sides)
    smooth = beating(sides + 1)
    jumping = beating(sides + 2 * (frames % 2))
    even = measure_series(smooth, truth, (1.25, 1.25), range(20))
    odd = measure_series(jumping, truth, (1.25, 1.25), range(20))
    assert even["area_error_mm2"] == pytest.approx(odd["area_error_mm2"], rel=0.1)
    assert odd["curvature"] > 1.5 * even["curvature"]
    assert odd["jitter_mm2"] > 5 * even["jitter_mm2"]


def test_a_square_that_is_one_pixel_off_measured_by_hand():
    truth = np.stack([square(4, 4, 6)] * 3)
    found = np.stack([square(4, 4, 6), square(4, 5, 6), square(4, 4, 7)])
    measures = measure_series(found, truth, (2.0, 1.0), [1, 2])
    assert measures["dice"] == pytest.approx((2 * 30 / 72 + 2 * 36 / 85) / 2)
    assert measures["area_error_mm2"] == pytest.approx((0 + 2 * 13) / 2)
    assert 0 < measures["distance_mm"] < 2
    assert measures["curvature_truth"] == 0


def test_accuracy_at_ed_and_es_is_that_of_these_frames_alone():
    truth = np.stack([square(4, 4, 6)] * 4)
    found = np.stack([square(4, 5, 6), square(0, 0, 3), square(4, 4, 7), square(0, 0, 3)])
    measures = measure_frames(found, truth, (2.0, 1.0), [0, 2])
    assert measures["dice"] == pytest.approx((2 * 30 / 72 + 2 * 36 / 85) / 2)
    assert measures["area_error_mm2"] == pytest.approx((0 + 2 * 13) / 2)
    assert measures["distance_mm"] > 0


def test_the_paired_t_test_is_of_the_means_of_patients():
    changes = [
        {"case": "a_1", "dice": 0.0},
        {"case": "b", "dice": 0.02},
        {"case": "c", "dice": 0.03},
        {"case": "d", "dice": float("nan")},
    ]
    # means .0, .02, .03: t = .01667 / (.015275 / sqrt 3) = 1.89, two degrees of freedom
    assert paired_p(changes, "dice") == pytest.approx(0.199, abs=0.001)
    assert np.isnan(paired_p(changes[:2], "dice"))
    assert np.isnan(paired_p([{"case": name, "dice": 0.1} for name in "abc"], "dice"))


def test_an_empty_prediction_has_no_distance():
    truth = np.stack([square(4, 4, 6)] * 3)
    measures = measure_series(0 * truth, truth, (1.0, 1.0), [1])
    assert np.isnan(measures["distance_mm"])
    assert measures["dice"] == 0
    assert measures["area_error_mm2"] == 36


def row(
    model,
    case,
    dice,
):
    return {
        "model": model,
        "dataset": "synthetic_cine_x",
        "case": case,
        "label": 1,
        "position": 0,
        "dice_ed_es": float("nan"),
        "distance_ed_es_mm": float("nan"),
        "area_error_ed_es_mm2": float("nan"),
        "dice": dice,
        "distance_mm": float("nan"),
        "area_error_mm2": 1.0,
        "jitter_mm2": 1.0,
        "curvature": 1.0,
        "curvature_truth": 1.0,
        "ms_per_frame": 10.0,
    }


def test_the_report_says_that_sequences_are_synthetic_and_gives_paired_differences():
    rows = [row("first", f"p{n}", 0.8 + 0.01 * n) for n in range(4)] + [
        row("second", f"p{n}", 0.83 + 0.01 * n) for n in range(4)
    ]
    text = describe(rows, ["first", "second"])
    assert "synthetic" in text
    assert "| second - first | - | - | - | 0.030 [0.030, 0.030] | - |" in text
    assert "[" not in describe(rows[:2], ["first"]).split("label 1")[1]


def test_engines_are_measured_on_frames_that_nobody_annotated(tmp_path):
    image, truth = beat()
    label = np.zeros_like(truth)
    label[[0, 4]] = truth[[0, 4]]
    for name, array in (("image", image), ("label", label), ("truth", truth)):
        write_4d(tmp_path / f"{name}.nii.gz", array)
    (tmp_path / "cases.csv").write_text(
        "image,label,truth,split,dataset,case\nimage.nii.gz,label.nii.gz,truth.nii.gz,val,synthetic_discs,one\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert (
        main(
            [
                "evaluate-cine",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--models",
                "copy,registration",
                "--out",
                str(out),
                "--quiet",
            ]
        )
        == 0
    )
    with open(out / "rows.csv", encoding="utf-8") as file:
        dice = {row["model"]: float(row["dice"]) for row in csv.DictReader(file)}
    assert 0.8 < dice["copy"] < dice["registration"] <= 1
    assert (out / "areas-one-1.png").stat().st_size > 5000
    assert (out / "frames-one-1.png").stat().st_size > 5000
    with open(out / "rows.csv", encoding="utf-8") as file:
        at_ends = {row["dice_ed_es"] for row in csv.DictReader(file)}
    assert at_ends == {"nan"}  # engines were given the labels of these frames
    assert "registration - copy" in (out / "report.md").read_text(encoding="utf-8")


def test_a_table_without_truth_and_a_model_named_twice_are_refused(tmp_path, capsys):
    (tmp_path / "cases.csv").write_text("image,label,case\na,b,c\n", encoding="utf-8")
    assert (
        main(
            [
                "evaluate-cine",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--models",
                "copy",
                "--out",
                str(tmp_path / "out"),
                "--quiet",
            ]
        )
        == 2
    )
    assert "truth" in capsys.readouterr().err
    assert (
        main(
            [
                "evaluate-cine",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--models",
                "copy,copy",
                "--out",
                str(tmp_path / "out"),
                "--quiet",
            ]
        )
        == 2
    )
    assert "twice" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
