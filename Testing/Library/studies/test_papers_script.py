"""The one command that repeats the papers' experiments on a GPU, at a tiny scale on the CPU."""

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs PyTorch, the extra 'train'")
pytest.importorskip("lightning", reason="needs Lightning, the extra 'train'")
pytest.importorskip("monai", reason="needs MONAI, the extra 'train'")

from SlicePropagationLib.commands.main import make_parser
from SlicePropagationLib.studies.registry import CINE_EXPERIMENTS, EXPERIMENTS

FOLDER = Path(__file__).resolve().parents[2] / "Benchmarks" / "gpu"


@pytest.fixture(scope="module")
def papers():
    """The script as a module."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("papers")
    sys.path.remove(str(FOLDER))


def states(out):
    """{experiment: state} as the report says them."""
    lines = (out / "report.md").read_text(encoding="utf-8").split("## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {name: state for _, name, state in rows[2:]}


def test_it_does_an_experiment_of_every_family_and_reports_its_tables(papers, tmp_path):
    assert papers.main(["--tiny", "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert states(tmp_path) == {
        family.experiments[0]: "done" for family in papers.FAMILIES.values()
    }
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| structure | objects | U-Net | residual |" in report
    assert "| U-Net + BiConvLSTM |" in report
    assert "| real + VoxelMorph |" in report
    assert "| printed 0.01 |" in report
    # the time is over before it begins
    words = ["--tiny", "--device", "cpu", "--only", "pnet", "--minutes", "1e-9"]
    assert papers.main([*words, "--out", str(tmp_path)]) == 0
    assert states(tmp_path) == {"pnet-losses": "not begun"}


def test_one_experiment_that_fails_does_not_stop_the_next(papers, tmp_path, monkeypatch):
    codes = {"architecture": 1}
    monkeypatch.setattr(papers, "slice_propagation", lambda words: codes.get(words[1], 0))
    words = ["--tiny", "--device", "cpu", "--only", "slice_unet,pnet", "--out", str(tmp_path)]
    assert papers.main(words) == 1
    assert states(tmp_path) == {"architecture": "ended with code 1", "pnet-losses": "done"}


def test_at_the_papers_scale_every_command_is_one_that_the_program_takes(papers, tmp_path):
    options = papers._options(["--cases", "cases.csv", "--hours", "5"])
    asked = set()
    for _, family, experiment in papers._planned(options):
        words = papers.command_of(options, family, experiment, Path("cases.csv"), tmp_path)
        arguments = make_parser(words).parse_args(words)
        assert (arguments.name, arguments.scale, arguments.max_hours) == (experiment, "full", 5)
        asked.add(experiment)
    # pnet-jump trains nothing; the ablation is ours; unseen volumes are the user's
    left_out = {"pnet-jump", "ablation"}
    assert {*EXPERIMENTS, *CINE_EXPERIMENTS} - asked == left_out
