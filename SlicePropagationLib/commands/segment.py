"""`segment`: models that need no seed."""

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_axis,
    add_device,
    add_image_choice,
    add_scheduler,
    check_packages,
    listed,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError


def add_segment_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "segment",
        "a model that needs no seed, on a volume or a 4D sequence",
        "segment --image image.nii.gz --model best.pt --out labels.nii.gz",
        "segment --image heart.nii.gz --model left_ventricle --out labels.nii.gz --picture",
        "segment --image cine.nii.gz --model cine/best.pt --out labels.nii.gz --not-cyclic",
        "segment --cases cases.csv --model best.pt --out results --resume --workers 4",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", help="a volume, or a 4D sequence (without it: those of --cases)")
    what.add_argument(
        "--cases",
        help="many images: a table with a column image and optionally out, series, spacing"
        " (without it: --image alone)",
    )
    add_image_choice(parser)
    parser.add_argument(
        "--model",
        required=True,
        metavar="M",
        help="weights that `train` wrote, M.pt, or a model that comes with the program"
        " (`slice-propagation models` lists them)",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="label map; O.json is written beside it; of --cases a folder, or a URL",
    )
    add_axis(parser)
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="the last frame of a sequence is not followed by the first",
    )
    parser.add_argument(
        "--picture",
        action="store_true",
        help="also write O.png: slices with what was found; with --cases also index.html over all",
    )
    parser.add_argument("--resume", action="store_true", help="skip cases that are done")
    parser.add_argument(
        "--workers", type=positive, default=1, help="number of processes that share the cases"
    )
    add_scheduler(parser, "runs the cases")
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_segment)


def _segment(arguments: argparse.Namespace) -> int:
    check_packages("A model that segments", ("torch",), "demo")
    check_device(arguments.device)
    _check_choice(arguments)
    if arguments.cases:
        return _segment_cases(arguments)
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


def _check_choice(arguments: argparse.Namespace) -> None:
    """Refuse what only one image, or only many, can have."""
    if arguments.cases and (arguments.series or arguments.spacing):
        raise ConfigError(
            "--series and --spacing are of one image; the table has columns for them."
        )
    if arguments.image and (arguments.resume or arguments.workers > 1 or arguments.scheduler):
        raise ConfigError("--resume, --workers and --scheduler are of --cases; leave them out.")


def _segment_cases(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.commands.batch_progress import (
        BatchProgress,
        all_told,
        tell_counts,
        tell_page,
    )
    from SlicePropagationLib.pipelines.segment_cases import SegmentCasesRequest, segment_cases

    request = SegmentCasesRequest(
        cases=arguments.cases,
        out=arguments.out,
        model=arguments.model,
        axis=arguments.axis,
        device=arguments.device,
        is_cyclic=not arguments.not_cyclic,
        has_pictures=arguments.picture,
        resume=arguments.resume,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
    )
    with BatchProgress(request, arguments.quiet) as progress:
        tally = all_told(segment_cases(request, progress), progress)
    code = tell_counts(tally)
    if request.has_pictures:
        tell_page(request.out)
    return code
