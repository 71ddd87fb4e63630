"""`evaluate-cine`: models and engines on sequences with known truth."""

from __future__ import annotations

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_device,
    check_packages,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError


def add_evaluate_cine_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "evaluate-cine",
        "models and engines on sequences with known truth: overlap, contours, areas, curvature,"
        " time-area curves",
        "evaluate-cine --cases cine/cases.csv --models registration,interpolation --out report",
        "evaluate-cine --cases cine/cases.csv --models unet=best.pt --out report --split all",
    )
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, label, truth, case, as make-cine writes it",
    )
    parser.add_argument(
        "--models",
        required=True,
        metavar="NAME=M.pt,ENGINE",
        help="model files and engines; differences are to the first",
    )
    parser.add_argument("--out", required=True, help="folder of the report, its table and plots")
    parser.add_argument(
        "--split",
        default="val",
        help="only cases of this split (default %(default)s)",
    )
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N cases (default: all)",
    )
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_evaluate_cine)


def _evaluate_cine(arguments: argparse.Namespace) -> int:
    check_packages("An evaluation", ("torch", "matplotlib"), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.studies.cine.evaluation import evaluate_cine

    with ProgressLine(arguments.quiet) as line:
        text = evaluate_cine(
            arguments.cases,
            _models(arguments.models),
            arguments.out,
            split=arguments.split,
            max_cases=arguments.max_cases,
            device=arguments.device,
            report=line.report,
        )
    print(text)
    return DONE


def _models(text: str) -> dict[str, str]:
    """{name: model file or engine} of "NAME=M.pt,ENGINE".

    Raises:
        ConfigError: a name stands there twice, or none.
    """
    parts = [part.partition("=") for part in text.split(",")]
    models = {name: path or name for name, _, path in parts}
    if len(models) < len(parts) or "" in models:
        raise ConfigError(
            f"'{text}' names a model twice or not at all; write NAME=MODEL.pt, or the"
            " name of an engine, each once."
        )
    return models
