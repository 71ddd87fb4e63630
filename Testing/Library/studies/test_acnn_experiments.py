"""`experiment acnn-…`: each measurement runs at a tiny scale from training to table.

The statistics are right.
"""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from shape_phantoms import shape_cases

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.studies.acnn.damages import damages
from SlicePropagationLib.studies.acnn.data_sets import acdc_group
from SlicePropagationLib.studies.acnn.ejection import (
    agreement,
    ejection_fraction,
    ejection_table,
)
from SlicePropagationLib.studies.acnn.histogram import (
    BINS,
    bin_edges,
    draw_histogram,
    shown_dimensions,
)
from SlicePropagationLib.studies.acnn.measures import (
    interpolator,
    score_segmentation,
    score_superresolution,
    summary,
    wilcoxon_p,
)
from SlicePropagationLib.training.acnn.degradation import DegradationConfig

TINY = {
    "task": {
        "labels": [1, 2],
        "network": {
            "grid": {
                "shape": [12, 24, 24],
                "spacing_mm": [1.0, 1.0, 1.0],
                "factor": 4,
            },
            "base_channels": 2,
        },
    },
    "passes": 1,
    "loop": {"batch_size": 2},
}


@pytest.fixture
def cases(tmp_path):
    """A table of eight phantoms named as ACDC's patients, two of each of four pathologies."""
    numbers = (1, 2, 21, 22, 41, 42, 61, 62)
    made = shape_cases(tmp_path, len(numbers))
    lines = [
        f"{case.image},{case.label_map},{('train', 'val')[place % 2]},shapes,patient{number:03d}_ED"
        for place, (case, number) in enumerate(zip(made, numbers, strict=True))
    ]
    (tmp_path / "cases.csv").write_text(
        "image,label,split,dataset,case\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "acnn-segmentation",
            (
                "| 3D-Seg |",
                "| 3D-UNet |",
                "| AE-Seg-M |",
                "| ACNN-Seg-MAug |",
                "| T-L |",
                "p of ACNN-Seg against 3D-Seg",
                "Grids lie without the truth: their middle at 0.500 of the slices",
                "label 2",
                "moved by up to 3 mm",
            ),
        ),
        (
            "acnn-prior-weight",
            ("| no prior |", "| printed 0.1 |", "| relative 0.1 |", "held out"),
        ),
        ("acnn-plausibility", ("| missing slices |", "rank correlation", "| decoded shape |")),
        ("acnn-superresolution", ("| B-spline |", "| 3D-UNet |", "| ACNN-SR |")),
        (
            "acnn-classification",
            ("normal 2, dilated 2, hypertrophic 2", "infarction 2", "PCA of aligned labels"),
        ),
    ],
)
def test_every_measurement_runs_from_training_to_table(
    cases,
    capsys,
    name,
    expected,
):
    arguments = [
        "experiment",
        name,
        "--cases",
        str(cases / "cases.csv"),
        "--out",
        str(cases / "out"),
        "--datasets",
        "shapes",
        "--config",
        str(cases / "tiny.json"),
        "--max-hours",
        "0.00005",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert [part for part in (*expected, "The paper") if part not in text] == []
    page, _, _ = text.partition("## Tables")
    assert "**Asked:**" in page
    assert "**Found:**" in page
    _, _, updates = page.partition("**Updates of each network:** ")
    assert "acnn_autoencoder-default " in updates.split("\n")[0]
    assert (cases / "out" / name / "results.md").read_text(encoding="utf-8") in text
    assert main(arguments) == 0  # what was trained is not trained again
    assert capsys.readouterr().out.split("seconds")[0] == text.split("seconds")[0]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("acnn-segmentation", "| ACNN-Seg |"),
        ("acnn-superresolution", "| ACNN-SR |"),
        ("acnn-plausibility", "| missing slices |"),
    ],
)
def test_in_folds_every_case_is_judged_once_by_the_last_weights_of_networks_that_have_not_seen_it(
    cases,
    capsys,
    name,
    expected,
):
    (cases / "settings.json").write_text(
        json.dumps(TINY | {"loop": {"batch_size": 2, "epochs": 1}}),
        encoding="utf-8",
    )
    left_out = ("3D-UNet", "AE-Seg", "AE-Seg-M", "3D-Seg-MAug", "ACNN-Seg-MAug", "T-L")
    without = [word for column in left_out for word in ("--without", column)]
    assert (
        main(
            [
                "experiment",
                name,
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--datasets",
                "shapes",
                "--config",
                str(cases / "settings.json"),
                "--folds",
                "2",
                "--device",
                "cpu",
                "--quiet",
                *(without if name == "acnn-segmentation" else ()),
            ]
        )
        == 0
    )
    assert "8 cases in 2 folds by patient" in (text := capsys.readouterr().out)
    assert expected in text
    held_out = []
    for fold in (1, 2):
        with open(
            cases / "out" / "acnn" / "shapes" / f"fold_{fold}" / "cases.csv",
            newline="",
            encoding="utf-8",
        ) as file:
            split_of = {row["case"]: row["split"] for row in csv.DictReader(file)}
        assert sorted(split_of.values()) == ["train"] * 4 + ["val"] * 4
        held_out += [case for case, split in split_of.items() if split == "val"]
    assert len(held_out) == len(set(held_out)) == 8


def test_folds_are_refused_where_a_measurement_has_its_own(cases, capsys):
    assert (
        main(
            [
                "experiment",
                "acnn-classification",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--folds",
                "2",
            ]
        )
        == 2
    )
    assert "--folds is for acnn-segmentation" in capsys.readouterr().err


def test_a_column_that_is_none_cannot_be_left_out(cases, capsys):
    folders = ("--cases", str(cases / "cases.csv"), "--out", str(cases / "out"))
    arguments = ("--datasets", "shapes", "--config", str(cases / "tiny.json"), "--without", "FCN")
    assert main(["experiment", "acnn-segmentation", *folders, *arguments]) == 2
    assert "no column FCN; leave out some of 3D-Seg" in capsys.readouterr().err
    assert main(["experiment", "acnn-superresolution", *folders, *arguments]) == 2
    assert "--without is for acnn-segmentation and acnn-prior-weight" in capsys.readouterr().err
    assert main(["experiment", "acnn-prior-weight", *folders, *arguments]) == 2
    assert "no column FCN; leave out some of printed 0.01" in capsys.readouterr().err


def test_weights_of_the_prior_that_are_left_out_are_not_trained(cases, capsys):
    left_out = ("printed 0.1", "relative 0.1", "relative 1")
    arguments = ["experiment", "acnn-prior-weight", "--cases", str(cases / "cases.csv")]
    arguments += ["--out", str(cases / "out"), "--datasets", "shapes", "--max-hours", "0.00005"]
    arguments += ["--config", str(cases / "tiny.json"), "--device", "cpu", "--quiet"]
    arguments += [word for column in left_out for word in ("--without", column)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    _, _, tables = text.partition("## Tables")
    assert "| printed 0.01 |" in tables
    assert "| relative 0.01 |" in tables
    assert [column for column in left_out if column in text] == []


def test_ejection_fractions_and_volumes_are_compared_as_bland_and_altman_do():
    assert ejection_fraction(120.0, 60.0) == 50.0
    own = agreement([10.0, 12.0, 17.0], [9.0, 13.0, 14.0])  # apart by 1, -1, 3
    assert own.bias == 1.0
    assert own.limits == pytest.approx(1.96 * 2.0)
    names = [f"patient{number}_{frame}" for number in (1, 2, 3) for frame in ("ED", "ES")]
    true = (100.0, 50.0, 120.0, 72.0, 80.0, 20.0)  # ejection fractions 50, 40, 75
    found = (100.0, 60.0, 120.0, 84.0, 80.0, 28.0)  # 40, 30, 65
    cases = [
        [{"class": 1, "found_ml": first, "true_ml": second}]
        for first, second in zip(found, true, strict=True)
    ]
    table = ejection_table({"network": cases}, names, 1)
    assert "| network | 1.000 | -10.00 ± 0.00 | 0.00 ± 0.00 | 10.00 ± 3.92 |" in table
    assert ejection_table({"network": cases[:4]}, names[:4], 1) == ""


def test_what_the_grid_does_not_hold_of_a_structure_counts_as_missed():
    grid = FineGridConfig((12, 8, 8), (10.0, 10.0, 10.0), 4)  # a cell is 1 ml
    classes = np.zeros((12, 8, 8), np.uint8)
    classes[4:8, 2:6, 2:6] = 1
    perfect = (
        torch.nn.functional.one_hot(torch.from_numpy(classes).long(), 3)
        .movedim(-1, 0)[None]
        .float()
    )
    image = classes.astype(np.float32)
    rows = score_segmentation(
        lambda thick: perfect, image, classes, grid, DegradationConfig(), outside=(0.5, 1.0)
    )
    # 64 voxels are found, 128 are there; of class 2 nothing is on the grid
    assert [row["dice"] for row in rows] == [pytest.approx(2 * 64 / (64 + 128)), 0.0]
    assert (rows[0]["found_ml"], rows[0]["true_ml"]) == (64.0, 128.0)


def test_a_code_of_64_numbers_is_shown_by_16_of_them(tmp_path):
    assert len(set(shown_dimensions(64))) == 16
    assert shown_dimensions(5) == [0, 1, 2, 3, 4]
    codes = np.random.default_rng(0).normal(size=(40, 64))
    codes[:, 1] = 3.0  # a dimension that an auto-encoder does not use
    assert bin_edges(codes[:, 1]).tolist()[::BINS] == [2.5, 3.5]
    draw_histogram(tmp_path / "histogram.png", codes)
    assert (tmp_path / "histogram.png").stat().st_size > 3000


def test_a_case_that_the_grid_does_not_hold_is_left_out_by_name(cases, capsys):
    (large,) = shape_cases(cases, 1, spacing=(3.0, 3.0, 3.0))
    about_truth = TINY["task"] | {"place": {"by": "structure"}}
    with open(cases / "cases.csv", "a", encoding="utf-8") as file:
        file.write(f"{large.image},{large.label_map},val,shapes,patient081_ED\n")
    (cases / "settings.json").write_text(
        json.dumps(TINY | {"task": about_truth, "loop": {"batch_size": 2, "epochs": 1}}),
        encoding="utf-8",
    )
    assert (
        main(
            [
                "experiment",
                "acnn-prior-weight",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--datasets",
                "shapes",
                "--config",
                str(cases / "settings.json"),
                "--device",
                "cpu",
                "--quiet",
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert "Left out: The structure of patient081_ED is" in text
    assert "1 epochs" in text
    assert "minutes a training" not in text


def test_each_damage_takes_away_or_moves_what_it_says():
    classes = np.zeros((13, 24, 24), np.uint8)
    classes[2:11, 4:20, 4:20] = 1
    made = damages(classes, (1.0, 1.0, 1.0))
    assert np.flatnonzero(~made["missing slices"].any(axis=(1, 2))).tolist() == [
        0,
        1,
        5,
        6,
        7,
        11,
        12,
    ]
    assert np.array_equal(
        made["shifted slices"][6],
        np.roll(classes[6], 4, axis=0),
    )
    assert np.array_equal(made["shifted slices"][4], classes[4])
    assert made["cut end"][8].any()
    assert not made["cut end"][9:].any()
    hole = np.argwhere(classes & ~made["hole"].astype(bool))
    assert 50 < len(hole) < 500
    assert (hole.min(axis=0) > (2, 4, 4)).all()
    assert (hole.max(axis=0) < (10, 19, 19)).all()


def test_an_unknown_measurement_is_refused_with_the_known_ones(cases, capsys):
    assert (
        main(
            [
                "experiment",
                "acnn-opinions",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
            ]
        )
        == 2
    )
    assert "acnn-classification" in capsys.readouterr().err


def test_acdc_numbers_its_pathologies_by_twenties():
    assert [acdc_group(f"patient{number:03d}") for number in (1, 20, 21, 60, 61, 100)] == [
        "dilated",
        "dilated",
        "hypertrophic",
        "infarction",
        "normal",
        "abnormal right ventricle",
    ]
    assert acdc_group("patient101") == acdc_group("SC-HF-I-01") == ""


def test_interpolation_of_a_ramp_is_the_ramp_between_the_outermost_slices():
    grid = FineGridConfig((48, 8, 8), (1.0, 1.0, 1.0), 4)
    ramp = np.broadcast_to(np.arange(48.0, dtype=np.float32)[:, None, None] / 48, (48, 8, 8)).copy()
    for order, inside in ((1, slice(2, 47)), (3, slice(16, 32))):  # a spline bends near the ends
        fine = interpolator(grid, order)(torch.from_numpy(ramp[None, None, 2::4].copy()))[
            0, 0
        ].numpy()
        assert np.allclose(fine[inside], ramp[inside], atol=0.002)
    assert score_superresolution(
        lambda thick: torch.from_numpy(ramp)[None, None],
        ramp,
        grid,
        DegradationConfig(),
    )["ssim"] == pytest.approx(1.0)


def test_a_perfect_network_scores_perfectly_and_one_that_finds_nothing_has_no_distance():
    grid = FineGridConfig((12, 8, 8), (2.0, 1.0, 1.0), 4)
    classes = np.zeros((12, 8, 8), np.uint8)
    classes[4:8, 2:6, 2:6] = 1
    perfect = (
        torch.nn.functional.one_hot(torch.from_numpy(classes).long(), 2)
        .movedim(-1, 0)[None]
        .float()
    )
    (row,) = score_segmentation(
        lambda thick: perfect,
        classes.astype(np.float32),
        classes,
        grid,
        DegradationConfig(),
    )
    assert (row["dice"], row["mean_mm"], row["hausdorff_mm"]) == (1.0, 0.0, 0.0)
    moved = torch.roll(perfect, 1, dims=2)
    (row,) = score_segmentation(
        lambda thick: moved,
        classes.astype(np.float32),
        classes,
        grid,
        DegradationConfig(),
    )
    assert row["dice"] == 0.75
    assert row["hausdorff_mm"] == 2.0  # one fine slice is 2 mm
    (row,) = score_segmentation(
        lambda thick: torch.zeros_like(perfect),
        classes.astype(np.float32),
        classes,
        grid,
        DegradationConfig(),
    )
    assert row["dice"] == 0
    assert np.isnan(row["hausdorff_mm"])


def test_the_paired_test_needs_six_pairs_that_differ():
    first = np.arange(8.0)
    assert wilcoxon_p(first + 1, first) < 0.05
    assert np.isnan(wilcoxon_p(first[:5] + 1, first[:5]))
    assert np.isnan(wilcoxon_p(first, first))
    assert summary([1.0, 1.0, float("nan")]) == "1.000 ± 0.000 (1.000 to 1.000), 1 without"
