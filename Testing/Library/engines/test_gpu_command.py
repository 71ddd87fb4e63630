"""The one command for a machine with a GPU works, at a tiny scale on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs PyTorch, the extra 'train'")
pytest.importorskip("lightning", reason="needs Lightning, the extra 'train'")
pytest.importorskip("monai", reason="needs MONAI, the extra 'train'")

CHECKOUT = Path(__file__).resolve().parents[3]


def test_it_tests_times_trains_and_reports(tmp_path):
    script = CHECKOUT / "Testing" / "Benchmarks" / "gpu" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--tiny", "--device", "cpu", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["tests"]["passed"]
    assert {(row["engine"], row["labels"]) for row in report["timings"]} >= {
        ("registration", 1),
        ("gap_unet", 10),
    }
    assert (tmp_path / "training" / report["training"]["weights"]).is_file()
    assert "gap_unet" in (tmp_path / "report.md").read_text(encoding="utf-8")
