"""How long a person waits before anything happens, beside another checkout: paired, in one run.

    python Testing/Benchmarks/benchmark_start_up.py --baseline ../before [--repeats 15]

Each command is started in both checkouts in turn, A B A B ..., after one warm-up of each. Printed
are the medians of the processor time in milliseconds and the ratio to the baseline, with the
smallest and the largest of the paired ratios: a busy machine moves single figures, not the ratio.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# What is started, as code; the command line was another module in earlier checkouts.
MAIN = (
    "try:\n"
    "    from SlicePropagationLib.commands.main import main\n"
    "except ImportError:\n"
    "    from SlicePropagationLib.cli import main\n"
)
STARTS = {
    "import SlicePropagationLib": "import SlicePropagationLib",
    "slice-propagation --help": MAIN + "main(['--help'])",
    "slice-propagation propagate --help": MAIN + "main(['propagate', '--help'])",
    "slice-propagation engines": MAIN + "main(['engines'])",
}


def processor_ms(checkout: Path, code: str) -> float:
    """Processor time of a fresh process that runs a text, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = after.ru_utime - before.ru_utime
    system = after.ru_stime - before.ru_stime
    return 1000 * (user + system)


def compare(
    baseline: Path,
    code: str,
    repeats: int,
) -> str:
    """A row of the table: here, baseline, ratio."""
    for checkout in (CHECKOUT, baseline):
        processor_ms(checkout, code)
    pairs = [(processor_ms(CHECKOUT, code), processor_ms(baseline, code)) for _ in range(repeats)]
    here = statistics.median(first for first, _ in pairs)
    there = statistics.median(second for _, second in pairs)
    ratios = [first / second for first, second in pairs]
    middle = statistics.median(ratios)
    return f"{here:8.0f} {there:9.0f}   {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--baseline",
        type=Path,
        required=True,
        help="the other checkout",
    )
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{'':36s} here ms  there ms   ratio")
    for name, code in STARTS.items():
        print(f"{name:36s}{compare(arguments.baseline.resolve(), code, arguments.repeats)}")


if __name__ == "__main__":
    main()
