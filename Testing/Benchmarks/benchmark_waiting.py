"""How long an annotator waits for an engine: first slice, structure, corrected gap, several labels.

The volume of `benchmark_engines.py`, 512 x 512 x 300 voxels with an organ of 80 slices; for several
labels it is cut into sectors. Each number of threads has a process of its own, as libraries that
compute look at it once. Medians; every ratio is against the first row of its engine, within this
run, so that it holds on a busy machine too.

    python Testing/Benchmarks/benchmark_waiting.py [--engines A,B] [--threads 1,2] [--labels 1,3,10]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from benchmark_engines import MIDDLE, make_volume

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

GAP = 20


def sectors_of(organ, count):
    """The organ cut into (count, N, H, W) sectors around its axis."""
    rows, columns = np.indices(organ.shape[1:])
    parts = np.zeros((count, *organ.shape), bool)
    for index in np.flatnonzero(organ.any(axis=(1, 2))):
        row, column = np.argwhere(organ[index]).mean(axis=0)
        turn = np.arctan2(rows - row, columns - column) / (2 * np.pi) % 1
        for number in range(count):
            is_here = (turn * count).astype(int) == number
            parts[number, index] = organ[index] & is_here
    return parts


def fresh(stack):
    """The same images; nothing that an engine found out about them."""
    return SliceStack(stack.images, stack.spacing_mm)


def run_once(engine, stack, parts):
    """{what: seconds} of one structure (or several) from its largest slice, and of a correction."""
    labels = tuple(range(1, len(parts) + 1))
    session = AnnotationSession(fresh(stack), labels)
    for label, part in zip(labels, parts, strict=True):
        session.annotate(label, MIDDLE, part[MIDDLE])
    began = time.perf_counter()
    steps = propagate(session, engine, plan_session(session))
    next(steps)
    first = time.perf_counter() - began
    for _ in steps:
        pass
    whole = time.perf_counter() - began
    corrected = MIDDLE + GAP + 1
    for label, part in zip(labels, parts, strict=True):
        session.annotate(label, corrected, part[corrected])
    began = time.perf_counter()
    for _ in propagate(session, engine, plan_session(session, span=(MIDDLE, corrected))):
        pass
    return {"first slice": first, "whole": whole, "gap": time.perf_counter() - began}


def measure(name, counts, repeats):
    """[(labels, {what: median seconds})] of an engine in this process."""
    stack, organ = make_volume()
    engine = make_engine(name)
    rows = []
    for count in counts:
        parts = organ[None] if count == 1 else sectors_of(organ, count)
        runs = [run_once(engine, stack, parts) for _ in range(repeats + 1)][1:]
        medians = {what: statistics.median(run[what] for run in runs) for what in runs[0]}
        rows.append((count, medians))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "peak_mib": peak_mib}


def measure_elsewhere(name, threads, options):
    """What `measure` returns in a process of that many threads."""
    command = [sys.executable, __file__, "--measure", name, "--labels", options.labels]
    command += ["--repeats", str(options.repeats)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def numbers(text):
    return [int(part) for part in text.split(",")]


def print_rows(name, threads, found, reference):
    """A line for each number of labels; `reference` is the first line's seconds for everything."""
    for count, seconds in found["rows"]:
        reference = reference or seconds["whole"]
        print(
            f"{name:14}{threads:8}{count:8}{1000 * seconds['first slice']:12.0f}"
            f"{seconds['whole']:12.2f}{seconds['gap']:12.2f}"
            f"{seconds['whole'] / reference:10.2f}{found['peak_mib']:10.0f}"
        )
    return reference


def main(arguments=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--engines", default="registration,slice_unet")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--labels", default="1,3,10")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options.measure, numbers(options.labels), options.repeats)))
        return
    print(
        "engine         threads  labels  first, ms  80 slices, s  gap of 20, s  against 1st  peak MiB"
    )
    for name in options.engines.split(","):
        reference = None
        for threads in numbers(options.threads):
            found = measure_elsewhere(name, threads, options)
            reference = print_rows(name, threads, found, reference)


if __name__ == "__main__":
    main()
