"""The tables of an evaluation as Markdown.

Per simulated annotator Dice, ends, lost Dice, kinds, differences and effort; and the drift of the
first mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from SlicePropagationLib.evaluation.comparison import (
    differences_table,
    mean_dice,
    mean_dice_whole,
    rules_table,
)
from SlicePropagationLib.evaluation.error_tables import ENDS, lost_table
from SlicePropagationLib.evaluation.protocol import ALL_SPLITS, UNIFORM, EvaluationProtocol, Row
from SlicePropagationLib.evaluation.statistics import (
    FAILURE,
    FEWEST_PATIENTS,
    REAL_SETS,
    is_pooled,
    means_of,
    real_sets,
    select,
)
from SlicePropagationLib.evaluation.surface_scores import MISSING
from SlicePropagationLib.evaluation.tables import (
    Measure,
    Tables,
    count_objects,
    count_patients,
    formatted,
    markdown,
    mean_over_sets,
    objects_header,
    of_sets,
    sets_table,
    settings_of,
)
from SlicePropagationLib.evaluation.walk_tables import drift_tables, effort_tables

MEANING = (
    "Dice of the whole volume, annotated slices excluded, the method not told where the structure"
    " ends; in brackets objects below .5. K annotated slices are scored where the structure reaches"
    " over at least 3 K slices; `objects` says how many are left, so different K are of different"
    " objects and sets. Distances are of the whole volume,"
    " annotated slices included, between surface elements that weigh by their area. `*` simulated"
    " or automatic labels, not in the mean over real sets; `(n)` nominal spacing; `†` fewer than"
    f" {FEWEST_PATIENTS} patients, tabulated only.\n"
)
SUMMARY_TITLE = "{title}, sets weighted equally; 95 % interval over patients"
SUMMARY_HEADER = (
    "engine",
    "K",
    "objects",
    "Dice",
    "10th percentile",
    "failures",
    "annotated slices included",
    "surface Dice 2 mm",
    "HD95 mm",
    "mean surface distance mm",
    "mm past ends",
    "ends found",
    "ended early",
    "ran past",
    "s per slice",
)
SUMMARY_STYLES = {
    "dice_whole": ".3f",
    "surface_dice": ".3f",
    "hd95_mm": ".1f",
    "mean_surface_mm": ".2f",
    "mm_past_ends_median": ".1f",
    "ends_found": ".0%",
    "ends_early": ".0%",
    "ends_past": ".0%",
    "seconds_per_slice_median": ".4f",
}
KINDS_TITLE = "Kinds of structure in the {title}: Dice (failures), sets weighted equally"

Kinds = Mapping[tuple[str, str], str]  # {(dataset, label): kind}


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
    parts = [_head(protocol), _means_text(tables.rows, protocol)]
    if any(row["surface_dice"] == "" for row in tables.rows):
        parts.append(f"{MISSING}\n")
    for case, why in failures:
        parts.append(f"Not scored: {case}. {why}\n")
    for pick, correct in protocol.users:
        own = select(tables.rows, pick=pick, correct=correct)
        results = select(tables.results, pick=pick, correct=correct)
        parts += [
            f"## {user_title(pick, correct)}\n",
            *_user_tables(own, results, protocol, kinds),
        ]
    parts.append(drift_tables(tables, protocol))
    return "\n".join(part for part in parts if part)


def _user_tables(
    rows: list[Row],
    results: list[Row],
    protocol: EvaluationProtocol,
    kinds: Kinds,
) -> list[str]:
    """The tables of one simulated annotator."""
    summaries = [_summary_table(title, results) for title in means_of(rows, protocol)]
    return [
        *summaries,
        *(sets_table(measure, rows, protocol) for measure in MEASURES),
        lost_table(results, rows, protocol),
        *_kinds_tables(rows, protocol, kinds),
        differences_table(rows, protocol),
        effort_tables(rows, protocol),
        rules_table(rows, protocol),
    ]


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
    splits = f"Split `{protocol.split}`"
    if protocol.split == ALL_SPLITS:
        splits = "All splits"
    return (
        f"{splits}{limit}, axis {protocol.axis}, structures on at least"
        f" {protocol.min_slices} slices. {MEANING}"
    )


def _means_text(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """Which data sets enter which mean."""
    lines = []
    for title, datasets in means_of(rows, protocol).items():
        why = ""
        if title == REAL_SETS:
            why = _why_real(rows)
        lines.append(f"- {title[0].upper()}{title[1:]}: {', '.join(datasets)}{why}.")
    return "\n".join(lines) + "\n" if lines else ""


def _why_real(rows: list[Row]) -> str:
    chosen = real_sets(rows)
    if count_patients([row for row in rows if row["dataset"] == chosen[0]]) < FEWEST_PATIENTS:
        return f" (none has {FEWEST_PATIENTS} patients, so nothing is claimed)"
    known = {row["dataset"] for row in rows if is_pooled(row["dataset"])}
    others = sorted(known - set(chosen))
    left = f"; {', '.join(others)} have fewer and are in no mean" if others else ""
    return f" (at least {FEWEST_PATIENTS} patients each{left})"


def user_title(pick: str, correct: str) -> str:
    """What a simulated annotator is called in the tables."""
    if correct == UNIFORM:
        return "Uniform slices over the true extent"
    return f"First slice: {pick}, corrections: {correct}"


def _summary_table(title: str, results: list[Row]) -> str:
    lines = [_summary_line(row) for row in select(results, dataset=title)]
    if not lines:
        return ""
    heading = SUMMARY_TITLE.format(title=title[0].upper() + title[1:])
    return markdown(heading, SUMMARY_HEADER, lines)


def _summary_line(row: Row) -> list[object]:
    interval = ""
    if row["dice_low"] != "":
        interval = f" [{row['dice_low']:.3f}, {row['dice_high']:.3f}]"
    others = [formatted(row[column], style) for column, style in SUMMARY_STYLES.items()]
    return [
        row["engine"],
        row["shots"],
        row["objects"],
        f"{row['dice']:.3f}{interval}",
        f"{row['dice_p10']:.3f}",
        row["failures"],
        *others,
    ]


def _dice_cell(rows: list[Row]) -> str:
    return f"{mean_dice(rows):.3f} ({_failures(rows)})"


def _failures(rows: list[Row]) -> int:
    return sum(row["dice"] < FAILURE for row in rows)


def _whole_cell(rows: list[Row]) -> str:
    return f"{mean_dice_whole(rows):.3f}"


def _median_past_ends(rows: list[Row]) -> float:
    return float(np.median([row["mm_past_ends"] for row in rows]))


def _past_ends_cell(rows: list[Row]) -> str:
    return f"{_median_past_ends(rows):.1f}"


DICE = Measure(
    title="Mean Dice (failures)",
    cell=_dice_cell,
    average=mean_dice,
    style=".3f",
)
WHOLE = Measure(
    title="Mean Dice of the whole volume, annotated slices included",
    cell=_whole_cell,
    average=mean_dice_whole,
    style=".3f",
)
PAST_ENDS = Measure(
    title="Median millimetres run past the two ends together",
    cell=_past_ends_cell,
    average=_median_past_ends,
    style=".1f",
)
MEASURES = (DICE, WHOLE, PAST_ENDS, ENDS)


def _kinds_tables(
    rows: list[Row],
    protocol: EvaluationProtocol,
    kinds: Kinds,
) -> list[str]:
    """For each mean over data sets a table of the kinds of structure in it."""
    if not kinds:
        return []
    tables = []
    for title, datasets in means_of(rows, protocol).items():
        heading = KINDS_TITLE.format(title=title)
        tables.append(_kinds_table(heading, of_sets(rows, datasets), protocol, kinds))
    return tables


def _kinds_table(
    heading: str,
    rows: list[Row],
    protocol: EvaluationProtocol,
    kinds: Kinds,
) -> str:
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        kind = kind_of(kinds, row["dataset"], row["label"])
        by_kind.setdefault(kind, []).append(row)
    lines = []
    for kind, own in sorted(by_kind.items()):
        datasets = sorted({row["dataset"] for row in own})
        known = [kind, ", ".join(datasets), count_objects(own, protocol), count_patients(own)]
        cells = [_kind_cell(setting.of(own), datasets) for setting in settings_of(protocol)]
        lines.append([*known, *cells])
    header = ["kind", "data sets", objects_header(protocol), "patients", *settings_of(protocol)]
    return markdown(heading, header, lines)


def _kind_cell(rows: list[Row], datasets: Sequence[str]) -> str:
    if not rows:
        return ""
    return f"{mean_over_sets(rows, datasets, mean_dice):.3f} ({_failures(rows)})"
