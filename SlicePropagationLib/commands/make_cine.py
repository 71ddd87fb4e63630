"""`make-cine`: synthetic cine sequences with known truth."""

from __future__ import annotations

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    check_packages,
    names,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine


def add_make_cine_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "make-cine",
        "synthetic cine sequences with known truth from real ED and ES frames",
        "make-cine --cases cases.csv --out cine",
        "make-cine --cases cases.csv --out cine --datasets acdc --frames 30 --pictures",
    )
    _add_cases(parser)
    _add_making(parser)
    parser.set_defaults(command=_make_cine)


def _add_cases(parser: argparse.ArgumentParser) -> None:
    """From which frames, and where to."""
    parser.add_argument(
        "--cases",
        required=True,
        help=(
            "table with columns image, label, case (PATIENT_ED, PATIENT_ES) and optionally split,"
            " dataset"
        ),
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of the sequences and of their cases.csv",
    )
    parser.add_argument(
        "--datasets", metavar="A,B", help="only these data sets of the table (default: all)"
    )
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N patients of every split (default: all)",
    )
    parser.add_argument(
        "--max-slices",
        type=positive,
        metavar="N",
        help="only the N slices in the middle of the structures (default: all)",
    )


def _add_making(parser: argparse.ArgumentParser) -> None:
    """How sequences are made."""
    parser.add_argument(
        "--frames",
        type=positive,
        default=100,
        help="frames of one cycle (default %(default)s, as in the cine paper)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="an animation of the middle slice of every sequence",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _make_cine(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.studies.cine.cases import make_cine_cases
    from SlicePropagationLib.studies.cine.synthetic import SyntheticCineConfig

    if arguments.pictures:
        check_packages("An animation", ("matplotlib",), "demo")
    with ProgressLine(arguments.quiet) as line:
        table = make_cine_cases(
            arguments.cases,
            arguments.out,
            SyntheticCineConfig(frames=arguments.frames, seed=arguments.seed),
            datasets=names(arguments.datasets),
            max_cases=arguments.max_cases,
            max_slices=arguments.max_slices,
            has_pictures=arguments.pictures,
            report=line.report,
        )
    print(table)
    return DONE
