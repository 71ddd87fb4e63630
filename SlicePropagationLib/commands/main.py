"""The command line: `slice-propagation propagate | batch | simulate | evaluate | train | segment | pseudo-label | experiment | engines | demo | app | ...`."""

import argparse
import logging
import sys
import time
from functools import partial
from importlib import import_module, util
from pathlib import Path

from SlicePropagationLib import __version__
from SlicePropagationLib.commands.acnn import add_acnn_commands
from SlicePropagationLib.commands.cine import add_cine_commands
from SlicePropagationLib.commands.options import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    UNUSABLE,
    add_engine,
    check_packages,
    positive,
)
from SlicePropagationLib.engines import ENGINES, default_engine
from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError
from SlicePropagationLib.files.shipped_weights import find_model, has_model
from SlicePropagationLib.pipelines.propagate_file import Case, check_device, parse_span, run_case
from SlicePropagationLib.training import TASKS

WEB_PACKAGES = {
    "slicer": "slicer-core",
    "trame_slicer": "trame-slicer",
}  # what is imported -> what is installed
UNUSED_BY = {
    "experiments": ("folds", "label", "engine", "without"),
    "pnet_experiments": ("engine",),
    "acnn_experiments": ("epochs", "label", "engine", "without"),
    "pnet_jump": ("scale", "max_hours", "epochs", "config", "folds", "without", "seed"),
}  # options of `experiment`, by module
WEB_REMEDY = (
    "install the extra: pip install 'slice-propagation[app]'. Or open the files in 3D Slicer."
)


def main(argv=None):
    """Run one command.

    Returns its exit code: 0 done, 1 some cases failed, 2 wrong arguments or unusable input, 130
    interrupted (Ctrl-C).
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    if getattr(arguments, "smooth", None):
        arguments.engine = f"{arguments.engine}+{arguments.smooth}"
    try:
        return arguments.command(arguments)
    except SlicePropagationError as error:
        print(f"slice-propagation: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print(
            "slice-propagation: interrupted. No half file is left; what train, experiment, evaluate"
            " and batch --resume had finished is not done again.",
            file=sys.stderr,
        )
        return INTERRUPTED


def _parser():
    parser = argparse.ArgumentParser(
        "slice-propagation",
        description="Propagate a mask from annotated slices through a volume.",
    )
    parser.add_argument("--version", action="version", version=f"slice-propagation {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_propagate(commands)
    _add_batch(commands)
    _add_simulate(commands)
    _add_evaluate(commands)
    _add_demo(commands)
    _add_app(commands)
    _add_train(commands)
    add_cine_commands(commands)
    add_acnn_commands(commands)
    _add_experiment(commands)
    engines = commands.add_parser(
        "engines",
        help="what a propagation can walk with, and what each needs",
    )
    engines.set_defaults(command=_engines)
    return parser


def _add_propagate(commands):
    parser = commands.add_parser(
        "propagate",
        help="one volume: from annotated slices to the whole structure",
    )
    parser.add_argument("--image", required=True)
    parser.add_argument(
        "--seed",
        help="label map on the image's grid, non-zero only on annotated slices",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="full label map; O.slices.csv and O.json are written beside it",
    )
    parser.add_argument(
        "--axis",
        default="auto",
        choices=("auto", "i", "j", "k", "t"),
        help="voxel axis that the slices run along; t: along the time of a 4D image",
    )
    parser.add_argument(
        "--not-cyclic",
        action="store_true",
        help="with --axis t: the last frame is not followed by the first",
    )
    parser.add_argument(
        "--range",
        metavar="A:B",
        help="slices that may be predicted, both included",
    )
    parser.add_argument("--frame", type=int, metavar="T", help="time point of a 4D image, from 0")
    parser.add_argument(
        "--anchors",
        metavar="T.slices.csv",
        help="which slices of the seed are anchors, confirmed and empty ones included",
    )
    parser.add_argument(
        "--history",
        metavar="O.json",
        help="do again what the record of an earlier result says, instead of --seed",
    )
    add_engine(parser)
    parser.set_defaults(command=_propagate)


def _propagate(arguments):
    if not arguments.seed and not arguments.history:
        raise InputError(
            "There is no seed; give --seed S, a label map with at least one annotated slice, or"
            " --history O.json."
        )
    if arguments.history and (arguments.seed or arguments.anchors or arguments.range):
        raise ConfigError(
            "--history does an earlier result again, with its anchors and ranges; leave --seed,"
            " --anchors and --range out."
        )
    case = Case(
        arguments.image,
        arguments.seed,
        arguments.out,
        arguments.axis,
        parse_span(arguments.range) if arguments.range else None,
        arguments.engine,
        arguments.device,
        arguments.anchors,
        arguments.history,
        arguments.frame,
    )
    progress = Progress(arguments.quiet)
    if arguments.axis == "t":
        return _propagate_in_time(case, arguments, progress)
    session = run_case(case, progress.show)
    progress.end()
    if not arguments.quiet:
        print(
            "\n".join(
                [
                    f"{arguments.out}:",
                    *(f"  label {label} {_reach(session, label)}" for label in session.labels),
                ]
            )
        )
    return DONE


def _reach(session, label):
    """Where a label is now, in words; slices count from 0, as in the files."""
    shown = session.areas(label).nonzero()[0]
    anchors = session.anchors(label)
    place = f"on slices {shown[0]} to {shown[-1]}" if shown.size else "on no slice"
    return (
        f"{place}, annotated on"
        f" {', '.join(map(str, anchors[:8]))}{' and others' if len(anchors) > 8 else ''}"
    )


def _propagate_in_time(case, arguments, progress):
    from SlicePropagationLib.pipelines.propagate_frames import run_time_case

    labels = run_time_case(
        case,
        lambda number, count, prediction: progress.show(prediction),
        is_cyclic=not arguments.not_cyclic,
    )
    progress.end()
    if not arguments.quiet:
        print(
            f"{arguments.out}: {int((labels > 0).any(axis=(1, 2, 3)).sum())} of {len(labels)}"
            " frames show a structure"
        )
    return DONE


def _add_batch(commands):
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
    from SlicePropagationLib.pipelines.batch import read_cases, run_batch
    from SlicePropagationLib.pipelines.propagate_file import choose_engine

    choose_engine(arguments.engine, arguments.device)
    cases = read_cases(
        arguments.cases,
        arguments.out,
        engine=arguments.engine,
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


def _add_simulate(commands):
    parser = commands.add_parser(
        "simulate",
        help="a simulated annotator: seed, propagate, correct, and what each correction gains",
    )
    parser.add_argument("--image", required=True)
    parser.add_argument("--truth", required=True, help="label map with the whole structure")
    parser.add_argument("--label", type=int, required=True)
    parser.add_argument(
        "--pick",
        default="largest",
        choices=("largest", "middle"),
        help="slice that is annotated first",
    )
    parser.add_argument(
        "--correct",
        default="suggested",
        choices=("worst", "suggested", "uniform", "steps"),
        help="slices that are corrected",
    )
    parser.add_argument(
        "--budget",
        type=positive,
        default=5,
        metavar="K",
        help="number of annotated slices",
    )
    parser.add_argument("--axis", default="k", choices=("i", "j", "k"))
    parser.add_argument("--out", help="write the table as JSON")
    add_engine(parser)
    parser.set_defaults(command=_simulate)


def _simulate(arguments):
    from SlicePropagationLib.evaluation.simulated_annotator import simulate_files

    rounds = simulate_files(arguments)
    print("slices  Dice (annotated slices excluded)  Dice (thesis)  mm past the ends  annotated")
    for entry in rounds:
        print(
            f"{entry.shots:6d}  {entry.dice:33.3f}  {entry.dice_thesis:13.3f} "
            f" {entry.mm_past_ends:16.1f}  {' '.join(map(str, entry.annotated))}"
        )
    return DONE


def _add_evaluate(commands):
    parser = commands.add_parser(
        "evaluate",
        help=(
            "many cases x engines x simulated users x numbers of annotated slices: tables and plots"
            " with intervals"
        ),
    )
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
    parser.add_argument(
        "--split",
        default="val",
        help="only cases of this split (default %(default)s)",
    )
    parser.add_argument("--datasets", metavar="A,B", help="only these data sets of the table")
    parser.add_argument("--labels", metavar="L,L", help="only these labels")
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N cases of each data set",
    )
    parser.add_argument(
        "--min-slices",
        type=positive,
        default=5,
        metavar="N",
        help="leave out structures on fewer slices (default %(default)s)",
    )
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
        "--kinds",
        metavar="kinds.csv",
        help=(
            "table with columns dataset, label (* for all), kind: adds means per kind of structure"
        ),
    )
    parser.add_argument("--axis", default="k", choices=("i", "j", "k"))
    parser.add_argument(
        "--prior",
        metavar="P.pt",
        help=(
            "shape model (`train acnn_autoencoder`): adds to rows.csv how implausible each"
            " predicted shape is"
        ),
    )
    parser.add_argument("--workers", type=positive, default=1, help="number of processes")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--out",
        required=True,
        help="folder of the tables and plots; an evaluation that was interrupted there goes on",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_evaluate)


def _evaluate(arguments):
    if arguments.prior:
        check_packages("A shape model", ("torch",), "demo")
    from SlicePropagationLib.evaluation.evaluate import evaluate

    report = None if arguments.quiet else lambda text: print(text, file=sys.stderr)
    text, failures = evaluate(arguments, report)
    print(text)
    for case, why in failures:
        print(f"slice-propagation: {case} was not scored: {why}", file=sys.stderr)
    return SOME_FAILED if failures else DONE


def _add_demo(commands):
    parser = commands.add_parser(
        "demo",
        help="the whole loop on a sample: seed, propagate, correct, propagate again, and a picture",
    )
    parser.add_argument("--out", default="demo", help="folder of the results (default %(default)s)")
    parser.add_argument("--headless", action="store_true", help="end after the files are written")
    parser.add_argument("--image")
    parser.add_argument("--truth")
    parser.add_argument("--label", type=int)
    parser.add_argument("--engine", default=default_engine(), metavar="NAME|MODEL.pt")
    parser.set_defaults(command=_demo)


def _demo(arguments):
    from SlicePropagationLib.pipelines.demo import run_demo

    run_demo(
        Path(arguments.out),
        arguments.image,
        arguments.truth,
        arguments.label,
        engine=arguments.engine,
        report=print,
    )
    if not arguments.headless and sys.stdout.isatty():
        try:
            _serve_page(arguments.image or "sample", arguments.out)
        except ConfigError as error:
            print(f"The results are written. {error}", file=sys.stderr)
    return DONE


def _add_app(commands):
    parser = commands.add_parser("app", help="the annotation workflow as a web page")
    parser.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="image or DICOM folder to open; `sample` for the generated one",
    )
    parser.add_argument(
        "--segmentation",
        metavar="FILE",
        help=(
            "segmentation or label map of IMAGE to go on with, such as one that `propagate` or"
            " `batch` wrote"
        ),
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default %(default)s); any other one asks for a token",
    )
    parser.add_argument("--port", type=int, help="port to listen on (default 8642, or a free one)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--out",
        default="slice-propagation",
        metavar="DIR",
        help="folder of results, uploads and the autosave (default %(default)s)",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DIR",
        help="folder that images may be opened from; may be given several times",
    )
    parser.add_argument(
        "--max-upload",
        type=positive,
        default=4096,
        metavar="MIB",
        help="largest upload (default %(default)s)",
    )
    parser.set_defaults(command=_app)


def _app(arguments):
    _serve_page(
        arguments.image,
        arguments.out,
        arguments.host,
        arguments.port,
        segmentation=arguments.segmentation,
        data=arguments.data,
        opens_browser=not arguments.no_browser,
        max_upload_bytes=arguments.max_upload * 1024**2,
    )
    return DONE


def _serve_page(*arguments, **options):
    """Serve the page.

    It lies in a layer above this one: it is looked up by name, and may be absent.
    """
    missing = [package for package in WEB_PACKAGES if util.find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"The page needs {' and '.join(WEB_PACKAGES[package] for package in missing)}, which"
            f" {'is' if len(missing) == 1 else 'are'} not installed; {WEB_REMEDY}"
        )
    if util.find_spec("SlicePropagationWeb") is None:
        sys.path.append(str(Path(__file__).resolve().parents[2] / "SlicePropagation"))
    try:
        serve = import_module("SlicePropagationWeb.serve").serve
    except ImportError as error:  # a package, or a library that one of them loads
        raise ConfigError(
            f"The page cannot start, since something that it needs cannot be loaded ({error});"
            f" {WEB_REMEDY}"
        ) from error
    serve(*arguments, **options, report=lambda text: print(text, flush=True))


def _add_train(commands):
    parser = commands.add_parser(
        "train",
        help="train a network on labelled cases; started again with the same arguments, it goes on",
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
        help="settings that differ from the preset's",
    )
    parser.add_argument(
        "--init",
        metavar="X.pt",
        help=(
            "weights to begin with, or the folder of the training that made them; with --folds,"
            " each fold begins with its own"
        ),
    )
    parser.add_argument(
        "--prior",
        metavar="P.pt",
        help="shape model that guides the training (acnn tasks)",
    )
    parser.add_argument(
        "--labels",
        metavar="L,L",
        help="the labels that the model is about (acnn tasks)",
    )
    parser.add_argument(
        "--walks",
        metavar="FOLDER",
        help=(
            "recorded walks that several trainings share (slice_unet, presets default and"
            " default-large; default OUT/walks)"
        ),
    )
    parser.add_argument("--datasets", metavar="A,B", help="only these data sets of the table")
    parser.add_argument(
        "--max-cases",
        type=positive,
        metavar="N",
        help="only the first N cases of each split of each data set",
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=0,
        metavar="K",
        help="cross-validation by patient instead of the table's splits",
    )
    parser.add_argument("--epochs", type=positive, help="number of epochs")
    parser.add_argument(
        "--max-hours",
        type=float,
        help="end after that much time; the learning rate falls over that time",
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="processes that prepare the data",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--resume",
        action="store_true",
        help="only go on with a training that is in --out already",
    )
    parser.add_argument("--quiet", action="store_true")
    parser.set_defaults(command=_train)


def _check_training_packages():
    check_packages("Training", ("torch", "lightning", "monai"), "train")


def _train(arguments):
    _check_training_packages()
    if arguments.resume and not (Path(arguments.out) / "config.json").is_file():
        raise InputError(
            f"There is no training to resume in {arguments.out}; leave --resume out to begin one."
        )
    check_device(arguments.device)
    from SlicePropagationLib.training.train import train

    for path in train(arguments, None if arguments.quiet else lambda text: print(text, flush=True)):
        print(f"best weights: {path}")
    return DONE


def _add_experiment(commands):
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
    module = run.__module__.rpartition(".")[2]
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
    _check_training_packages()
    if name.startswith("acnn-"):
        return import_module("SlicePropagationLib.studies.acnn.experiments").run_experiment
    return (
        pnet_experiments.run_pnet_experiment
        if name in pnet_experiments.EXPERIMENTS
        else experiments.run_experiment
    )


def _engines(arguments):
    for info in ENGINES.values():
        state = (
            f"needs {', '.join(info.missing)}"
            if info.missing
            else "ready"
            if info.is_ready
            else "no weights"
        )
        mark = " (default here)" if info.name == default_engine() else ""
        weights = _weights_of(info) if info.has_weights else "none, this engine is not trained"
        print(
            f"{info.name:14s} {state:8s} {info.summary}{mark}\n{'':14s} weights: {weights}; runs"
            f" on: {'CPU, CUDA' if info.has_weights else 'CPU'}"
        )
    return DONE


def _weights_of(info):
    return (
        f"{find_model(info.name)} (card beside it)"
        if has_model(info.name)
        else "not shipped with this installation; give a model file as --engine"
    )


class Progress:
    """Progress of one run on the terminal: slice 37 of 112, 4 s left."""

    def __init__(self, is_quiet):
        self._is_quiet = is_quiet
        self._began = time.monotonic()
        self._end = "\r" if sys.stderr.isatty() else "\n"

    def show(self, prediction):
        if self._is_quiet:
            return
        elapsed = time.monotonic() - self._began
        left = elapsed / prediction.step * (prediction.num_steps - prediction.step)
        print(
            f"slice {prediction.step} of {prediction.num_steps}, {left:.0f} s left   ",
            end=self._end,
            file=sys.stderr,
            flush=True,
        )

    def end(self):
        if not self._is_quiet and self._end == "\r":
            print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
