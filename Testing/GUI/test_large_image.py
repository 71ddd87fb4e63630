"""What the panel takes beside the voxels of a large volume, which Slicer holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NUM_SLICES = 125  # a sixteenth of 2000
OWN_MB = 180  # of engine, patches and steps to undo; a labelmap of the volume has 131 more


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts memory there")
def test_drawing_runs_and_undo_in_a_large_volume_make_no_labelmap_of_all_of_it(tmp_path):
    program = CHECKOUT / "Testing" / "Benchmarks" / "benchmark_large_panel.py"
    words = ["--slices", str(NUM_SLICES), "--image", str(tmp_path / "image.nrrd")]
    done = subprocess.run(
        [sys.executable, str(program), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = int(re.search(r"loaded by Slicer +\S+ +(\d+)", done.stdout)[1])
    most = int(re.search(r"the most +(\d+)", done.stdout)[1])
    assert most - loaded < OWN_MB
    assert done.stdout.count("'propagated'") > 15
    assert "Redone: the propagation" in done.stdout
