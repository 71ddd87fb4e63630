"""The experiments of the pancreas paper on other organs: losses, architectures, with and without BiRNN, each a cross-validation by patient.

Every column is one `train` command for each fold, which chooses its weights by a fifth of its own
patients and never sees those held out;
what was trained is not trained again, and a training that was interrupted goes on.
"""

import csv
import json
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.evaluation.statistics import (
    FEWEST_PATIENTS,
    interval_of_mean,
    select,
    values_by_patient,
)
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import make_folds, read_training_cases, split_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import surface_distances
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.studies.pnet.plots import draw_sorted, draw_thresholds, draw_volumes
from SlicePropagationLib.training.train import merged, read_settings, train

THRESHOLDS = tuple(round(0.05 * number, 2) for number in range(1, 20))
SHOWN_THRESHOLDS = (0.05, 0.25, 0.5, 0.75, 0.95)
PLATEAU = 0.01  # Dice below the best that still counts as the plateau
SMALL_HOURS = 0.02  # of one fold, where no number of epochs is given
SMALL_BATCHES = 50  # per epoch
FOLDS = 4
PAPER = "pancreas, CT / MR"


@dataclass(frozen=True)
class Column:
    """A training of the comparison.

    Attributes:
        preset: of `train pnet_msa`.
        loss: as in PNetTaskConfig.
        has_birnn: train the BiRNN on top of it.
        uses_birnn: False for what the network below a trained BiRNN says by itself.
        paper: the paper's Dice in percent.
    """

    preset: str = "joint"
    loss: str = "jaccard"
    has_birnn: bool = False
    uses_birnn: bool = True
    paper: str = "83.3±5.6 / 80.7±7.4"

    @property
    def folder(self):
        """Name of the folder of its training; equal trainings of several experiments share it."""
        return f"{self.preset}-{self.loss}" + ("-birnn" if self.has_birnn else "")


EXPERIMENTS = {
    "pnet-losses": {
        "cross-entropy": Column(loss="cross_entropy", paper="83.5±5.6 / 80.0±7.6"),
        "class-balanced cross-entropy": Column(
            loss="balanced_cross_entropy",
            paper="83.2±5.7 / 80.2±7.2",
        ),
        "Jaccard": Column(paper="83.7±5.4 / 80.2±7.9"),
    },
    "pnet-architectures": {
        "HNN": Column("hnn", paper="79.6±7.7 / 75.9±10.1"),
        "U-Net": Column("unet", paper="79.7±7.6 / 79.9±7.3"),
        "PNet": Column("pnet", paper="81.3±8.1 / 76.3±12.9"),
        "PNet-MSA": Column(),
        "PNet-MSA, direct wiring": Column("direct", paper="not said which"),
    },
    "pnet-birnn": {
        "PNet-MSA": Column(),
        "PNet-MSA trained on": Column(has_birnn=True, uses_birnn=False, paper="not measured"),
        "PNet-MSA + BiRNN": Column(has_birnn=True, paper="83.7±5.1 / as without"),
    },
}
TITLES = {
    "pnet-losses": "Loss functions (Cai et al., Table I and Figure 5)",
    "pnet-architectures": "Architectures (Cai et al., Table II)",
    "pnet-birnn": "With and without BiRNN (Cai et al., Table III)",
}
NOTES = {
    "pnet-birnn": (
        "`PNet-MSA trained on` is the network below the BiRNN after both were trained together,"
        " with the BiRNN left out: what it says apart from smoothing.\n"
    )
}
REFERENCES = {
    "pnet-losses": "Jaccard",
    "pnet-architectures": "PNet-MSA",
    "pnet-birnn": "PNet-MSA",
}  # what the other columns are compared with
SCORES = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "precision": "precision",
    "recall": "recall",
    "surface_mm": "mean surface distance, mm",
}


def run_pnet_experiment(arguments, report=None):
    """Train what is missing, segment every held-out case, write results.md, scores.csv and plots.

    Returns the text.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    arguments = Namespace(**{**vars(arguments), "folds": arguments.folds or FOLDS})
    columns = _chosen_columns(arguments)
    out = Path(arguments.out)
    datasets = (
        arguments.datasets.split(",")
        if arguments.datasets
        else sorted({case.dataset for case in read_training_cases(arguments.cases)})
    )
    texts = []
    for dataset in datasets:
        place = out / f"{dataset}-{arguments.label}"
        tables = _write_tables(arguments, dataset, place)
        rows = []
        for name, column in columns.items():
            weights = _trained(arguments, column, place, tables, report)
            rows += [
                row | {"column": name}
                for row in _scored(arguments, column, weights, tables, report)
            ]
        texts.append(_written(arguments, dataset, rows, columns, place))
    return "\n".join(texts)


def _chosen_columns(arguments):
    """{name: Column} of the experiment without those that `--without` names.

    ConfigError where it has none of that name, or the others are compared with it.
    """
    columns = EXPERIMENTS[arguments.name]
    reference = REFERENCES[arguments.name]
    without = getattr(arguments, "without", None) or ()
    for name in without:
        if name not in columns or name == reference:
            raise ConfigError(
                f"{arguments.name} cannot leave out '{name}'; choose one of"
                f" {'; '.join(column for column in columns if column != reference)}."
            )
    return {name: column for name, column in columns.items() if name not in without}


def _write_tables(arguments, dataset, place):
    """Paths of a table for every fold: the cases of a data set that show the label, split into "train", "val" (a fifth of the other patients) and "test" (held out)."""
    cases = [
        replace(case, split="")
        for case in read_training_cases(arguments.cases, [dataset])
        if case.split in ("", "train", "val")
    ]
    shown = [case for case in cases if _shows(case, arguments.label)][: arguments.max_cases]
    if not shown:
        raise InputError(
            f"No case of {dataset} shows label {arguments.label}; choose another with --label."
        )
    tables = []
    for number, (rest, held_out) in enumerate(make_folds(shown, arguments.folds), 1):
        path = place / f"fold_{number}.csv"
        with (
            atomic_folder(place) as partial,
            open(partial / path.name, "w", newline="", encoding="utf-8") as file,
        ):
            table = csv.writer(file)
            table.writerow(["image", "label", "split", "dataset", "case"])
            for split, chosen in zip(("train", "val", "test"), (*split_cases(rest), held_out)):
                table.writerows(
                    [
                        Path(case.image).resolve(),
                        Path(case.label_map).resolve(),
                        split,
                        dataset,
                        case.name,
                    ]
                    for case in chosen
                )
        tables.append(path)
    return tables


def _shows(case, label):
    labels, _ = read_labels(case.label_map, read_volume(case.image))
    return bool((labels == label).any() if label else labels.any())


def _trained(arguments, column, place, tables, report):
    """Paths of the best weights of every fold."""
    changes = read_settings(arguments.config) if arguments.config else {}
    if column.has_birnn:
        inits = _trained(arguments, Column(column.preset, column.loss), place, tables, report)
        batches = {
            name: count
            for name, count in changes.get("loop", {}).items()
            if name == "batches_per_epoch"
        }  # as many updates as the network below; its rate is its own
        return _train(
            arguments,
            "pnet_birnn",
            "default",
            {"task": {"loss": column.loss}, "loop": batches},
            place / column.folder,
            inits,
            tables,
            report,
        )
    preset = column.preset + ("-small" if arguments.scale == "small" else "")
    settings = merged(
        {"task": {"loss": column.loss, "slices": {"label": arguments.label}}},
        changes,
    )
    return _train(
        arguments,
        "pnet_msa",
        preset,
        settings,
        place / column.folder,
        [None] * len(tables),
        tables,
        report,
    )


def _train(arguments, task, preset, settings, folder, inits, tables, report):
    is_small = arguments.scale == "small"
    settings = merged({"loop": {"batches_per_epoch": SMALL_BATCHES} if is_small else {}}, settings)
    with atomic_folder(folder) as partial:
        (partial / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    weights = []
    for number, (init, table) in enumerate(zip(inits, tables), 1):
        if report:
            report(
                f"training {folder.name} of {folder.parent.name}, fold {number} of {len(tables)}"
            )
        weights += train(
            Namespace(
                task=task,
                preset=preset,
                config=folder / "settings.json",
                cases=table,
                out=folder / f"fold_{number}",
                init=str(init) if init else None,
                datasets=None,
                folds=0,
                epochs=arguments.epochs,
                max_hours=_hours(arguments),
                seed=arguments.seed,
                workers=1,
                device=arguments.device,
            ),
            report,
        )
    return weights


def _hours(arguments):
    """Training time of a fold, None where epochs end it."""
    return arguments.max_hours or (
        SMALL_HOURS if arguments.scale == "small" and not arguments.epochs else None
    )


def _scored(arguments, column, weights, tables, report):
    """A row for every case, segmented by the network of the fold that did not see its patient."""
    rows = []
    for path, table in zip(weights, tables):
        segmenter = load_segmenter(path, arguments.device)
        held_out = [case for case in read_training_cases(table) if case.split == "test"]
        for case in held_out:
            volume = read_volume(case.image)
            labels, _ = read_labels(case.label_map, volume)
            truth = labels == arguments.label if arguments.label else labels > 0
            probability = segmenter.probability(volume.array, uses_birnn=column.uses_birnn)
            rows.append(
                {"case": case.name, "patient": case.patient, "thickness_mm": volume.spacing_mm[0]}
                | score_volume(probability, truth, volume.spacing_mm)
            )
        if report:
            report(f"{path.parent.name}: {len(held_out)} cases segmented")
    return rows


def score_volume(probability, truth, spacing_mm):
    """{score: number} of one volume at the threshold 0.5, volumes in millilitres, and Dice at every one of THRESHOLDS.

    Args:
        probability: (N, H, W) float32.
        truth: (N, H, W) bool, not empty.
        spacing_mm: along N, H, W.

    Returns:
        With "dice", "jaccard", "precision" (NaN where nothing was found), "recall", "surface_mm"
        (NaN likewise), "true_ml", "found_ml", "dice_0.05", ...
    """
    found = probability >= 0.5
    both, size, true_size = (int(np.count_nonzero(mask)) for mask in (found & truth, found, truth))
    millilitre = float(np.prod(spacing_mm)) / 1000
    inside, outside = (np.sort(probability[mask]) for mask in (truth, ~truth))
    scores = {
        "dice": 2 * both / (size + true_size),
        "jaccard": both / (size + true_size - both),
        "precision": both / size if size else np.nan,
        "recall": both / true_size,
        "surface_mm": surface_distances(found, truth, spacing_mm).mean,
        "true_ml": true_size * millilitre,
        "found_ml": size * millilitre,
    }
    for threshold in THRESHOLDS:
        hits, false = (
            len(values) - int(np.searchsorted(values, np.float32(threshold)))
            for values in (inside, outside)
        )
        scores[f"dice_{threshold}"] = 2 * hits / (hits + false + true_size)
    return scores


def volume_fit(rows):
    """(R², variance of the error in ml²) of found against true volumes.

    R² is NaN for fewer than three cases.

    R² is that of the regression line, the squared correlation, as in the paper's plots.
    """
    true, found = (np.array([row[name] for row in rows]) for name in ("true_ml", "found_ml"))
    fits = len(rows) > 2 and true.std() > 0 and found.std() > 0
    return float(np.corrcoef(true, found)[0, 1] ** 2) if fits else np.nan, float(
        np.var(found - true)
    )


def plateau_width(rows):
    """Share of the thresholds from 0.05 to 0.95 whose mean Dice is within `PLATEAU` of the best."""
    curve = threshold_curve(rows)
    return float(np.mean(curve >= curve.max() - PLATEAU))


def threshold_curve(rows):
    """(len(THRESHOLDS),) mean Dice of the cases."""
    return np.mean([[row[f"dice_{threshold}"] for threshold in THRESHOLDS] for row in rows], axis=0)


def _written(arguments, dataset, rows, columns, place):
    """Write the table of all cases, the plots and results.md; returns its text."""
    folder = place / arguments.name
    text = _text(arguments, dataset, rows, columns)
    with atomic_folder(folder) as partial:
        with open(partial / "scores.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        curves = {name: threshold_curve(select(rows, column=name)) for name in columns}
        draw_thresholds(partial / "thresholds.png", dataset, THRESHOLDS, curves)
        draw_volumes(
            partial / "volumes.png",
            dataset,
            {name: select(rows, column=name) for name in columns},
            {name: volume_fit(select(rows, column=name)) for name in columns},
        )
        draw_sorted(
            partial / "sorted.png",
            dataset,
            {name: [row["dice"] for row in select(rows, column=name)] for name in columns},
        )
        (partial / "results.md").write_text(text, encoding="utf-8")
    return text


def _text(arguments, dataset, rows, columns):
    own = {name: select(rows, column=name) for name in columns}
    thickness = np.median([row["thickness_mm"] for row in rows])
    what = f"label {arguments.label}" if arguments.label else "all labels as one structure"
    length = (
        f", {arguments.epochs} epochs"
        if arguments.epochs
        else f", {_hours(arguments):g} h"
        if _hours(arguments)
        else ""
    )
    parts = [
        f"## {TITLES[arguments.name]}: {dataset}, {what}\n",
        (
            f"{arguments.folds}-fold cross-validation by patient, {len(next(iter(own.values())))}"
            f" cases, slices of {thickness:g} mm, {arguments.scale} scale{length} a fold, seed"
            f" {arguments.seed}. Weights are chosen by a fifth of the training patients. Dice,"
            " Jaccard, precision and recall in percent.\n"
        ),
    ]
    header = [
        "mean±standard deviation [lowest, highest] over cases",
        *SCORES.values(),
        f"paper: Dice, {PAPER}",
    ]
    parts.append(
        _table(
            header,
            [
                [name, *(_spread(chosen, score) for score in SCORES), columns[name].paper]
                for name, chosen in own.items()
            ],
        )
    )
    parts.append(
        _table(
            ["mean (95 % interval over patients)", *SCORES.values()],
            [
                [name, *(_mean(dataset, chosen, score) for score in SCORES)]
                for name, chosen in own.items()
            ],
        )
    )
    reference = REFERENCES[arguments.name]
    lines = [
        [
            name,
            *(
                _mean(dataset, _changes(own[reference], chosen, score), score, "+")
                for score in SCORES
            ),
        ]
        for name, chosen in own.items()
        if name != reference
    ]
    parts.append(
        _table([f"minus {reference}, same cases (95 % interval)", *SCORES.values()], lines)
    )
    parts.append(NOTES.get(arguments.name, ""))
    lines = [
        [
            name,
            *(
                f"{100 * np.mean([row[f'dice_{threshold}'] for row in chosen]):.1f}"
                for threshold in SHOWN_THRESHOLDS
            ),
            f"{100 * plateau_width(chosen):.0f} %",
        ]
        for name, chosen in own.items()
    ]
    parts.append(
        _table(
            [
                "Dice at threshold",
                *SHOWN_THRESHOLDS,
                f"thresholds within {100 * PLATEAU:.0f} point of the best",
            ],
            lines,
        )
    )
    fits = {name: volume_fit(chosen) for name, chosen in own.items()}
    parts.append(
        _table(
            ["volume", "R²", "variance of the error, ml²"],
            [
                [name, "unknown" if np.isnan(fit[0]) else f"{fit[0]:.3f}", f"{fit[1]:.3g}"]
                for name, fit in fits.items()
            ],
        )
    )
    return "\n".join(parts)


def _spread(rows, score):
    factor, digits = _form(score)
    values = factor * np.array([row[score] for row in rows])
    values = values[~np.isnan(values)]
    if not values.size:
        return "nothing was found"
    return (
        f"{values.mean():.{digits}f}±{values.std():.{digits}f} [{values.min():.{digits}f},"
        f" {values.max():.{digits}f}]"
    )


def _mean(dataset, rows, score, sign=""):
    """Mean of a score with its interval over patients; cases without the score are left out."""
    factor, digits = _form(score)
    known = [row for row in rows if not np.isnan(row[score])]
    by_patient = values_by_patient(known, score)
    if len(by_patient) < FEWEST_PATIENTS:
        return "too few patients"
    mean, low, high = (
        factor * value
        for value in (
            np.mean([row[score] for row in known]),
            *interval_of_mean({dataset: by_patient}),
        )
    )
    return f"{mean:{sign}.{digits}f} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


def _changes(reference, rows, score):
    """The rows with a score minus that of the same case in `reference`."""
    before = {row["case"]: row[score] for row in reference}
    return [row | {score: row[score] - before[row["case"]]} for row in rows]


def _form(score):
    """(factor, digits) that a score is written with."""
    return (1, 2) if score == "surface_mm" else (100, 1)


def _table(header, lines):
    return (
        "\n".join(
            "| " + " | ".join(map(str, cells)) + " |"
            for cells in [header, ["---"] * len(header), *lines]
        )
        + "\n"
    )


def check_name(name, others):
    """Refuse a name that no experiment has; ConfigError with all names."""
    if name not in EXPERIMENTS and name not in others:
        raise ConfigError(
            f"There is no experiment '{name}'; choose one of {', '.join([*others, *EXPERIMENTS])}."
        )
