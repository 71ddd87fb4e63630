"""`batch`: many volumes, one row of a table each."""

import sys

from SlicePropagationLib.commands.options import (
    DONE,
    SOME_FAILED,
    add_engine,
    engine_name,
    positive,
)


def add_batch_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser("batch", help="many volumes, one row of a table each")
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, seed and optionally out, axis, range",
    )
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--resume", action="store_true", help="skip cases that are done")
    parser.add_argument("--workers", type=positive, default=1, help="number of processes")
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help="a Dask scheduler, instead of --workers",
    )
    add_engine(parser)
    parser.set_defaults(command=_batch)


def _batch(arguments):
    from SlicePropagationLib.engines.device import choose_engine
    from SlicePropagationLib.pipelines.batch import read_cases, run_batch

    choose_engine(engine_name(arguments), arguments.device)
    cases = read_cases(
        arguments.cases,
        arguments.out,
        engine=engine_name(arguments),
        device=arguments.device,
    )
    failed = []
    outcomes = run_batch(
        cases,
        resume=arguments.resume,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
    )
    for number, outcome in enumerate(outcomes, 1):
        word = "failed" if outcome.error else "already done" if outcome.skipped else "done"
        if not arguments.quiet:
            print(f"case {number} of {len(cases)}: {outcome.name} {word}", file=sys.stderr)
        if outcome.error:
            failed.append(outcome)
    print(f"{len(cases) - len(failed)} of {len(cases)} cases done, {len(failed)} failed")
    for outcome in failed:
        print(f"  {outcome.name}: {outcome.error}")
    return SOME_FAILED if failed else DONE
