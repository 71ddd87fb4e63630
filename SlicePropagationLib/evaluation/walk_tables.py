"""Tables of what it takes and how far it holds: slices to a wanted Dice, and drift."""

from __future__ import annotations

import math
from collections.abc import Iterable

from SlicePropagationLib.evaluation.protocol import UNIFORM, EvaluationProtocol, Row
from SlicePropagationLib.evaluation.scores import DRIFT_BINS
from SlicePropagationLib.evaluation.statistics import (
    drift_curve,
    effort,
    means_of,
    real_sets,
    select,
)
from SlicePropagationLib.evaluation.tables import (
    Tables,
    markdown,
    marks,
    of_sets,
    real_ones_first,
)

EFFORT_SCORES = {
    "slices_to": "annotated slices excluded, as far as their number is scored",
    "whole_slices_to": "whole volume, annotated slices included",
}
DRIFT_HEADING = "## Drift: Dice against the distance to the only annotated slice\n"
DRIFT_MEANING = (
    "Mean over real sets of the Dice pooled over a data set's objects; slices that the"
    " method reaches beyond the structure's ends count. A data set without structure and"
    " prediction at a distance is left out there.\n"
)


def effort_tables(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """Slices needed, for each data set and each mean, by both scores."""
    # The number needed is the same in every row of an object.
    chosen = select(rows, shots=protocol.shots[0])
    sets = {title + marks(title, own): own for title, own in real_ones_first(chosen).items()}
    for title, datasets in means_of(chosen, protocol).items():
        sets[f"**{title}**"] = of_sets(chosen, datasets)
    return "\n".join(
        _effort_table(sets, column, meaning, protocol) for column, meaning in EFFORT_SCORES.items()
    )


def _effort_table(
    sets: dict[str, list[Row]],
    column: str,
    meaning: str,
    protocol: EvaluationProtocol,
) -> str:
    pairs = [(name, percent) for percent in (90, 95) for name in protocol.names]
    lines = []
    for title, own in sets.items():
        cells = []
        for name, percent in pairs:
            own_rows = select(own, engine=name)
            cells.append(_effort_cell(own_rows, f"{column}_{percent}", protocol.budget))
        lines.append([title, len(select(own, engine=protocol.names[0])), *cells])
    title = (
        f"Median number of annotated slices to Dice .90 and .95, {meaning} (share of objects that"
        f" got there with {protocol.budget} at most)"
    )
    header = [f"{name} .{percent}" for name, percent in pairs]
    return markdown(title, ["data set", "objects", *header], lines)


def _effort_cell(
    rows: list[Row],
    column: str,
    most: int,
) -> str:
    median, share = effort(rows, column)
    number = f"> {most}" if math.isinf(median) else median
    return f"{number} ({share:.0%})"


def drift_tables(tables: Tables, protocol: EvaluationProtocol) -> str:
    """One table for each rule of the first slice."""
    parts = [DRIFT_HEADING, DRIFT_MEANING]
    header = ["engine"]
    for name in DRIFT_BINS:
        unit = "slice" if name == "1" else "slices"
        header.append(f"{name} {unit}")
    datasets = real_sets(tables.rows)
    for pick, correct in protocol.first_users:
        lines = []
        for name in protocol.names:
            curve = drift_curve(
                tables.drift,
                datasets,
                engine=name,
                pick=pick,
                correct=correct,
            )
            lines.append([name, *_drift_cells(curve.values())])
        rule = "middle of the true extent" if pick == UNIFORM else pick
        parts.append(markdown(f"First slice: {rule}", header, lines))
    return "\n".join(parts)


def _drift_cells(values: Iterable[float]) -> list[str]:
    return ["" if math.isnan(value) else f"{value:.3f}" for value in values]
