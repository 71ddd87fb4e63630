"""`compare`: two annotators' results of a case, or of folders of cases."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import DONE, SOME_FAILED
from SlicePropagationLib.commands.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from SlicePropagationLib.pipelines.compare_tables import ComparedSegment, Comparison

MOST_NAMES = 5  # of cases that only one annotator has
MOST_LINES = 20  # of structures that are printed; the table has all
HEADING = (
    f"{'case':24s}{'structure':20s}{'Dice':>6s}{'mean mm':>9s}{'HD95 mm':>9s}{'A ml':>9s}"
    f"{'B ml':>9s}  slices that differ"
)


def add_compare_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "compare",
        "two annotators' results of a case, or of folders of cases: overlap, surface distance, and"
        " the slices that differ",
        "compare anna/case1.seg.nrrd ben/case1.seg.nrrd --image case1.nii.gz --out agreement",
        "compare anna ben --cases cases.csv --out agreement",
    )
    parser.add_argument("first", metavar="A", help="a result, or a folder of results")
    parser.add_argument(
        "second", metavar="B", help="the other one; in folders, a case has one name in both"
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of compare.csv, compare.slices.csv, compare.json and a picture of each case",
    )
    parser.add_argument(
        "--image",
        metavar="I",
        help="what two files were drawn on; without it, pictures show outlines only",
    )
    parser.add_argument(
        "--cases",
        metavar="cases.csv",
        help=(
            "table with the column image, for two folders; without it, pictures show outlines only"
        ),
    )
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k"),
        help="voxel axis that slices run along; auto takes that of A's record, or k",
    )
    parser.add_argument("--no-pictures", action="store_true", help="write no pictures")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.pipelines.compare_results import CompareRequest, compare_results
    from SlicePropagationLib.pipelines.compare_tables import TABLE

    request = CompareRequest(
        first=arguments.first,
        second=arguments.second,
        out=arguments.out,
        image=arguments.image,
        cases=arguments.cases,
        axis=arguments.axis,
        has_pictures=not arguments.no_pictures,
    )
    with ProgressLine(arguments.quiet) as line:
        found = compare_results(request, line.count)
    print("\n".join(_summary(found)))
    print(f"The whole table: {Path(request.out) / TABLE}")
    _tell_missing("A", found.only_first)
    _tell_missing("B", found.only_second)
    for case, why in found.failures:
        print(f"slice-propagation: {case} was not compared: {why}", file=sys.stderr)
    return SOME_FAILED if found.failures else DONE


def _summary(found: Comparison) -> list[str]:
    """The structures that agree least, and the mean of all."""
    least = sorted(found.segments, key=lambda segment: segment.agreement.dice)
    if not least:
        return ["Nothing is drawn in either."]
    lines = [HEADING, *map(_line, least[:MOST_LINES])]
    left = len(least) - MOST_LINES
    if left > 0:
        lines.append(f"and {left} more that agree better")
    count = f"{len(least)} structure{'s' if len(least) > 1 else ''}"
    return [*lines, f"Mean Dice of {count}: {found.mean_dice:.3f}"]


def _line(segment: ComparedSegment) -> str:
    found = segment.agreement
    distances = [_number(value) for value in (found.mean_mm, found.hd95_mm)]
    volumes = [f"{value:9.4g}" for value in found.volume_ml]
    words = "".join([f"{found.dice:6.3f}", *distances, *volumes])
    return f"{_cut(segment.case, 24)}{_cut(segment.name, 20)}{words}  {_slices(segment)}"


def _number(value: float) -> str:
    """A distance, or a dash where one annotation is empty."""
    return f"{'-':>9s}" if value != value else f"{value:9.2f}"


def _cut(text: str, width: int) -> str:
    return f"{text if len(text) < width else text[: width - 2] + '…':{width}s}"


def _slices(segment: ComparedSegment) -> str:
    found = segment.agreement
    differing = found.differing
    if not differing:
        return "none"
    most = differing[0]
    return (
        f"{len(differing)} of {len(found.slices)}, most on slice {most.index}"
        f" ({most.num_differing} pixels)"
    )


def _tell_missing(letter: str, names: Sequence[str]) -> None:
    if not names:
        return
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    listed = ", ".join(names[:MOST_NAMES])
    print(f"slice-propagation: only {letter} has {listed}{more}", file=sys.stderr)
