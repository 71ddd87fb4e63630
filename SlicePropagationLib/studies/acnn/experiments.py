"""The measurements of the ACNN paper, one command each: trains what is missing, measures it on degraded fine volumes, writes results.md.

Reproduced: 3D-Seg against ACNN-Seg without and with motion augmentation (Table I), linear, B-spline
    and super-resolution without and with
prior (Table III, SSIM), pathologies of ACDC told apart by codes against PCA. Not reproduced:
2D-FCN, SR-CNN, CETUS and the opinion scores.
Beside them: the weight of the prior, judged on patients held out of the split train, and whether
    the distance of codes tells bad masks from good ones.

--config changes the settings of all trainings, those under the name of a task only the settings of
that one. With loop.epochs in it, trainings end
there and not by time, so that networks are compared after as many updates.

The split train learns, the split val is judged and says which epoch is kept. With --folds, every
case of both is judged once, by networks of its
fold that have not seen its patient; nothing is chosen by it, the weights after the last epoch
count.
"""

import csv
import json
import re
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.training_cases import make_folds, read_training_cases, split_cases
from SlicePropagationLib.networks.acnn.config import FineGridConfig, SubpixelConfig
from SlicePropagationLib.networks.acnn.subpixel import build_subpixel
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.segmenters.acnn.fine_grid import OutsideError
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.codes import (
    classification_text,
    code_cases,
    components_that_matter,
    draw_traversal,
    frames_by_patient,
)
from SlicePropagationLib.studies.acnn.measures import (
    MEASURES,
    interpolator,
    mean_over_structures,
    score_segmentation,
    score_superresolution,
    summary,
    wilcoxon_p,
)
from SlicePropagationLib.studies.acnn.plausibility import (
    damage_rows,
    plausibility_text,
    propagated_rows,
)
from SlicePropagationLib.training import TASKS
from SlicePropagationLib.training.acnn.degradation import DegradationConfig
from SlicePropagationLib.training.acnn.presets import SMALL_BOTTLENECK
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset, read_sample
from SlicePropagationLib.training.acnn.tasks import AutoencoderTaskConfig
from SlicePropagationLib.training.train import merged, read_settings, train

SMALL_HOURS = 0.2
# Of every data set: labels, and a small grid that holds them (48 x 48 pixels; thick slices are four
# fine ones).
SMALL_SETS = {
    "la2018_UNK": ((1,), FineGridConfig((24, 48, 48), (2.5, 2.75, 2.75), 4)),
    "msd_hippocampus": ((1, 2), FineGridConfig((36, 48, 48), (1.0, 1.0, 1.0), 4)),
    "oasis_brain_NC": ((1, 2), FineGridConfig((24, 48, 48), (2.5, 2.5, 2.5), 4)),
    "acdc_NC": ((1, 2, 3), FineGridConfig((24, 48, 48), (7.5, 2.75, 2.75), 4)),
}
MOVED_MM = 3.0
MOVED_DEGREES = 3.0  # the motion that the networks with motion augmentation were trained for
STILL = "Slices that lie still"
MOVED = f"Slices that moved by up to {MOVED_MM:g} mm and {MOVED_DEGREES:g} degrees"
INPUTS = {
    STILL: DegradationConfig(),
    MOVED: DegradationConfig(shift_mm=MOVED_MM, turn=MOVED_DEGREES),
}
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
COMPARED = (("ACNN-Seg", "3D-Seg"), ("ACNN-Seg-MAug", "3D-Seg-MAug"))
SEGMENTATIONS = {
    "3D-Seg": "plain",
    "3D-Seg-MAug": "plain-motion",
    "ACNN-Seg": "default",
    "ACNN-Seg-MAug": "motion",
}
PAPER = {
    "acnn-segmentation": (
        "The paper (UK Digital Heart, endocardium | myocardium; mean distance / Hausdorff mm /"
        " Dice): 3D-Seg 1.77 / 10.28 / .923 | 1.48 / 10.15 / .773, 3D-Seg-MAug 1.59 / 8.52 / .928 |"
        " 1.37 / 9.41 / .785, ACNN-Seg 1.37 / 7.89 / .939 | 1.14 / 7.31 / .811."
    ),
    "acnn-prior-weight": (
        "The paper: 0.01, of the squared distance of codes whose size it does not say; here the"
        " distance is relative to the code's size."
    ),
    "acnn-plausibility": (
        "The paper has no such figures; code distance is ||f(y) - f(g(f(y)))||, misfit 1 - Dice of"
        " y and g(f(y))."
    ),
    "acnn-superresolution": (
        "The paper (SSIM, seconds): linear .777 ± .043, B-spline .779 ± .053, 3D-UNet .784 ± .045"
        " (.07 s), ACNN-SR .796 ± .041 (.06 s, GTX-1080)."
    ),
    "acnn-classification": (
        "The paper (60 patients, normal, dilated, hypertrophic; 10 folds): ED PCA 76.6 %, T-L codes"
        " 83.3 %; ED+ES PCA 86.6 %, T-L codes 91.6 %."
    ),
}
FOLDED = ("acnn-segmentation", "acnn-plausibility", "acnn-superresolution")  # what --folds is for
ACDC_GROUPS = (
    "dilated",
    "hypertrophic",
    "infarction",
    "normal",
    "abnormal right ventricle",
)  # patients 1-20, 21-40, ...


def run_experiment(arguments, report=None):
    """Train what is missing, measure, write results.md; returns the text.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    if arguments.name not in PAPER:
        raise ConfigError(
            f"There is no experiment '{arguments.name}'; choose one of {', '.join(PAPER)}."
        )
    if arguments.folds and arguments.name not in FOLDED:
        raise ConfigError(
            f"--folds is for {', '.join(FOLDED)}, not for {arguments.name}; leave it out."
        )
    measure = {
        "acnn-segmentation": _segmentation,
        "acnn-prior-weight": _prior_weight,
        "acnn-plausibility": _plausibility,
        "acnn-superresolution": _superresolution,
        "acnn-classification": _classification,
    }[arguments.name]
    known = sorted({case.dataset for case in read_training_cases(arguments.cases)})
    datasets = (
        arguments.datasets.split(",")
        if arguments.datasets
        else [
            name
            for name in known
            if name in SMALL_SETS and (name == "acdc_NC") == (measure is _classification)
        ]
    )
    if not datasets:
        raise ConfigError(
            f"The table has none of the data sets {', '.join(SMALL_SETS)}; name data sets with"
            " --datasets and their labels and grid with --config."
        )
    hours = _hours(arguments)
    loop = read_settings(arguments.config).get("loop", {}) if arguments.config else {}
    limits = (f", at most {60 * hours:.0f} minutes a training" if hours else "") + (
        f", {loop['epochs']} epochs" if "epochs" in loop and not hours else ""
    )
    scale = f"Scale {arguments.scale}{limits}, seed {arguments.seed}."
    parts = [f"## {arguments.name}\n", f"{scale} {PAPER[arguments.name]}\n"]
    for dataset in datasets:
        own, left_out = _that_fit(arguments, dataset)
        parts += [
            measure(own, dataset, report),
            *(f"\nLeft out: {message}\n" for message in left_out),
        ]
    out = Path(arguments.out) / arguments.name
    with atomic_folder(out) as partial:
        (partial / "results.md").write_text("\n".join(parts), encoding="utf-8")
    return "\n".join(parts)


def _that_fit(arguments, dataset):
    """(arguments with a table of the cases whose structures the grid holds, the messages about the others); a spacing that is only nominal makes a few too large."""
    task = config_from_dict(
        AutoencoderTaskConfig,
        merged(
            asdict(AutoencoderTaskConfig()),
            _settings(arguments, dataset, "acnn_autoencoder")["task"],
        ),
    )
    fitting = []
    messages = []
    for case in read_training_cases(arguments.cases, [dataset]):
        try:
            read_sample(
                case.image,
                case.label_map,
                task.network.grid,
                task.labels,
                case.name,
                needs_fine_truth=False,
            )
            fitting.append(case)
        except OutsideError as error:
            messages.append(str(error))
    if not messages:
        return arguments, []
    folder = Path(arguments.out) / "acnn" / dataset / "cases"
    with atomic_folder(folder) as partial:
        _write_cases(partial / "cases.csv", fitting)
    return Namespace(**{**vars(arguments), "cases": folder / "cases.csv"}), messages


def _parts(arguments, dataset):
    """[arguments] of each part of a measurement: as they are or, with --folds, with a table and a folder for each fold, whose held-out patients are its split val."""
    if not arguments.folds:
        return [arguments]
    cases = [
        case
        for case in read_training_cases(arguments.cases, [dataset])
        if case.split in ("", "train", "val")
    ]
    parts = []
    for number, (rest, held_out) in enumerate(make_folds(cases, arguments.folds), 1):
        folder = Path(arguments.out) / "acnn" / dataset / f"fold_{number}"
        with atomic_folder(folder) as partial:
            _write_cases(
                partial / "cases.csv",
                [
                    replace(case, split=split)
                    for split, chosen in (("train", rest), ("val", held_out))
                    for case in chosen
                ],
            )
        parts.append(Namespace(**{**vars(arguments), "cases": folder / "cases.csv", "out": folder}))
    return parts


def _judged(arguments, count):
    """ "24 cases", and how they were held out where that was in folds."""
    return f"{count} cases" + (f" in {arguments.folds} folds by patient" if arguments.folds else "")


def _segmentation(arguments, dataset, report):
    """Table I on one data set: thick slices that lie still, and slices that moved."""
    rows = {title: {name: [] for name in SEGMENTATIONS} for title in INPUTS}
    for part in _parts(arguments, dataset):
        prior = _trained(part, dataset, "acnn_autoencoder", "default", None, report)
        networks = {}
        for name, preset in SEGMENTATIONS.items():
            networks[name], grid, labels = _network(
                _trained(
                    part,
                    dataset,
                    "acnn_segmentation",
                    preset,
                    None if preset.startswith("plain") else prior,
                    report,
                )
            )
        samples = _val_data(part, dataset, grid, labels).samples
        for title, config in INPUTS.items():
            for name, network in networks.items():
                rows[title][name] += [
                    score_segmentation(network, image, classes, grid, config, seed)
                    for seed, (image, classes) in enumerate(samples)
                ]
    count = len(rows[STILL]["3D-Seg"])
    parts = [
        f"### {dataset}, {_judged(arguments, count)}, labels {', '.join(map(str, labels))},"
        f" {_described(grid)}\n"
    ]
    for title, own_rows in rows.items():
        parts += [
            f"{title}; means over the structures of a case, intervals and tests over cases:\n",
            _segmentation_table(own_rows),
        ]
        for number, label in enumerate(labels, 1) if len(labels) > 1 else ():
            own = {
                name: [[row for row in case if row["class"] == number] for case in cases]
                for name, cases in own_rows.items()
            }
            parts += [f"{title}, label {label}:\n", _segmentation_table(own)]
    return "\n".join(parts)


def _segmentation_table(rows):
    """The table of {network: a list of scores for each case}."""
    scores = {
        name: {measure: mean_over_structures(own, measure) for measure in MEASURES}
        for name, own in rows.items()
    }
    lines = [
        [name, *(summary(own[measure]) for measure in MEASURES)] for name, own in scores.items()
    ]
    for first, second in COMPARED:
        lines.append(
            [
                f"p of {first} against {second}",
                *(
                    f"{wilcoxon_p(scores[first][measure], scores[second][measure]):.3g}"
                    for measure in MEASURES[:3]
                ),
                "",
            ]
        )
    return _table(["network", "Dice", "mean distance mm", "Hausdorff mm", "seconds"], lines)


def _prior_weight(arguments, dataset, report):
    """ACNN-Seg with several weights of the prior, judged on every fifth patient of the split train, which no other measurement is about."""
    train_cases, _ = split_cases(read_training_cases(arguments.cases, [dataset]))
    patients = sorted({case.patient for case in train_cases})
    held_out = set(patients[::5])
    inner = [
        replace(case, split="val" if case.patient in held_out else "train") for case in train_cases
    ]
    folder = Path(arguments.out) / "acnn" / dataset / "weights"
    with atomic_folder(folder) as partial:
        _write_cases(partial / "cases.csv", inner)
    inside = Namespace(**{**vars(arguments), "cases": folder / "cases.csv", "out": folder})
    prior = _trained(inside, dataset, "acnn_autoencoder", "default", None, report)
    lines = []
    for weight in WEIGHTS:
        changes = {"task": {"code_weight": weight}} if weight else {}
        weights = _trained(
            inside,
            dataset,
            "acnn_segmentation",
            "default" if weight else "plain",
            prior if weight else None,
            report,
            changes=changes,
            suffix=f"-{weight:g}",
        )
        network, grid, labels = _network(weights)
        rows = [
            score_segmentation(network, image, classes, grid, INPUTS[STILL])
            for image, classes in _val_data(inside, dataset, grid, labels).samples
        ]
        lines.append(
            [
                f"{weight:g}",
                *(summary(mean_over_structures(rows, measure)) for measure in MEASURES[:3]),
            ]
        )
    return (
        f"### {dataset}, {len(rows)} cases of {len(held_out)} patients held out of the split train,"
        f" {_described(grid)}\n\n"
        + _table(["weight", "Dice", "mean distance mm", "Hausdorff mm"], lines)
    )


def _plausibility(arguments, dataset, report):
    """Whether the distance of codes tells bad masks from good ones on one data set."""
    rows = {"damaged": [], "propagated": [], "slices": []}
    for part in _parts(arguments, dataset):
        model = load_shape_model(
            _trained(part, dataset, "acnn_autoencoder", "default", None, report)
        )
        _, val = split_cases(read_training_cases(part.cases, [dataset]))
        data = ShapeDataset(val, model.grid, model.labels, needs_fine_truth=False)
        rows["damaged"] += damage_rows(
            model,
            [(name, classes) for name, (_, classes) in zip(data.names, data.samples)],
        )
        whole, slices = propagated_rows(model, val[: part.max_cases], report)
        rows["propagated"] += whole
        rows["slices"] += slices
    out = Path(arguments.out) / arguments.name
    with atomic_folder(out) as partial:
        for name, own in rows.items():
            with open(partial / f"{dataset}_{name}.csv", "w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, list(own[0]))
                table.writeheader()
                table.writerows(own)
    count = len({row["case"] for row in rows["damaged"]})
    return (
        f"### {dataset}, {_judged(arguments, count)}, labels {', '.join(map(str, model.labels))},"
        f" {_described(model.grid)}\n\n" + plausibility_text(*rows.values())
    )


def _superresolution(arguments, dataset, report):
    """Table III on one data set, SSIM."""
    rows = {title: {} for title in INPUTS}
    for part in _parts(arguments, dataset):
        autoencoder = _trained(part, dataset, "acnn_autoencoder", "default", None, report)
        prior = _trained(part, dataset, "acnn_predictor", "default", autoencoder, report)
        plain, grid, labels = _network(
            _trained(part, dataset, "acnn_superresolution", "plain", None, report)
        )
        guided, _, _ = _network(
            _trained(part, dataset, "acnn_superresolution", "default", prior, report)
        )
        methods = {
            "linear": interpolator(grid, 1),
            "B-spline": interpolator(grid, 3),
            "SR without prior": plain,
            "ACNN-SR": guided,
        }
        images = [image for image, _ in _val_data(part, dataset, grid, labels).samples]
        for title, config in INPUTS.items():
            for name, method in methods.items():
                rows[title].setdefault(name, []).extend(
                    score_superresolution(method, image, grid, config, seed)
                    for seed, image in enumerate(images)
                )
    parts = [
        f"### {dataset}, {_judged(arguments, len(rows[STILL]['linear']))}, {_described(grid)}\n"
    ]
    for title, own_rows in rows.items():
        lines = [
            [
                name,
                *(summary([row[measure] for row in own]) for measure in ("ssim", "seconds")),
                *(_p(own_rows[judged], own, "ssim") for judged in ("ACNN-SR", "SR without prior")),
            ]
            for name, own in own_rows.items()
        ]
        parts += [
            f"{title}:\n",
            _table(
                [
                    "method",
                    "SSIM",
                    "seconds",
                    "p of ACNN-SR against it",
                    "p of SR without prior against it",
                ],
                lines,
            ),
        ]
    return "\n".join(parts)


def _classification(arguments, dataset, report):
    """Pathologies of ACDC by T-L codes against PCA: the paper's three groups, and all five."""
    autoencoder = _trained(arguments, dataset, "acnn_autoencoder", "default", None, report)
    model = load_shape_model(
        _trained(arguments, dataset, "acnn_predictor", "default", autoencoder, report)
    )
    frames, messages = frames_by_patient(
        code_cases(model, read_training_cases(arguments.cases, [dataset]))
    )
    parts = [
        f"### {dataset}, {_described(model.grid)}; the shape model has seen shapes of the split"
        " train, never their groups\n"
    ]
    out = Path(arguments.out) / arguments.name
    for chosen in (("normal", "dilated", "hypertrophic"), ACDC_GROUPS):
        own = {patient: cases for patient, cases in frames.items() if acdc_group(patient) in chosen}
        names = [name for name in chosen if any(acdc_group(patient) == name for patient in own)]
        groups = [names.index(acdc_group(patient)) for patient in own]
        smallest = min((groups.count(number) for number in range(len(names))), default=0)
        if len(names) < 2 or smallest < 2:
            raise InputError(
                f"{dataset} has too few patients of the groups {', '.join(chosen)} ({smallest} of"
                f" the smallest, of {len(names)} groups); two of two groups are needed at least."
            )
        parts.append(classification_text(own, groups, names, min(10, smallest)))
        with atomic_folder(out) as partial:
            draw_traversal(
                partial / f"traversal_{len(names)}_groups.png",
                model,
                *components_that_matter([cases[0].code for cases in own.values()], groups),
            )
    return "\n".join([*parts, *messages])


def acdc_group(patient):
    """The pathology of a patient by ACDC's numbering; "" for other names."""
    number = re.search(r"patient(\d+)", patient)
    place = (int(number.group(1)) - 1) // 20 if number else -1
    return ACDC_GROUPS[place] if 0 <= place < len(ACDC_GROUPS) else ""


def _trained(arguments, dataset, task, preset, prior, report, changes=None, suffix=""):
    """Path of the weights of a training on one data set, trained unless that was done.

    `changes` of its settings need a `suffix` of its folder.

    The best weights by the split val, or the last, where that is the held-out patients of a fold.
    """
    is_small = arguments.scale == "small"
    folder = Path(arguments.out) / "acnn" / dataset / f"{task}-{preset}{suffix}"
    settings = merged(_settings(arguments, dataset, task), changes or {})
    if not prior:
        settings["task"].pop("code_weight", None)
    labels = settings["task"].pop("labels", None)
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    if report:
        report(f"training {dataset} {folder.name}")
    named = preset if not is_small else "small" if preset == "default" else f"{preset}-small"
    best = train(
        Namespace(
            task=task,
            preset=named,
            config=folder / "settings.json",
            cases=arguments.cases,
            out=folder,
            init=None,
            prior=prior and str(prior),
            labels=None if prior or not labels else ",".join(map(str, labels)),
            datasets=dataset,
            folds=0,
            epochs=None,
            max_hours=_hours(arguments),
            seed=arguments.seed,
            workers=1,
            device=arguments.device,
        ),
        report,
    )[0]
    return best.with_name("last.pt") if arguments.folds else best


def _hours(arguments):
    """Time of a training.

    None where --config says how many epochs it takes, which compares networks after as many
    updates.
    """
    is_counted = arguments.config and "epochs" in read_settings(arguments.config).get("loop", {})
    return arguments.max_hours or (
        SMALL_HOURS if arguments.scale == "small" and not is_counted else None
    )


def _settings(arguments, dataset, task):
    """Grid and labels of a data set as `train --config` reads them, and what --config changes for all tasks, and under a task's name for that one."""
    settings = {"task": {}}
    if dataset in SMALL_SETS:
        settings["task"]["labels"] = SMALL_SETS[dataset][0]
        if arguments.scale == "small":
            network = {
                "grid": asdict(SMALL_SETS[dataset][1]),
                "bottleneck_channels": SMALL_BOTTLENECK,
            }
            settings["task"]["network"] = network
    changes = read_settings(arguments.config) if arguments.config else {}
    settings = merged(
        settings,
        {name: change for name, change in changes.items() if name not in TASKS},
    )
    if task == "acnn_predictor" and "network" in settings["task"]:
        settings["task"]["network"] = {"autoencoder": settings["task"]["network"]}
    return merged(settings, changes.get(task, {}))


def _network(weights):
    """(network, FineGridConfig, labels) of a segmentation or super-resolution."""
    checkpoint = load_checkpoint(weights)
    config = config_from_dict(SubpixelConfig, checkpoint.config["network"])
    return (
        fill_network(build_subpixel(config), checkpoint, weights).eval(),
        config.grid,
        tuple(checkpoint.config["labels"]),
    )


def _val_data(arguments, dataset, grid, labels):
    _, val = split_cases(read_training_cases(arguments.cases, [dataset]))
    return ShapeDataset(val[: arguments.max_cases], grid, labels, needs_fine_truth=True)


def _write_cases(path, cases):
    """The table of TrainingCases that `read_training_cases` reads."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "split", "dataset", "case"])
        table.writerows(
            [
                Path(case.image).resolve(),
                Path(case.label_map).resolve(),
                case.split,
                case.dataset,
                case.name,
            ]
            for case in cases
        )


def _p(rows, others, measure):
    return f"{wilcoxon_p([row[measure] for row in rows], [row[measure] for row in others]):.3g}"


def _described(grid):
    return (
        f"{'x'.join(map(str, grid.shape))} cells of"
        f" {'x'.join(f'{spacing:g}' for spacing in grid.spacing_mm)} mm, thick slices of"
        f" {grid.thick_mm:g} mm"
    )


def _table(header, lines):
    return (
        "\n".join(
            "| " + " | ".join(map(str, cells)) + " |"
            for cells in [header, ["---"] * len(header), *lines]
        )
        + "\n"
    )
