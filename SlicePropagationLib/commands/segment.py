"""`segment`: models that need no seed."""

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_axis,
    add_device,
    add_image_choice,
    check_packages,
    listed,
)
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.engines.device import check_device


def add_segment_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "segment",
        "a model that needs no seed, on a volume or a 4D sequence",
        "segment --image image.nii.gz --model best.pt --out labels.nii.gz",
        "segment --image heart.nii.gz --model left_ventricle --out labels.nii.gz --picture",
        "segment --image cine.nii.gz --model cine/best.pt --out labels.nii.gz --not-cyclic",
    )
    parser.add_argument("--image", required=True, help="a volume, or a 4D sequence")
    add_image_choice(parser)
    parser.add_argument(
        "--model",
        required=True,
        metavar="M",
        help="weights that `train` wrote, M.pt, or a model that comes with the program"
        " (`slice-propagation models` lists them)",
    )
    parser.add_argument("--out", required=True, help="label map; O.json is written beside it")
    add_axis(parser)
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="the last frame of a sequence is not followed by the first",
    )
    parser.add_argument(
        "--picture",
        action="store_true",
        help="also write O.png: slices with what was found",
    )
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_segment)


def _segment(arguments: argparse.Namespace) -> int:
    check_packages("A model that segments", ("torch",), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.pipelines.segment_file import SegmentRequest, segment_file

    request = SegmentRequest(
        image=arguments.image,
        series=arguments.series,
        spacing_mm=arguments.spacing,
        model=arguments.model,
        out=arguments.out,
        axis=arguments.axis,
        device=arguments.device,
        is_cyclic=not arguments.not_cyclic,
        has_picture=arguments.picture,
    )
    with ProgressLine(arguments.quiet) as line:
        labels = segment_file(request, line.count)
    if not arguments.quiet:
        print(f"{arguments.out}: {listed(labels)}")
    return DONE
