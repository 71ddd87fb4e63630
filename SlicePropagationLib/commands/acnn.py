"""Commands of the anatomically constrained networks: superresolve, codes."""

import sys
from pathlib import Path

from SlicePropagationLib.commands.options import DONE, check_packages, positive
from SlicePropagationLib.pipelines.propagate_file import check_device


def add_acnn_commands(commands):
    """Add the commands to argparse's subparsers."""
    _add_superresolve(commands)
    _add_codes(commands)


def _add_superresolve(commands):
    parser = commands.add_parser(
        "superresolve",
        help=(
            "the annotation of thick slices on a fine grid, without stair steps; annotated slices"
            " stay as they are"
        ),
    )
    parser.add_argument("--image", required=True)
    parser.add_argument(
        "--labels",
        metavar="L",
        help=(
            "finished annotation on the image's grid; without it, --model brings the image itself"
            " to fine slices"
        ),
    )
    parser.add_argument(
        "--out",
        required=True,
        help="the result on the fine grid; O.json is written beside it",
    )
    parser.add_argument(
        "--model",
        metavar="M.pt",
        help=(
            "weights of `train acnn_segmentation --preset annotation` or of `train"
            " acnn_superresolution`; without it, shapes are interpolated"
        ),
    )
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k"),
        help="voxel axis of the thick slices",
    )
    parser.add_argument(
        "--factor",
        type=positive,
        metavar="N",
        help=(
            "fine slices for a thick one (default: the model's, or slices as thin as pixels are"
            " wide)"
        ),
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true")
    parser.set_defaults(command=_superresolve)


def _superresolve(arguments):
    if arguments.model:
        check_packages("A model", ("torch",), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.pipelines.superresolve_file import superresolve_file

    fine = superresolve_file(
        arguments.image,
        arguments.labels,
        arguments.out,
        model=arguments.model,
        axis=arguments.axis,
        factor=arguments.factor,
        device=arguments.device,
    )
    if not arguments.quiet:
        print(f"{arguments.out}: {'x'.join(str(size) for size in reversed(fine.shape))} voxels")
    return DONE


def _add_codes(commands):
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
