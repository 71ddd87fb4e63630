"""Is it worth sending several walks through the network in one call? Milliseconds per slice, alone and in batches.

The engine walks slice after slice, because each needs the mask of the one before; the two
directions and the labels could share a call. Ratios are against one slice per call, within this
run; the last column is what a whole step of a walk costs with registration and the network's
inputs, so that the gain can be seen against it.

    python Testing/Benchmarks/benchmark_batching.py
"""

import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from SlicePropagationLib.engines.model_file import make_slice_unet
from SlicePropagationLib.engines.network_inputs import SCALAR_FEATURES
from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.slice.synthetic import make_phantom

BATCHES = (1, 2, 4, 8)
CALLS = 40
NUM_FEATURES = len(SCALAR_FEATURES)


def milliseconds_per_slice(engine, device, batch):
    """Median over CALLS calls, divided by the slices of a call."""
    config = engine.network.config
    cells = config.cells
    inputs = [
        torch.rand(batch, config.num_maps, cells, cells, device=device),
        torch.rand(batch, NUM_FEATURES, device=device),
        torch.rand(batch, 1, cells, cells, device=device),
    ]
    seconds = []
    with on_one_thread(), torch.inference_mode(), torch.autocast(device, enabled=device == "cuda"):
        for _ in range(CALLS):
            began = time.perf_counter()
            engine.answering(*inputs)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds) / batch


def milliseconds_per_step(engine):
    """A step of a walk in a phantom, registration and the network's inputs included.

    Median of seven walks that remember nothing.
    """
    phantom = make_phantom(np.random.default_rng(0), (40, 96, 96))
    anchor = int(phantom.mask.sum(axis=(1, 2)).argmax())
    seconds = []
    for _ in range(7):
        stack = SliceStack(phantom.volume, phantom.spacing_mm)
        began = time.perf_counter()
        run = Run(anchor, tuple(range(anchor + 1, len(stack))))
        steps = list(engine.walk(stack, run, {anchor: phantom.mask[anchor]}))
        seconds.append((time.perf_counter() - began) / len(steps))
    return 1000 * statistics.median(seconds)


def main():
    """Print the table."""
    print(
        f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads;"
        f" median of {CALLS} calls"
    )
    titles = [f"{batch} per call" for batch in BATCHES]
    print("device  " + "".join(f"{title:>20s}" for title in titles) + "   a whole step")
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device in devices:
        engine = make_slice_unet(device)
        assert isinstance(engine, SliceUNetEngine)
        times = [milliseconds_per_slice(engine, device, batch) for batch in BATCHES]
        cells = [f"{value:.2f} ms ({value / times[0]:.2f})" for value in times]
        row = "".join(f"{cell:>20s}" for cell in cells)
        print(f"{device:8s}{row}{milliseconds_per_step(engine):12.2f} ms")


if __name__ == "__main__":
    main()
