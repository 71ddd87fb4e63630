"""Is it worth sending several walks through the network in one call? Milliseconds per slice, alone and in batches.

The engine walks slice after slice, because each needs the mask of the one before; the two
directions and the labels could share a call.
Ratios are against one slice per call, within this run; the last column is what a whole step of a
walk costs with registration and
guidance, so that the gain can be seen against it.

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

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.slice.synthetic import make_phantom

BATCHES = (1, 2, 4, 8)
CALLS = 40


def milliseconds_per_slice(network, device, batch):
    """Median over CALLS calls, divided by the slices of a call."""
    config, cells = network.config, network.config.cells
    inputs = [
        torch.rand(batch, *shape, device=device)
        for shape in ((config.num_maps, cells, cells), (config.num_facts,), (1, cells, cells))
    ]
    seconds = []
    with torch.inference_mode(), torch.autocast(device, enabled=device == "cuda"):
        for _ in range(CALLS):
            began = time.perf_counter()
            network(*inputs)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds) / batch


def milliseconds_per_step(engine):
    """A step of a walk in a phantom, registration and guidance included.

    Median of seven walks that remember nothing.
    """
    phantom = make_phantom(np.random.default_rng(0), (40, 96, 96))
    anchor = int(phantom.mask.sum(axis=(1, 2)).argmax())
    seconds = []
    for _ in range(7):
        stack = SliceStack(phantom.volume, phantom.spacing_mm)
        began = time.perf_counter()
        count = sum(
            1
            for _ in engine.walk(
                stack,
                Run(anchor, tuple(range(anchor + 1, len(stack)))),
                {anchor: phantom.mask[anchor]},
            )
        )
        seconds.append((time.perf_counter() - began) / count)
    return 1000 * statistics.median(seconds)


def main():
    print(
        f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads;"
        f" median of {CALLS} calls"
    )
    print(
        "device  " + "".join(f"{f'{batch} per call':>20s}" for batch in BATCHES) + "   a whole step"
    )
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        engine = make_engine("slice_unet", device)
        times = [milliseconds_per_slice(engine.network, device, batch) for batch in BATCHES]
        print(
            f"{device:8s}"
            + "".join(f"{f'{value:.2f} ms ({value / times[0]:.2f})':>20s}" for value in times)
            + f"{milliseconds_per_step(engine):12.2f} ms"
        )


if __name__ == "__main__":
    main()
