"""`codes`: the code of each case's shape by a shape model."""

from __future__ import annotations

import argparse
from pathlib import Path

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    check_packages,
    names,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine


def add_codes_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "codes",
        "the code of each case's shape by a shape model, as numbers for statistics, with how"
        " plausible the shape is",
        "codes --cases cases.csv --model shape/best.pt --out codes",
        "codes --cases cases.csv --model shape/best.pt --out codes --groups groups.csv --folds 5",
    )
    _add_files(parser)
    _add_choice(parser)
    parser.set_defaults(command=_codes)


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Cases, model and folder."""
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, label and optionally split, dataset, case",
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="P.pt",
        help="weights of `train acnn_autoencoder` or `train acnn_predictor`",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of codes.csv, and of traversal.png with --groups",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """What is coded, and told apart."""
    parser.add_argument(
        "--source",
        default="labels",
        choices=("labels", "images"),
        help="what the code is found from (default %(default)s)",
    )
    parser.add_argument(
        "--groups",
        metavar="groups.csv",
        help=(
            "table with columns patient, group: adds how well codes tell them apart, against PCA of"
            " aligned labels (default: codes alone)"
        ),
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=10,
        metavar="K",
        help="folds of the cross-validation (default %(default)s)",
    )
    parser.add_argument(
        "--datasets", metavar="A,B", help="only these data sets of the table (default: all)"
    )
    parser.add_argument("--split", help="only cases of this split (default: all)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _codes(arguments: argparse.Namespace) -> int:
    check_packages("A shape model", ("torch",), "demo")
    from SlicePropagationLib.studies.acnn.codes import CodesRequest, classify_codes, export_codes

    request = CodesRequest(
        cases=arguments.cases,
        model=arguments.model,
        out=arguments.out,
        source=arguments.source,
        groups=arguments.groups,
        folds=arguments.folds,
        datasets=names(arguments.datasets),
        split=arguments.split,
    )
    with ProgressLine(arguments.quiet) as line:
        coded = export_codes(request, line.report)
    print(f"{len(coded)} codes: {Path(request.out) / 'codes.csv'}")
    if request.groups:
        print(classify_codes(request, coded))
    return DONE
