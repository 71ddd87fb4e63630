"""The tables of an evaluation as Markdown.

Per simulated annotator Dice, ends, kinds, differences and effort; and the drift of the first mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.evaluation.protocol import UNIFORM, EvaluationProtocol, Row
from SlicePropagationLib.evaluation.scores import DRIFT_BINS
from SlicePropagationLib.evaluation.statistics import (
    FAILURE,
    FEWEST_PATIENTS,
    REAL_SETS,
    by_dataset,
    drift_curve,
    effort,
    interval_of_mean,
    is_pooled,
    real_sets,
    select,
    values_by_patient,
)

MEANING = (
    "Dice of the whole volume, annotated slices excluded, the method not told where the structure"
    " ends; in brackets objects below .5. Distances are of the whole volume, annotated slices"
    " included. `*` simulated or automatic labels, not in the mean; `(n)` nominal spacing; `†`"
    " fewer than 6 patients, tabulated only.\n"
)
SUMMARY_TITLE = "Mean over real sets, sets weighted equally; 95 % interval over patients"
SUMMARY_HEADER = (
    "engine",
    "K",
    "Dice",
    "10th percentile",
    "failures",
    "surface Dice 2 mm",
    "HD95 mm",
    "mean surface distance mm",
    "mm past ends",
    "s per slice",
)
SUMMARY_DIGITS = {
    "surface_dice": 3,
    "hd95_mm": 1,
    "mean_surface_mm": 2,
    "mm_past_ends_median": 1,
    "seconds_per_slice_median": 4,
}
KINDS_TITLE = (
    "Mean over data sets per kind of structure: Dice (failures), real sets weighted equally"
)
DRIFT_HEADING = "## Drift: Dice against the distance to the only annotated slice\n"
DRIFT_MEANING = (
    "Mean over real sets of the Dice pooled over a data set's objects; slices that the"
    " method reaches beyond the structure's ends count. A data set without structure and"
    " prediction at a distance is left out there.\n"
)

Kinds = Mapping[tuple[str, str], str]  # {(dataset, label): kind}


class Tables(NamedTuple):
    """What an evaluation found.

    Attributes:
        rows: the scores that `score_case` returned, of all cases.
        drift: the drift that it returned.
        results: what `aggregate` made of the rows.
    """

    rows: list[Row]
    drift: list[Row]
    results: list[Row]


class Setting(NamedTuple):
    """A column of a table: an engine and a number of annotated slices."""

    engine: str
    shots: int

    def of(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that are about it."""
        return select(rows, engine=self.engine, shots=self.shots)

    def __str__(self) -> str:
        return f"{self.engine} K={self.shots}"


class Measure(NamedTuple):
    """How the cells of a table of data sets are made.

    Attributes:
        title: of the table.
        cell: the text for the rows of a data set.
        average: the number for these rows, whose mean over real sets is given.
        digits: behind the point of that mean.
    """

    title: str
    cell: Callable[[list[Row]], str]
    average: Callable[[list[Row]], float]
    digits: int


def results_text(
    tables: Tables,
    protocol: EvaluationProtocol,
    kinds: Kinds,
    failures: Sequence[tuple[str, str]] = (),
) -> str:
    """The text of results.md.

    Args:
        tables: what was found.
        protocol: what was asked for.
        kinds: {(dataset, label): kind}, empty for none.
        failures: (case, why it could not be scored), of all that are missing in the tables.
    """
    parts = [_head(protocol)]
    for case, why in failures:
        parts.append(f"Not scored: {case}. {why}\n")
    for pick, correct in protocol.users:
        own = select(tables.rows, pick=pick, correct=correct)
        summary = select(tables.results, pick=pick, correct=correct)
        parts += [
            f"## {_user_title(pick, correct)}\n",
            _summary_table(summary),
            _sets_table(DICE, own, protocol),
            _sets_table(PAST_ENDS, own, protocol),
            _kinds_table(own, protocol, kinds),
            _differences(own, protocol),
            _effort_table(own, protocol),
        ]
    parts.append(_drift_tables(tables.drift, protocol))
    return "\n".join(part for part in parts if part)


def kind_of(
    kinds: Kinds,
    dataset: str,
    label: int,
) -> str:
    """The kind of a label of a data set.

    Its own row of the table, else its data set's, else that of all; "other" when there is none.
    """
    for key in ((dataset, str(label)), (dataset, "*"), ("*", "*")):
        if key in kinds:
            return kinds[key]
    return "other"


def _head(protocol: EvaluationProtocol) -> str:
    limit = ""
    if protocol.max_cases:
        limit = f", only the first {protocol.max_cases} cases of each data set"
    return (
        f"Split `{protocol.split}`{limit}, axis {protocol.axis}, structures on at least"
        f" {protocol.min_slices} slices. {MEANING}"
    )


def _user_title(pick: str, correct: str) -> str:
    if correct == UNIFORM:
        return "Uniform slices over the true extent"
    return f"First slice: {pick}, corrections: {correct}"


def _markdown(
    title: str,
    header: Sequence[object],
    lines: Iterable[Iterable[object]],
) -> str:
    table = [
        f"### {title}\n",
        _line(header),
        "|" + "---|" * len(header),
    ]
    table += [_line(cells) for cells in lines]
    return "\n".join(table) + "\n"


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _summary_table(results: list[Row]) -> str:
    lines = [_summary_line(row) for row in select(results, dataset=REAL_SETS)]
    if not lines:
        return ""
    return _markdown(SUMMARY_TITLE, SUMMARY_HEADER, lines)


def _summary_line(row: Row) -> list[object]:
    interval = ""
    if row["dice_low"] != "":
        interval = f" [{row['dice_low']:.3f}, {row['dice_high']:.3f}]"
    others = [_format(row[column], digits) for column, digits in SUMMARY_DIGITS.items()]
    return [
        row["engine"],
        row["shots"],
        f"{row['dice']:.3f}{interval}",
        f"{row['dice_p10']:.3f}",
        row["failures"],
        *others,
    ]


def _format(value: float | str, digits: int) -> str:
    return "" if value == "" else f"{value:.{digits}f}"


def _mean_dice(rows: list[Row]) -> float:
    return float(np.mean([row["dice"] for row in rows]))


def _dice_cell(rows: list[Row]) -> str:
    return f"{_mean_dice(rows):.3f} ({_failures(rows)})"


def _failures(rows: list[Row]) -> int:
    return sum(row["dice"] < FAILURE for row in rows)


def _median_past_ends(rows: list[Row]) -> float:
    return float(np.median([row["mm_past_ends"] for row in rows]))


def _past_ends_cell(rows: list[Row]) -> str:
    return f"{_median_past_ends(rows):.1f}"


DICE = Measure(
    title="Mean Dice (failures)",
    cell=_dice_cell,
    average=_mean_dice,
    digits=3,
)
PAST_ENDS = Measure(
    title="Median millimetres run past the two ends together",
    cell=_past_ends_cell,
    average=_median_past_ends,
    digits=1,
)


def _settings(protocol: EvaluationProtocol) -> list[Setting]:
    return [Setting(name, shots) for shots in protocol.shots for name in protocol.names]


def _sets_table(
    measure: Measure,
    rows: list[Row],
    protocol: EvaluationProtocol,
) -> str:
    """A line for each data set, a column for each setting, and the mean over real sets."""
    settings = _settings(protocol)
    lines = []
    for dataset, own in _real_ones_first(rows).items():
        title = dataset + _marks(dataset, own)
        cells = [measure.cell(setting.of(own)) for setting in settings]
        lines.append([title, _count_objects(own), _count_patients(own), *cells])
    means = []
    for setting in settings:
        mean = _mean_over_sets(setting.of(rows), measure.average)
        means.append(f"**{mean:.{measure.digits}f}**")
    lines.append([f"**{REAL_SETS}**", "", "", *means])
    header = ["data set", "objects", "patients", *settings]
    return _markdown(measure.title, header, lines)


def _real_ones_first(rows: list[Row]) -> dict[str, list[Row]]:
    """{data set: its rows}, those that enter a mean ahead of the others."""
    sets = by_dataset(rows)
    names = sorted(sets, key=lambda name: not is_pooled(name))
    return {name: sets[name] for name in names}


def _marks(dataset: str, rows: list[Row]) -> str:
    marks = ""
    if not is_pooled(dataset):
        marks += " *"
    if rows[0]["is_nominal"]:
        marks += " (n)"
    if _count_patients(rows) < FEWEST_PATIENTS:
        marks += " †"
    return marks


def _count_objects(rows: list[Row]) -> int:
    return len({(row["dataset"], row["case"], row["label"]) for row in rows})


def _count_patients(rows: list[Row]) -> int:
    return len({(row["dataset"], row["patient"]) for row in rows})


def _mean_over_sets(rows: list[Row], average: Callable[[list[Row]], float]) -> float:
    sets = by_dataset(rows)
    averages = [average(sets[dataset]) for dataset in real_sets(rows)]
    return float(np.mean(averages or [np.nan]))


def _kinds_table(
    rows: list[Row],
    protocol: EvaluationProtocol,
    kinds: Kinds,
) -> str:
    if not kinds:
        return ""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        if is_pooled(row["dataset"]):
            kind = kind_of(kinds, row["dataset"], row["label"])
            by_kind.setdefault(kind, []).append(row)
    settings = _settings(protocol)
    lines = []
    for kind, own in sorted(by_kind.items()):
        cells = [_kind_cell(setting.of(own)) for setting in settings]
        lines.append(
            [
                kind,
                ", ".join(real_sets(own)),
                _count_objects(own),
                _count_patients(own),
                *cells,
            ]
        )
    header = ["kind", "data sets", "objects", "patients", *settings]
    return _markdown(KINDS_TITLE, header, lines)


def _kind_cell(rows: list[Row]) -> str:
    return f"{_mean_over_sets(rows, _mean_dice):.3f} ({_failures(rows)})"


def _differences(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """Paired difference of the last engine against each other one.

    With a bootstrap interval over patients.
    """
    *others, best = protocol.names
    if not others:
        return ""
    pairs = [Setting(other, shots) for shots in protocol.shots for other in others]
    lines = []
    for dataset, own in by_dataset(rows).items():
        cells = [_difference(own, best, pair) for pair in pairs]
        lines.append([dataset, *cells])
    means = [_mean_difference(rows, best, pair) for pair in pairs]
    lines.append([f"**{REAL_SETS}**", *means])
    title = (
        f"Dice of `{best}` minus the other engines, paired per object; 95 % interval over patients"
    )
    return _markdown(title, ["data set", *pairs], lines)


def _paired(
    rows: list[Row],
    best: str,
    other: Setting,
) -> dict[str, list[float]]:
    """{patient: differences of its objects}."""
    first = _by_object(Setting(best, other.shots).of(rows))
    second = _by_object(other.of(rows))
    differences = []
    for key, row in first.items():
        gain = row["dice"] - second[key]["dice"]
        differences.append(row | {"gain": gain})
    return values_by_patient(differences, "gain")


def _by_object(rows: list[Row]) -> dict[tuple[str, int], Row]:
    return {(row["case"], row["label"]): row for row in rows}


def _difference(
    rows: list[Row],
    best: str,
    other: Setting,
) -> str:
    by_patient = _paired(rows, best, other)
    mean = _mean_of(by_patient)
    if len(by_patient) < FEWEST_PATIENTS:
        return f"{mean:+.3f} †"
    low, high = interval_of_mean({rows[0]["dataset"]: by_patient})
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _mean_difference(
    rows: list[Row],
    best: str,
    other: Setting,
) -> str:
    own = by_dataset(rows)
    sets = {dataset: _paired(own[dataset], best, other) for dataset in real_sets(rows)}
    if sum(len(by_patient) for by_patient in sets.values()) < FEWEST_PATIENTS:
        return ""
    mean = np.mean([_mean_of(by_patient) for by_patient in sets.values()])
    low, high = interval_of_mean(sets)
    return f"**{mean:+.3f} [{low:+.3f}, {high:+.3f}]**"


def _mean_of(by_patient: Mapping[str, list[float]]) -> float:
    return float(np.mean(np.concatenate(list(by_patient.values()))))


def _effort_table(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """Slices needed, for each data set and over the real sets."""
    # The number needed is the same in every row of an object.
    chosen = select(rows, shots=protocol.shots[0])
    pairs = [(name, percent) for percent in (90, 95) for name in protocol.names]
    sets = _real_ones_first(chosen)
    sets[f"**{REAL_SETS}**"] = [row for row in chosen if is_pooled(row["dataset"])]
    most = max(protocol.shots)
    lines = []
    for title, own in sets.items():
        if own:
            cells = [_effort_cell(own, name, percent, most) for name, percent in pairs]
            lines.append([title, *cells])
    title = (
        "Median number of annotated slices to Dice .90 and .95 (share of objects that got there"
        f" with {most} at most)"
    )
    header = [f"{name} .{percent}" for name, percent in pairs]
    return _markdown(title, ["data set", *header], lines)


def _effort_cell(
    rows: list[Row],
    name: str,
    percent: int,
    most: int,
) -> str:
    median, share = effort(select(rows, engine=name), f"slices_to_{percent}")
    number = f"> {most}" if math.isinf(median) else median
    return f"{number} ({share:.0%})"


def _drift_tables(drift: list[Row], protocol: EvaluationProtocol) -> str:
    """One table for each rule of the first slice."""
    parts = [DRIFT_HEADING, DRIFT_MEANING]
    header = ["engine"]
    for name in DRIFT_BINS:
        unit = "slice" if name == "1" else "slices"
        header.append(f"{name} {unit}")
    for pick, correct in protocol.first_users:
        lines = []
        for name in protocol.names:
            curve = drift_curve(
                drift,
                engine=name,
                pick=pick,
                correct=correct,
            )
            lines.append([name, *map(_drift_cell, curve.values())])
        rule = "middle of the true extent" if pick == UNIFORM else pick
        parts.append(_markdown(f"First slice: {rule}", header, lines))
    return "\n".join(parts)


def _drift_cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
