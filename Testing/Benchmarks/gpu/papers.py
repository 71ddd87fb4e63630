"""Every experiment of the five model families at the scale of its paper, one after the other.

    python Testing/Benchmarks/gpu/papers.py --cases ../shared/data/cases.csv --out build/papers

Started again, it goes on. Each network is trained as its preset `full` says; `--hours` sets another
time for every one of them. `--minutes` begins no further experiment after that time, so that the
command fits a machine that is lent. OUT/report.md says of each experiment how it ended, with its
tables. `--tiny` needs no cases and no GPU: it makes phantoms and does the first experiment of each
family.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT))

from SlicePropagationLib.commands.main import main as slice_propagation

TINY_HOURS = 0.0001
TINY_FRAMES = 4
NUM_PHANTOMS = 4  # patients, each at end-diastole and end-systole
SHAPE = (8, 24, 24)

TINY_UNET = {"out_channels": 2, "widths": [6, 12, 24]}
TINY_FRAME = {"grid": {"size": 32, "pixel_mm": 0.0}}
TINY_LOOP = {"epochs": 1, "batches_per_epoch": 2, "batch_size": 4}


@dataclass(frozen=True)
class Family:
    """What a family is measured by.

    Attributes:
        experiments: names, in the order in which they are done.
        datasets: the sets of the table that stand for those of the paper.
        tiny: settings of `--tiny`.
        options: more words of the command.
        tiny_options: those with `--tiny`.
        is_cine: whether its cases are the sequences that `make-cine` makes.
    """

    experiments: tuple[str, ...]
    datasets: str
    tiny: dict
    options: tuple[str, ...] = ()
    tiny_options: tuple[str, ...] = ()
    is_cine: bool = False

    @property
    def command(self) -> str:
        """The command that does its experiments."""
        return "cine-experiment" if self.is_cine else "experiment"


TINY_CINE = {
    "cine_unet": {"task": {"network": TINY_UNET, "frames": TINY_FRAME}, "loop": TINY_LOOP},
    "cine_bilstm": {
        "task": {"network": {"unet": TINY_UNET, "hidden_channels": 4}, "frames": TINY_FRAME},
        "loop": TINY_LOOP | {"batch_size": 2},
    },
    "unet2d": {
        "task": {
            "network": {"out_channels": 2, "depth": 2, "base_channels": 4},
            "frames": TINY_FRAME,
        },
        "loop": TINY_LOOP,
    },
    "registration": {
        "task": {"network": {"encoder": [4, 8], "decoder": [8, 8], "final": [4]}},
        "pairs": {"size": 32},
        "loop": TINY_LOOP,
    },
}
FAMILIES = {
    "slice_unet": Family(
        ("architecture", "depth", "prior-mask", "baselines", "corrections", "unseen"),
        "openkbp_headneck_ct,sunnybrook_cine",
        {
            "task": {"network": {"base_channels": 4}},
            "pairs": {"size": 32},
            "loop": {"batches_per_epoch": 2},
        },
        options=("--folds", "5"),
    ),
    "cine": Family(("models", "window", "power"), "acdc_NC", TINY_CINE, is_cine=True),
    "pnet": Family(
        ("pnet-losses", "pnet-architectures", "pnet-birnn", "pnet-curriculum"),
        "msd_hippocampus",
        {
            "task": {"network": {"channels": 4, "num_units": 5}, "slices": {"size": 32}},
            "loop": {"batches_per_epoch": 2},
        },
        tiny_options=("--folds", "2"),
    ),
    "voxelmorph": Family(("pseudo-labels", "engines"), "acdc_NC", TINY_CINE, is_cine=True),
    "acnn": Family(
        (
            "acnn-prior-weight",
            "acnn-segmentation",
            "acnn-superresolution",
            "acnn-plausibility",
            "acnn-classification",
        ),
        "acdc_NC",
        {
            "task": {
                "labels": [1],
                "network": {
                    "grid": {"shape": [12, 24, 24], "spacing_mm": [1.0, 1.0, 1.0], "factor": 4},
                    "base_channels": 2,
                },
            },
            "passes": 1,
            "loop": {"batch_size": 2},
        },
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run it from a shell; 0 where every experiment that was begun ended well."""
    options = _options(arguments)
    began = time.monotonic()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    cases = make_phantoms(out / "phantoms") if options.tiny else Path(options.cases)
    rows = []
    for name, family, experiment in _planned(options):
        rows.append([name, experiment, "not begun"])
        if options.minutes and time.monotonic() - began > 60 * options.minutes:
            continue
        code = _run(options, family, experiment, cases, out / name)
        rows[-1][2] = "done" if code == 0 else f"ended with code {code}"
        _report(out, rows, options)
    _report(out, rows, options)
    print((out / "report.md").read_text(encoding="utf-8"))
    return 0 if all(state in ("done", "not begun") for _, _, state in rows) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", help="table of labelled cases; needed without --tiny")
    parser.add_argument("--out", default="build/papers")
    parser.add_argument("--only", default=",".join(FAMILIES), help="families, with commas")
    parser.add_argument("--hours", type=float, help="of training for each network")
    parser.add_argument("--minutes", type=float, help="after which no experiment is begun")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="phantoms, small networks")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",")
    if not (options.tiny or options.cases):
        parser.error("name the table of cases with --cases, or try it with --tiny")
    if unknown := set(options.only) - set(FAMILIES):
        parser.error(f"there is no family {', '.join(sorted(unknown))}")
    return options


def _planned(options: argparse.Namespace) -> Iterator[tuple[str, Family, str]]:
    for name in options.only:
        family = FAMILIES[name]
        for experiment in family.experiments[: 1 if options.tiny else None]:
            yield name, family, experiment


def _run(
    options: argparse.Namespace, family: Family, experiment: str, cases: Path, out: Path
) -> int:
    """Do one experiment; its exit code."""
    out.mkdir(parents=True, exist_ok=True)
    if family.is_cine:
        code, cases = _make_cine(options, family, cases, out.parent / "sequences")
        if code:
            return code
    return _ask(command_of(options, family, experiment, cases, out))


def command_of(
    options: argparse.Namespace, family: Family, experiment: str, cases: Path, out: Path
) -> list[str]:
    """The words of the command that does one experiment."""
    words = [family.command, experiment, "--cases", str(cases), "--out", str(out)]
    words += ["--scale", "full", "--device", options.device]
    words += family.tiny_options if options.tiny else family.options
    if not family.is_cine:
        words += ["--datasets", "phantoms" if options.tiny else family.datasets]
    hours = TINY_HOURS if options.tiny else options.hours
    if hours:
        words += ["--max-hours", str(hours)]
    if options.tiny:
        (out / "tiny.json").write_text(json.dumps(family.tiny), encoding="utf-8")
        words += ["--config", str(out / "tiny.json")]
    return words


def _make_cine(
    options: argparse.Namespace, family: Family, cases: Path, out: Path
) -> tuple[int, Path]:
    """Make the sequences that the cine papers' experiments learn from, once."""
    table = out / "cases.csv"
    if table.is_file():
        return 0, table
    words = ["make-cine", "--cases", str(cases), "--out", str(out)]
    if options.tiny:
        words += ["--frames", str(TINY_FRAMES), "--max-cases", "1", "--max-slices", "2"]
    else:
        words += ["--datasets", family.datasets]
    return _ask(words), table


def _ask(words: list[str]) -> int:
    print("slice-propagation", *words, flush=True)
    return slice_propagation(words)


def _report(out: Path, rows: list[list[str]], options: argparse.Namespace) -> None:
    """Write what there is now, so that it is there when the machine is taken back."""
    scale = "a tiny scale, on phantoms" if options.tiny else "the papers' scale"
    lines = [f"# The papers' experiments at {scale}", ""]
    lines += ["| family | experiment | state |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    for name, experiment, _ in rows:
        for found in sorted((out / name / experiment).glob("*.md")):
            lines += ["", f"## {name}: {experiment}", "", found.read_text(encoding="utf-8")]
    (out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


# Phantoms


def make_phantoms(folder: Path) -> Path:
    """Hearts of NUM_PHANTOMS patients, at end-diastole and end-systole; the path of their table."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["image,label,split,dataset,case"]
    for number in range(NUM_PHANTOMS):
        rng = np.random.default_rng(number)
        split = ("train", "val")[number % 2]
        for phase, radius in (("ED", 7.0), ("ES", 5.0)):
            case = f"patient{number:03d}_{phase}"
            truth = _ball(radius + rng.uniform(-0.5, 0.5))
            image = 100 * truth + rng.normal(0, 5, SHAPE)
            _write(folder / f"{case}.nii.gz", image.astype(np.float32))
            _write(folder / f"{case}_label.nii.gz", truth)
            lines.append(f"{case}.nii.gz,{case}_label.nii.gz,{split},phantoms,{case}")
    table = folder / "cases.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def _ball(radius: float) -> np.ndarray:
    """(N, H, W) uint8: a ball in the middle."""
    axes = [np.arange(size) - (size - 1) / 2 for size in SHAPE]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    return (distance < radius).astype(np.uint8)


def _write(path: Path, array: np.ndarray) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))


if __name__ == "__main__":
    sys.exit(main())
