"""PNet on the command line.

Folds by patient, the BiRNN of each fold on the network of its fold, a label map with the volume's
geometry.
"""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import read, write
from phantoms import disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.networks.checkpoint import load_checkpoint

TINY = {
    "task": {"network": {"channels": 4, "num_units": 2}, "slices": {"size": 24, "label": 2}},
    "loop": {
        "epochs": 3,
        "batches_per_epoch": 10,
        "learning_rate": 0.01,
    },
}


@pytest.fixture
def cases(tmp_path):
    """A table of four patients with a disc, label 2, on six slices."""
    with open(
        tmp_path / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "case"])
        for number in range(4):
            truth = np.zeros((8, 24, 24), np.uint8)
            truth[1:7] = 2 * disc((24, 24), (12, 10 + number), 5)
            write(
                tmp_path / f"image{number}.nii.gz",
                (50 * truth + np.random.default_rng(number).normal(0, 5, truth.shape)).astype(
                    np.int16
                ),
            )
            write(tmp_path / f"label{number}.nii.gz", truth)
            table.writerow([f"image{number}.nii.gz", f"label{number}.nii.gz", f"patient{number}"])
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    (tmp_path / "birnn.json").write_text(
        json.dumps({"task": {"length": 3}, "loop": {"epochs": 1, "batches_per_epoch": 2}}),
        encoding="utf-8",
    )
    return tmp_path


def train(
    folder,
    task,
    out,
    settings,
    *options,
):
    return main(
        [
            "train",
            task,
            "--cases",
            str(folder / "cases.csv"),
            "--out",
            str(folder / out),
            "--config",
            str(folder / settings),
            "--device",
            "cpu",
            "--quiet",
            *options,
        ]
    )


def test_every_fold_of_the_birnn_begins_with_the_network_of_its_fold(cases):
    assert train(cases, "pnet_msa", "pnet", "tiny.json", "--folds", "2", "--preset", "joint") == 0
    assert (
        train(
            cases,
            "pnet_birnn",
            "birnn",
            "birnn.json",
            "--folds",
            "2",
            "--init",
            str(cases / "pnet"),
        )
        == 0
    )
    for fold in ("fold_1", "fold_2"):
        before, after = (
            load_checkpoint(cases / name / fold / "best.pt").weights for name in ("pnet", "birnn")
        )
        name = "stages.0.0.weight"
        assert (before[name] - after[f"pnet.{name}"]).abs().max() < 1e-3
    first, second = (
        load_checkpoint(cases / "pnet" / fold / "best.pt").weights["stages.0.0.weight"]
        for fold in ("fold_1", "fold_2")
    )
    assert (first - second).abs().max() > 1e-2


def test_a_birnn_without_a_network_of_slices_is_refused_before_anything_is_written(cases, capsys):
    assert train(cases, "pnet_birnn", "birnn", "birnn.json") == 2
    assert "--init" in capsys.readouterr().err
    assert not (cases / "birnn").exists()
    (cases / "empty").mkdir()
    assert train(cases, "pnet_birnn", "birnn", "birnn.json", "--init", str(cases / "empty")) == 2
    assert "best.pt" in capsys.readouterr().err


def test_the_papers_procedure_leaves_no_fold_to_be_judged_by_and_takes_the_tables_splits(
    cases,
    capsys,
):
    assert train(cases, "pnet_msa", "pnet", "tiny.json", "--folds", "2", "--preset", "paper") == 2
    assert "finetune_epochs" in capsys.readouterr().err
    assert not (cases / "pnet").exists()
    assert (
        train(cases, "pnet_msa", "pnet", "tiny.json", "--preset", "paper", "--max-cases", "3") == 0
    )
    assert (
        json.loads((cases / "pnet" / "config.json").read_text(encoding="utf-8"))["max_cases"] == 3
    )
    assert (cases / "pnet" / "first" / "best.pt").is_file()
    assert (cases / "pnet" / "best.pt").is_file()


def test_only_the_first_cases_of_a_data_set_are_trained_on_where_that_is_asked_for(cases, capsys):
    assert (
        train(cases, "pnet_msa", "pnet", "tiny.json", "--preset", "joint", "--max-cases", "1") == 2
    )
    assert "of 1" in capsys.readouterr().err


def test_segment_writes_the_trained_label_on_the_grid_of_the_volume(cases):
    assert train(cases, "pnet_msa", "pnet", "tiny.json", "--preset", "joint", "--epochs", "12") == 0
    assert train(cases, "pnet_birnn", "birnn", "birnn.json", "--init", str(cases / "pnet")) == 0
    for model in ("pnet", "birnn"):
        out = cases / f"of-{model}.nii.gz"
        assert (
            main(
                [
                    "segment",
                    "--image",
                    str(cases / "image0.nii.gz"),
                    "--model",
                    str(cases / model / "best.pt"),
                    "--out",
                    str(out),
                    "--device",
                    "cpu",
                ]
            )
            == 0
        )
        image = sitk.ReadImage(str(cases / "image0.nii.gz"))
        found = read(out)
        truth = read(cases / "label0.nii.gz")
        assert set(np.unique(found)) == {0, 2}
        assert (
            2 * ((found == 2) & (truth == 2)).sum() / ((found == 2).sum() + (truth == 2).sum())
            > 0.8
        )
        written = sitk.ReadImage(str(out))
        assert written.GetSize() == image.GetSize()
        assert np.allclose(written.GetDirection(), image.GetDirection())
        assert np.allclose(written.GetOrigin(), image.GetOrigin())
        assert (
            json.loads(out.with_name(f"of-{model}.json").read_text(encoding="utf-8"))["family"]
            == {"pnet": "pnet", "birnn": "pnet_birnn"}[model]
        )
