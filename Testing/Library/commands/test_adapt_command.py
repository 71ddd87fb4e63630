"""`--adapt`: on the command line an engine learns from annotated slices, and a record repeats it."""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from case_files import make_case, read

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet

ANCHORS = (4, 8, 12)


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path, slices=ANCHORS)


@pytest.fixture
def model(tmp_path):
    """A small network that finds everything larger than it is."""
    torch.manual_seed(0)
    network = GuidedUNet(GuidedUNetConfig(base_channels=4, depth=2))
    with torch.no_grad():
        network.unet.head.bias[1] = 4.0
    path = tmp_path / "generous.pt"
    config = {"network": network.config.__dict__}
    save_checkpoint(path, "slice_unet.guided", config, network.state_dict())
    return str(path)


def propagate(case, out, *options):
    files = ("--image", str(case["image"]), "--out", str(out), "--quiet", "--device", "cpu")
    assert main(["propagate", *files, *options]) == 0
    return read(out)


def test_with_adapt_the_result_is_another_one_and_the_record_makes_it_again(case, model, tmp_path):
    seed = ("--seed", str(case["seed"]), "--engine", model)
    plain = propagate(case, tmp_path / "plain.nii.gz", *seed)
    out = tmp_path / "adapted.nii.gz"
    adapted = propagate(case, out, *seed, "--adapt")
    assert not np.array_equal(adapted, plain)
    record = tmp_path / "adapted.json"
    told = json.loads(record.read_text(encoding="utf-8"))["history"][-1]["adapt"]
    assert told["annotated"] == [{"label": 1, "slices": list(ANCHORS)}]
    assert told["steps"] > 0
    again = ("--history", str(record), "--engine", model)
    assert np.array_equal(propagate(case, tmp_path / "again.nii.gz", *again), adapted)


def test_an_engine_with_nothing_to_tune_says_so_once_and_goes_on(case, tmp_path, caplog):
    seed = ("--seed", str(case["seed"]), "--engine", "registration")
    plain = propagate(case, tmp_path / "plain.nii.gz", *seed)
    adapted = propagate(case, tmp_path / "adapted.nii.gz", *seed, "--adapt")
    assert caplog.text.count("has nothing that could learn") == 1
    assert np.array_equal(adapted, plain)


def test_a_batch_with_adapt_is_not_done_by_one_without(case, model, tmp_path, capsys):
    table = tmp_path / "cases.csv"
    table.write_text(f"image,seed,out\n{case['image']},{case['seed']},a.nii.gz\n", encoding="utf-8")
    batch = ("batch", "--cases", str(table), "--out", str(tmp_path / "results"))
    options = ("--engine", model, "--device", "cpu", "--no-pictures", "--resume")
    assert main([*batch, *options]) == 0
    plain = read(tmp_path / "results" / "a.nii.gz")
    assert main([*batch, *options, "--adapt"]) == 0
    adapted = read(tmp_path / "results" / "a.nii.gz")
    assert not np.array_equal(adapted, plain)
    before = (tmp_path / "results" / "a.json").stat().st_mtime_ns
    assert main([*batch, *options, "--adapt"]) == 0
    assert (tmp_path / "results" / "a.json").stat().st_mtime_ns == before


def test_simulate_and_evaluate_measure_what_adapting_gains(case, model, tmp_path):
    where = ("--image", str(case["image"]), "--truth", str(case["truth"]), "--label", "1")
    how = ("--engine", model, "--correct", "uniform", "--budget", "3", "--device", "cpu", "--quiet")
    scores = []
    for number, options in enumerate(((), ("--adapt",))):
        out = tmp_path / f"{number}.json"
        assert main(["simulate", *where, *how, *options, "--out", str(out)]) == 0
        scores.append([entry["dice"] for entry in json.loads(out.read_text(encoding="utf-8"))])
    assert scores[1][:2] == scores[0][:2]  # with one and two slices there is nothing to learn
    assert scores[1][2] > scores[0][2]
    table = tmp_path / "cases.csv"
    table.write_text(f"image,label\n{case['image']},{case['truth']}\n", encoding="utf-8")
    engines = ("--engines", f"{model},{model}+adapt", "--cases", str(table))
    options = ("--shots", "3", "--correct", "uniform", "--device", "cpu", "--quiet")
    out = tmp_path / "scores"
    assert main(["evaluate", *engines, *options, "--out", str(out)]) == 0
    text = (out / "rows.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    found = {row["engine"]: float(row["dice"]) for row in rows}
    assert set(found) == {"generous.pt", "generous.pt+adapt"}
    assert found["generous.pt+adapt"] > found["generous.pt"]
