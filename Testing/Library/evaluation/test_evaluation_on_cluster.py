"""`evaluate --scheduler`: the scores of one process, from a Dask cluster."""

import pytest
from evaluations import evaluate, results_in, rows_in

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.request import EvaluateRequest

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")

pytestmark = pytest.mark.usefixtures("quick_plots")


@pytest.fixture(scope="module")
def scheduler():
    """The address of one with two workers, in this process."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options, processes=False) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_finds_the_scores_of_one_process(cases, tmp_path, scheduler):
    assert evaluate(cases, tmp_path / "one") == 0
    assert evaluate(cases, tmp_path / "many", "--scheduler", scheduler) == 0
    clock = ("seconds_per_slice",)
    assert rows_in(tmp_path / "many", clock) == rows_in(tmp_path / "one", clock)


def test_a_case_that_fails_on_every_worker_is_told_and_the_same_command_does_the_rest(
    cases, tmp_path, capsys, scheduler, monkeypatch
):
    truth = tmp_path / "p0" / "truth.nii.gz"
    content = truth.read_bytes()
    truth.write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    assert evaluate(cases, out, "--scheduler", scheduler) == 1
    assert "discs p0_ED was not scored" in capsys.readouterr().err
    assert {row["case"] for row in rows_in(out)} == {"p1_ED", "p3_ED"}
    truth.write_bytes(content)
    tried = []

    def fail(job):
        tried.append(job.case)
        raise ValueError("a bug")

    monkeypatch.setattr("SlicePropagationLib.evaluation.evaluate.score_case", fail)
    assert evaluate(cases, out, "--scheduler", scheduler) == 1
    assert tried == ["p0_ED", "p0_ED"]
    assert "ValueError: a bug" in results_in(out)


def test_a_cluster_and_processes_of_this_machine_exclude_each_other():
    with pytest.raises(ConfigError, match="without --workers"):
        EvaluateRequest("cases.csv", "out", scheduler="tcp://x:1", workers=2)
