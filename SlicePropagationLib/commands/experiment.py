"""`experiment`: the experiments of the thesis, the pancreas paper and the ACNN paper."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_device,
    check_training_packages,
    names,
    positive,
    reporter,
)
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from SlicePropagationLib.studies.registry import Study

Default = Callable[[str], object]  # an option's name -> its value where it is not given


def add_experiment_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "experiment",
        "an experiment of the slice-propagation thesis, the pancreas paper or the ACNN paper:"
        " trains its variants, uses them, one table",
        "experiment baselines --cases cases.csv --out experiments",
        "experiment pnet-losses --cases cases.csv --out experiments --folds 2 --epochs 5",
    )
    _add_what(parser)
    _add_length(parser)
    _add_measuring(parser)
    _add_running(parser)
    parser.set_defaults(command=partial(_experiment, parser.get_default))


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Which experiment, on which cases."""
    parser.add_argument(
        "name",
        help=(
            "baselines, prior-mask, depth, architecture, unseen, corrections, ablation,"
            " pnet-losses, pnet-architectures, pnet-birnn, pnet-curriculum, pnet-jump,"
            " acnn-segmentation, acnn-prior-weight, acnn-plausibility, acnn-superresolution or acnn-classification"
        ),
    )
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, label and optionally split, dataset, case",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of all experiments; what was trained for one serves the others",
    )
    parser.add_argument(
        "--datasets",
        metavar="A,B",
        help="data sets that are trained on (default: all)",
    )


def _add_length(parser: argparse.ArgumentParser) -> None:
    """How large the networks are and how long they are trained."""
    parser.add_argument(
        "--scale",
        default="small",
        choices=("small", "full"),
        help=(
            "base width 16, 128 x 128 pixels and 3 minutes a variant, or as in the thesis (default"
            " %(default)s)"
        ),
    )
    parser.add_argument(
        "--max-hours",
        type=float,
        metavar="H",
        help="training time of a variant (default: that of --scale)",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help=(
            "as many epochs for every variant of an experiment of the thesis or of a pnet"
            " experiment, whatever time they take (default: as many as the time allows)"
        ),
    )
    parser.add_argument(
        "--config",
        metavar="task.json",
        help="settings that differ from the presets' (default: none)",
    )


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    """What is measured."""
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="walk only the first N validation cases of each data set (default: all)",
    )
    parser.add_argument(
        "--folds",
        type=positive,
        metavar="K",
        help=(
            "cross-validation by patient (default: 4 for a pnet experiment; those of the thesis,"
            " acnn-segmentation, -superresolution and -plausibility judge the split val instead)"
        ),
    )
    parser.add_argument(
        "--engine",
        default="registration",
        metavar="NAME|MODEL.pt",
        help="whose slices pnet-jump looks at (default %(default)s)",
    )
    parser.add_argument(
        "--label",
        type=int,
        default=0,
        help="structure of a pnet experiment; 0 for all labels as one (default %(default)s)",
    )
    parser.add_argument(
        "--without",
        action="append",
        metavar="COLUMN",
        help=(
            "leave a column of a pnet experiment, of acnn-segmentation or of acnn-prior-weight out,"
            " such as 'PNet-MSA, direct wiring'; may be given several times (default: none)"
        ),
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    """How it is run."""
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="processes that walk",
    )
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _experiment(default: Default, arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.studies.registry import find_study

    check_device(arguments.device)
    study = find_study(arguments.name)
    if study.trains:
        check_training_packages()
    _refuse_what_is_ignored(study, default, arguments)
    from SlicePropagationLib.studies.request import StudyRequest

    request = StudyRequest(
        name=arguments.name,
        cases=arguments.cases,
        out=arguments.out,
        datasets=names(arguments.datasets),
        scale=arguments.scale,
        config=arguments.config,
        max_hours=arguments.max_hours,
        epochs=arguments.epochs,
        max_cases=arguments.max_cases,
        folds=arguments.folds,
        engine=arguments.engine,
        label=arguments.label,
        without=tuple(arguments.without or ()),
        seed=arguments.seed,
        workers=arguments.workers,
        device=arguments.device,
    )
    run = study.load()
    print(run(request, reporter(arguments)))
    return DONE


def _refuse_what_is_ignored(
    study: Study,
    default: Default,
    arguments: argparse.Namespace,
) -> None:
    """Refuse options that are given and that the experiment has no use for."""
    meant_for_others = [
        f"--{name.replace('_', '-')}"
        for name in study.no_use_for
        if getattr(arguments, name) != default(name)
    ]
    if meant_for_others:
        raise ConfigError(
            f"{arguments.name} has no use for {', '.join(meant_for_others)}; leave it out."
        )
