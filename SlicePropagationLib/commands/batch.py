"""`batch`: many volumes, one row of a table each."""

from __future__ import annotations

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    add_engine,
    add_export,
    add_scheduler,
    engine_name,
    names,
    positive,
)


def add_batch_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "batch",
        "many volumes, one row of a table each",
        "batch --cases cases.csv --out results --resume",
        "batch --cases cases.csv --out results --engine registration --workers 4",
    )
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, seed and optionally out, axis, range, series, spacing",
    )
    parser.add_argument("--out", required=True, help="folder of the results, or its URL")
    parser.add_argument("--resume", action="store_true", help="skip cases that are done")
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="number of processes",
    )
    add_scheduler(parser, "runs the cases")
    parser.add_argument(
        "--no-pictures",
        action="store_true",
        help=(
            "write no montage O.png beside each result, and no index.html, which shows all cases, the"
            " least trusted first"
        ),
    )
    add_export(parser)
    add_engine(parser)
    parser.set_defaults(command=_batch)


def _batch(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.commands.batch_progress import (
        BatchProgress,
        all_told,
        tell_counts,
        tell_page,
    )
    from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch

    request = BatchRequest(
        cases=arguments.cases,
        out=arguments.out,
        engine=engine_name(arguments),
        device=arguments.device,
        resume=arguments.resume,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        exports=names(arguments.export) or (),
        has_pictures=not arguments.no_pictures,
    )
    with BatchProgress(request, arguments.quiet) as progress:
        tally = all_told(run_batch(request, progress), progress)
    code = tell_counts(tally)
    if request.has_pictures:
        tell_page(request.out)
    return code
