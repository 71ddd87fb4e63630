"""`evaluate`: many cases, engines and simulated annotators: tables and plots."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    SOME_FAILED,
    add_axis,
    add_device,
    add_processes,
    add_scheduler,
    check_packages,
    is_first_process,
    names,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from SlicePropagationLib.evaluation.evaluate import EvaluateRequest, Evaluation


def add_evaluate_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "evaluate",
        "many cases x engines x simulated users x numbers of annotated slices: tables and plots"
        " with intervals",
        "evaluate --cases cases.csv --out tables --split all",
        "evaluate --cases cases.csv --out tables --engines registration,own=best.pt --shots 1,3",
    )
    _add_what(parser)
    _add_choice(parser)
    _add_annotator(parser)
    _add_running(parser)
    parser.set_defaults(command=_evaluate)


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Which cases, which engines."""
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, label and optionally split, dataset, case",
    )
    parser.add_argument(
        "--engines",
        default="copy,interpolation,registration",
        metavar="A,B",
        help="engines or model files; NAME=MODEL.pt names one (default %(default)s)",
    )
    parser.add_argument(
        "--shots",
        default="1,2,3,5",
        metavar="K,K",
        help="numbers of annotated slices (default %(default)s)",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Which structures of which cases."""
    parser.add_argument(
        "--split",
        default="val",
        help="only cases of this split, or all (default %(default)s)",
    )
    parser.add_argument(
        "--datasets", metavar="A,B", help="only these data sets of the table (default: all)"
    )
    parser.add_argument(
        "--groups",
        metavar="groups.csv",
        help=(
            "table with columns group, dataset: adds a mean over the data sets of each group"
            " (default: none)"
        ),
    )
    parser.add_argument(
        "--left-out",
        metavar="A,B",
        help=(
            "only these groups of --groups, and all cases of their data sets whatever their split:"
            " for weights that were trained with --leave-out (default: what --split says)"
        ),
    )
    parser.add_argument("--labels", metavar="L,L", help="only these labels (default: all)")
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N cases of each data set (default: all)",
    )
    parser.add_argument(
        "--min-slices",
        type=positive,
        default=5,
        metavar="N",
        help="leave out structures on fewer slices (default %(default)s)",
    )


def _add_annotator(parser: argparse.ArgumentParser) -> None:
    """How slices are annotated."""
    parser.add_argument(
        "--pick",
        default="largest",
        metavar="A,B",
        help="slice that is annotated first: largest, middle, or both (default %(default)s)",
    )
    parser.add_argument(
        "--correct",
        default="suggested",
        metavar="A,B",
        help=(
            "slices that are corrected: suggested, worst, uniform, steps, or several (default"
            " %(default)s)"
        ),
    )
    parser.add_argument(
        "--effort",
        type=positive,
        default=0,
        metavar="N",
        help=(
            "annotate up to N slices while Dice .95 is not reached, for the table of effort"
            " (default: the largest of --shots)"
        ),
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    """What else is measured, and how it is run."""
    parser.add_argument(
        "--kinds",
        metavar="kinds.csv",
        help=(
            "table with columns dataset, label (* for all), kind: adds means per kind of structure"
            " (default: none)"
        ),
    )
    add_axis(parser)
    parser.add_argument(
        "--prior",
        metavar="P.pt",
        help=(
            "shape model (`train acnn_autoencoder`): adds to rows.csv how implausible each"
            " predicted shape is (default: none)"
        ),
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="number of processes",
    )
    add_scheduler(parser, "scores the cases")
    add_processes(parser, "share the cases")
    add_device(parser)
    parser.add_argument(
        "--out",
        required=True,
        help="folder of the tables and plots; an evaluation that was interrupted there goes on",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _evaluate(arguments: argparse.Namespace) -> int:
    if arguments.prior:
        check_packages("A shape model", ("torch",), "demo")
    from SlicePropagationLib.evaluation.evaluate import evaluate

    request = evaluate_request(arguments)
    if request.num_processes > 1:
        check_packages("Several devices", ("torch", "lightning"), "train")
    is_first = is_first_process(arguments)
    with ProgressLine(arguments.quiet or not is_first) as line:
        evaluation = evaluate(request, line.report)
    if is_first:
        _tell(evaluation, request)
    return SOME_FAILED if evaluation.failures else DONE


def _tell(evaluation: Evaluation, request: EvaluateRequest) -> None:
    from SlicePropagationLib.evaluation.evaluate import REPORT

    print(evaluation.summary)
    print(f"The whole report: {Path(request.out) / REPORT}")
    for case, why in evaluation.failures:
        print(f"slice-propagation: {case} was not scored: {why}", file=sys.stderr)


def evaluate_request(arguments: argparse.Namespace) -> EvaluateRequest:
    """The request that the options of `evaluate` describe.

    Raises:
        ConfigError: a list of numbers is none, or an annotator is not known.
    """
    from SlicePropagationLib.evaluation.evaluate import EvaluateRequest

    labels = None
    if arguments.labels:
        labels = _numbers(arguments.labels, "labels")
    return EvaluateRequest(
        cases=arguments.cases,
        out=arguments.out,
        engines=tuple(arguments.engines.split(",")),
        shots=_numbers(arguments.shots, "numbers of annotated slices"),
        split=arguments.split,
        datasets=names(arguments.datasets),
        labels=labels,
        max_cases=arguments.max_cases,
        min_slices=arguments.min_slices,
        pick=tuple(arguments.pick.split(",")),
        correct=tuple(arguments.correct.split(",")),
        kinds=arguments.kinds,
        groups=arguments.groups,
        left_out=names(arguments.left_out),
        effort=arguments.effort,
        axis=arguments.axis,
        prior=arguments.prior,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        devices=arguments.devices or 1,
        nodes=arguments.nodes or 1,
        device=arguments.device,
    )


def _numbers(text: str, meaning: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(
            f"'{text}' is not a list of {meaning}; write for example 1,2,3,5."
        ) from None
