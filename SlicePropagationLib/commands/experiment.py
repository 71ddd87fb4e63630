"""`experiment`: the experiments of the thesis, the pancreas paper and the ACNN paper."""

import sys
from functools import partial
from importlib import import_module

from SlicePropagationLib.commands.options import (
    DONE,
    check_training_packages,
    positive,
)
from SlicePropagationLib.engines.device import check_device
from SlicePropagationLib.errors import ConfigError

UNUSED_BY = {
    "thesis.experiments": ("folds", "label", "engine", "without"),
    "pnet.experiments": ("engine",),
    "acnn.experiments": ("epochs", "label", "engine", "without"),
    "pnet.jump": ("scale", "max_hours", "epochs", "config", "folds", "without", "seed"),
}  # options of `experiment`, by module


def add_experiment_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "experiment",
        help=(
            "an experiment of the slice-propagation thesis, the pancreas paper or the ACNN paper:"
            " trains its variants, uses them, one table"
        ),
    )
    parser.add_argument(
        "name",
        help=(
            "baselines, prior-mask, depth, architecture, unseen, corrections, ablation,"
            " pnet-losses, pnet-architectures, pnet-birnn, pnet-jump, acnn-segmentation,"
            " acnn-prior-weight, acnn-plausibility, acnn-superresolution or acnn-classification"
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
        help="data sets that are trained on (default all)",
    )
    parser.add_argument(
        "--scale",
        default="small",
        choices=("small", "full"),
        help=(
            "base width 16, 128 x 128 pixels and 3 minutes a variant, or as in the thesis (default"
            " %(default)s)"
        ),
    )
    parser.add_argument("--max-hours", type=float, help="training time of a variant")
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help=(
            "as many epochs for every variant of an experiment of the thesis or of a pnet"
            " experiment, whatever time they take"
        ),
    )
    parser.add_argument(
        "--config",
        metavar="task.json",
        help="settings that differ from the presets'",
    )
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="walk only the first N validation cases of each data set",
    )
    parser.add_argument(
        "--folds",
        type=positive,
        metavar="K",
        help=(
            "by patient; a pnet experiment has 4 unless told, acnn-segmentation, -superresolution"
            " and -plausibility judge the split val instead"
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
            "leave a column of a pnet experiment out, such as 'PNet-MSA, direct wiring'; may be"
            " given several times"
        ),
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=positive, default=1, help="processes that walk")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true")
    parser.set_defaults(command=partial(_experiment, parser.get_default))


def _experiment(default, arguments):
    """`default`: an option's name -> its value where it is not given."""
    check_device(arguments.device)
    run = _find_experiment(arguments.name)
    module = run.__module__.removeprefix("SlicePropagationLib.studies.")
    meant_for_others = [
        f"--{name.replace('_', '-')}"
        for name in UNUSED_BY[module]
        if getattr(arguments, name) != default(name)
    ]
    if meant_for_others:
        raise ConfigError(
            f"{arguments.name} has no use for {', '.join(meant_for_others)}; leave it out."
        )
    print(
        run(
            arguments,
            None if arguments.quiet else lambda text: print(text, file=sys.stderr, flush=True),
        )
    )
    return DONE


def _find_experiment(name):
    """The function that does an experiment; ConfigError where none has that name."""
    from SlicePropagationLib.studies.pnet import experiments as pnet_experiments
    from SlicePropagationLib.studies.pnet import jump as pnet_jump
    from SlicePropagationLib.studies.thesis import experiments

    if name == pnet_jump.NAME:
        return pnet_jump.run_jump_experiment
    if not name.startswith("acnn-"):
        pnet_experiments.check_name(
            name,
            [
                *experiments.EXPERIMENTS,
                pnet_jump.NAME,
                "acnn-segmentation",
                "acnn-prior-weight",
                "acnn-plausibility",
                "acnn-superresolution",
                "acnn-classification",
            ],
        )
    check_training_packages()
    if name.startswith("acnn-"):
        return import_module("SlicePropagationLib.studies.acnn.experiments").run_experiment
    return (
        pnet_experiments.run_pnet_experiment
        if name in pnet_experiments.EXPERIMENTS
        else experiments.run_experiment
    )
