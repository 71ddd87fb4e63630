"""What engines say does not depend on how many threads the libraries have that compute."""

import os
import subprocess
import sys

import pytest

from SlicePropagationLib.engines import ENGINES

WALK = """
import hashlib, sys
import numpy as np
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

rows, columns = np.mgrid[:400, :400]
masks = np.stack([(rows - 200) ** 2 + (columns - 190 - 3 * i) ** 2 < 90**2 for i in range(5)])
noise = np.random.default_rng(0).normal(0, 10, masks.shape)
stack = SliceStack((60 * masks + noise).astype(np.float32))
found = make_engine(sys.argv[1]).walk(stack, Run(0, (1, 2, 3, 4), 1), {0: masks[0]})
print(hashlib.sha256(b"".join(each.tobytes() for each in found)).hexdigest())
"""


@pytest.mark.parametrize("name", ["registration", "slice_unet"])
def test_an_engine_says_the_same_on_any_number_of_threads(name):
    if not ENGINES[name].is_ready:
        pytest.skip(f"{name} is not installed")
    said = set()
    for count in ("1", "2"):
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), count)
        environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(sys.path)}
        words = [sys.executable, "-c", WALK, name]
        said.add(subprocess.run(words, env=environment, check=True, capture_output=True).stdout)
    assert len(said) == 1
