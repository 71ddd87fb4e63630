"""Whether a shape model tells good masks from bad ones.

Damaged truths, whole propagated masks, and single slices beside the confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats

from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.damages import JUDGEMENTS, damage_rows
from SlicePropagationLib.studies.acnn.data_sets import described
from SlicePropagationLib.studies.acnn.measurement import Measurement
from SlicePropagationLib.studies.acnn.propagated import ENGINES, SHOTS, propagated_rows
from SlicePropagationLib.studies.first_page import Part
from SlicePropagationLib.studies.pnet.jump import BAD_DICE, area_under_curve
from SlicePropagationLib.studies.tables import Row, markdown_line, markdown_table, write_rows
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset

BOOTSTRAPS = 500
DAMAGES_HEAD = (
    "Truths against damaged truths, area under the ROC curve (0.5 is chance); in brackets"
    " the share of cases whose damaged mask scores worse than its own truth:\n"
)

Measure = Callable[[list[Row]], float]


def measure_plausibility(measurement: Measurement) -> Part:
    """Whether the distance of codes tells bad masks from good ones on one data set."""
    damaged = []
    whole = []
    slices = []
    models = []
    for part in measurement.parts():
        model = load_shape_model(part.weights("acnn_autoencoder"))
        models.append(model)
        val = part.val_cases()
        data = ShapeDataset(val, model.grid, model.labels, needs_fine_truth=False)
        classes = [own for _, own in data.samples]
        damaged += damage_rows(model, zip(data.names, classes, strict=True))
        found = propagated_rows(model, val[: part.request.max_cases], part.report)
        whole += found.whole
        slices += found.slices
    tables = {
        "damaged": damaged,
        "propagated": whole,
        "slices": slices,
    }
    with atomic_folder(measurement.request.folder) as partial:
        for name, rows in tables.items():
            write_rows(partial / f"{measurement.dataset}_{name}.csv", rows)
    model = models[-1]
    count = len({row["case"] for row in damaged})
    head = (
        f"### {measurement.dataset}, {measurement.judged(count)},"
        f" labels {', '.join(map(str, model.labels))}, {described(model.grid)}\n\n"
    )
    return Part(head + plausibility_text(damaged, whole, slices))


def plausibility_text(
    damaged: list[Row],
    whole: list[Row],
    slices: list[Row],
) -> str:
    """The three tables, each number with its 95 % bootstrap interval over cases.

    Args:
        damaged: as `damage_rows` gives them.
        whole: rows of whole masks, as `propagated_rows` gives them.
        slices: rows of slices, as it gives them.
    """
    parts = [
        DAMAGES_HEAD,
        _damages_table(damaged),
        _whole_head(whole),
        _whole_table(whole),
        _slices_head(slices),
        _slices_table(slices),
    ]
    return "\n".join(parts)


def _damages_table(damaged: list[Row]) -> str:
    kinds = dict.fromkeys(row["what"] for row in damaged)
    lines = []
    for what in kinds:
        if what == "truth":
            continue
        own = [row for row in damaged if row["what"] in ("truth", what)]
        cells = []
        for judgement in JUDGEMENTS:
            area = _interval(own, _area_of_damaged(judgement))
            cells.append(f"{area} [{_share_worse(own, judgement):.0%}]")
        lines.append([what, *cells])
    return markdown_table(["damage", *JUDGEMENTS], lines)


def _area_of_damaged(judgement: str) -> Measure:
    def area(rows: list[Row]) -> float:
        signal = [row[judgement] for row in rows]
        return area_under_curve(signal, [row["what"] != "truth" for row in rows])

    return area


def _share_worse(rows: list[Row], judgement: str) -> float:
    """Share of the cases whose damaged mask scores worse than its truth."""
    truths = {row["case"]: row[judgement] for row in rows if row["what"] == "truth"}
    damaged = [row for row in rows if row["what"] != "truth"]
    is_worse = [row[judgement] > truths[row["case"]] for row in damaged]
    return float(np.mean(is_worse))


def _whole_head(whole: list[Row]) -> str:
    engines = ", ".join(ENGINES)
    shots = " and ".join(map(str, SHOTS))
    num_cases = len({row["case"] for row in whole})
    mean = np.mean([row["dice"] for row in whole])
    return (
        f"Propagated masks ({engines}; {shots} annotated"
        f" slices), {len(whole)} masks of {num_cases} cases, mean"
        f" Dice {mean:.3f}:\n"
    )


def _whole_table(whole: list[Row]) -> str:
    """Of all engines together, and of each."""
    lines = [
        f"| | {' | '.join(JUDGEMENTS)} |",
        "| --- | --- | --- |",
    ]
    for engine in (None, *ENGINES):
        own = [row for row in whole if engine in (None, row["engine"])]
        for title, measure_of in WHOLE_MEASURES.items():
            cells = [_interval(own, measure_of(judgement)) for judgement in JUDGEMENTS]
            lines.append(markdown_line([f"{engine or 'all'}: {title}", *cells]))
    return "\n".join(lines) + "\n"


def _rank_correlation(judgement: str) -> Measure:
    def correlation(rows: list[Row]) -> float:
        signal = [row[judgement] for row in rows]
        found: Any = stats.spearmanr(signal, [row["dice"] for row in rows])
        return float(found.statistic)

    return correlation


def _area_of_bad(judgement: str) -> Measure:
    def area(rows: list[Row]) -> float:
        return _bad_area(rows, [row[judgement] for row in rows])

    return area


def _bad_area(rows: list[Row], signal: list[float]) -> float:
    """How well a signal tells rows with a bad Dice from the others."""
    return area_under_curve(signal, [row["dice"] < BAD_DICE for row in rows])


WHOLE_MEASURES: dict[str, Callable[[str], Measure]] = {
    "rank correlation with Dice (Spearman; -1 is best)": _rank_correlation,
    f"area under the ROC curve, Dice below {BAD_DICE}": _area_of_bad,
}


def _slices_head(slices: list[Row]) -> str:
    num_bad = sum(row["dice"] < BAD_DICE for row in slices)
    return (
        f"Slices of {ENGINES[-1]} with one annotated slice, {num_bad} bad (Dice below"
        f" {BAD_DICE}) of {len(slices)}; area under the ROC curve:\n"
    )


def _slices_table(slices: list[Row]) -> str:
    lines = ["| signal | area | gain over confidence |", "| --- | --- | --- |"]
    for name, area in SLICE_AREAS.items():
        gain = ""
        if name != "confidence":
            gain = _interval(slices, _gain_over_confidence(area))
        lines.append(markdown_line([name, _interval(slices, area), gain]))
    return "\n".join(lines) + "\n"


def _area_by_doubt(rows: list[Row]) -> float:
    return _bad_area(rows, [1 - row["confidence"] for row in rows])


def _area_by_shape(rows: list[Row]) -> float:
    return _bad_area(rows, [1 - row["agreement"] for row in rows])


def _area_by_both(rows: list[Row]) -> float:
    signal = [(1 - row["confidence"] + 1 - row["agreement"]) / 2 for row in rows]
    return _bad_area(rows, signal)


SLICE_AREAS: dict[str, Measure] = {
    "confidence": _area_by_doubt,
    "decoded shape": _area_by_shape,
    "both": _area_by_both,
}


def _gain_over_confidence(area: Measure) -> Measure:
    return lambda rows: area(rows) - _area_by_doubt(rows)


def _interval(rows: list[Row], measure: Measure) -> str:
    """A measure of rows with its 95 % bootstrap interval over cases: "number (low to high)".

    Draws in which it is not defined are left out.
    """
    value = measure(rows)
    if not np.isfinite(value):
        return "-"
    draws = [measure(drawn) for drawn in _drawn_again(rows)]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _drawn_again(rows: list[Row]) -> Iterator[list[Row]]:
    """BOOTSTRAPS samples of the rows, whole cases drawn with replacement."""
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    groups = list(by_case.values())
    random = np.random.default_rng(0)
    for _ in range(BOOTSTRAPS):
        drawn = []
        for place in random.integers(0, len(groups), len(groups)):
            drawn += groups[place]
        yield drawn
