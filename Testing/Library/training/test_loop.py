"""The training loop.

It learns, keeps the best, goes on after a kill as if nothing had happened, and stops where it must.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from toy_task import Line, ToyConfig, ToyTask

from SlicePropagationLib.errors import CheckpointError, ConfigError, OutputError, TrainingError
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.training.log import EpochLog
from SlicePropagationLib.training.loop import LoopConfig, fit

LOOP = LoopConfig(
    epochs=4,
    batch_size=8,
    learning_rate=0.05,
    schedule="cosine",
    seed=3,
)


TOY = ToyConfig()


def run(out, config=LOOP, toy=TOY):
    torch.manual_seed(0)
    lines = []
    best = fit(
        ToyTask(toy),
        Line(),
        Line(),
        config,
        out,
        device="cpu",
        report=lines.append,
    )
    return best, lines


def weights_of(path):
    return load_checkpoint(path).weights


def test_it_learns_and_writes_weights_logs_and_metrics(tmp_path):
    best, lines = run(tmp_path)
    rows = [
        json.loads(line)
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    of_epoch = rows[0]["updates"]
    assert of_epoch > 1
    assert [row["updates"] for row in rows] == [of_epoch * number for number in (1, 2, 3, 4)]
    assert rows[-1]["total"] < 0.5 * rows[0]["total"]
    with open(tmp_path / "log.csv", newline="", encoding="utf-8") as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
    assert load_checkpoint(best).metrics["score"] == max(row["score"] for row in rows)
    assert len(lines) == 4
    assert (tmp_path / "last.pt").is_file()


def test_a_training_that_goes_on_ends_with_the_same_bits(tmp_path):
    run(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        # two epochs of eight batches, then an error
        run(
            tmp_path / "broken",
            toy=ToyConfig(fails_after=2 * 8),
        )
    _, lines = run(tmp_path / "broken")
    assert "going on after epoch 2" in lines[0]
    whole, broken = (weights_of(tmp_path / name / "last.pt") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_averaged_weights_are_kept_and_go_on_with_the_same_bits(tmp_path):
    averaged = replace(LOOP, averaging=0.9)
    run(tmp_path / "plain")
    run(tmp_path / "whole", averaged)
    with pytest.raises(RuntimeError, match="power cut"):
        run(tmp_path / "broken", averaged, ToyConfig(fails_after=2 * 8))
    run(tmp_path / "broken", averaged)
    plain, whole, broken = (
        weights_of(tmp_path / name / "last.pt") for name in ("plain", "whole", "broken")
    )
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert not all(torch.equal(whole[name], plain[name]) for name in whole)
    current = torch.load(tmp_path / "whole" / "state.ckpt", weights_only=True)["model"]
    # the average is only looked at, the training goes on without it
    assert all(torch.equal(current[f"network.{name}"], plain[name]) for name in plain)


class FlatTask(ToyTask):
    """Never gets better after the first epoch."""

    def metrics(self, batch):
        return {"score": torch.tensor(1.0), "count": 1}


def test_on_a_plateau_the_learning_rate_falls_instead_of_the_training_ending_also_after_going_on(
    tmp_path,
):
    config = LoopConfig(
        epochs=3,
        batch_size=8,
        learning_rate=0.1,
        schedule="plateau",
        patience=1,
    )
    for epochs in (3, 4):
        fit(
            FlatTask(ToyConfig()),
            Line(),
            Line(),
            replace(config, epochs=epochs),
            tmp_path,
            device="cpu",
        )
    with open(tmp_path / "log.csv", newline="", encoding="utf-8") as file:
        assert [float(row["learning_rate"]) for row in csv.DictReader(file)] == pytest.approx(
            [0.1, 0.1, 0.01, 0.001]
        )


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from toy_task import Line, ToyConfig, ToyTask
from SlicePropagationLib.training.loop import LoopConfig, fit

class Killed(ToyTask):
    def forward(self, batch):
        if self.calls == 20:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return super().forward(batch)

torch.manual_seed(0)
config = LoopConfig(epochs=4, batch_size=8, learning_rate=0.05, schedule="cosine", seed=3)
fit(Killed(ToyConfig()), Line(), Line(), config, Path(sys.argv[1]), device="cpu")
"""


def test_a_killed_process_goes_on_and_loses_no_epoch(tmp_path):
    places = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    killed_in_its_third_epoch = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stderr=subprocess.DEVNULL,
    )
    log = tmp_path / "killed" / "metrics.jsonl"
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no SIGKILL
    assert killed_in_its_third_epoch.returncode in (kill, -kill)
    assert log.read_text(encoding="utf-8").count("\n") == 2
    run(tmp_path / "killed")
    run(tmp_path / "whole")
    killed, whole = (weights_of(tmp_path / name / "last.pt") for name in ("killed", "whole"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert [json.loads(line)["epoch"] for line in log.read_text(encoding="utf-8").splitlines()] == [
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("is_written", [True, False], ids=["after its line", "before its line"])
def test_a_kill_while_an_epoch_is_written_down_leaves_one_line_per_epoch(
    tmp_path,
    monkeypatch,
    is_written,
):
    add = EpochLog.add

    def killed(log, values):
        if values["epoch"] == 2 and is_written:
            add(log, values)
        if values["epoch"] == 2:
            raise KeyboardInterrupt
        add(log, values)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(EpochLog, "add", killed)
        run(tmp_path)
    run(tmp_path)
    assert [
        json.loads(line)["epoch"]
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ] == [1, 2, 3, 4]


def test_a_line_of_the_log_that_a_kill_cut_short_is_written_again(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "tot')
    run(tmp_path)
    assert [
        json.loads(line)["epoch"]
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ] == [1, 2, 3, 4]


def test_half_written_files_of_a_kill_are_removed(tmp_path):
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x" / "best.pt").write_bytes(b"half")
    run(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_state_is_named_with_what_to_do(tmp_path):
    run(tmp_path)
    (tmp_path / "state.ckpt").write_bytes((tmp_path / "state.ckpt").read_bytes()[:500])
    with pytest.raises(CheckpointError, match="state.ckpt.*begin again"):
        run(tmp_path)


@pytest.mark.parametrize(
    "state",
    [[1], {"model": 3}, {}, {"counters": {}}],
    ids=["a list", "no weights", "nothing", "no counters"],
)
def test_a_state_that_is_none_is_named_with_what_to_do(tmp_path, state):
    run(tmp_path)
    earlier = torch.load(tmp_path / "state.ckpt", weights_only=True)
    torch.save({**earlier, **state} if "counters" in state else state, tmp_path / "state.ckpt")
    with pytest.raises(CheckpointError, match="state.ckpt.*begin again"):
        run(tmp_path)


def test_a_log_that_cannot_be_written_is_named_with_what_to_do(tmp_path):
    log = EpochLog(tmp_path)
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(OutputError, match=f"{re.escape(str(tmp_path))}.*goes on"):
        log.add({"epoch": 1})


def test_the_table_of_the_log_is_never_half_written(tmp_path, monkeypatch):
    log = EpochLog(tmp_path)
    log.add({"epoch": 1})

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(csv.DictWriter, "writerows", killed)
        log.add({"epoch": 2})
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").split() == ["epoch", "1"]


def test_two_processes_train_as_one_and_go_on(tmp_path):
    script = (
        "import sys, torch; from pathlib import Path; from toy_task import *; from"
        " SlicePropagationLib.training.loop import *\ntorch.manual_seed(0); loop ="
        " LoopConfig(epochs=int(sys.argv[2]), batch_size=4, learning_rate=0.05, seed=3, devices=2,"
        " max_hours=1.0)\nfit(ToyTask(ToyConfig()), Line(), Line(), loop, Path(sys.argv[1]),"
        " device='cpu', report=lambda text: print(text, flush=True))"
    )
    (tmp_path / "two.py").write_text(script, encoding="utf-8")
    places = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    told = [
        subprocess.run(
            [sys.executable, str(tmp_path / "two.py"), str(tmp_path / "out"), epochs],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(places),
                "OMP_NUM_THREADS": "1",
            },
        ).stdout
        for epochs in ("2", "3")
    ]
    assert (
        told[0].count("epoch 1 of 2:")
        == told[0].count("epoch 2 of 2:")
        == told[1].count("going on after epoch 2")
        == 1
    )
    assert [
        json.loads(line)["epoch"]
        for line in (tmp_path / "out" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ] == [1, 2, 3]


TWICE = """
import sys, torch
from pathlib import Path
from toy_task import *
from SlicePropagationLib.training.loop import *

def trained(out, devices, batch_size):
    torch.manual_seed(0)
    loop = LoopConfig(epochs=2, batch_size=batch_size, learning_rate=0.05, devices=devices)
    fit(QuietTask(ToyConfig()), ExactLine(), ExactLine(), loop, out, device="cpu")

if __name__ == "__main__":
    trained(Path(sys.argv[1]), 2, 8)
"""


def test_two_processes_have_the_loss_and_weights_of_one_with_batches_twice_as_large(tmp_path):
    (tmp_path / "twice.py").write_text(TWICE, encoding="utf-8")
    places = [str(Path(__file__).parent), str(Path(__file__).parents[3]), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(tmp_path / "twice.py"), str(tmp_path / "two")]
    subprocess.run(command, check=True, timeout=120, env=environment)
    names = {}
    exec(TWICE, names)
    names["trained"](tmp_path / "one", 1, 16)
    for name in ("total", "score"):
        losses = [
            [json.loads(line)[name] for line in (tmp_path / out / "metrics.jsonl").open()]
            for out in ("one", "two")
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5) and len(losses[0]) == 2
        assert losses[0][0] != losses[0][1]
    one, two = (weights_of(tmp_path / out / "last.pt") for out in ("one", "two"))
    for name, value in one.items():
        assert torch.allclose(value, two[name], rtol=1e-5), name


def test_a_finished_training_is_not_done_again(tmp_path):
    run(tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    _, lines = run(tmp_path)
    assert lines == ["going on after epoch 4"]
    assert (tmp_path / "last.pt").read_bytes() == before


def test_the_best_weights_stay_when_later_ones_are_worse(tmp_path):
    best, _ = run(
        tmp_path,
        replace(
            LOOP,
            learning_rate=0.3,
            schedule="constant",
            epochs=6,
        ),
    )
    rows = [
        json.loads(line)
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert (
        load_checkpoint(best).metrics["epoch"] == max(rows, key=lambda row: row["score"])["epoch"]
    )


def test_it_ends_early_when_nothing_improves(tmp_path):
    run(
        tmp_path,
        replace(
            LOOP,
            learning_rate=0.0,
            epochs=50,
            patience=3,
        ),
    )
    assert len((tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_the_learning_rate_falls_at_the_milestones_of_the_thesis(tmp_path):
    run(
        tmp_path,
        replace(
            LOOP,
            schedule="steps",
            milestones=(1, 3),
            epochs=4,
            learning_rate=0.01,
        ),
    )
    rates = [
        json.loads(line)["learning_rate"]
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert rates == pytest.approx([0.01, 0.001, 0.001, 0.0001])


def test_a_limit_of_time_ends_the_training(tmp_path):
    run(tmp_path, replace(LOOP, epochs=100000, max_hours=1 / 3600))
    assert 1 <= len((tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) < 2000


def test_a_loss_that_is_no_number_stops_with_its_place(tmp_path):
    with pytest.raises(TrainingError, match="epoch 1, batch 1"):
        run(tmp_path, toy=ToyConfig(is_broken=True))


def test_a_limit_of_time_ends_the_training_within_an_epoch(tmp_path):
    # an epoch of eight batches would take 2.4 s
    run(
        tmp_path,
        replace(LOOP, epochs=2, max_hours=0.5 / 3600),
        ToyConfig(pause=0.3),
    )
    (row,) = (
        json.loads(line)
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    )
    assert row["hours"] + 1e-4 >= 0.5 / 3600
    assert row["hours"] < 2.0 / 3600


def test_a_score_that_is_no_number_stops_with_its_name(tmp_path):
    with pytest.raises(TrainingError, match="score.*nan.*epoch 1"):
        run(tmp_path, toy=ToyConfig(has_no_score=True))


def test_an_empty_data_set_is_refused(tmp_path):
    for parts in ((Line(), []), ([], Line())):
        with pytest.raises(TrainingError, match="no sample"):
            fit(ToyTask(ToyConfig()), *parts, LOOP, tmp_path, device="cpu")


def test_metrics_are_averaged_by_count(tmp_path):
    class Numbers(ToyTask):
        def metrics(self, batch):
            return {"score": batch.float().mean(), "count": len(batch)}

    # batches 0..7 and 8..9
    best = fit(
        Numbers(ToyConfig()),
        Line(),
        range(10),
        replace(LOOP, epochs=1),
        tmp_path,
        device="cpu",
    )
    assert load_checkpoint(best).metrics["score"] == pytest.approx(4.5)


def test_samples_are_drawn_by_weight_and_the_data_know_how_far_the_training_is(tmp_path):
    class Weighted(Line):
        fractions = []
        drawn = set()

        def weights(self):
            return [1.0 if position in (3, 5) else 0.0 for position in range(64)]

        def set_progress(self, fraction):
            self.fractions.append(fraction)

        def __getitem__(self, position):
            self.drawn.add(int(position))
            return super().__getitem__(position)

    fit(ToyTask(ToyConfig()), Weighted(), Line(), LOOP, tmp_path, device="cpu")
    assert Weighted.drawn == {3, 5}
    assert Weighted.fractions == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    "setting",
    [
        {"schedule": "magic"},
        {"optimizer": "magic"},
        {"precision": "half"},
        {"epochs": 0},
        {"max_hours": -1.0},
        {"max_hours": float("nan")},
        {"seed": -1},
        {"devices": 0},
        {"batches_per_epoch": -1},
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        LoopConfig(**setting)
