"""`slice-propagation train` from the command line.

It trains, goes on, and refuses what it cannot use before it begins.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib import util
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import read, write
from phantoms import disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.networks.checkpoint import load_checkpoint, save_checkpoint
from SlicePropagationLib.training.release_weights import release_weights
from SlicePropagationLib.training.settings import read_settings

TINY = {
    "task": {"network": {"base_channels": 4, "depth": 2}},
    "pairs": {"size": 16},
    "loop": {"epochs": 2},
}


@pytest.fixture
def cases(tmp_path):
    """A table of four patients with a disc on six slices; (table, settings file)."""
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
            image = 100 * truth + np.random.default_rng(number).normal(0, 5, truth.shape)
            write(tmp_path / f"image{number}.nii.gz", image.astype(np.int16))
            write(tmp_path / f"label{number}.nii.gz", truth)
            table.writerow(
                [
                    f"image{number}.nii.gz",
                    f"label{number}.nii.gz",
                    "train" if number < 3 else "val",
                    "discs",
                    f"patient{number}",
                ]
            )
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return tmp_path / "cases.csv", tmp_path / "tiny.json"


def train(cases, out, *options):
    table, settings = cases
    return main(
        [
            "train",
            "slice_unet",
            "--cases",
            str(table),
            "--out",
            str(out),
            "--preset",
            "basic-small",
            "--config",
            str(settings),
            "--device",
            "cpu",
            *options,
        ]
    )


def test_a_training_leaves_weights_that_propagate(cases, tmp_path, capsys):
    assert train(cases, tmp_path / "out") == 0
    assert str(tmp_path / "out" / "best.pt") in capsys.readouterr().out
    seed = np.where(np.arange(8)[:, None, None] == 4, read(tmp_path / "label3.nii.gz"), 0).astype(
        np.uint8
    )
    write(tmp_path / "seed.nii.gz", seed)
    assert (
        main(
            [
                "propagate",
                "--image",
                str(tmp_path / "image3.nii.gz"),
                "--seed",
                str(tmp_path / "seed.nii.gz"),
                "--out",
                str(tmp_path / "found.nii.gz"),
                "--engine",
                str(tmp_path / "out" / "best.pt"),
                "--quiet",
            ]
        )
        == 0
    )
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert record["engine"] == "slice_unet"
    assert record["model_sha256"] == load_checkpoint(tmp_path / "out" / "best.pt").sha256
    assert np.array_equal(read(tmp_path / "found.nii.gz")[4], seed[4])


def test_the_same_arguments_go_on_and_others_are_refused(cases, tmp_path, capsys):
    assert train(cases, tmp_path / "out") == 0
    assert train(cases, tmp_path / "out", "--resume") == 0
    assert "going on after epoch 2" in capsys.readouterr().out
    assert train(cases, tmp_path / "out", "--seed", "5") == 2
    message = capsys.readouterr().err
    assert "another training" in message
    assert "training.loop.seed is 0 there and 5 here" in message


def test_a_damaged_record_of_a_training_is_named(cases, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("{")
    assert train(cases, tmp_path / "out") == 2
    assert "config.json" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["torch", "lightning", "monai"])
def test_a_missing_package_is_named_with_what_to_install(
    cases,
    tmp_path,
    capsys,
    monkeypatch,
    package,
):
    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == package else found(name))
    assert train(cases, tmp_path / "out") == 2
    message = capsys.readouterr().err
    assert f"needs {package}, which" in message
    assert "slice-propagation[train]" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--max-hours", "-1", "max_hours"),
        ("--max-hours", "0", "--max-hours"),
        ("--max-hours", "nan", "max_hours"),
        ("--seed", "-1", "seed"),
        ("--folds", "1", "folds"),
        ("--datasets", "hearts", "hearts"),
        ("--leave-out", "hearts", "hearts"),
        ("--leave-out", "discs", "leaves no case"),
    ],
)
def test_an_option_out_of_range_is_refused_before_anything_is_written(
    cases,
    tmp_path,
    capsys,
    option,
    value,
    words,
):
    assert train(cases, tmp_path / "out", option, value) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_more_processes_than_the_machine_can_run_are_refused_before_anything_is_written(
    cases,
    tmp_path,
    capsys,
):
    cases[1].write_text(
        json.dumps(TINY | {"loop": {"devices": os.cpu_count() + 1}}),
        encoding="utf-8",
    )
    assert train(cases, tmp_path / "out") == 2
    assert f"devices must be at most {os.cpu_count()}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def interrupted(cases, out, epochs):
    """Train in a process of its own, press Ctrl-C once so many epochs are written down.

    Returns the exit code, and what it said on both streams.
    """
    command = [
        sys.executable,
        "-m",
        "SlicePropagationLib.commands.main",
        "train",
        "slice_unet",
        "--cases",
        str(cases[0]),
        "--out",
        str(out),
        "--preset",
        "basic-small",
        "--config",
        str(cases[1]),
        "--device",
        "cpu",
    ]
    # also where these tests run in the background, which ignores it
    heeds_ctrl_c = partial(
        signal.signal,
        signal.SIGINT,
        signal.SIG_DFL,
    )
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).resolve().parents[3],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heeds_ctrl_c,
    )
    give_up = time.monotonic() + 120
    while epochs_of(out) < epochs and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)
    return process.returncode, "".join(said)


def epochs_of(out):
    """The last epoch of a training's log, 0 for none.

    The epochs before it must stand there once each.
    """
    if not (out / "log.csv").exists():
        return 0
    epochs = [
        int(row["epoch"])
        for row in csv.DictReader((out / "log.csv").read_text(encoding="utf-8").splitlines())
    ]
    assert epochs == list(range(1, len(epochs) + 1))
    return len(epochs)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all of a console")
def test_ctrl_c_ends_a_training_in_one_line_and_the_same_command_goes_on(cases, tmp_path):
    cases[1].write_text(json.dumps(TINY | {"loop": {"epochs": 1_000_000}}), encoding="utf-8")
    out = tmp_path / "out"
    code, said = interrupted(cases, out, 3)
    assert code == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    done = epochs_of(out)
    code, said = interrupted(cases, out, done + 3)
    assert code == 130
    # the last one's state may not have been written
    assert any(f"going on after epoch {number}\n" in said for number in (done - 1, done))
    assert epochs_of(out) >= done + 3


def test_weights_that_do_not_fit_are_refused_before_anything_is_written(cases, tmp_path, capsys):
    save_checkpoint(tmp_path / "other.pt", "cine", {}, {})
    save_checkpoint(tmp_path / "small.pt", "slice_unet.plain", {}, {"head.weight": torch.zeros(1)})
    for name, words in (
        ("absent.pt", "no model file"),
        ("other.pt", "'cine'"),
        ("small.pt", "do not fit"),
    ):
        assert train(cases, tmp_path / "out", "--init", str(tmp_path / name)) == 2
        assert words in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_there_is_nothing_to_resume_in_a_new_folder(cases, tmp_path, capsys):
    assert train(cases, tmp_path / "new", "--resume") == 2
    assert "no training to resume" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_cross_validation_trains_every_fold_and_writes_mean_and_deviation(cases, tmp_path):
    assert train(cases, tmp_path / "out", "--folds", "2", "--quiet") == 0
    with open(tmp_path / "out" / "folds.csv", newline="", encoding="utf-8") as file:
        rows = {row["fold"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"1", "2", "mean", "sd"}
    assert float(rows["mean"]["dice"]) == pytest.approx(
        (float(rows["1"]["dice"]) + float(rows["2"]["dice"])) / 2,
        abs=1e-4,
    )


def test_the_figure_of_a_fold_is_that_of_its_last_weights_as_held_out_patients_may_not_choose_them(
    cases,
    tmp_path,
):
    assert train(cases, tmp_path / "out", "--folds", "2", "--quiet") == 0
    for number, scores in ((1, (0.9, 0.4)), (2, (0.5, 0.6))):
        path = tmp_path / "out" / f"fold_{number}" / "metrics.jsonl"
        stored = path.read_text(encoding="utf-8").splitlines()
        pairs = zip(stored, scores, strict=True)
        lines = [json.loads(line) | {"dice": score} for line, score in pairs]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    # all is trained: only the table is written again
    assert train(cases, tmp_path / "out", "--folds", "2", "--quiet") == 0
    with open(tmp_path / "out" / "folds.csv", newline="", encoding="utf-8") as file:
        rows = {row["fold"]: row for row in csv.DictReader(file)}
    assert [rows[fold]["dice"] for fold in ("1", "2", "mean")] == ["0.4", "0.6", "0.5"]
    assert [rows[fold]["best_dice"] for fold in ("1", "2", "mean")] == [
        "0.9",
        "0.6",
        "0.75",
    ]
    assert rows["1"]["best_epoch"] == "1"


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"magic": 1}, "magic"),
        ({"loop": {"epochs": "many"}}, "epochs"),
        ({"task": {"network": {"depth": 9}}}, "depth"),
        ([1], "JSON object"),
        ({"loop": 3}, "loop must be an object"),
        ({"loop": None}, "loop must be an object"),
        ({"loop": []}, "loop must be an object"),
        ({"loop": {"milestones": ["early"]}}, "milestones"),
        ({"loop": {"milestones": 3}}, "milestones"),
        ({"loop": {"learning_rate": -1.0}}, "learning_rate"),
        ({"loop": {"learning_rate": float("nan")}}, "learning_rate"),
        ({"loop": {"weight_decay": -1.0}}, "weight_decay"),
        ({"loop": {"seed": 2**70}}, "seed"),
        ({"pairs": {"size": 15}}, "divisible by 16"),
        ({"pairs": {"size": 0}}, "size"),
        ({"pairs": {"neighbours": []}}, "neighbours"),
        ({"pairs": {"neighbours": ["next"]}}, "neighbours"),
        ({"task": {"network": {"in_channels": 3}}}, "in_channels must be 2"),
        ({"task": {"augmentation": {"pivot": "corner"}}}, "pivot"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused(cases, tmp_path, capsys, settings, words):
    cases[1].write_text(json.dumps(settings), encoding="utf-8")
    assert train(cases, tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folds", [(), ("--folds", "2")], ids=["one training", "folds"])
def test_a_training_that_fails_before_its_first_epoch_leaves_the_folder_to_other_settings(
    cases,
    tmp_path,
    capsys,
    folds,
):
    cases[1].write_text(json.dumps({**TINY, "pairs": {"size": 16, "label": 9}}), encoding="utf-8")
    assert train(cases, tmp_path / "out", *folds) == 2
    assert "no sample" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    cases[1].write_text(json.dumps(TINY), encoding="utf-8")
    assert train(cases, tmp_path / "out", *folds) == 0


def test_a_training_that_fails_later_keeps_its_folder(cases, tmp_path, monkeypatch, capsys):
    assert train(cases, tmp_path / "out") == 0
    (tmp_path / "out" / "state.ckpt").write_bytes(b"")
    assert train(cases, tmp_path / "out") == 2
    assert "state.ckpt" in capsys.readouterr().err
    assert (tmp_path / "out" / "config.json").is_file()


@pytest.mark.parametrize(
    "task, settings, words",
    [
        ("unet2d", {"task": {"network": {"in_channels": 3}}}, "in_channels must be 1"),
        (
            "unet2d",
            {"task": {"network": {"depth": 6}, "frames": {"grid": {"size": 96}}}},
            "divisible by 64",
        ),
        ("cine_unet", {"task": {"network": {"widths": [0, 4]}}}, "widths"),
        (
            "cine_unet",
            {"task": {"network": {"widths": [4] * 7}, "frames": {"grid": {"size": 96}}}},
            "divisible by 64",
        ),
        (
            "cine_bilstm",
            {"task": {"network": {"unet": {"widths": [4] * 7}}, "frames": {"grid": {"size": 96}}}},
            "divisible by 64",
        ),
        ("registration", {"pairs": {"percentiles": [-5, 200]}}, "percentiles"),
        ("registration", {"pairs": {"percentiles": [5]}}, "2 values"),
        ("registration", {"pairs": {"pixel_mm": -1}}, "pixel_mm"),
        ("registration", {"task": {"network": {"encoder": [0, 8, 8, 8]}}}, "encoder"),
        (
            "registration",
            {"task": {"network": {"encoder": [4] * 6, "decoder": [4] * 6}}},
            "divisible by 64",
        ),
        ("registration", {"task": {"likeness": "ncc", "ncc_window": 999}}, "ncc_window"),
    ],
)
def test_a_setting_of_another_task_that_does_not_fit_is_refused(
    cases,
    tmp_path,
    capsys,
    task,
    settings,
    words,
):
    cases[1].write_text(json.dumps(settings), encoding="utf-8")
    assert (
        main(
            [
                "train",
                task,
                "--cases",
                str(cases[0]),
                "--out",
                str(tmp_path / "out"),
                "--config",
                str(cases[1]),
                "--device",
                "cpu",
            ]
        )
        == 2
    )
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_settings_that_an_editor_begins_with_a_mark_are_read(tmp_path):
    (tmp_path / "task.json").write_text('{"steps": 3}', encoding="utf-8-sig")
    assert read_settings(tmp_path / "task.json") == {"steps": 3}


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"task": {"network": {"depth": 5}}}, "48 cells"),
        ({"task": {"network": {"num_maps": 9}}}, "num_maps"),
        ({"task": {"network": {"prior_map": 99}}}, "prior_map"),
        ({"walks": {"axes": [3]}}, "axes"),
        ({"walks": {"axes": []}}, "axes"),
        ({"walks": {"anchors": 0}}, "anchors"),
        ({"steps": 0}, "steps"),
        ({"phantom_share": 0.6, "pseudo_share": 0.6}, "phantom_share"),
    ],
)
def test_a_setting_of_the_default_preset_that_does_not_fit_is_refused_before_walks_are_recorded(
    cases,
    tmp_path,
    capsys,
    settings,
    words,
):
    cases[1].write_text(json.dumps(settings), encoding="utf-8")
    assert (
        main(
            [
                "train",
                "slice_unet",
                "--cases",
                str(cases[0]),
                "--out",
                str(tmp_path / "out"),
                "--config",
                str(cases[1]),
                "--device",
                "cpu",
            ]
        )
        == 2
    )
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_task_or_preset_is_refused_with_the_known_ones(cases, tmp_path, capsys):
    assert main(["train", "magic", "--cases", str(cases[0]), "--out", str(tmp_path / "out")]) == 2
    assert "slice_unet" in capsys.readouterr().err
    assert (
        main(
            [
                "train",
                "slice_unet",
                "--cases",
                str(cases[0]),
                "--out",
                str(tmp_path / "out"),
                "--preset",
                "magic",
            ]
        )
        == 2
    )
    assert "thesis" in capsys.readouterr().err


def test_a_bad_case_is_named_before_the_training_starts(cases, tmp_path, capsys):
    write(tmp_path / "label1.nii.gz", np.zeros((8, 24, 24), np.uint8))
    assert train(cases, tmp_path / "out") == 2
    assert "patient1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_training_begins_with_the_weights_given(cases, tmp_path):
    assert train(cases, tmp_path / "first") == 0
    still = {**TINY, "loop": {"epochs": 1, "learning_rate": 0.0}}
    cases[1].write_text(json.dumps(still), encoding="utf-8")
    assert train(cases, tmp_path / "second", "--init", str(tmp_path / "first" / "last.pt")) == 0
    first, second = (
        load_checkpoint(tmp_path / name / "last.pt").weights for name in ("first", "second")
    )
    assert torch.equal(first["head.weight"], second["head.weight"])


def test_a_training_begins_with_the_weights_that_come_with_the_program(cases, tmp_path):
    few = {"phantoms": 0, "pseudo_objects": 0, "walks": {"axes": [0], "anchors": 1}}
    still = {"epochs": 1, "batches_per_epoch": 1, "batch_size": 2, "learning_rate": 0.0}
    cases[1].write_text(json.dumps({**few, "loop": still}), encoding="utf-8")
    words = ["train", "slice_unet", "--preset", "fine-tune", "--config", str(cases[1])]
    words += ["--cases", str(cases[0]), "--out", str(tmp_path / "out"), "--init", "shipped"]
    assert main([*words, "--device", "cpu"]) == 0
    shipped = load_checkpoint(find_model("slice_unet")).weights
    begun = load_checkpoint(tmp_path / "out" / "last.pt").weights
    assert torch.equal(begun["unet.head.weight"], shipped["unet.head.weight"])


def test_a_task_of_which_no_weights_come_with_the_program_says_so(cases, tmp_path, capsys):
    words = ["train", "acnn_autoencoder", "--cases", str(cases[0]), "--init", "shipped"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "No weights of acnn_autoencoder come with the program" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_of_data_that_may_not_be_shipped_are_not_shipped(cases, tmp_path):
    assert train(cases, tmp_path / "out", "--datasets", "discs") == 0
    with pytest.raises(InputError, match="discs"):
        release_weights(tmp_path / "out", tmp_path / "model.pt", "train", {}, "none")


def test_a_card_states_the_hash_of_its_weights(cases, tmp_path):
    cases[0].write_text(cases[0].read_text(encoding="utf-8").replace("discs", "msd_hippocampus"))
    assert train(cases, tmp_path / "out", "--datasets", "msd_hippocampus") == 0
    card = release_weights(
        tmp_path / "out",
        tmp_path / "shipped" / "model.pt",
        "train …",
        {"dice": 0.5},
        "Discs only.",
    )
    assert load_checkpoint(tmp_path / "shipped" / "model.pt").sha256 == card["sha256"]
    assert card["licence"] == "CC BY-SA 4.0"
    assert set(card["data"]) == {"msd_hippocampus"}
    assert "Simpson" in card["data"]["msd_hippocampus"]["citation"]


def test_the_weights_after_the_last_epoch_may_be_released(cases, tmp_path):
    cases[0].write_text(cases[0].read_text(encoding="utf-8").replace("discs", "msd_hippocampus"))
    assert train(cases, tmp_path / "out", "--datasets", "msd_hippocampus") == 0
    best = load_checkpoint(tmp_path / "out" / "best.pt")
    changed = {name: value + 1 for name, value in best.weights.items()}
    save_checkpoint(tmp_path / "out" / "last.pt", best.family, best.config, changed)
    path = tmp_path / "model.pt"
    card = release_weights(tmp_path / "out", path, "train …", {}, "Discs only.", is_last=True)
    assert "last epoch" in card["chosen_by"]
    released = load_checkpoint(path).weights
    assert all(torch.allclose(released[name], changed[name], rtol=1e-2) for name in changed)
