"""`batch`: many volumes, one row of a table each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    SOME_FAILED,
    add_engine,
    add_export,
    engine_name,
    names,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine

if TYPE_CHECKING:
    from SlicePropagationLib.pipelines.batch import Outcome


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
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--resume", action="store_true", help="skip cases that are done")
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="number of processes",
    )
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help="a Dask scheduler that runs the cases (default: --workers on this machine)",
    )
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
    from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
    from SlicePropagationLib.pipelines.batch_index import INDEX

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
    outcomes = []
    with ProgressLine(arguments.quiet) as line:
        for outcome in run_batch(request):
            outcomes.append(outcome)
            line.tell(_progress(outcomes, line))
    failed = [outcome for outcome in outcomes if outcome.error]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases done, {len(failed)} failed")
    for outcome in failed:
        print(f"  {outcome.name}: {outcome.error}")
    index = Path(request.out) / INDEX
    if request.has_pictures and index.is_file():
        print(f"All cases at a glance: {index}")
    return SOME_FAILED if failed else DONE


def _progress(outcomes: list[Outcome], line: ProgressLine) -> str:
    """What is told of the last case; its name comes last, where a narrow terminal cuts it."""
    outcome = outcomes[-1]
    word = "failed" if outcome.error else "done"
    num_skipped = sum(each.is_skipped for each in outcomes)  # they took no time
    left = ""
    if outcome.is_skipped:
        word = "already done"
    else:
        num_done = outcome.step - num_skipped
        done = num_done / (outcome.num_steps - num_skipped)
        left = f", {line.rate(num_done)}, {line.left(done)} left"
    return f"case {outcome.step} of {outcome.num_steps} {word}{left}: {outcome.name}"
