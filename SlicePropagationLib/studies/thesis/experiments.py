"""The experiments of the slice-propagation thesis, and an ablation of the `default` preset: each trains its variants on the same cases for the same time and tabulates how they walk.

A variant is one `train` command and is shared by the experiments that need it; a training or an
evaluation that was interrupted goes on.
"""

import csv
import json
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError, SlicePropagationError
from SlicePropagationLib.evaluation.evaluate import evaluate
from SlicePropagationLib.evaluation.plots import draw_corrections
from SlicePropagationLib.evaluation.scores import STEPS
from SlicePropagationLib.evaluation.statistics import is_pooled, select
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases, split_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.training.train import RECORD, merged, read_settings, train

BATCHES_PER_EPOCH = 100  # of a small variant, which ends by time
SMALL_HOURS = 0.05
THESIS_EPOCHS = 30
THESIS_MILESTONES = (10, 20, 25)  # after which the learning rate falls to a tenth


@dataclass(frozen=True)
class Variant:
    """A training: a preset, {"dotted.name": value} of what differs from it, and whether every structure gets a network of its own."""

    preset: str = "thesis"
    changes: dict[str, object] = field(default_factory=dict)
    is_per_structure: bool = False

    def settings(self):
        """Nested settings as `train --config` reads them."""
        settings = {}
        for path, value in self.changes.items():
            *parts, name = path.split(".")
            inner = settings
            for part in parts:
                inner = inner.setdefault(part, {})
            inner[name] = value
        return settings


def _prior(turn, scale):
    return Variant(
        changes={"task.augmentation.prior_turn": turn, "task.augmentation.prior_scale": scale}
    )


def _without(**names):
    """The `default` preset with parts of it at 0 or off; `__` stands for a dot."""
    return Variant("default", {name.replace("__", "."): value for name, value in names.items()})


VARIANTS = {
    "thesis": Variant(),
    "basic": Variant("basic"),
    "image_augmentation": Variant("image_augmentation"),
    "automatic": Variant("automatic", is_per_structure=True),
    "turn1_scale1": _prior(1.0, 0.01),
    "turn5_scale5": _prior(5.0, 0.05),
    "turn10_scale1": _prior(10.0, 0.01),
    "turn10_scale10": _prior(10.0, 0.1),
    "depth2": Variant(changes={"task.network.depth": 2}),
    "depth3": Variant(changes={"task.network.depth": 3}),
    "depth5": Variant(changes={"task.network.depth": 5}),
    "residual": Variant(changes={"task.network.is_residual": True}),
    "guided": Variant("default"),
    "one_step": _without(task__is_rolled_out=False),
    "no_spoiling": _without(
        task__augmentation__spoil_first=0.0,
        task__augmentation__spoil_later=0.0,
    ),
    "no_carrying": _without(task__augmentation__carry=0.0, task__augmentation__carry_past=0.0),
    "same_intensity": _without(
        **{
            f"task__augmentation__{name}": 0.0
            for name in (
                "invert",
                "gamma",
                "gain",
                "offset",
                "slice_jitter",
                "noise",
                "blur",
                "texture",
            )
        }
    ),
    "no_phantoms": _without(phantom_share=0.0),
    "no_pseudo_objects": _without(pseudo_share=0.0),
    "mask_at_the_input": _without(task__network__injects_mask=False),
    "no_averaging": _without(loop__averaging=0.0),
}
DEPTHS = {"depth 2": "depth2", "depth 3": "depth3", "depth 4": "thesis", "depth 5": "depth5"}


@dataclass(frozen=True)
class Experiment:
    """Variants that are compared.

    Attributes:
        title: what is asked, and where in the thesis.
        columns: {column of the table: variant}.
        shots: numbers of annotated slices, the middle one first, then corrections at every tenth of
            the extent.
        is_unseen: walk the data sets that were not trained on.
    """

    title: str
    columns: dict[str, str]
    shots: tuple[int, ...] = (1,)
    is_unseen: bool = False


EXPERIMENTS = {
    "baselines": Experiment(
        "An automatic U-Net of each structure against one propagation network of all (thesis,"
        " Table 1)",
        {"automatic U-Net": "automatic", "basic propagation": "basic"},
    ),
    "prior-mask": Experiment(
        "Rotation and scale of the prior mask alone (thesis, Table 2)",
        {
            "1°/1 %": "turn1_scale1",
            "1°/10 %": "thesis",
            "5°/5 %": "turn5_scale5",
            "10°/1 %": "turn10_scale1",
            "10°/10 %": "turn10_scale10",
        },
    ),
    "depth": Experiment("Depth of the U-Net (thesis, Table 3)", DEPTHS),
    "architecture": Experiment(
        "U-Net against residual units with strided convolutions (thesis, Table 4)",
        {"U-Net": "thesis", "residual": "residual"},
    ),
    "unseen": Experiment(
        "Structures that were not trained on (thesis, Table 5)",
        {
            "basic": "basic",
            "+ image augmentation": "image_augmentation",
            "+ prior-mask augmentation": "thesis",
        },
        is_unseen=True,
    ),
    "corrections": Experiment(
        "Corrections at every tenth of the extent, propagated outwards, by depth (thesis, Figures 4"
        " and 5)",
        DEPTHS,
        tuple(range(1, 12)),
    ),
    "ablation": Experiment(
        "What each part of the `default` preset is worth",
        {
            "default": "guided",
            "true masks fed back": "one_step",
            "clean masks": "no_spoiling",
            "never the carried mask": "no_carrying",
            "intensities as they are": "same_intensity",
            "no phantoms": "no_phantoms",
            "no pseudo-objects": "no_pseudo_objects",
            "mask at the input only": "mask_at_the_input",
            "last weights": "no_averaging",
        },
    ),
}


def run_experiment(arguments, report=None):
    """Train what is missing, walk the validation cases, write results.md (and a plot of corrections); returns the text.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    if arguments.name not in EXPERIMENTS:
        raise ConfigError(
            f"There is no experiment '{arguments.name}'; choose one of {', '.join(EXPERIMENTS)}."
        )
    experiment = EXPERIMENTS[arguments.name]
    seen = (
        arguments.datasets.split(",")
        if arguments.datasets
        else sorted({case.dataset for case in read_training_cases(arguments.cases)})
    )
    walked = _unseen_sets(arguments, seen) if experiment.is_unseen else seen
    arguments = _with_split(arguments, seen)
    rows = []
    for column, name in experiment.columns.items():
        variant = VARIANTS[name]
        structures = _structures(arguments, walked) if variant.is_per_structure else [(None, None)]
        for dataset, label in structures:
            weights = _trained(arguments, name, variant, dataset, label, report)
            rows += [
                row | {"column": column}
                for row in _walked(
                    arguments,
                    experiment,
                    column,
                    weights,
                    [dataset] if dataset else walked,
                    label,
                    report,
                )
            ]
    out = Path(arguments.out) / arguments.name
    text = _text(arguments, experiment, rows)
    with atomic_folder(out) as partial:
        (partial / "results.md").write_text(text, encoding="utf-8")
        if len(experiment.shots) > 1:
            draw_corrections(partial / "corrections.png", rows, list(experiment.columns))
    return text


def _with_split(arguments, seen):
    """The arguments, with a table that says for every case whether it is learnt from or walked: where theirs does not, the split is made and written down."""
    cases = read_training_cases(arguments.cases)
    if any(case.split for case in cases):
        return arguments
    train, val = split_cases([case for case in cases if case.dataset in seen])
    val = [*val, *(case for case in cases if case.dataset not in seen)]
    path = Path(arguments.out) / "cases.csv"
    with (
        atomic_folder(path.parent) as partial,
        open(partial / path.name, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(["image", "label", "split", "dataset", "case"])
        for split, chosen in (("train", train), ("val", val)):
            table.writerows(
                [
                    Path(case.image).resolve(),
                    Path(case.label_map).resolve(),
                    split,
                    case.dataset,
                    case.name,
                ]
                for case in chosen
            )
    return Namespace(**{**vars(arguments), "cases": path})


def _unseen_sets(arguments, seen):
    rest = sorted(
        {case.dataset for case in read_training_cases(arguments.cases) if case.split in ("", "val")}
        - set(seen)
    )
    if not rest:
        raise ConfigError(
            "Every data set of the table is trained on; name with --datasets those that are, so"
            " that others are left to walk."
        )
    return rest


def _structures(arguments, datasets):
    """[(data set, label)] of the training cases."""
    found = set()
    for case in split_cases(read_training_cases(arguments.cases, datasets))[0]:
        labels, _ = read_labels(case.label_map, read_volume(case.image))
        found |= {(case.dataset, int(label)) for label in np.unique(labels[labels > 0])}
    return sorted(found)


def _trained(arguments, name, variant, dataset, label, report):
    """Path of a variant's weights, trained unless that was done."""
    folder = (
        Path(arguments.out)
        / "variants"
        / "-".join(str(part) for part in (name, dataset, label) if part is not None)
    )
    is_small = arguments.scale == "small"
    is_guided = variant.preset == "default"
    settings = merged(
        {"loop": _loop_settings(is_small, is_guided, arguments.epochs)},
        variant.settings(),
    )
    if label is not None:
        settings = merged(settings, {"pairs": {"label": label}})
    settings = merged(settings, read_settings(arguments.config) if arguments.config else {})
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    hours = arguments.max_hours or (SMALL_HOURS if is_small and not arguments.epochs else None)
    if report:
        report(
            f"training {folder.name}"
            + (
                f" for {60 * hours:.0f} min"
                if hours
                else f" for {arguments.epochs} epochs"
                if arguments.epochs
                else ""
            )
        )
    options = Namespace(
        task="slice_unet",
        preset=variant.preset + ("-small" if is_small and not is_guided else ""),
        config=folder / "settings.json",
        cases=arguments.cases,
        out=folder,
        init=None,
        datasets=dataset or arguments.datasets,
        folds=0,
        epochs=arguments.epochs or (THESIS_EPOCHS if hours else None),
        max_hours=hours,
        seed=arguments.seed,
        workers=1,
        device=arguments.device,
        walks=Path(arguments.out) / "walks" if is_guided else None,
    )
    try:
        return train(options, report)[0]
    except SlicePropagationError:
        _clear_away(folder, Path(arguments.out))
        raise


def _clear_away(folder, out):
    """Remove the settings of a training that was refused, and the folders that are empty without them."""
    if (folder / RECORD).is_file():
        return
    (folder / "settings.json").unlink()
    for place in (folder, folder.parent, out):
        if not any(place.iterdir()):
            place.rmdir()


def _loop_settings(is_small, is_guided, epochs):
    """Settings of the loop: short epochs at small scale, and with fewer of them the falls of the learning rate earlier."""
    settings = {"batches_per_epoch": BATCHES_PER_EPOCH} if is_small else {}
    if epochs and not is_guided:
        settings["milestones"] = [
            epochs * milestone / THESIS_EPOCHS for milestone in THESIS_MILESTONES
        ]
    return settings


def _walked(arguments, experiment, column, weights, datasets, label, report):
    """Rows of an evaluation of one network, whole volumes.

    The thesis's own score stands in `dice_thesis`.
    """
    folder = Path(arguments.out) / arguments.name / weights.parent.name
    failures = evaluate(
        Namespace(
            cases=arguments.cases,
            engines=f"{column}={weights}",
            shots=",".join(map(str, experiment.shots)),
            split="val",
            datasets=",".join(datasets),
            max_cases=arguments.max_cases,
            min_slices=5,
            pick="middle",
            correct=STEPS,
            labels=str(label) if label else None,
            kinds=None,
            axis="k",
            workers=arguments.workers,
            device=arguments.device,
            out=folder,
        ),
        report,
    ).failures
    if failures:
        raise InputError(
            f"An experiment compares the same cases everywhere, but {failures[0][0]} could not be"
            f" scored: {failures[0][1]}"
        )
    with open(folder / "rows.csv", newline="", encoding="utf-8") as file:
        return [
            row
            | {
                "shots": int(row["shots"]),
                "dice": float(row["dice"]),
                "dice_thesis": float(row["dice_thesis"]),
            }
            for row in csv.DictReader(file)
        ]


def _text(arguments, experiment, rows):
    """results.md: a line for each structure, and the means over data sets."""
    columns = list(experiment.columns)
    shots = experiment.shots
    parts = [
        f"## {experiment.title}\n",
        (
            "Split `val`, seed on the middle slice. Dice inside the structure's extent, annotated"
            " slices included (the thesis's score): mean ± standard deviation over objects."
            f" Trained on {arguments.datasets or 'all data sets'}, {arguments.scale} scale,"
            f" {_budget(arguments)}seed {arguments.seed}.\n"
        ),
    ]
    if len(shots) > 1:
        lines = [
            [
                count,
                *(
                    f"{_mean_over_sets(select(rows, shots=count, column=name), 'dice_thesis'):.3f}"
                    for name in columns
                ),
            ]
            for count in shots
        ]
        return "\n".join([*parts, _table(["annotated slices", *columns], lines)])
    lines = [
        [
            f"{dataset} {label}",
            len(own) // len(columns),
            *(_mean_and_deviation(select(own, column=name)) for name in columns),
        ]
        for (dataset, label), own in _by_structure(rows).items()
    ]
    for title, score in (
        ("mean over real data sets", "dice_thesis"),
        ("the same, whole volume without annotated slices", "dice"),
    ):
        lines.append(
            [
                f"**{title}**",
                "",
                *(
                    f"**{_mean_over_sets(select(rows, column=name), score):.3f}**"
                    for name in columns
                ),
            ]
        )
    return "\n".join([*parts, _table(["structure", "objects", *columns], lines)])


def _budget(arguments):
    """What every variant was given, in words; nothing where that is the preset's own."""
    if arguments.epochs:
        return (
            f"{arguments.epochs} epochs"
            + (f" of {BATCHES_PER_EPOCH} batches" if arguments.scale == "small" else "")
            + " each, "
        )
    hours = arguments.max_hours or (SMALL_HOURS if arguments.scale == "small" else None)
    return f"{60 * hours:.3g} minutes each, " if hours else ""


def _by_structure(rows):
    groups = {}
    for row in sorted(rows, key=lambda row: (row["dataset"], int(row["label"]))):
        groups.setdefault((row["dataset"], row["label"]), []).append(row)
    return groups


def _mean_and_deviation(rows):
    scores = [row["dice_thesis"] for row in rows]
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def _mean_over_sets(rows, score):
    """Structures weigh the same within a data set, data sets among each other.

    Simulated and automatic labels are left out where there are others.
    """
    sets = {}
    for (dataset, _), own in _by_structure(rows).items():
        sets.setdefault(dataset, []).append(np.mean([row[score] for row in own]))
    real = {dataset: scores for dataset, scores in sets.items() if is_pooled(dataset)}
    return np.mean([np.mean(scores) for scores in (real or sets).values()])


def _table(header, lines):
    return (
        "\n".join(
            "| " + " | ".join(map(str, cells)) + " |"
            for cells in [header, ["---"] * len(header), *lines]
        )
        + "\n"
    )
