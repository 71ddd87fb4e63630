"""`cine-experiment`: the comparisons of the cine and of the label-propagation paper, trained and measured on sequences with known truth.

What one experiment trained serves the others in the same folder: pseudo-labels, the U-Net of the
    first stage, equal variants.
"""

import csv
import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.pipelines.pseudo_labels import PseudoLabelRequest, pseudo_label_file
from SlicePropagationLib.studies.cine.evaluation import evaluate_cine
from SlicePropagationLib.studies.cine.unseen import evaluate_unseen, read_match
from SlicePropagationLib.training.train import merged, read_settings, train


@dataclass(frozen=True)
class CineVariant:
    """One thing that is trained.

    Attributes:
        task: of `train`.
        settings: that differ from the preset's.
        sees_pseudo_labels: train on the pseudo-labelled sequences; otherwise on annotated frames
            only.
        starts_from: the variant whose weights it begins with.
    """

    task: str
    settings: dict
    sees_pseudo_labels: bool = True
    starts_from: str | None = None


def _window(**values):
    return CineVariant("cine_bilstm", {"task": {"frames": {"window": values}}}, starts_from="unet")


# T = 2R - 1: 5, 9, 13, 17, 21 frames are R = 3, 5, 7, 9, 11.
VARIANTS = {
    "unet": CineVariant("cine_unet", {}, sees_pseudo_labels=False),
    "trained_on": CineVariant(
        "cine_unet",
        {"task": {"frames": {"uses_pseudo_labels": True}}},
        starts_from="unet",
    ),
    "bilstm": _window(),
    **{f"T{2 * radius - 1}": _window(radius=radius) for radius in (3, 7, 9, 11)},
    **{f"r{power:g}": _window(power=power) for power in (0.0, 1.0, 10.0, 100.0)},
    "frozen": CineVariant("cine_bilstm", {"task": {"updates_unet": False}}, starts_from="unet"),
    "real": CineVariant("unet2d", {}, sees_pseudo_labels=False),
    "pseudo": CineVariant("unet2d", {}),
    "weighted": CineVariant(
        "unet2d",
        {"task": {"frames": {"window": {"radius": 5, "power": 1.0}}}},
    ),
    "soft": CineVariant("unet2d", {"task": {"frames": {"uses_soft_labels": True}}}),
    "voxelmorph": CineVariant(
        "registration",
        {"pairs": {"kind": "times"}},
        sees_pseudo_labels=False,
    ),
}
EXPERIMENTS = {  # name -> (title, {column: variant, or None for an engine of that name})
    "models": (
        # "trained on" has the second stage's data and no recurrence
        "U-Net against U-Net with BiConvLSTM (Bai et al., Table 2)",
        {
            "U-Net": "unet",
            "U-Net trained on": "trained_on",
            "U-Net + BiConvLSTM": "bilstm",
            "frozen U-Net + BiConvLSTM": "frozen",
        },
    ),
    "window": (
        "Frames of a window, r = 0.1 (Bai et al., Table 1a)",
        {"T = 9": "bilstm", "T = 5": "T5", "T = 13": "T13", "T = 17": "T17", "T = 21": "T21"},
    ),
    "power": (
        "Power of the weights, T = 9 (Bai et al., Table 1b)",
        {"r = 0.1": "bilstm", "r = 0": "r0", "r = 1": "r1", "r = 10": "r10", "r = 100": "r100"},
    ),
    "pseudo-labels": (
        (
            "A U-Net on real labels, with pseudo-labels, with weighted pseudo-labels (label"
            " propagation on M&Ms)"
        ),
        {
            "real": "real",
            "real + pseudo": "pseudo",
            "real + weighted pseudo": "weighted",
            "real + soft pseudo": "soft",
        },
    ),
    "unseen": (
        "The same U-Nets on real volumes of data that training never saw",
        {"real": "real", "real + pseudo": "pseudo", "real + weighted pseudo": "weighted"},
    ),
    "engines": (
        "The classical registration, VoxelMorph and baselines along time",
        {"registration": None, "VoxelMorph": "voxelmorph", "interpolation": None, "copy": None},
    ),
}


def run_cine_experiment(arguments, report=None):
    """Make pseudo-labels, train what is missing, measure, write report.md and plots.

    Returns the text.

    Args:
        arguments: name, cases (of make-cine), out, engine, scale, config, max_hours, seed, device,
            max_cases, only (columns, or None for all); for "unseen" also unseen (a
            table of volumes), datasets (of it) and match.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    if arguments.name not in EXPERIMENTS:
        raise ConfigError(
            f"There is no cine experiment '{arguments.name}'; choose one of"
            f" {', '.join(EXPERIMENTS)}."
        )
    title, columns = EXPERIMENTS[arguments.name]
    columns = _chosen(columns, arguments.only)
    measure = _measure_of(arguments, report)
    models = {
        column: _trained(arguments, variant, report) if variant else column
        for column, variant in columns.items()
    }
    out = Path(arguments.out) / arguments.name
    text = f"# {title}\n\n" + measure(models, out)
    with atomic_folder(out) as partial:
        (partial / "report.md").write_text(text, encoding="utf-8")
    return text


def _chosen(columns, only):
    """The columns that are wanted, in their order."""
    if not only:
        return columns
    wanted = [name.strip() for name in only.split(",")]
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        raise ConfigError(f"There is no column '{unknown[0]}'; choose among {', '.join(columns)}.")
    return {name: variant for name, variant in columns.items() if name in wanted}


def _measure_of(arguments, report):
    """A function (models, folder) -> Markdown: on sequences with known truth, or for "unseen" on real volumes of other data."""
    options = {"max_cases": arguments.max_cases, "device": arguments.device, "report": report}
    if arguments.name != "unseen":
        return lambda models, out: evaluate_cine(arguments.cases, models, out, **options)
    if not arguments.unseen:
        raise ConfigError(
            "The experiment unseen needs --unseen, a table of volumes that no model is trained on,"
            " and --match."
        )
    match = read_match(arguments.match)
    datasets = arguments.datasets.split(",") if arguments.datasets else None
    return lambda models, out: evaluate_unseen(
        arguments.unseen,
        models,
        out,
        match,
        datasets=datasets,
        **options,
    )


def _trained(arguments, name, report):
    """Path of the weights of a variant, trained now unless they are there.

    An interrupted training goes on.
    """
    variant = VARIANTS[name]
    out = Path(arguments.out)
    init = _trained(arguments, variant.starts_from, report) if variant.starts_from else None
    table = _pseudo_labelled(arguments, report) if variant.sees_pseudo_labels else arguments.cases
    settings = merged(
        variant.settings,
        read_settings(arguments.config).get(variant.task, {}) if arguments.config else {},
    )
    with atomic_folder(out / "settings") as partial:
        (partial / f"{name}.json").write_text(json.dumps(settings), encoding="utf-8")
    if report:
        report(f"training {name}")
    return train(
        Namespace(
            task=variant.task,
            preset=_preset(arguments, variant),
            config=str(out / "settings" / f"{name}.json"),
            cases=str(table),
            out=str(out / "trained" / name),
            init=init and str(init),
            datasets=None,
            folds=0,
            epochs=None,
            max_hours=arguments.max_hours,
            seed=arguments.seed,
            device=arguments.device,
            workers=1,
        ),
        report,
    )[0]


def _preset(arguments, variant):
    return "small" if arguments.scale == "small" and variant.task != "registration" else "default"


def _pseudo_labelled(arguments, report):
    """The table of the cases with pseudo-labels in the place of ED and ES alone.

    What is not trained on keeps its labels.
    """
    table = Path(arguments.cases)
    out = Path(arguments.out) / "pseudo_labels"
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"image", "label", "case"} <= set(rows[0]):
        raise InputError(
            f"{table} needs the columns image, label and case; make it with make-cine."
        )
    for number, row in enumerate(rows, 1):
        image, label = (str((table.parent / row[name]).resolve()) for name in ("image", "label"))
        made = out / f"{row['case']}.nii.gz"
        learns = row.get("split") in (None, "", "train")
        if learns and not made.is_file():
            request = PseudoLabelRequest(
                image=image,
                seed=label,
                out=made,
                engine=arguments.engine,
                device=arguments.device,
                is_soft=True,
            )
            pseudo_label_file(request)
            if report:
                report(f"pseudo-labels {number} of {len(rows)}: {row['case']}")
        row |= {"image": image, "label": str(made.resolve()) if learns else label}
    with (
        atomic_folder(out) as partial,
        open(partial / "cases.csv", "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return out / "cases.csv"
