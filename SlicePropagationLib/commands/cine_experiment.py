"""`cine-experiment`: the comparisons of the cine papers."""

from __future__ import annotations

import argparse
from typing import Any

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_device,
    check_packages,
    names,
    positive,
    reporter,
)
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError


def add_cine_experiment_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "cine-experiment",
        "comparisons of the cine papers: pseudo-labels, trainings, measures, one report",
        "cine-experiment models --cases cine/cases.csv --out experiments",
        "cine-experiment window --cases cine/cases.csv --out experiments --max-hours 0.2",
    )
    _add_what(parser)
    _add_unseen(parser)
    _add_training(parser)
    _add_running(parser)
    parser.set_defaults(command=_cine_experiment)


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Which experiment, on which sequences."""
    parser.add_argument("name", help="models, window, power, pseudo-labels, unseen or engines")
    parser.add_argument(
        "--cases",
        required=True,
        help="cases.csv of make-cine, with splits train and val",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of all experiments; what was trained for one serves the others",
    )
    parser.add_argument(
        "--engine",
        default="registration",
        metavar="NAME|MODEL.pt",
        help="what makes the pseudo-labels (default %(default)s)",
    )
    parser.add_argument(
        "--only",
        metavar="A,B",
        help="only these columns of the comparison, named as in its report (default: all)",
    )


def _add_unseen(parser: argparse.ArgumentParser) -> None:
    """The data of the experiment unseen."""
    parser.add_argument(
        "--unseen",
        metavar="T.csv",
        help=(
            "for unseen, which does nothing without it: table of real volumes (image, label, case)"
            " that no model is trained on"
        ),
    )
    parser.add_argument(
        "--datasets",
        metavar="A,B",
        help="for unseen: only these data sets of that table (default: all)",
    )
    parser.add_argument(
        "--match",
        metavar="A=B,...",
        help=(
            "for unseen, required there: label A of the models is label B of that table, for"
            " example 3=1; DATASET:A=B for one data set of it (default: none)"
        ),
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    """How networks are trained."""
    parser.add_argument(
        "--scale",
        default="small",
        choices=("small", "full"),
        help="small networks and grids for a CPU, or as in the papers (default %(default)s)",
    )
    parser.add_argument(
        "--config",
        metavar="tasks.json",
        help='settings that differ from the presets\', by task: {"cine_unet": {...}} (default: none)',
    )
    parser.add_argument(
        "--max-hours",
        type=float,
        metavar="H",
        help="training time of a variant (default: that of --scale)",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    """How it is run."""
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="measure only the first N cases (default: all)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _cine_experiment(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.studies.registry import find_cine_study

    check_packages("A cine experiment", ("torch", "lightning", "matplotlib"), "train")
    check_device(arguments.device)
    study = find_cine_study(arguments.name)
    from SlicePropagationLib.studies.request import StudyRequest

    request = StudyRequest(
        name=arguments.name,
        cases=arguments.cases,
        out=arguments.out,
        datasets=names(arguments.datasets),
        scale=arguments.scale,
        config=arguments.config,
        max_hours=arguments.max_hours,
        max_cases=arguments.max_cases,
        engine=arguments.engine,
        only=_columns(arguments.only),
        unseen=arguments.unseen,
        **_match(arguments),
        seed=arguments.seed,
        device=arguments.device,
    )
    run = study.load()
    print(run(request, reporter(arguments)))
    return DONE


def _columns(text: str | None) -> tuple[str, ...] | None:
    """The columns of "A, B"; None where the option is not given."""
    if not text:
        return None
    return tuple(name.strip() for name in text.split(","))


def _match(arguments: argparse.Namespace) -> dict[str, Any]:
    """`match` and `match_of` of a request from "3=1,2=2,acdc:3=3", where they are needed.

    Raises:
        ConfigError: the text says none.
    """
    if arguments.name != "unseen" or not arguments.unseen:
        return {}
    pairs = []
    of_sets = []
    try:
        for part in arguments.match.split(","):
            dataset, _, labels = part.rpartition(":")
            ours, theirs = labels.split("=")
            if dataset:
                of_sets.append((dataset, int(ours), int(theirs)))
            else:
                pairs.append((int(ours), int(theirs)))
    except (AttributeError, ValueError):
        raise ConfigError(
            f"'{arguments.match}' does not match labels; write LABEL OF THE MODELS=LABEL OF THE"
            " DATA, for example 3=1."
        ) from None
    return {"match": tuple(pairs), "match_of": tuple(of_sets)}
