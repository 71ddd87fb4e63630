"""The measurements of the ACNN paper, one command each: trains what is missing, measures it on degraded fine volumes, writes results.md.

Reproduced: 3D-Seg against ACNN-Seg without and with motion augmentation (Table I), linear, B-spline and super-resolution without and with
prior (Table III, SSIM), pathologies of ACDC told apart by codes against PCA. Not reproduced: 2D-FCN, SR-CNN, CETUS and the opinion scores.
"""

import json
import re
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from SlicePropagationLib.acnn_measures import MEASURES, interpolator, score_segmentation, score_superresolution, summary, wilcoxon_p
from SlicePropagationLib.atomic import atomic_folder
from SlicePropagationLib.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.codes import classification_text, code_cases, components_that_matter, draw_traversal
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.networks.acnn_config import FineGridConfig, SubpixelConfig
from SlicePropagationLib.networks.subpixel import build_subpixel
from SlicePropagationLib.shape_model import load_shape_model
from SlicePropagationLib.training.acnn import SMALL_BOTTLENECK
from SlicePropagationLib.training.cases import read_training_cases, split_cases
from SlicePropagationLib.training.command import merged, read_settings, train
from SlicePropagationLib.training.degradation import DegradationConfig
from SlicePropagationLib.training.shape_data import ShapeDataset

SMALL_HOURS = 0.2
# Of every data set: labels, and a small grid that holds them (48 x 48 pixels; thick slices are four fine ones).
SMALL_SETS = {
    "la2018_UNK": ((1,), FineGridConfig((24, 48, 48), (2.5, 2.75, 2.75), 4)),
    "msd_hippocampus": ((1, 2), FineGridConfig((36, 48, 48), (1.0, 1.0, 1.0), 4)),
    "oasis_brain_NC": ((1, 2), FineGridConfig((24, 48, 48), (2.5, 2.5, 2.5), 4)),
    "acdc_NC": ((1, 2, 3), FineGridConfig((24, 48, 48), (7.5, 2.75, 2.75), 4)),
}
SEGMENTATIONS = {"3D-Seg": "plain", "3D-Seg-MAug": "plain-motion", "ACNN-Seg": "default", "ACNN-Seg-MAug": "motion"}
PAPER = {
    "acnn-segmentation": "The paper (UK Digital Heart, endocardium | myocardium; mean distance / Hausdorff mm / Dice): 3D-Seg 1.77 / 10.28 / .923 | 1.48 / 10.15 / .773, "
                         "3D-Seg-MAug 1.59 / 8.52 / .928 | 1.37 / 9.41 / .785, ACNN-Seg 1.37 / 7.89 / .939 | 1.14 / 7.31 / .811.",
    "acnn-superresolution": "The paper (SSIM, seconds): linear .777 ± .043, B-spline .779 ± .053, 3D-UNet .784 ± .045 (.07 s), ACNN-SR .796 ± .041 (.06 s, GTX-1080).",
    "acnn-classification": "The paper (60 patients, normal, dilated, hypertrophic; 10 folds): ED PCA 76.6 %, T-L codes 83.3 %; ED+ES PCA 86.6 %, T-L codes 91.6 %.",
}
ACDC_GROUPS = ("dilated", "hypertrophic", "infarction", "normal", "abnormal right ventricle")       # patients 1-20, 21-40, ...


def run_experiment(arguments, report=None):
    """Train what is missing, measure, write results.md; returns the text.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    if arguments.name not in PAPER:
        raise ConfigError(f"There is no experiment '{arguments.name}'; choose one of {', '.join(PAPER)}.")
    measure = {"acnn-segmentation": _segmentation, "acnn-superresolution": _superresolution, "acnn-classification": _classification}[arguments.name]
    known = sorted({case.dataset for case in read_training_cases(arguments.cases)})
    datasets = arguments.datasets.split(",") if arguments.datasets else [name for name in known if name in SMALL_SETS and (name == "acdc_NC") == (measure is _classification)]
    if not datasets:
        raise ConfigError(f"The table has none of the data sets {', '.join(SMALL_SETS)}; name data sets with --datasets and their labels and grid with --config.")
    hours = arguments.max_hours or (SMALL_HOURS if arguments.scale == "small" else None)
    scale = f"Scale {arguments.scale}" + (f", at most {60 * hours:.0f} minutes a training" if hours else "") + f", seed {arguments.seed}."
    parts = [f"## {arguments.name}\n", f"{scale} {PAPER[arguments.name]}\n"]
    parts += [measure(arguments, dataset, report) for dataset in datasets]
    out = Path(arguments.out) / arguments.name
    with atomic_folder(out) as partial:
        (partial / "results.md").write_text("\n".join(parts), encoding="utf-8")
    return "\n".join(parts)


def _segmentation(arguments, dataset, report):
    """Table I on one data set."""
    prior = _trained(arguments, dataset, "acnn_autoencoder", "default", None, report)
    rows = {}
    for name, preset in SEGMENTATIONS.items():
        weights = _trained(arguments, dataset, "acnn_segmentation", preset, None if preset.startswith("plain") else prior, report)
        network, grid, labels = _network(weights)
        rows[name] = [row for image, classes in _val_data(arguments, dataset, grid, labels).samples
                      for row in score_segmentation(network, image, classes, grid, DegradationConfig().blur)]
    lines = [[name, *(summary([row[measure] for row in own]) for measure in MEASURES)] for name, own in rows.items()]
    tests = [["p of ACNN-Seg against 3D-Seg (Wilcoxon)", *(_p(rows["ACNN-Seg"], rows["3D-Seg"], measure) for measure in MEASURES[:3]), ""]]
    return f"### {dataset}, {len(rows['3D-Seg'])} structures, {_described(grid)}\n\n" + _table(["network", "Dice", "mean distance mm", "Hausdorff mm", "seconds"], lines + tests)


def _superresolution(arguments, dataset, report):
    """Table III on one data set, SSIM."""
    autoencoder = _trained(arguments, dataset, "acnn_autoencoder", "default", None, report)
    prior = _trained(arguments, dataset, "acnn_predictor", "default", autoencoder, report)
    plain, grid, labels = _network(_trained(arguments, dataset, "acnn_superresolution", "plain", None, report))
    guided, _, _ = _network(_trained(arguments, dataset, "acnn_superresolution", "default", prior, report))
    methods = {"linear": interpolator(grid, 1), "B-spline": interpolator(grid, 3), "SR without prior": plain, "ACNN-SR": guided}
    images = [image for image, _ in _val_data(arguments, dataset, grid, labels).samples]
    rows = {name: [score_superresolution(method, image, grid, DegradationConfig().blur) for image in images] for name, method in methods.items()}
    lines = [[name, *(summary([row[measure] for row in own]) for measure in ("ssim", "seconds")), _p(rows["ACNN-SR"], own, "ssim")] for name, own in rows.items()]
    return f"### {dataset}, {len(images)} cases, {_described(grid)}\n\n" + _table(["method", "SSIM", "seconds", "p of ACNN-SR against it (Wilcoxon)"], lines)


def _classification(arguments, dataset, report):
    """Pathologies of ACDC by T-L codes against PCA: the paper's three groups, and all five."""
    autoencoder = _trained(arguments, dataset, "acnn_autoencoder", "default", None, report)
    model = load_shape_model(_trained(arguments, dataset, "acnn_predictor", "default", autoencoder, report))
    frames = {}
    for case in sorted(code_cases(model, read_training_cases(arguments.cases, [dataset])), key=lambda case: case.name):
        frames.setdefault(case.patient, []).append(case)
    parts, out = [f"### {dataset}, {_described(model.grid)}; the shape model has seen shapes of the split train, never their groups\n"], Path(arguments.out) / arguments.name
    for chosen in (("normal", "dilated", "hypertrophic"), ACDC_GROUPS):
        own = {patient: cases for patient, cases in frames.items() if acdc_group(patient) in chosen}
        names = [name for name in chosen if any(acdc_group(patient) == name for patient in own)]
        groups = [names.index(acdc_group(patient)) for patient in own]
        smallest = min((groups.count(number) for number in range(len(names))), default=0)
        if len(names) < 2 or smallest < 2:
            raise InputError(f"{dataset} has too few patients of the groups {', '.join(chosen)} ({smallest} of the smallest, of {len(names)} groups); two of two groups are needed at least.")
        parts.append(classification_text(own, groups, names, min(10, smallest)))
        with atomic_folder(out) as partial:
            draw_traversal(partial / f"traversal_{len(names)}_groups.png", model, *components_that_matter([cases[0].code for cases in own.values()], groups))
    return "\n".join(parts)


def acdc_group(patient):
    """The pathology of a patient by ACDC's numbering; "" for other names."""
    number = re.search(r"patient(\d+)", patient)
    place = (int(number.group(1)) - 1) // 20 if number else -1
    return ACDC_GROUPS[place] if 0 <= place < len(ACDC_GROUPS) else ""


def _trained(arguments, dataset, task, preset, prior, report):
    """Path of the weights of a training on one data set, trained unless that was done."""
    is_small, folder = arguments.scale == "small", Path(arguments.out) / "acnn" / dataset / f"{task}-{preset}"
    settings = _settings(arguments, dataset, task)
    labels = settings["task"].pop("labels", None) if "task" in settings else None
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    if report:
        report(f"training {dataset} {folder.name}")
    named = preset if not is_small else "small" if preset == "default" else f"{preset}-small"
    hours = arguments.max_hours or (SMALL_HOURS if is_small else None)
    return train(Namespace(task=task, preset=named, config=folder / "settings.json", cases=arguments.cases, out=folder, init=None, prior=prior and str(prior),
                           labels=None if prior or not labels else ",".join(map(str, labels)), datasets=dataset, folds=0, epochs=None, max_hours=hours, seed=arguments.seed,
                           workers=1, device=arguments.device), report)[0]


def _settings(arguments, dataset, task):
    """Grid and labels of a data set as `train --config` reads them, and what --config changes for all tasks."""
    settings = {"task": {}}
    if dataset in SMALL_SETS:
        settings["task"]["labels"] = SMALL_SETS[dataset][0]
        if arguments.scale == "small":
            network = {"grid": asdict(SMALL_SETS[dataset][1]), "bottleneck_channels": SMALL_BOTTLENECK}
            settings["task"]["network"] = network
    settings = merged(settings, read_settings(arguments.config) if arguments.config else {})
    if task == "acnn_predictor" and "network" in settings["task"]:
        settings["task"]["network"] = {"autoencoder": settings["task"]["network"]}
    return settings


def _network(weights):
    """(network, FineGridConfig, labels) of a segmentation or super-resolution."""
    checkpoint = load_checkpoint(weights)
    config = config_from_dict(SubpixelConfig, checkpoint.config["network"])
    return fill_network(build_subpixel(config), checkpoint, weights).eval(), config.grid, tuple(checkpoint.config["labels"])


def _val_data(arguments, dataset, grid, labels):
    _, val = split_cases(read_training_cases(arguments.cases, [dataset]))
    return ShapeDataset(val[:arguments.max_cases], grid, labels, needs_fine_truth=True)


def _p(rows, others, measure):
    return f"{wilcoxon_p([row[measure] for row in rows], [row[measure] for row in others]):.3g}"


def _described(grid):
    return f"{'x'.join(map(str, grid.shape))} cells of {'x'.join(f'{spacing:g}' for spacing in grid.spacing_mm)} mm, thick slices of {grid.thick_mm:g} mm"


def _table(header, lines):
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in [header, ["---"] * len(header), *lines]) + "\n"
