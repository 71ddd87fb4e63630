"""`cine-experiment`: the comparisons of the cine papers."""

from SlicePropagationLib.commands.options import (
    DONE,
    check_packages,
    positive,
    reporter,
)
from SlicePropagationLib.engines.device import check_device


def add_cine_experiment_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "cine-experiment",
        help="comparisons of the cine papers: pseudo-labels, trainings, measures, one report",
    )
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
        help="only these columns of the comparison, named as in its report",
    )
    parser.add_argument(
        "--unseen",
        metavar="T.csv",
        help="for unseen: table of real volumes (image, label, case) that no model is trained on",
    )
    parser.add_argument(
        "--datasets",
        metavar="A,B",
        help="for unseen: only these data sets of that table",
    )
    parser.add_argument(
        "--match",
        metavar="A=B",
        help="for unseen: label A of the models is label B of that table, for example 3=1",
    )
    parser.add_argument(
        "--scale",
        default="small",
        choices=("small", "full"),
        help="small networks and grids for a CPU, or as in the papers (default %(default)s)",
    )
    parser.add_argument(
        "--config",
        metavar="tasks.json",
        help='settings that differ from the presets\', by task: {"cine_unet": {...}}',
    )
    parser.add_argument("--max-hours", type=float, help="training time of a variant")
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="measure only the first N cases",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_cine_experiment)


def _cine_experiment(arguments):
    check_packages("A cine experiment", ("torch", "lightning", "matplotlib"), "train")
    check_device(arguments.device)
    from SlicePropagationLib.studies.cine.experiments import run_cine_experiment

    print(run_cine_experiment(arguments, reporter(arguments)))
    return DONE
