"""`train`: networks on labelled cases."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_device,
    add_processes,
    add_scheduler,
    check_training_packages,
    is_first_process,
    names,
    positive,
    reporter,
)
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.dataset_groups import read_groups
from SlicePropagationLib.training import TASKS

if TYPE_CHECKING:
    from SlicePropagationLib.training.train import TrainRequest


def add_train_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "train",
        "train a network on labelled cases; started again with the same arguments, it goes on",
        "train slice_unet --cases cases.csv --out weights --max-hours 2",
        "train registration --cases cases.csv --out weights --folds 5 --device cuda",
        "train slice_unet --preset fine-tune --init shipped --cases mine.csv --out mine",
    )
    parser.add_argument("task", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument(
        "--cases",
        required=True,
        help="table with columns image, label and optionally split, dataset, case",
    )
    parser.add_argument("--out", required=True, help="folder of the weights and logs")
    parser.add_argument(
        "--preset",
        default="default",
        help="settings to begin with (default %(default)s)",
    )
    parser.add_argument(
        "--config",
        metavar="task.json",
        help="settings that differ from the preset's (default: none)",
    )
    parser.add_argument(
        "--init",
        metavar="X.pt",
        help=(
            "weights to begin with, or the folder of the training that made them; with --folds,"
            " each fold begins with its own; 'shipped' for those that come with the program, which"
            " for slice_unet are of the presets default-large and fine-tune (default: random ones)"
        ),
    )
    parser.add_argument(
        "--prior",
        metavar="P.pt",
        help="shape model that guides the training (acnn tasks; default: none)",
    )
    parser.add_argument(
        "--labels",
        metavar="L,L",
        help="the labels that the model is about (acnn tasks; default: all)",
    )
    parser.add_argument(
        "--walks",
        metavar="FOLDER",
        help=(
            "recorded walks (slice_unet, presets default, default-large and fine-tune; outline_unet)"
            " or unpacked volumes (gap_unet) that several trainings share; default: a folder in OUT"
        ),
    )
    parser.add_argument(
        "--datasets", metavar="A,B", help="only these data sets of the table (default: all)"
    )
    parser.add_argument(
        "--leave-out",
        metavar="A,B",
        help="leave these data sets of the table, or groups of --groups, out (default: none)",
    )
    parser.add_argument(
        "--groups",
        metavar="groups.csv",
        help="table with columns group, dataset, whose groups --leave-out may name (default: none)",
    )
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N cases of each split of each data set (default: all)",
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=0,
        metavar="K",
        help="cross-validation by patient (default: the table's splits)",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help="number of epochs (default: the preset's)",
    )
    parser.add_argument(
        "--max-hours",
        type=float,
        metavar="H",
        help=(
            "end after that much time, over which the learning rate falls (default: after the last"
            " epoch)"
        ),
    )
    parser.add_argument("--seed", type=int, help="of the random numbers (default: the preset's)")
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="processes that prepare the data",
    )
    add_scheduler(
        parser,
        "prepares the data of slice_unet (presets default, default-large and fine-tune), gap_unet"
        " and outline_unet, in a folder that its workers see",
    )
    add_processes(parser, "learn together, each from batches of its own")
    add_device(parser)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="only go on with a training that is in --out already",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> int:
    check_training_packages()
    request = _request_of(arguments)
    check_device(arguments.device)
    from SlicePropagationLib.training.train import train

    is_first = is_first_process(arguments)
    best = train(request, reporter(arguments, sys.stdout) if is_first else None)
    for path in best if is_first else ():
        print(f"best weights: {path}")
    return DONE


def _request_of(arguments: argparse.Namespace) -> TrainRequest:
    """The request that the command line says."""
    from SlicePropagationLib.training.train import TrainRequest

    return TrainRequest(
        task=arguments.task,
        cases=arguments.cases,
        out=arguments.out,
        preset=arguments.preset,
        config=arguments.config,
        init=arguments.init,
        prior=arguments.prior,
        labels=_numbers(arguments.labels),
        walks=arguments.walks,
        datasets=names(arguments.datasets),
        leave_out=_left_out(arguments),
        max_cases=arguments.max_cases,
        folds=arguments.folds,
        epochs=arguments.epochs,
        max_hours=arguments.max_hours,
        seed=arguments.seed,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        devices=arguments.devices,
        nodes=arguments.nodes,
        device=arguments.device,
        resume=arguments.resume,
    )


def _left_out(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """The data sets that are left out, groups of them by their members."""
    left_out = names(arguments.leave_out)
    if not left_out or not arguments.groups:
        return left_out
    groups = read_groups(arguments.groups)
    members = [groups.get(name, (name,)) for name in left_out]
    return tuple(dict.fromkeys(dataset for group in members for dataset in group))


def _numbers(text: str | None) -> tuple[int, ...] | None:
    """The labels of "1,2"; None where the option is not given."""
    if not text:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"'{text}' is not a list of labels; write for example 1,2.") from None
