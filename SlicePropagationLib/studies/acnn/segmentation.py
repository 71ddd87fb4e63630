"""ACNN-Seg against 3D-Seg (the ACNN paper's Table I), and the weight of its prior."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from SlicePropagationLib.files.training_cases import split_cases
from SlicePropagationLib.studies.acnn.data_sets import described
from SlicePropagationLib.studies.acnn.inputs import INPUTS, STILL
from SlicePropagationLib.studies.acnn.measurement import Measurement, Subpixel
from SlicePropagationLib.studies.acnn.measures import (
    MEASURES,
    mean_over_structures,
    score_segmentation,
    summary,
    wilcoxon_p,
)
from SlicePropagationLib.studies.tables import Row, markdown_table
from SlicePropagationLib.training.acnn.degradation import DegradationConfig

SEGMENTATIONS = {
    "3D-Seg": "plain",
    "3D-Seg-MAug": "plain-motion",
    "ACNN-Seg": "default",
    "ACNN-Seg-MAug": "motion",
}  # {network: preset}
COMPARED = (("ACNN-Seg", "3D-Seg"), ("ACNN-Seg-MAug", "3D-Seg-MAug"))
DISTANCES = MEASURES[:3]  # those that networks are compared by
HEADER = ("Dice", "mean distance mm", "Hausdorff mm")
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
HOLDS_OUT_EVERY = 5  # patients of the split train, for the weight of the prior

Cases = list[list[Row]]  # for each case a row for each structure
Scores = dict[str, Cases]  # {network: its cases}


def measure_segmentation(measurement: Measurement) -> str:
    """Table I on one data set: thick slices that lie still, and slices that moved."""
    scores: dict[str, Scores] = {title: {} for title in INPUTS}
    shown = []
    for part in measurement.parts():
        networks = _networks(part)
        last = list(networks.values())[-1]
        shown.append(last)
        samples = part.val_data(last).samples
        for title, config in INPUTS.items():
            for name, subpixel in networks.items():
                cases = scores[title].setdefault(name, [])
                cases += _score(subpixel, samples, config)
    grid = shown[-1].grid
    labels = shown[-1].labels
    count = len(scores[STILL]["3D-Seg"])
    parts = [
        f"### {measurement.dataset}, {measurement.judged(count)},"
        f" labels {', '.join(map(str, labels))}, {described(grid)}\n"
    ]
    for title, own in scores.items():
        parts += [
            f"{title}; means over the structures of a case, intervals and tests over cases:\n",
            _table(own),
        ]
        if len(labels) > 1:
            parts += _tables_by_label(title, own, labels)
    return "\n".join(parts)


def measure_prior_weight(measurement: Measurement) -> str:
    """ACNN-Seg with several weights of the prior.

    Judged on every fifth patient of the split train, which no other measurement is about.
    """
    train_cases, _ = split_cases(measurement.cases())
    patients = sorted({case.patient for case in train_cases})
    held_out = set(patients[::HOLDS_OUT_EVERY])
    inner = []
    for case in train_cases:
        split = "val" if case.patient in held_out else "train"
        inner.append(replace(case, split=split))
    inside = measurement.inside("weights", inner)
    prior = inside.weights("acnn_autoencoder")
    networks = {weight: _weighted(inside, weight, prior) for weight in WEIGHTS}
    scores = {}
    for weight, subpixel in networks.items():
        samples = inside.val_data(subpixel).samples
        scores[weight] = [
            score_segmentation(subpixel.network, image, classes, subpixel.grid, INPUTS[STILL])
            for image, classes in samples
        ]
    lines = []
    for weight, cases in scores.items():
        lines.append([f"{weight:g}", *_summaries(cases, DISTANCES)])
    count = len(scores[WEIGHTS[-1]])
    grid = networks[WEIGHTS[-1]].grid
    head = (
        f"### {measurement.dataset}, {count} cases of {len(held_out)} patients held out of the"
        f" split train, {described(grid)}\n\n"
    )
    return head + markdown_table(["weight", *HEADER], lines)


def _networks(part: Measurement) -> dict[str, Subpixel]:
    """The networks that are compared, trained unless that was done."""
    prior = part.weights("acnn_autoencoder")
    networks = {}
    for name, preset in SEGMENTATIONS.items():
        own_prior = None if preset.startswith("plain") else prior
        networks[name] = part.network("acnn_segmentation", preset, own_prior)
    return networks


def _weighted(
    inside: Measurement,
    weight: float,
    prior: Path,
) -> Subpixel:
    """A network with a weight of the prior; the plain one for 0."""
    suffix = f"-{weight:g}"
    if not weight:
        return inside.network("acnn_segmentation", "plain", suffix=suffix)
    changes = {"task": {"code_weight": weight}}
    return inside.network(
        "acnn_segmentation",
        "default",
        prior,
        changes=changes,
        suffix=suffix,
    )


def _score(
    subpixel: Subpixel,
    samples: list,
    config: DegradationConfig,
) -> Cases:
    cases = []
    for seed, (image, classes) in enumerate(samples):
        rows = score_segmentation(subpixel.network, image, classes, subpixel.grid, config, seed)
        cases.append(rows)
    return cases


def _tables_by_label(
    title: str,
    scores: Scores,
    labels: tuple[int, ...],
) -> list[str]:
    """The same table for each structure alone."""
    parts = []
    for number, label in enumerate(labels, 1):
        own = {name: _of_class(cases, number) for name, cases in scores.items()}
        parts += [f"{title}, label {label}:\n", _table(own)]
    return parts


def _of_class(cases: Cases, number: int) -> Cases:
    own = []
    for rows in cases:
        own.append([row for row in rows if row["class"] == number])
    return own


def _table(scores: Scores) -> str:
    """A line for each network, and one for each comparison."""
    lines = [[name, *_summaries(cases, MEASURES)] for name, cases in scores.items()]
    for first, second in COMPARED:
        tests = []
        for measure in DISTANCES:
            of_first = mean_over_structures(scores[first], measure)
            of_second = mean_over_structures(scores[second], measure)
            tests.append(f"{wilcoxon_p(of_first, of_second):.3g}")
        lines.append([f"p of {first} against {second}", *tests, ""])
    return markdown_table(["network", *HEADER, "seconds"], lines)


def _summaries(cases: Cases, measures: tuple[str, ...]) -> list[str]:
    return [summary(mean_over_structures(cases, measure)) for measure in measures]
