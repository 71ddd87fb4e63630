"""`batch`: many volumes, one row of a table each."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.options import (
    DONE,
    SOME_FAILED,
    add_engine,
    add_export,
    engine_name,
    names,
    positive,
)

if TYPE_CHECKING:
    from SlicePropagationLib.pipelines.batch import Outcome


def add_batch_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser("batch", help="many volumes, one row of a table each")
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, seed and optionally out, axis, range",
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
        help="a Dask scheduler, instead of --workers",
    )
    add_export(parser)
    add_engine(parser)
    parser.set_defaults(command=_batch)


def _batch(arguments: argparse.Namespace) -> int:
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
    )
    outcomes = []
    for outcome in run_batch(request):
        outcomes.append(outcome)
        if not arguments.quiet:
            print(_progress(outcome), file=sys.stderr)
    failed = [outcome for outcome in outcomes if outcome.error]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases done, {len(failed)} failed")
    for outcome in failed:
        print(f"  {outcome.name}: {outcome.error}")
    return SOME_FAILED if failed else DONE


def _progress(outcome: Outcome) -> str:
    word = "already done" if outcome.is_skipped else "done"
    if outcome.error:
        word = "failed"
    return f"case {outcome.step} of {outcome.num_steps}: {outcome.name} {word}"
