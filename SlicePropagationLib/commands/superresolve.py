"""`superresolve`: the annotation of thick slices on a fine grid."""

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_device,
    add_image_choice,
    check_packages,
    positive,
)
from SlicePropagationLib.engines.device import check_device


def add_superresolve_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "superresolve",
        "the annotation of thick slices on a fine grid, without stair steps; annotated slices"
        " stay as they are",
        "superresolve --image image.nii.gz --labels labels.nii.gz --out fine.nii.gz",
        "superresolve --image image.nii.gz --labels labels.nii.gz --out fine.nii.gz --factor 5",
    )
    parser.add_argument("--image", required=True, help="a volume, or a DICOM folder")
    add_image_choice(parser)
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
        help="the result on the fine grid; O.json and the picture O.png are written beside it",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        help=(
            "M.pt, weights of `train acnn_segmentation --preset annotation` or of `train"
            " acnn_superresolution`, or a model that comes with the program (`slice-propagation"
            " models` lists them); without it, shapes are interpolated"
        ),
    )
    _add_slices(parser)
    add_device(parser)
    parser.add_argument("--no-picture", action="store_true", help="do not write O.png")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_superresolve)


def _add_slices(parser: argparse.ArgumentParser) -> None:
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


def _superresolve(arguments: argparse.Namespace) -> int:
    if arguments.model:
        check_packages("A model", ("torch",), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.pipelines.superresolve_file import (
        SuperresolveRequest,
        superresolve_file,
    )

    request = SuperresolveRequest(
        image=arguments.image,
        series=arguments.series,
        spacing_mm=arguments.spacing,
        labels=arguments.labels,
        out=arguments.out,
        model=arguments.model,
        axis=arguments.axis,
        factor=arguments.factor,
        device=arguments.device,
        has_picture=not arguments.no_picture,
    )
    fine = superresolve_file(request)
    if not arguments.quiet:
        size = "x".join(str(count) for count in reversed(fine.shape))
        print(f"{arguments.out}: {size} voxels")
    return DONE
