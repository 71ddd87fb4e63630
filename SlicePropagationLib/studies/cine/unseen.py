"""Models that need no seed, on real volumes, by the source that these come from.

As the label-propagation paper measures by vendor: two that training saw, two that it did not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from SlicePropagationLib.arrays import Labels, Masks
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase, read_training_cases
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.metrics import dice, surface_distances
from SlicePropagationLib.pipelines.segment_file import Segmenter, load_segmenter
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.cine.tables import Measured, comparison, write_report
from SlicePropagationLib.studies.request import Report
from SlicePropagationLib.studies.tables import Row, markdown_line

COLUMNS = {
    "dice": Measured("Dice of volumes"),
    "slice_dice": Measured("Dice of slices"),
    "distance_mm": Measured("distance"),
    "area_error_mm2": Measured("area error"),
    "missed": Measured("slices missed"),
}
ROW = ("model", "dataset", "case", "label", *COLUMNS)


def evaluate_unseen(
    table: Path | str,
    models: Mapping[str, Path | str],
    out: Path | str,
    match: Mapping[int, int],
    *,
    datasets: Collection[str] | None = None,
    match_of: Mapping[str, Mapping[int, int]] | None = None,
    seen: Collection[str] = (),
    max_cases: int | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> str:
    """Measure models on the real volumes of a table: all splits, or `val` of sources seen before.

    Every slice is given alone, because these models were trained on slices at all times and scale
    intensities over what they are given.

    Args:
        table: with columns image, label and case.
        models: {name: model file} of families that segment by themselves.
        out: folder of report.md and rows.csv.
        match: {label of the models: label of the table}; nothing else is measured.
        datasets: names of data sets of the table; None for all.
        match_of: {data set: the same for its own labels}, in the place of `match`.
        seen: data sets whose split train the models have learnt from.
        max_cases: only the first so many cases; None for all.
        device: "auto", "cpu" or "cuda".
        report: called with a line of text for each case; None to be silent.

    Returns:
        The report as Markdown.

    Raises:
        SlicePropagationError: about the table, a model or a case.
    """
    cases = read_training_cases(table, datasets)
    cases = [case for case in cases if case.dataset not in seen or case.split == "val"][:max_cases]
    segmenters = {name: load_segmenter(path, device) for name, path in models.items()}
    rows = []
    for number, case in enumerate(cases, 1):
        rows += _measure(case, segmenters, (match_of or {}).get(case.dataset, match))
        if report:
            report(f"{number} of {len(cases)}: {case.name}")
    if not rows:
        raise InputError(
            f"{table} has no volume with the labels that --match names; name a label of these data."
        )
    num_volumes = len({row["case"] for row in rows})
    lines = [
        (
            f"{num_volumes} real volumes that no model was trained on, slices with a label only,"
            " each slice given alone; distances in mm, areas in mm2; missed: share of these slices"
            " on which nothing was found. 95 % intervals and paired t-tests over patients."
        ),
        *source_table(rows, list(models), seen),
        *comparison(rows, list(models), COLUMNS, ("case",)),
    ]
    text = "\n".join(lines) + "\n"
    write_report(Path(out), text, rows, ROW)
    return text


def source_table(
    rows: list[Row],
    models: list[str],
    seen: Collection[str],
) -> list[str]:
    """Lines of Markdown: Dice of volumes for each source, its labels weighing the same.

    Args:
        rows: with "model", "dataset", "label", "case" and "dice".
        models: in the order of the lines.
        seen: data sets whose split train the models have learnt from.
    """
    sources = sorted({row["dataset"] for row in rows}, key=lambda name: (name not in seen, name))
    titles = [f"{name}, {'seen' if name in seen else 'unseen'} source" for name in sources]
    lines = ["", "Dice of volumes by source:", ""]
    lines += [markdown_line(["model", *titles]), "|" + "---|" * (len(sources) + 1)]
    for model in models:
        own = [row for row in rows if row["model"] == model]
        lines.append(markdown_line([model, *(_dice_of_source(own, name) for name in sources)]))
    return lines


def _dice_of_source(rows: list[Row], dataset: str) -> str:
    by_label: dict[int, list[float]] = {}
    for row in rows:
        if row["dataset"] == dataset:
            by_label.setdefault(row["label"], []).append(row["dice"])
    return f"{np.mean([np.mean(scores) for scores in by_label.values()]):.3f}"


def measure_volume(
    found: Masks,
    truth: Masks,
    spacing_mm: tuple[float, float],
) -> Row:
    """Measures of one structure in one volume, on the slices that show it.

    Args:
        found: (N, H, W) bool.
        truth: (N, H, W) bool, which shows it somewhere.
        spacing_mm: (rows, columns).

    Returns:
        {"dice": of all voxels of these slices, "slice_dice": mean of slices, "distance_mm": mean of
        slices where it was found, NaN for nowhere, "area_error_mm2": mean of slices, "missed":
        share of slices without a voxel found}.
    """
    shown = truth.any(axis=(1, 2))
    found = found[shown]
    truth = truth[shown]
    scores = []
    distances = []
    for one, other in zip(found, truth, strict=True):
        scores.append(dice(one, other))
        if one.any():
            distances.append(surface_distances(one, other, spacing_mm).mean)
    sizes = found.sum(axis=(1, 2))
    errors = np.abs(sizes - truth.sum(axis=(1, 2))) * spacing_mm[0] * spacing_mm[1]
    return {
        "dice": dice(found, truth),
        "slice_dice": float(np.mean(scores)),
        "distance_mm": float(np.mean(distances)) if distances else float("nan"),
        "area_error_mm2": float(errors.mean()),
        "missed": float((~found.any(axis=(1, 2))).mean()),
    }


def _measure(
    case: TrainingCase,
    segmenters: Mapping[str, Segmenter],
    match: Mapping[int, int],
) -> Iterator[Row]:
    """A row for each model and structure of one case."""
    volume = read_volume(case.image)
    truth, _ = read_labels(case.label_map, volume)
    for name, segmenter in segmenters.items():
        found = _segment(segmenter, volume)
        known = {
            "model": name,
            "dataset": case.dataset,
            "case": case.name,
        }
        for ours, theirs in match.items():
            mask = truth == theirs
            if mask.any():
                measures = measure_volume(found == ours, mask, volume.spacing_mm[1:])
                yield known | {"label": theirs} | measures


def _segment(segmenter: Segmenter, volume: Volume) -> Labels:
    """(N, H, W) labels of a volume whose slices are given one by one."""
    found = []
    for image in np.asarray(volume.array, np.float32):
        found.append(segmenter.segment(SliceStack(image[None], volume.spacing_mm)))
    return np.concatenate(found)
