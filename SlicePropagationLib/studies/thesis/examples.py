"""Examples of an experiment of the thesis, as its Figures 3 and 6: outlines of every organ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from SlicePropagationLib.arrays import Labels, Masks
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.evaluation.simulated_annotator import Extent, annotate_truth
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.studies.overlays import Example, draw_overlays
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import Row

MOST_ORGANS = 8
AXIS = 0  # along K


def draw_examples(
    path: Path,
    request: StudyRequest,
    rows: Sequence[Row],
    weights: Mapping[str, Path],
    title: str,
) -> None:
    """Write a picture with a row for each organ: its case of middle Dice, half-way to its end.

    Args:
        path: of the PNG.
        request: the experiment, with the table that was walked.
        rows: of all columns, with `dataset`, `label`, `case`, `column`, `shots`, `dice_thesis`.
        weights: {column: model file} of the columns that walk from a slice.
        title: above the rows.
    """
    examples = []
    for row in middle_rows(rows, list(weights))[:MOST_ORGANS]:
        examples += _examples(request, row, weights)
    draw_overlays(path, examples, title)


def middle_rows(rows: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """Of every organ the row of middle Dice after one annotated slice, by the last column.

    Args:
        rows: as of `draw_examples`.
        columns: those that are drawn.
    """
    organs: dict[tuple, list[Row]] = {}
    for row in rows:
        if columns and row["column"] == columns[-1] and row["shots"] == 1:
            organs.setdefault((row["dataset"], int(row["label"])), []).append(row)
    chosen = []
    for _, found in sorted(organs.items()):
        ordered = sorted(found, key=lambda row: row["dice_thesis"])
        chosen.append(ordered[len(ordered) // 2])
    return chosen


def _examples(request: StudyRequest, row: Row, weights: Mapping[str, Path]) -> Iterator[Example]:
    """The slice half-way from the annotated one to the end, by every column."""
    dataset, name, label = row["dataset"], row["case"], int(row["label"])
    for case in read_training_cases(request.cases, [dataset]):
        if case.name != name:
            continue
        volume = read_volume(case.image)
        labels, _ = read_labels(case.label_map, volume)
        truth = object_session(volume, labels, label, AXIS)[1]
        found = {
            column: _walked(request, volume, labels, label, path)
            for column, path in weights.items()
        }
        yield _half_way(f"{dataset} {label}", volume.array, truth, found, volume.spacing_mm)


def _walked(
    request: StudyRequest, volume: Volume, labels: Labels, label: int, weights: Path
) -> Masks:
    """(N, H, W) bool: what a network makes of the truth of the slice in the middle."""
    session, truth = object_session(volume, labels, label, AXIS)
    annotate_truth(session, truth, Extent.of(truth).middle)
    engine = choose_engine(str(weights), request.device)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session.masks(label)


def _half_way(
    name: str,
    images: np.ndarray,
    truth: np.ndarray,
    found: Mapping[str, np.ndarray],
    spacing_mm: tuple[float, float, float],
) -> Example:
    extent = Extent.of(truth)
    index = (extent.middle + extent.last) // 2
    return Example(
        name,
        images[index],
        truth[index],
        {column: masks[index] for column, masks in found.items()},
        spacing_mm[1:],
    )
