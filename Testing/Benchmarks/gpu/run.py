"""All that a GPU is needed for, in one command of at most ten minutes: tests, timings, a training.

    python Testing/Benchmarks/gpu/run.py --out build/gpu [--minutes 9] [--volumes FOLDER]

Learns from what `train gap_unet` unpacked into FOLDER on another machine, or from phantoms that it
makes. OUT then holds report.md, report.json, the weights and the log of the tests. On a machine
without a GPU everything runs on the CPU: `--tiny` makes that a matter of seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT))
sys.path.insert(0, str(CHECKOUT / "Testing" / "Benchmarks"))

from benchmark_engines import make_volume

from SlicePropagationLib.engines import ENGINES, make_engine
from SlicePropagationLib.engines.gap.gap_unet import GapUNetEngine
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.networks.gap.gap_unet import GapUNet
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.gap.gap_unet import DEFAULT, SMALL
from SlicePropagationLib.training.gap.samples import GapDataset
from SlicePropagationLib.training.gap.volumes import prepare_volumes, stored_structures
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.slice.synthetic import make_phantom

TEST_SECONDS = 150
LABELS = (1, 10)
NUM_PHANTOMS = 120


def main(arguments: list[str] | None = None) -> int:
    """Run it from a shell."""
    options = _options(arguments)
    began = time.monotonic()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"machine": _machine(options.device), "tiny": options.tiny}
    report["tests"] = _run_tests(out)
    report["timings"] = _time_engines(options)
    left = 60 * options.minutes - (time.monotonic() - began)
    report["training"] = _train(options, out, left)
    report["seconds"] = round(time.monotonic() - began)
    (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    (out / "report.md").write_text(_as_markdown(report), encoding="utf-8")
    print((out / "report.md").read_text(encoding="utf-8"))
    return 0 if report["tests"]["passed"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", default="build/gpu")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything together")
    parser.add_argument("--volumes", help="folder of unpacked volumes; phantoms without it")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="a small network and small volumes")
    return parser.parse_args(arguments)


def _machine(device: str) -> dict[str, str]:
    name = platform.processor() or platform.machine()
    if device == "cuda":
        name = torch.cuda.get_device_name()
    return {"device": name, "torch": torch.__version__, "cores": str(os.cpu_count())}


def _run_tests(out: Path) -> dict[str, Any]:
    """The tests that need a GPU; without one they are skipped, which the report shows."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-m",
        "gpu",
        "Testing/Library/engines/test_gpu.py",
    ]
    log = out / "tests.log"
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(
            command, cwd=CHECKOUT, stdout=file, stderr=subprocess.STDOUT, timeout=TEST_SECONDS
        )
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    return {"passed": done.returncode == 0, "summary": lines[-1] if lines else ""}


# Timings


def _time_engines(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each engine and number of labels."""
    stack, organ = _volume(options.tiny)
    rows = []
    for name, engine in _engines(options).items():
        for count in LABELS:
            rows.append(_time_engine(name, engine, stack, organ, count, options))
            print(rows[-1], flush=True)
    pace = rows[0]["label_slices_per_second"]
    return [{**row, "ratio": round(row["label_slices_per_second"] / pace, 2)} for row in rows]


def _volume(is_tiny: bool) -> tuple[SliceStack, np.ndarray]:
    """A stack, and the organ in it as (N, H, W) bool."""
    if not is_tiny:
        return make_volume()
    phantom = make_phantom(np.random.default_rng(0), (8, 40, 40))
    return SliceStack(phantom.volume, phantom.spacing_mm), phantom.mask


def _engines(options: argparse.Namespace) -> dict[str, Any]:
    engines = {"registration": make_engine("registration")}
    if ENGINES["slice_unet"].is_ready:
        engines["slice_unet"] = make_engine("slice_unet", options.device)
    torch.manual_seed(0)
    network = GapUNet(SMALL.task.network if options.tiny else GapUNetConfig())
    engines["gap_unet"] = GapUNetEngine(network, options.device)
    engines["gap_unet"].model_sha256 = "random weights"
    return engines


def _time_engine(
    name: str,
    engine: Any,
    stack: SliceStack,
    organ: np.ndarray,
    count: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Median of three propagations of `count` labels, after one that warms up; of one if tiny."""
    repeats = 1 if options.tiny else 4
    runs = [_propagate(engine, stack, organ, count) for _ in range(repeats)]
    runs = runs[1:] or runs
    seconds = statistics.median(run[0] for run in runs)
    return {
        "engine": name,
        "labels": count,
        "seconds": round(seconds, 3),
        "label_slices_per_second": round(runs[0][1] / seconds, 1),
        "dice": round(runs[0][2], 3),
    }


def _propagate(
    engine: Any, stack: SliceStack, organ: np.ndarray, count: int
) -> tuple[float, int, float]:
    """(seconds, slices visited, Dice of the first label); labels are the organ, moved aside."""
    fresh = SliceStack(stack.images, stack.spacing_mm)
    labels = tuple(range(1, count + 1))
    session = AnnotationSession(fresh, labels)
    first = int(organ.sum(axis=(1, 2)).argmax())
    for label in labels:
        session.annotate(label, first, np.roll(organ[first], 3 * (label - 1), axis=0))
    began = time.perf_counter()
    steps = propagate(session, engine, plan_session(session), allow_overlap=True)
    num_steps = sum(1 for _ in steps)
    return time.perf_counter() - began, num_steps, dice(session.masks(1), organ)


# Training


def _train(options: argparse.Namespace, out: Path, seconds: float) -> dict[str, Any]:
    """Train for what is left of the time."""
    folder = Path(options.volumes) if options.volumes else out / "volumes"
    if not options.volumes:
        prepare_volumes([], folder, num_phantoms=4 if options.tiny else NUM_PHANTOMS)
    structures = stored_structures(folder)
    judged = structures[:: max(2, len(structures) // 40)]
    learnt = [structure for structure in structures if structure not in judged]
    training = SMALL if options.tiny else DEFAULT
    samples = training.samples
    loop = replace(training.loop, epochs=1000, max_hours=max(seconds - 40, 20) / 3600)
    if options.tiny:
        samples = replace(samples, lengths=(6,), slices_per_batch=12)
        judged = judged[:2]
        loop = replace(loop, epochs=1, batches_per_epoch=2, max_hours=0.0)
    elif options.device == "cuda":
        samples = replace(samples, slices_per_batch=384)
        loop = replace(loop, workers=max(1, (os.cpu_count() or 2) - 2), batches_per_epoch=60)
    best = fit(
        replace(training, loop=loop).new_task(),
        GapDataset(learnt, folder, samples),
        GapDataset(judged, folder, samples, is_varied=False),
        loop,
        out / "training",
        device=options.device,
        report=lambda text: print(text, flush=True),
    )
    lines = (out / "training" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return {"weights": best.name, "structures": len(learnt), **json.loads(lines[-1])}


def _as_markdown(report: dict[str, Any]) -> str:
    lines = ["# GPU run", "", f"`{json.dumps(report['machine'])}`, {report['seconds']} s", ""]
    lines += [f"Tests: {report['tests']['summary']}", ""]
    lines += [
        "| engine | labels | s | label-slices/s | ratio | Dice |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["timings"]:
        lines.append(
            f"| {row['engine']} | {row['labels']} | {row['seconds']} |"
            f" {row['label_slices_per_second']} | {row['ratio']} | {row['dice']} |"
        )
    training = report["training"]
    lines += ["", f"Training: epoch {training['epoch']}, Dice {training['dice']:.3f}"]
    lines += [f"(registration {training['prior_dice']:.3f}) on structures left out of it.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
