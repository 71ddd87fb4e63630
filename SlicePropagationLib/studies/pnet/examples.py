"""Examples of a comparison: probability maps (Cai et al., Figure 8), outlines in space (Figure 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.studies.overlays import (
    MIDDLE,
    Example,
    Stack,
    draw_overlays,
    draw_stacks,
)
from SlicePropagationLib.studies.pnet.columns import Column
from SlicePropagationLib.studies.pnet.held_out import Segmented, held_out_cases, segmented
from SlicePropagationLib.studies.tables import Row


class Segmentations:
    """What columns find in single cases.

    Args:
        tables: of cases, one for each fold.
        label: the structure; 0 for everything that is labelled.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, tables: Sequence[Path], label: int, device: str) -> None:
        self._tables = tables
        self._label = label
        self._device = device

    def of(self, name: str, column: Column, weights: Sequence[Path]) -> Segmented:
        """A case segmented by the fold that did not see its patient.

        Args:
            name: of the case.
            column: of the comparison.
            weights: of that column, one for each fold.
        """
        for table, path in zip(self._tables, weights, strict=True):
            for case in held_out_cases(table):
                if case.name == name:
                    segmenter = load_segmenter(path, self._device)
                    return segmented(case, segmenter, column, self._label)
        raise InputError(f"No fold held case {name} out.")


def chosen_cases(rows: Sequence[Row]) -> dict[str, Row]:
    """The best, the middle and the worst case of a column by their Dice.

    Args:
        rows: one for each case, with `case` and `dice`.

    Returns:
        {what it is: its row}, fewer where there are fewer than three cases.
    """
    ordered = sorted(rows, key=lambda row: row["dice"], reverse=True)
    places = {"best": 0, "middle": len(ordered) // 2, "worst": len(ordered) - 1}
    chosen: dict[str, Row] = {}
    for name, place in places.items():
        if ordered and ordered[place] not in chosen.values():
            chosen[name] = ordered[place]
    return chosen


def draw_examples(
    folder: Path,
    segmentations: Segmentations,
    columns: Mapping[str, Column],
    weights_of: Mapping[str, Sequence[Path]],
    chosen: Mapping[str, Row],
    reference: str,
) -> None:
    """Write examples.png, probability maps of every column, and shapes.png, outlines in space.

    Args:
        folder: of the pictures.
        segmentations: what finds structures.
        columns: {name: column}.
        weights_of: {name: weights of every fold}.
        chosen: cases as `chosen_cases` gives them.
        reference: the column that shapes.png shows.
    """
    examples, stacks = [], []
    for what, row in chosen.items():
        found = {
            name: segmentations.of(row["case"], column, weights_of[name])
            for name, column in columns.items()
        }
        shown = found[reference]
        examples.append(_example(f"{what}: {row['case']}", found, shown))
        is_found = shown.probability >= MIDDLE
        name = f"{what}: Dice {row['dice']:.2f}"
        stacks.append(Stack(name, shown.truth, is_found, shown.volume.spacing_mm))
    draw_overlays(folder / "examples.png", examples, "Probabilities on the largest slice")
    draw_stacks(folder / "shapes.png", stacks, f"{reference}: outlines of all slices")


def _example(name: str, found: Mapping[str, Segmented], shown: Segmented) -> Example:
    """The slice on which the structure is largest."""
    index = int(shown.truth.sum(axis=(1, 2)).argmax())
    return Example(
        name,
        shown.volume.array[index],
        shown.truth[index],
        {column: each.probability[index].astype(float) for column, each in found.items()},
        shown.volume.spacing_mm[1:],
    )
