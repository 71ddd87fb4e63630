"""`cine-experiment`: trains what it compares once, measures it on frames that nobody annotated, and reports."""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from case_files import write
from cine_phantoms import beating_disc, write_4d

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.studies.cine.unseen import source_table
from SlicePropagationLib.studies.cine.variants import EXPERIMENTS, VARIANTS

FRAMES = {"grid": {"size": 32, "pixel_mm": 0.0}}
LOOP = {
    "epochs": 2,
    "batches_per_epoch": 12,
    "batch_size": 4,
    "learning_rate": 0.01,
    "milestones": [1],
}
UNET = {"out_channels": 2, "widths": [6, 12, 24]}
TINY = {
    "cine_unet": {"task": {"network": UNET, "frames": FRAMES}, "loop": LOOP | {"epochs": 3}},
    "cine_bilstm": {
        "task": {"network": {"unet": UNET, "hidden_channels": 4}, "frames": FRAMES},
        "loop": LOOP | {"batch_size": 2, "learning_rate": 0.003},
    },
    "unet2d": {
        "task": {
            "network": {
                "out_channels": 2,
                "depth": 2,
                "base_channels": 4,
            },
            "frames": FRAMES,
        },
        "loop": LOOP | {"epochs": 3},
    },
    "registration": {
        "task": {
            "network": {
                "encoder": [4, 8],
                "decoder": [8, 8],
                "final": [4],
            }
        },
        "pairs": {"size": 32},
        "loop": {"epochs": 1},
    },
}


@pytest.fixture
def cases(tmp_path):
    """A table of two patients as make-cine writes it, and a settings file."""
    with open(
        tmp_path / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "truth", "split", "dataset", "case"])
        for seed, split in enumerate(("train", "val")):
            image, truth = beating_disc(seed)
            label = np.zeros_like(truth)
            label[[0, 4]] = truth[[0, 4]]
            table.writerow(
                [
                    *(
                        write_4d(tmp_path / f"{name}{seed}.nii.gz", array).name
                        for name, array in (("image", image), ("label", label), ("truth", truth))
                    ),
                    split,
                    "synthetic_discs",
                    f"patient{seed}",
                ]
            )
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path


def experiment(
    folder,
    name,
    *more,
):
    return main(
        [
            "cine-experiment",
            name,
            "--cases",
            str(folder / "cases.csv"),
            "--out",
            str(folder / "out"),
            "--config",
            str(folder / "tiny.json"),
            "--engine",
            "copy",
            "--device",
            "cpu",
            "--quiet",
            *more,
        ]
    )


def volumes(folder):
    """A table of two volumes of two slices whose label 5 is the disc."""
    with open(
        folder / "volumes.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "dataset", "case"])
        for frame in ("ED", "ES"):
            image, truth = beating_disc(2)
            table.writerow(
                [
                    write(folder / f"new_{frame}.nii.gz", image[:2, 0]).name,
                    write(folder / f"new_{frame}_label.nii.gz", 5 * truth[:2, 0]).name,
                    "elsewhere",
                    f"new_{frame}",
                ]
            )
    return str(folder / "volumes.csv")


def test_the_two_models_are_trained_and_compared_and_serve_again(cases):
    assert experiment(cases, "models") == 0
    text = (cases / "out" / "models" / "report.md").read_text(encoding="utf-8")
    assert "synthetic" in text
    page, _, tables = text.partition("## Tables")
    assert "| U-Net + BiConvLSTM ahead of U-Net (Dice at ED, ES) | +.007 / +.009 |" in page
    assert "**Updates of each network:** U-Net " in page
    assert "| U-Net + BiConvLSTM - U-Net |" in tables
    with open(cases / "out" / "models" / "rows.csv", encoding="utf-8") as file:
        dice = {row["model"]: float(row["dice"]) for row in csv.DictReader(file)}
    assert set(dice) == {
        "U-Net",
        "U-Net trained on",
        "U-Net + BiConvLSTM",
        "frozen U-Net + BiConvLSTM",
    }
    assert min(dice.values()) > 0.5
    stamp = (cases / "out" / "trained" / "unet" / "best.pt").stat().st_mtime_ns
    assert experiment(cases, "models") == 0
    assert (cases / "out" / "trained" / "unet" / "best.pt").stat().st_mtime_ns == stamp
    assert (cases / "out" / "pseudo_labels" / "patient0.distances.csv").is_file()
    assert not (cases / "out" / "pseudo_labels" / "patient1.nii.gz").exists()


def test_voxelmorph_and_the_classical_registration_are_compared_along_time(cases):
    assert experiment(cases, "engines") == 0
    assert "| VoxelMorph - registration |" in (cases / "out" / "engines" / "report.md").read_text(
        encoding="utf-8"
    )


def test_the_u_nets_are_measured_on_real_volumes_of_data_never_trained_on(cases):
    assert (
        experiment(
            cases,
            "unseen",
            "--unseen",
            volumes(cases),
            "--datasets",
            "elsewhere",
            "--match",
            "1=5",
        )
        == 0
    )
    with open(cases / "out" / "unseen" / "rows.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["label"] for row in rows} == {"5"}
    assert min(float(row["dice"]) for row in rows) > 0.5
    text = (cases / "out" / "unseen" / "report.md").read_text(encoding="utf-8")
    assert "2 real volumes" in text
    assert "| real + pseudo - real |" in text
    assert "**elsewhere, label 5**" in text
    assert "| model | elsewhere, unseen source |" in text
    assert (cases / "out" / "warped_labels" / "patient0.nii.gz").is_file()
    record = json.loads(
        (cases / "out" / "warped_labels" / "patient0.json").read_text(encoding="utf-8")
    )
    assert record["engine"] == "voxelmorph-warp"


@pytest.mark.parametrize(
    "more, sought",
    [((), "--unseen"), (("--unseen", "t.csv", "--match", "three"), "3=1")],
)
def test_what_is_unseen_must_be_said(
    cases,
    capsys,
    more,
    sought,
):
    assert experiment(cases, "unseen", *more) == 2
    assert sought in capsys.readouterr().err
    assert not (cases / "out").exists()


def test_columns_can_be_chosen_and_a_wrong_one_is_named(cases, capsys):
    assert experiment(cases, "engines", "--only", "interpolation,copy") == 0
    assert "| copy - interpolation |" in (cases / "out" / "engines" / "report.md").read_text(
        encoding="utf-8"
    )
    assert not (cases / "out" / "trained").exists()
    assert experiment(cases, "engines", "--only", "elastix") == 2
    assert "'elastix'" in capsys.readouterr().err


def test_the_papers_tables_are_there():
    windows = [
        2 * VARIANTS[name].settings["task"]["frames"]["window"].get("radius", 5) - 1
        for name in EXPERIMENTS["window"].columns.values()
    ]
    powers = [
        VARIANTS[name].settings["task"]["frames"]["window"].get("power", 0.1)
        for name in EXPERIMENTS["power"].columns.values()
    ]
    assert sorted(windows) == [5, 9, 13, 17, 21]
    assert sorted(powers) == [0, 0.1, 1, 10, 100]


def test_the_table_by_source_weighs_labels_alike_and_puts_seen_sources_first():
    rows = [
        {"model": "real", "dataset": dataset, "label": label, "case": str(case), "dice": dice}
        for dataset, label, case, dice in (
            ("a", 1, 1, 0.8),
            ("b", 1, 1, 0.9),
            ("b", 1, 2, 0.7),
            ("b", 2, 1, 0.4),
        )
    ]
    lines = source_table(rows, ["real"], {"b"})
    assert lines[-3:] == [
        "| model | b, seen source | a, unseen source |",
        "|---|---|---|",
        "| real | 0.600 | 0.800 |",
    ]


def test_of_a_source_that_was_learnt_from_only_the_split_val_is_measured(cases):
    text = (cases / "cases.csv").read_text(encoding="utf-8")
    renamed = text.replace("synthetic_discs", "synthetic_cine_discs")
    (cases / "cases.csv").write_text(renamed, encoding="utf-8")
    volumes(cases)
    with open(cases / "both.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "dataset", "case", "split"])
        for dataset, frame, split in (
            ("discs", "ED", "train"),
            ("discs", "ES", "val"),
            ("other", "ED", "train"),
        ):
            name = f"new_{frame}"
            table.writerow([f"{name}.nii.gz", f"{name}_label.nii.gz", dataset, name, split])
    arguments = ("--unseen", str(cases / "both.csv"), "--match", "1=1,discs:1=5,other:1=5")
    assert experiment(cases, "unseen", *arguments, "--only", "real") == 0
    with open(cases / "out" / "unseen" / "rows.csv", encoding="utf-8") as file:
        measured = [(row["dataset"], row["case"]) for row in csv.DictReader(file)]
    assert measured == [("discs", "new_ES"), ("other", "new_ED")]


def test_an_unknown_experiment_is_named(cases, capsys):
    assert experiment(cases, "wings") == 2
    assert "wings" in capsys.readouterr().err
