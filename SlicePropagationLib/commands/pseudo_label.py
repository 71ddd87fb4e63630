"""`pseudo-label`: labels from the nearest annotated slice or frame, for training."""

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_engine,
    engine_name,
    listed,
)
from SlicePropagationLib.commands.progress import ProgressLine


def add_pseudo_label_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "pseudo-label",
        "labels for every slice or frame from the nearest annotated one, with the distance, for"
        " training",
        "pseudo-label --image image.nii.gz --seed seed.nii.gz --out pseudo.nii.gz",
        "pseudo-label --image cine.nii.gz --seed frames.nii.gz --out pseudo.nii.gz --soft",
    )
    parser.add_argument("--image", required=True, help="a volume, or a 4D sequence")
    parser.add_argument(
        "--seed",
        required=True,
        help="label map on the image's grid, non-zero only on annotated slices or frames",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="label map; O.distances.csv and O.json are written beside it",
    )
    parser.add_argument(
        "--soft",
        action="store_true",
        help="also write the probability of each label (0 to 255) as O.soft-LABEL",
    )
    parser.add_argument(
        "--pure-warp",
        action="store_true",
        help="warp by the field of --engine voxelmorph alone, without intensities, ends or gaps",
    )
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k"),
        help="voxel axis that the slices run along",
    )
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="the last frame of a sequence is not followed by the first",
    )
    add_engine(parser)
    parser.set_defaults(command=_pseudo_label)


def _pseudo_label(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.pipelines.pseudo_labels import PseudoLabelRequest, pseudo_label_file

    request = PseudoLabelRequest(
        image=arguments.image,
        seed=arguments.seed,
        out=arguments.out,
        engine=engine_name(arguments),
        device=arguments.device,
        axis=arguments.axis,
        is_cyclic=not arguments.not_cyclic,
        is_soft=arguments.soft,
        is_pure_warp=arguments.pure_warp,
    )
    with ProgressLine(arguments.quiet) as line:
        labels = pseudo_label_file(request, line.count)
    if not arguments.quiet:
        print(f"{arguments.out}: {listed(labels)}")
    return DONE
