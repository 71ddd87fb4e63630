"""The commands for sequences and for models that need no seed: segment, pseudo-label, make-cine, evaluate-cine, cine-experiment."""

import sys

import numpy as np

from SlicePropagationLib.commands.options import DONE, add_engine, check_packages, positive
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.pipelines.propagate_file import check_device


def add_cine_commands(commands):
    """Add the commands to the parser's."""
    _add_segment(commands)
    _add_pseudo_label(commands)
    _add_make_cine(commands)
    _add_evaluate_cine(commands)
    _add_cine_experiment(commands)


def _report(arguments):
    return None if arguments.quiet else lambda text: print(text, file=sys.stderr)


def _add_segment(commands):
    parser = commands.add_parser(
        "segment",
        help="a model that needs no seed, on a volume or a 4D sequence",
    )
    parser.add_argument("--image", required=True)
    parser.add_argument("--model", required=True, metavar="M.pt", help="weights that `train` wrote")
    parser.add_argument("--out", required=True, help="label map; O.json is written beside it")
    parser.add_argument(
        "--axis",
        default="k",
        choices=("i", "j", "k"),
        help="voxel axis that the slices run along",
    )
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="the last frame of a sequence is not followed by the first",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_segment)


def _segment(arguments):
    check_packages("A model that segments", ("torch",), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.pipelines.segment_file import segment_file

    labels = segment_file(
        arguments.image,
        arguments.model,
        arguments.out,
        device=arguments.device,
        axis=arguments.axis,
        is_cyclic=not arguments.not_cyclic,
        report=_report(arguments),
    )
    if not arguments.quiet:
        print(f"{arguments.out}: {_listed(labels)}")
    return DONE


def _listed(labels):
    """The labels that a label map holds, in words."""
    return (
        ", ".join(f"label {label}" for label in np.unique(labels[labels > 0]))
        or "nothing was found"
    )


def _add_pseudo_label(commands):
    parser = commands.add_parser(
        "pseudo-label",
        help=(
            "labels for every slice or frame from the nearest annotated one, with the distance, for"
            " training"
        ),
    )
    parser.add_argument("--image", required=True, help="a volume, or a 4D sequence")
    parser.add_argument(
        "--seed",
        required=True,
        help="label map on the image's grid, non-zero only on annotated slices or frames",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="label map; O.distances.csv and O.json are written beside it",
    )
    parser.add_argument(
        "--soft",
        action="store_true",
        help="also write the probability of each label (0 to 255) as O.soft-LABEL",
    )
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k"),
        help="voxel axis that the slices run along",
    )
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="the last frame of a sequence is not followed by the first",
    )
    add_engine(parser)
    parser.set_defaults(command=_pseudo_label)


def _pseudo_label(arguments):
    from SlicePropagationLib.pipelines.pseudo_labels import pseudo_label_file

    labels = pseudo_label_file(
        arguments.image,
        arguments.seed,
        arguments.out,
        engine=arguments.engine,
        device=arguments.device,
        axis=arguments.axis,
        is_cyclic=not arguments.not_cyclic,
        is_soft=arguments.soft,
        report=_report(arguments),
    )
    if not arguments.quiet:
        print(f"{arguments.out}: {_listed(labels)}")
    return DONE


def _add_make_cine(commands):
    parser = commands.add_parser(
        "make-cine",
        help="synthetic cine sequences with known truth from real ED and ES frames",
    )
    parser.add_argument(
        "--cases",
        required=True,
        help=(
            "table with columns image, label, case (PATIENT_ED, PATIENT_ES) and optionally split,"
            " dataset"
        ),
    )
    parser.add_argument(
        "--out",
        required=True,
        help="folder of the sequences and of their cases.csv",
    )
    parser.add_argument("--datasets", metavar="A,B", help="only these data sets of the table")
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N patients of every split",
    )
    parser.add_argument(
        "--max-slices",
        type=positive,
        metavar="N",
        help="only the N slices in the middle of the structures",
    )
    parser.add_argument(
        "--frames",
        type=positive,
        default=20,
        help="of one cycle (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="an animation of the middle slice of every sequence",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_make_cine)


def _make_cine(arguments):
    from SlicePropagationLib.studies.cine.cases import make_cine_cases
    from SlicePropagationLib.studies.cine.synthetic import SyntheticCineConfig

    if arguments.pictures:
        check_packages("An animation", ("matplotlib",), "demo")
    datasets = arguments.datasets.split(",") if arguments.datasets else None
    config = SyntheticCineConfig(frames=arguments.frames, seed=arguments.seed)
    print(
        make_cine_cases(
            arguments.cases,
            arguments.out,
            config,
            datasets=datasets,
            max_cases=arguments.max_cases,
            max_slices=arguments.max_slices,
            has_pictures=arguments.pictures,
            report=_report(arguments),
        )
    )
    return DONE


def _add_evaluate_cine(commands):
    parser = commands.add_parser(
        "evaluate-cine",
        help=(
            "models and engines on sequences with known truth: overlap, contours, areas, curvature,"
            " time-area curves"
        ),
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
    parser.add_argument("--max-cases", type=positive, metavar="N", help="only the first N cases")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_evaluate_cine)


def _evaluate_cine(arguments):
    check_packages("An evaluation", ("torch", "matplotlib"), "demo")
    check_device(arguments.device)
    from SlicePropagationLib.studies.cine.evaluation import evaluate_cine

    parts = [part.partition("=") for part in arguments.models.split(",")]
    models = {name: path or name for name, _, path in parts}
    if len(models) < len(parts) or "" in models:
        raise ConfigError(
            f"'{arguments.models}' names a model twice or not at all; write NAME=MODEL.pt, or the"
            " name of an engine, each once."
        )
    print(
        evaluate_cine(
            arguments.cases,
            models,
            arguments.out,
            split=arguments.split,
            max_cases=arguments.max_cases,
            device=arguments.device,
            report=_report(arguments),
        )
    )
    return DONE


def _add_cine_experiment(commands):
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

    print(run_cine_experiment(arguments, _report(arguments)))
    return DONE
