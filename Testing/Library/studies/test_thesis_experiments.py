"""The experiments of the thesis, on four tiny patients.

Variants are shared, what was done is not done again, the table says what was asked.
"""

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
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.thesis.automatic import find_everywhere
from SlicePropagationLib.studies.thesis.report import _structures_table
from SlicePropagationLib.studies.thesis.variants import EXPERIMENTS, VARIANTS
from SlicePropagationLib.training.slice.slice_unet import PRESETS

TINY = {
    "task": {"network": {"base_channels": 4}},
    "pairs": {"size": 32},
    "loop": {"batches_per_epoch": 2},
}


@pytest.fixture
def cases(tmp_path):
    """A table of four patients of two data sets, a disc on six slices."""
    with open(
        tmp_path / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "split", "dataset", "case"])
        for number in range(4):
            truth = np.zeros((8, 24, 24), np.uint8)
            truth[1:7] = disc((24, 24), (12, 10 + number), 5)
            write(
                tmp_path / f"image{number}.nii.gz",
                (100 * truth + np.random.default_rng(number).normal(0, 5, truth.shape)).astype(
                    np.int16
                ),
            )
            write(tmp_path / f"label{number}.nii.gz", truth)
            table.writerow(
                [
                    f"image{number}.nii.gz",
                    f"label{number}.nii.gz",
                    ["train", "val"][number % 2],
                    ["discs", "balls"][number // 2],
                    f"patient{number}",
                ]
            )
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path


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
            "0.0002",
            "--device",
            "cpu",
            *options,
        ]
    )


def test_variants_are_trained_once_and_serve_other_experiments(cases, capsys):
    assert experiment(cases, "architecture") == 0
    text = capsys.readouterr().out
    page, _, tables = text.partition("## Tables")
    assert page.startswith("# U-Net against residual units")
    # two patients are too few for an interval
    assert "| U-Net ahead of residual (Dice) | +.069 (.853, .783) |" in page
    assert "**Found:** of 1 statement 1 cannot be told." in page
    assert "| structure | objects | U-Net | residual |" in tables
    assert "| balls 1 | 1 |" in text
    assert (cases / "out" / "architecture" / "results.md").read_text(encoding="utf-8") in text
    for name in ("examples.png", "findings.png"):
        assert (cases / "out" / "architecture" / name).stat().st_size > 5000
    assert experiment(cases, "depth") == 0
    weights = cases / "out" / "variants" / "thesis" / "best.pt"
    trained_at = weights.stat().st_mtime_ns
    assert experiment(cases, "architecture", "--quiet") == 0
    assert weights.stat().st_mtime_ns == trained_at
    depth = json.loads(
        (cases / "out" / "variants" / "depth2" / "config.json").read_text(encoding="utf-8")
    )["training"]
    assert depth["task"]["network"]["depth"] == 2
    assert depth["task"]["network"]["base_channels"] == 4


def test_a_table_without_a_split_is_split_once_and_nothing_is_walked_that_was_learnt_from(cases):
    with open(cases / "cases.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(
        cases / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.DictWriter(file, ["image", "label", "dataset", "case"], extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    assert experiment(cases, "architecture") == 0
    with open(
        cases / "out" / "architecture" / "thesis" / "rows.csv",
        newline="",
        encoding="utf-8",
    ) as file:
        assert {row["case"] for row in csv.DictReader(file)} == {
            "patient1"
        }  # the last one of the data set that is last
    assert (
        experiment(cases, "unseen", "--datasets", "discs") == 2
    )  # the other trainings are not those of this table
    assert (
        main(
            [
                "experiment",
                "unseen",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "new"),
                "--config",
                str(cases / "tiny.json"),
                "--max-hours",
                "0.0002",
                "--device",
                "cpu",
                "--datasets",
                "discs",
            ]
        )
        == 0
    )
    with open(
        cases / "new" / "unseen" / "thesis" / "rows.csv",
        newline="",
        encoding="utf-8",
    ) as file:
        assert {row["case"] for row in csv.DictReader(file)} == {"patient2", "patient3"}


@pytest.mark.parametrize(
    "option, value",
    [("--datasets", "hearts"), ("--seed", "-1"), ("--max-hours", "-1")],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    cases,
    capsys,
    option,
    value,
):
    assert experiment(cases, "depth", option, value) == 2
    assert capsys.readouterr().err
    assert not (cases / "out").exists()


def test_corrections_are_tabulated_and_drawn_by_their_number(cases, capsys):
    assert experiment(cases, "corrections") == 0
    page, _, tables = capsys.readouterr().out.partition("## Tables")
    assert "| depth 4 ahead of depth 2 (Dice) | a plot only |" in page
    lines = [line for line in tables.splitlines() if line.startswith("|")]
    assert len(lines) == 2 * (2 + 11)
    assert lines[13] == "| annotated slices | balls 1 | discs 1 |"
    assert lines[0].count("depth") == 4
    assert lines[7].split("|")[2].strip() == "1.000"  # six slices of six are annotated
    for name in ("corrections.png", "organs.png"):
        assert (cases / "out" / "corrections" / name).stat().st_size > 5000


def test_unseen_structures_are_those_of_the_other_data_sets(cases, capsys):
    assert experiment(cases, "unseen", "--datasets", "discs") == 0
    text = capsys.readouterr().out
    assert "| balls 1 | 1 |" in text
    assert "| discs 1 |" not in text
    assert experiment(cases, "unseen") == 2
    assert "left to walk" in capsys.readouterr().err


def test_every_structure_has_an_automatic_network_of_its_own(cases, capsys):
    assert experiment(cases, "baselines") == 0
    assert {path.name for path in (cases / "out" / "variants").iterdir()} == {
        "automatic-discs-1",
        "automatic-balls-1",
        "basic",
    }


def test_an_automatic_network_is_given_no_slice_so_that_none_enters_its_score():
    class Bright:
        """Says what is bright, and refuses to look at a mask or at an anchor of the stack."""

        name = "bright"

        def walk(self, stack, run, anchors):
            assert run.anchor not in range(len(stack))
            for index in run.targets:
                yield (stack.images[index] > 0.5).astype(np.float32)

    images = np.zeros((4, 6, 6), np.float32)
    images[1:3, 2:4] = 1
    found = find_everywhere(Bright(), SliceStack(images))
    assert np.array_equal(found, images > 0.5)  # the middle slice, too, is what the network says
    assert PRESETS["automatic"].task.augmentation.turn == 10.0
    assert not PRESETS["automatic"].task.uses_prior


def test_in_folds_every_patient_is_walked_once_and_the_spread_is_that_of_folds(cases, capsys):
    assert experiment(cases, "architecture", "--folds", "2") == 0
    text = capsys.readouterr().out
    assert "2 folds by patient" in text
    assert "standard deviation over folds" in text
    walked = []
    for fold in ("fold_1", "fold_2"):
        path = cases / "out" / fold / "architecture" / "thesis" / "rows.csv"
        with open(path, newline="", encoding="utf-8") as file:
            walked += [row["case"] for row in csv.DictReader(file)]
    assert sorted(walked) == [f"patient{number}" for number in range(4)]


def test_a_table_of_folds_has_the_deviation_of_their_means():
    rows = [
        {"dataset": "a", "label": "1", "column": "U-Net", "dice": dice, "fold": fold}
        | {"dice_thesis": dice}
        for fold, dice in ((1, 0.6), (1, 0.8), (2, 0.9), (2, 0.9))
    ]
    text = _structures_table(rows, ["U-Net"])
    assert "| a 1 | 4 | 0.800 ± 0.100 |" in text  # means of folds .7 and .9
    assert "**0.800 ± 0.100**" in text


def test_an_unknown_experiment_is_refused_with_the_known_ones(cases, capsys):
    assert experiment(cases, "width") == 2
    assert ", ".join(EXPERIMENTS) in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, options",
    [
        ("depth", ("--label", "1")),
        ("depth", ("--without", "depth 2")),
        ("pnet-losses", ("--engine", "copy")),
        ("pnet-jump", ("--epochs", "3", "--config", "x.json")),
        ("acnn-segmentation", ("--label", "1")),
    ],
)
def test_an_option_that_an_experiment_would_ignore_is_refused(
    tmp_path,
    capsys,
    name,
    options,
):
    assert (
        main(
            [
                "experiment",
                name,
                "--cases",
                str(tmp_path / "cases.csv"),
                "--out",
                str(tmp_path / "out"),
                "--device",
                "cpu",
                *options,
            ]
        )
        == 2
    )
    message = capsys.readouterr().err
    assert name in message
    assert all(option in message for option in options[::2])


def test_the_grid_of_the_prior_mask_is_that_of_the_thesis():
    grid = {
        column: (
            VARIANTS[name]
            .settings()
            .get("task", {})
            .get("augmentation", {"prior_turn": 1.0, "prior_scale": 0.1})
        )
        for column, name in EXPERIMENTS["prior-mask"].columns.items()
    }
    assert grid == {
        "1°/1 %": {"prior_turn": 1.0, "prior_scale": 0.01},
        "1°/10 %": {"prior_turn": 1.0, "prior_scale": 0.1},
        "5°/5 %": {"prior_turn": 5.0, "prior_scale": 0.05},
        "10°/1 %": {"prior_turn": 10.0, "prior_scale": 0.01},
        "10°/10 %": {"prior_turn": 10.0, "prior_scale": 0.1},
    }


def test_the_ablation_trains_the_default_preset_without_its_parts_on_walks_recorded_once(
    cases,
    capsys,
):
    tiny = {
        "task": {"network": {"base_channels": 4, "depth": 2}},
        "walks": {"axes": [0], "anchors": 1},
        "phantoms": 8,
        "pseudo_objects": 1,
        "loop": {
            "batches_per_epoch": 2,
            "batch_size": 2,
            "precision": "32-true",
        },
    }
    (cases / "tiny.json").write_text(json.dumps(tiny), encoding="utf-8")
    assert experiment(cases, "ablation") == 0
    text = capsys.readouterr().out
    assert "| true masks fed back |" in text
    assert "| balls 1 | 1 |" in text
    trained = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))["training"]
        for path in (cases / "out" / "variants").glob("*/config.json")
    }
    assert len(trained) == len(EXPERIMENTS["ablation"].columns)
    assert not trained["one_step"]["task"]["is_rolled_out"]
    assert trained["guided"]["task"]["is_rolled_out"]
    assert trained["no_phantoms"]["phantom_share"] == 0
    assert trained["guided"]["phantom_share"] > 0
    assert list((cases / "out" / "walks").glob("*.npz"))
    assert not list((cases / "out" / "variants").glob("*/walks"))


def test_walks_are_refused_by_a_preset_that_records_none(cases, capsys):
    assert (
        main(
            [
                "train",
                "slice_unet",
                "--preset",
                "thesis-small",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--walks",
                str(cases),
            ]
        )
        == 2
    )
    assert "leave --walks out" in capsys.readouterr().err


def test_every_variant_takes_as_many_steps_where_epochs_are_named(cases, capsys):
    assert (
        main(
            [
                "experiment",
                "architecture",
                "--cases",
                str(cases / "cases.csv"),
                "--out",
                str(cases / "out"),
                "--config",
                str(cases / "tiny.json"),
                "--epochs",
                "3",
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert "3 epochs of 100 batches each" in text
    assert re.search(r"\*\*Updates of each network:\*\* U-Net (\d+); residual \1\.", text)
    for name in ("thesis", "residual"):
        folder = cases / "out" / "variants" / name
        rates = [
            json.loads(line)["learning_rate"]
            for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        assert len(rates) == 3
        assert rates[0] > rates[1] > rates[2]
