"""Speed of the engines, end to end: from a seed in a session to the last slice written.

A volume of 512 x 512 x 300 voxels with one organ of 80 slices, seeded on its largest slice. One
warm-up, then the median of seven propagations; the ratios compare the engines within this run, so
they hold on a busy machine too. `thesis` is the network of the thesis (base width 64, depth 4,
whole slices on 256 x 256 pixels) with random weights: its Dice means nothing, its time does.

    python Testing/Benchmarks/benchmark_engines.py
"""

import argparse
import platform
import statistics
import sys
import time
from importlib import util
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

NUM_SLICES = 300
SIZE = 512
ORGAN_SLICES = 80
RADIUS = 60
SPACING_MM = (1.5, 0.8, 0.8)
MIDDLE = NUM_SLICES // 2
THESIS_STEPS = 10  # it takes about a second a slice
NAMES = ("copy", "interpolation", "registration", "voxelmorph", "slice_unet", "thesis")


def make_volume():
    """The stack, and the organ as (N, H, W) bool.

    The organ is an ellipsoid that drifts sideways, in textured tissue.
    """
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
    texture = gaussian_filter(noise, 6) * 120
    rows, columns = np.ogrid[:SIZE, :SIZE]
    organ = np.zeros((NUM_SLICES, SIZE, SIZE), bool)
    images = np.empty((NUM_SLICES, SIZE, SIZE), np.float32)
    for index in range(NUM_SLICES):
        offset = index - MIDDLE
        squared = RADIUS**2 * (1 - (offset / (ORGAN_SLICES / 2)) ** 2)
        down = rows - 256 - 0.3 * offset
        across = columns - 230 - 0.5 * offset
        organ[index] = down**2 + across**2 < squared
        grain = rng.normal(scale=4, size=(SIZE, SIZE))
        images[index] = np.roll(texture, offset // 4, axis=1) + 40 * organ[index] + grain
    return SliceStack(images, SPACING_MM), organ


def engine_of(name):
    """The engine of that name, or the thesis's network with random weights."""
    if name != "thesis":
        return make_engine(name)
    from SlicePropagationLib.engines.slice.plain_unet import PlainUNetEngine
    from SlicePropagationLib.networks.config import UNetConfig
    from SlicePropagationLib.networks.unet import UNet

    return PlainUNetEngine(UNet(UNetConfig()), 256)


def propagate_once(engine, stack, organ, anchors, most_steps):
    """(seconds, slices visited, Dice) of one propagation from scratch.

    Cut short after `most_steps` slices, where that is not None.
    """
    session = AnnotationSession(stack)
    for index in anchors:
        session.annotate(1, index, organ[index])
    start = time.perf_counter()
    steps = propagate(session, engine, plan_session(session))
    num_steps = sum(1 for _ in islice(steps, most_steps))
    seconds = time.perf_counter() - start
    return seconds, num_steps, dice(session.masks(1), organ)


def measure(name, stack, organ, anchors, repeats):
    """(median seconds, slices visited, Dice); the first of the runs warms up."""
    engine = engine_of(name)
    most_steps = THESIS_STEPS if name == "thesis" else None
    runs = [propagate_once(engine, stack, organ, anchors, most_steps) for _ in range(repeats + 1)]
    seconds, num_steps, found_dice = zip(*runs[1:], strict=True)
    return statistics.median(seconds), num_steps[0], found_dice[0]


def print_table(title, results):
    """A row for each engine: {name: (seconds, slices, Dice)}."""
    reference = next(iter(results))
    print(f"\n{title}")
    print(
        f"{'engine':15}{'seconds':>9}{'slices':>8}{'slices/s':>10}{'Dice':>7}"
        f"   time against {reference}"
    )
    pace = results[reference][0] / results[reference][1]
    for name, (seconds, num_steps, found_dice) in results.items():
        ratio = seconds / num_steps / pace
        print(
            f"{name:15}{seconds:9.3f}{num_steps:8}{num_steps / seconds:10.1f}"
            f"{found_dice:7.3f}{ratio:10.2f} per slice"
        )


def can_run(name):
    """Whether an engine is known and what it needs is installed."""
    needs_torch = name in ("voxelmorph", "slice_unet", "thesis")
    return name in NAMES and (not needs_torch or util.find_spec("torch") is not None)


def main(arguments=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--engines", default=",".join(NAMES))
    options = parser.parse_args(arguments)
    engines = [name for name in options.engines.split(",") if can_run(name)]
    stack, organ = make_volume()
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy"
        f" {np.__version__}; median of {options.repeats}"
    )
    seeds = {
        "one seed": [MIDDLE],
        "two seeds, 20 slices between them": [MIDDLE - 10, MIDDLE + 11],
    }
    for title, anchors in seeds.items():
        results = {name: measure(name, stack, organ, anchors, options.repeats) for name in engines}
        print_table(title, results)


if __name__ == "__main__":
    main()
