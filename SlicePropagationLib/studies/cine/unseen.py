"""`cine-experiment unseen`: models that need no seed on real volumes of a data set that training never saw."""

from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice, surface_distances
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.cine.tables import comparison, write_report

COLUMNS = {
    "dice": ("Dice of volumes", True),
    "slice_dice": ("Dice of slices", True),
    "distance_mm": ("distance", True),
    "area_error_mm2": ("area error", True),
    "missed": ("slices missed", True),
}
ROW = ("model", "dataset", "case", "label", *COLUMNS)


def evaluate_unseen(
    table,
    models,
    out,
    match,
    *,
    datasets=None,
    max_cases=None,
    device="auto",
    report=None,
):
    """Measure models on the real volumes of a table, all splits of it.

    Every slice is given alone, because these models were trained on slices at all times and scale
    intensities over what they are given.

    Args:
        table: with columns image, label and case.
        models: {name: model file} of families that segment by themselves.
        match: {label of the models: label of the table}; nothing else is measured.
        datasets: names of data sets of the table; None for all.

    Returns:
        The report as Markdown; it is also written to `out`/report.md, beside rows.csv.

    Raises:
        SlicePropagationError: about the table, a model or a case.
    """
    cases = read_training_cases(table, datasets)[:max_cases]
    segmenters = {name: load_segmenter(path, device) for name, path in models.items()}
    rows = []
    for number, case in enumerate(cases, 1):
        volume = read_volume(case.image)
        truth, _ = read_labels(case.label_map, volume)
        for name, segmenter in segmenters.items():
            found = np.concatenate(
                [
                    segmenter.segment(SliceStack(image[None], volume.spacing_mm))
                    for image in np.asarray(volume.array, np.float32)
                ]
            )
            rows += [
                {"model": name, "dataset": case.dataset, "case": case.name, "label": theirs}
                | measure_volume(found == ours, truth == theirs, volume.spacing_mm[1:])
                for ours, theirs in match.items()
                if (truth == theirs).any()
            ]
        if report:
            report(f"{number} of {len(cases)}: {case.name}")
    if not rows:
        raise InputError(
            f"{table} has no volume with label {', '.join(map(str, match.values()))}; name a label"
            " of these data with --match."
        )
    text = (
        "\n".join(
            [
                (
                    f"{len({row['case'] for row in rows})} real volumes of data sets that no model"
                    " was trained on, slices with a label only, each slice given alone; distances"
                    " in mm, areas in mm2; missed: share of these slices on which nothing was"
                    " found. 95 % intervals over patients."
                ),
                *comparison(rows, list(models), COLUMNS, ("case",)),
            ]
        )
        + "\n"
    )
    write_report(Path(out), text, rows, ROW)
    return text


def measure_volume(found, truth, spacing_mm):
    """Measures of one structure in one volume, on the slices that show it.

    Args:
        found, truth: (N, H, W) bool; truth shows it somewhere.
        spacing_mm: (rows, columns).

    Returns:
        {"dice": of all voxels of these slices, "slice_dice": mean of slices, "distance_mm": mean of
        slices where it was found, NaN for nowhere,
        "area_error_mm2": mean of slices, "missed": share of slices without a voxel found}.
    """
    shown = truth.any(axis=(1, 2))
    found = found[shown]
    truth = truth[shown]
    distances = [
        surface_distances(one, other, spacing_mm).mean
        for one, other in zip(found, truth)
        if one.any()
    ]
    errors = np.abs(found.sum(axis=(1, 2)) - truth.sum(axis=(1, 2))) * spacing_mm[0] * spacing_mm[1]
    return {
        "dice": dice(found, truth),
        "slice_dice": float(np.mean([dice(one, other) for one, other in zip(found, truth)])),
        "distance_mm": float(np.mean(distances)) if distances else float("nan"),
        "area_error_mm2": float(errors.mean()),
        "missed": float((~found.any(axis=(1, 2))).mean()),
    }


def read_match(text):
    """{label of the models: label of the table} from "3=1,2=2"; ConfigError where it says none."""
    try:
        match = {
            int(ours): int(theirs) for ours, theirs in (part.split("=") for part in text.split(","))
        }
    except (AttributeError, ValueError):
        raise ConfigError(
            f"'{text}' does not match labels; write LABEL OF THE MODELS=LABEL OF THE DATA, for"
            " example 3=1."
        ) from None
    return match
