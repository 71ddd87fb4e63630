"""`propagate`: one volume, from annotated slices to the whole structure."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_engine,
    add_export,
    add_image_choice,
    engine_name,
    names,
)
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.files.table import parse_span

if TYPE_CHECKING:
    from SlicePropagationLib.pipelines.propagate_file import PropagateRequest
    from SlicePropagationLib.session import AnnotationSession

MOST_LISTED = 8  # annotated slices that are named one by one


def add_propagate_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "propagate",
        "one volume: from annotated slices to the whole structure",
        "propagate --image image.nii.gz --seed seed.nii.gz --out out.nii.gz --picture",
        "propagate --image ct/ --seed seed.seg.nrrd --out out.seg.nrrd --range 20:60 --export stl",
    )
    _add_files(parser)
    _add_slices(parser)
    parser.add_argument(
        "--anchors",
        metavar="T.slices.csv",
        help=(
            "which slices of the seed are anchors, confirmed and empty ones included (default: those"
            " that show a label)"
        ),
    )
    parser.add_argument(
        "--history",
        metavar="O.json",
        help="do again what the record of an earlier result says (default: what --seed shows)",
    )
    parser.add_argument(
        "--picture",
        action="store_true",
        help=(
            "also write O.png: up to twelve slices, or with --axis t frames, with outlines and"
            " confidence"
        ),
    )
    add_export(parser)
    add_image_choice(parser)
    add_engine(parser)
    parser.set_defaults(command=_propagate)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image",
        required=True,
        metavar="I",
        help="a volume, a DICOM folder, or OME-Zarr, also as a URL",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        help=(
            "label map on the image's grid, non-zero only on annotated slices; required without"
            " --history or --from"
        ),
    )
    parser.add_argument(
        "--from",
        dest="earlier",
        metavar="S",
        help=(
            "in place of a seed: segmentation of an earlier scan, or of another phase, which is"
            " carried over as a suggestion (default: --seed)"
        ),
    )
    parser.add_argument(
        "--from-image", metavar="I", help="the image that --from is of (default: none)"
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="O",
        help="full label map; O.slices.csv and O.json are written beside it",
    )


def _add_slices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k", "t"),
        help="voxel axis that the slices run along; t: along the time of a 4D image",
    )
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="with --axis t: the last frame is not followed by the first",
    )
    parser.add_argument(
        "--range",
        metavar="A:B",
        help="slices that may be predicted, both included (default: all)",
    )
    parser.add_argument(
        "--frame",
        type=int,
        metavar="T",
        help="time point of a 4D image, from 0 (default: the only one)",
    )


def _propagate(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.pipelines.propagate_file import (
        ALONG_TIME,
        PropagateRequest,
        propagate_file,
    )

    request = PropagateRequest(
        image=arguments.image,
        seed=arguments.seed,
        out=arguments.out,
        axis=arguments.axis,
        span=parse_span(arguments.range) if arguments.range else None,
        engine=engine_name(arguments),
        device=arguments.device,
        anchors=arguments.anchors,
        history=arguments.history,
        frame=arguments.frame,
        is_cyclic=not arguments.not_cyclic,
        exports=names(arguments.export) or (),
        series=arguments.series,
        spacing_mm=arguments.spacing,
        earlier=arguments.earlier,
        earlier_image=arguments.from_image,
        has_picture=arguments.picture,
    )
    if request.axis == ALONG_TIME:
        return _propagate_in_time(request, arguments.quiet)
    with ProgressLine(arguments.quiet) as line:
        session = propagate_file(request, line.show)
    if not arguments.quiet:
        print(f"{request.out}:")
        for label in session.labels:
            print(f"  label {label} {_reach(session, label)}")
    return DONE


def _reach(session: AnnotationSession, label: int) -> str:
    """Where a label is now, in words; slices count from 0, as in the files."""
    from SlicePropagationLib.pipelines.slices_table import number_text, volume_ml

    shown = session.areas(label).nonzero()[0]
    anchors = session.anchors(label)
    place = f"on slices {shown[0]} to {shown[-1]}" if shown.size else "on no slice"
    volume = number_text(volume_ml(session, label))
    if not anchors:
        return f"{place}, suggested, none annotated; {volume} ml"
    listed = ", ".join(map(str, anchors[:MOST_LISTED]))
    rest = " and others" if len(anchors) > MOST_LISTED else ""
    return f"{place}, annotated on {listed}{rest}; {volume} ml"


def _propagate_in_time(request: PropagateRequest, is_quiet: bool) -> int:
    from SlicePropagationLib.pipelines.propagate_frames import propagate_frames

    with ProgressLine(is_quiet) as line:
        labels = propagate_frames(request, line.show_frame)
    if not is_quiet:
        num_shown = int((labels > 0).any(axis=(1, 2, 3)).sum())
        print(f"{request.out}: {num_shown} of {len(labels)} frames show a structure")
    return DONE
