"""`propagate`: one volume, from annotated slices to the whole structure."""

from SlicePropagationLib.commands.options import (
    DONE,
    Progress,
    add_engine,
    engine_name,
)
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.table import parse_span
from SlicePropagationLib.pipelines.propagate_file import Case, run_case


def add_propagate_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "propagate",
        help="one volume: from annotated slices to the whole structure",
    )
    parser.add_argument("--image", required=True)
    parser.add_argument(
        "--seed",
        help="label map on the image's grid, non-zero only on annotated slices",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="full label map; O.slices.csv and O.json are written beside it",
    )
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
        help="slices that may be predicted, both included",
    )
    parser.add_argument("--frame", type=int, metavar="T", help="time point of a 4D image, from 0")
    parser.add_argument(
        "--anchors",
        metavar="T.slices.csv",
        help="which slices of the seed are anchors, confirmed and empty ones included",
    )
    parser.add_argument(
        "--history",
        metavar="O.json",
        help="do again what the record of an earlier result says, instead of --seed",
    )
    add_engine(parser)
    parser.set_defaults(command=_propagate)


def _propagate(arguments):
    if not arguments.seed and not arguments.history:
        raise InputError(
            "There is no seed; give --seed S, a label map with at least one annotated slice, or"
            " --history O.json."
        )
    if arguments.history and (arguments.seed or arguments.anchors or arguments.range):
        raise ConfigError(
            "--history does an earlier result again, with its anchors and ranges; leave --seed,"
            " --anchors and --range out."
        )
    case = Case(
        arguments.image,
        arguments.seed,
        arguments.out,
        arguments.axis,
        parse_span(arguments.range) if arguments.range else None,
        engine_name(arguments),
        arguments.device,
        arguments.anchors,
        arguments.history,
        arguments.frame,
    )
    progress = Progress(arguments.quiet)
    if arguments.axis == "t":
        return _propagate_in_time(case, arguments, progress)
    session = run_case(case, progress.show)
    progress.end()
    if not arguments.quiet:
        print(
            "\n".join(
                [
                    f"{arguments.out}:",
                    *(f"  label {label} {_reach(session, label)}" for label in session.labels),
                ]
            )
        )
    return DONE


def _reach(session, label):
    """Where a label is now, in words; slices count from 0, as in the files."""
    shown = session.areas(label).nonzero()[0]
    anchors = session.anchors(label)
    place = f"on slices {shown[0]} to {shown[-1]}" if shown.size else "on no slice"
    return (
        f"{place}, annotated on"
        f" {', '.join(map(str, anchors[:8]))}{' and others' if len(anchors) > 8 else ''}"
    )


def _propagate_in_time(case, arguments, progress):
    from SlicePropagationLib.pipelines.propagate_frames import run_time_case

    labels = run_time_case(
        case,
        lambda number, count, prediction: progress.show(prediction),
        is_cyclic=not arguments.not_cyclic,
    )
    progress.end()
    if not arguments.quiet:
        print(
            f"{arguments.out}: {int((labels > 0).any(axis=(1, 2, 3)).sum())} of {len(labels)}"
            " frames show a structure"
        )
    return DONE
