"""How long a person waits until the program says the first thing: help, first slice, first page.

    python Testing/Benchmarks/benchmark_first_answer.py [--repeats 5] [--only help,registration]

Each is started in a fresh process after one warm-up. Printed are medians of the wall-clock time and
of the processor time (user and system) in seconds, beside the goal for the wall-clock time on a
quiet machine. On a busy one the processor time is what can be compared: where more than one core
works, it is more than the wait.

`--imports NAME` lists what the imports of one start cost (`-X importtime`), the most expensive ones
last, each without what it imports itself.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.request import HTTPCookieProcessor, build_opener

import numpy as np
import SimpleITK as sitk

CHECKOUT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "SlicePropagation")])
PROGRAM = "import sys\nfrom SlicePropagationLib.__main__ import main\nsys.exit(main())\n"
# The first slice of a run ends the program, so that nothing behind it is measured.
FIRST_SLICE = (
    "import os\n"
    "from SlicePropagationLib.commands.progress import ProgressLine\n"
    "ProgressLine.show = lambda *_: os._exit(0)\n"
)
ADDRESS = re.compile(r"is at (http\S+)")
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+\S+)")
MOST = 40  # imports that are listed


class Start(NamedTuple):
    """Something that is started.

    Attributes:
        goal_s: the wait that is aimed at.
        code: what is run.
        words: of the command line.
    """

    goal_s: float
    code: str
    words: list[str]


class Cost(NamedTuple):
    """What a start took, in seconds."""

    wall_s: float
    processor_s: float


def make_case(folder: Path) -> list[str]:
    """A small image and a seed; the words that propagate it."""
    rows, columns = np.mgrid[:64, :64]
    image = np.random.default_rng(0).normal(0, 5, (24, 64, 64))
    image[4:20, np.hypot(rows - 32, columns - 32) < 12] += 100
    seed = np.zeros(image.shape, np.uint8)
    seed[12] = np.hypot(rows - 32, columns - 32) < 12
    for name, array in (("image", image.astype(np.int16)), ("seed", seed)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{name}.nii.gz"))
    files = ["--image", "image.nii.gz", "--seed", "seed.nii.gz", "--out", "out.nii.gz"]
    return ["propagate", *files, "--device", "cpu"]


def starts(folder: Path) -> dict[str, Start]:
    """All of them, by name."""
    words = make_case(folder)
    page = ["app", "sample", "--out", "page", "--port", "0", "--no-browser"]
    return {
        "help": Start(0.3, PROGRAM, ["--help"]),
        "registration": Start(2, FIRST_SLICE + PROGRAM, [*words, "--engine", "registration"]),
        "slice_unet": Start(4, FIRST_SLICE + PROGRAM, [*words, "--engine", "slice_unet"]),
        "page": Start(5, PROGRAM, page),
    }


def measure(start: Start, folder: Path) -> Cost:
    """Run one to its end, or the page to its first answer."""
    wait = _first_page if start.words[0] == "app" else _end
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    wall_s = wait(_popen(start, folder), began)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user_s = after.ru_utime - before.ru_utime
    return Cost(wall_s, user_s + after.ru_stime - before.ru_stime)


def _popen(start: Start, folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-c", start.code, *start.words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": PATHS, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str], began: float) -> float:
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(errors)
    return time.perf_counter() - began


def _first_page(process: subprocess.Popen[str], began: float) -> float:
    """Wait for the page's HTML, then end the program at once."""
    browser = build_opener(HTTPCookieProcessor())  # the token of the address becomes a cookie
    assert process.stdout is not None
    try:
        found = next(filter(None, map(ADDRESS.search, process.stdout)))
        browser.open(found[1]).read()
        return time.perf_counter() - began
    finally:
        process.kill()
        process.communicate()


def print_table(chosen: dict[str, Start], folder: Path, repeats: int) -> None:
    """A row for each start."""
    print(f"{'':16s}{'goal s':>8s}{'wall s':>8s}{'CPU s':>8s}")
    for name, start in chosen.items():
        measure(start, folder)
        costs = [measure(start, folder) for _ in range(repeats)]
        wall_s, processor_s = map(statistics.median, zip(*costs, strict=True))
        print(f"{name:16s}{start.goal_s:8.1f}{wall_s:8.2f}{processor_s:8.2f}", flush=True)


def print_imports(start: Start, folder: Path) -> None:
    """What the imports of a start cost, in milliseconds: by itself, with what it imports, its name."""
    process = _popen(start, folder, "-X", "importtime")
    if start.words[0] == "app":
        raise SystemExit("The page does not end by itself; choose another start.")
    _, errors = process.communicate()
    found = [(int(own), int(total), name) for own, total, name in IMPORT.findall(errors)]
    for own, total, name in sorted(found)[-MOST:]:
        print(f"{own / 1000:8.1f}{total / 1000:8.1f}  {name.strip()}")


def main() -> None:
    """Print the table, or what imports cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="these, with commas between them")
    parser.add_argument("--imports", metavar="NAME", help="list what the imports of one cost")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known: dict[str, Start] = starts(folder)
        if arguments.imports:
            print_imports(known[arguments.imports], folder)
            return
        wanted = arguments.only.split(",") if arguments.only else list(known)
        print_table({each: known[each] for each in wanted}, folder, arguments.repeats)


if __name__ == "__main__":
    main()
