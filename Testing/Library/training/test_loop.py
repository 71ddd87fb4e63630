"""The training loop: it learns, keeps the best, goes on after a kill as if nothing had happened, and stops where it must."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from SlicePropagationLib.checkpoint import load_checkpoint  # noqa: E402  torch may be absent
from SlicePropagationLib.errors import ConfigError, TrainingError  # noqa: E402
from SlicePropagationLib.training.loop import LoopConfig, fit  # noqa: E402
from toy_task import Line, ToyConfig, ToyTask  # noqa: E402

LOOP = LoopConfig(epochs=4, batch_size=8, learning_rate=0.05, schedule="cosine", seed=3)


def run(out, config=LOOP, toy=ToyConfig()):
    torch.manual_seed(0)
    lines = []
    best = fit(ToyTask(toy), Line(), Line(), config, out, device="cpu", report=lines.append)
    return best, lines


def weights_of(path):
    return load_checkpoint(path).weights


def test_it_learns_and_writes_weights_logs_and_metrics(tmp_path):
    best, lines = run(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4] and rows[-1]["total"] < 0.5 * rows[0]["total"]
    with open(tmp_path / "log.csv", newline="") as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
    assert load_checkpoint(best).metrics["score"] == max(row["score"] for row in rows)
    assert len(lines) == 4 and (tmp_path / "last.pt").is_file()


def test_a_training_that_goes_on_ends_with_the_same_bits(tmp_path):
    run(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        run(tmp_path / "broken", toy=ToyConfig(fails_after=2 * 8))          # two epochs of eight batches, then an error
    _, lines = run(tmp_path / "broken")
    assert "going on after epoch 2" in lines[0]
    whole, broken = (weights_of(tmp_path / name / "last.pt") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_killed_process_goes_on_and_loses_no_epoch(tmp_path):
    script = ("import sys, time; from toy_task import *; from SlicePropagationLib.training.loop import *; torch.manual_seed(0)\n"
              "fit(ToyTask(ToyConfig(pause=0.02)), Line(), Line(), LoopConfig(epochs=4, batch_size=8, learning_rate=0.05, schedule='cosine', seed=3), Path(sys.argv[1]), device='cpu')")
    places = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    process = subprocess.Popen([sys.executable, "-c", "import torch; from pathlib import Path\n" + script, str(tmp_path / "killed")],
                               env={**os.environ, "PYTHONPATH": os.pathsep.join(places)}, stderr=subprocess.DEVNULL)
    log = tmp_path / "killed" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (log.is_file() and log.read_text().count("\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)                                           # into the next epoch
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert log.read_text().count("\n") < 4
    run(tmp_path / "killed")
    run(tmp_path / "whole")
    killed, whole = (weights_of(tmp_path / name / "last.pt") for name in ("killed", "whole"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert [json.loads(line)["epoch"] for line in log.read_text().splitlines()] == [1, 2, 3, 4]


def test_a_finished_training_is_not_done_again(tmp_path):
    run(tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    _, lines = run(tmp_path)
    assert lines == ["going on after epoch 4"] and (tmp_path / "last.pt").read_bytes() == before


def test_the_best_weights_stay_when_later_ones_are_worse(tmp_path):
    best, _ = run(tmp_path, replace(LOOP, learning_rate=0.3, schedule="constant", epochs=6))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert load_checkpoint(best).metrics["epoch"] == max(rows, key=lambda row: row["score"])["epoch"]


def test_it_ends_early_when_nothing_improves(tmp_path):
    run(tmp_path, replace(LOOP, learning_rate=0.0, epochs=50, patience=3))
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 4


def test_the_learning_rate_falls_at_the_milestones_of_the_thesis(tmp_path):
    run(tmp_path, replace(LOOP, schedule="steps", milestones=(1, 3), epochs=4, learning_rate=0.01))
    rates = [json.loads(line)["learning_rate"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rates == pytest.approx([0.01, 0.001, 0.001, 0.0001])


def test_a_limit_of_time_ends_the_training(tmp_path):
    run(tmp_path, replace(LOOP, epochs=100000, max_hours=1 / 3600))
    assert 1 <= len((tmp_path / "metrics.jsonl").read_text().splitlines()) < 2000


def test_a_loss_that_is_no_number_stops_with_its_place(tmp_path):
    with pytest.raises(TrainingError, match="epoch 0, batch 0"):
        run(tmp_path, toy=ToyConfig(is_broken=True))


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ConfigError, match="cosine"):
        LoopConfig(schedule="magic")
