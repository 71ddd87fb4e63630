"""`codes`: the code of each case's shape by a shape model."""

import sys
from pathlib import Path

from SlicePropagationLib.commands.options import (
    DONE,
    check_packages,
    positive,
)


def add_codes_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "codes",
        help=(
            "the code of each case's shape by a shape model, as numbers for statistics, with how"
            " plausible the shape is"
        ),
    )
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
            " aligned labels"
        ),
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=10,
        metavar="K",
        help="of the cross-validation (default %(default)s)",
    )
    parser.add_argument("--datasets", metavar="A,B", help="only these data sets of the table")
    parser.add_argument("--split", help="only cases of this split (default all)")
    parser.add_argument("--quiet", action="store_true")
    parser.set_defaults(command=_codes)


def _codes(arguments):
    check_packages("A shape model", ("torch",), "demo")
    from SlicePropagationLib.studies.acnn.codes import classify_codes, export_codes

    coded = export_codes(
        arguments,
        None if arguments.quiet else lambda text: print(text, file=sys.stderr),
    )
    print(f"{len(coded)} codes: {Path(arguments.out) / 'codes.csv'}")
    if arguments.groups:
        print(classify_codes(arguments, coded))
    return DONE
