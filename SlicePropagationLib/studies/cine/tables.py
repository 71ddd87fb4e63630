"""Tables of models side by side.

Means with intervals over patients, and paired differences to the first model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from SlicePropagationLib.evaluation.statistics import interval_of_mean, select
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.studies.tables import Row, write_rows

FEWEST_PATIENTS = 3  # an interval over fewer says nothing


class Measured(NamedTuple):
    """A measure as it stands in a table.

    Attributes:
        heading: above its column.
        is_compared: whether differences to the first model are given.
    """

    heading: str
    is_compared: bool = True


class LastColumn(NamedTuple):
    """A column of plain means at the end of a table.

    Attributes:
        heading: above it.
        measure: what the means are of.
        form: of a mean, for `format`.
    """

    heading: str
    measure: str
    form: str


def write_report(
    out: Path,
    text: str,
    rows: list[Row],
    names: Sequence[str],
) -> None:
    """Write `text` to `out`/report.md and rows to `out`/rows.csv, both whole or not at all.

    Args:
        out: the folder, which is made.
        text: the report.
        rows: dicts with `names`.
        names: the columns in their order.
    """
    out.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as partial:
        (partial / "report.md").write_text(text, encoding="utf-8")
        write_rows(partial / "rows.csv", rows, names)


def comparison(
    rows: list[Row],
    models: Sequence[str],
    columns: Mapping[str, Measured],
    key: Sequence[str],
    last: LastColumn | None = None,
) -> list[str]:
    """Lines of Markdown, one table for each data set and label of the rows.

    Args:
        rows: dicts with "model", "dataset", "case", "label", a number for each measure, and what
            `key` names.
        models: names in the order of the lines; differences are to the first.
        columns: {measure: how it stands in the table}.
        key: names of what tells the rows of one model apart, within a data set and label; rows of
            two models are paired by it.
        last: a column of plain means, or None.
    """
    lines = []
    headings = " | ".join(measured.heading for measured in columns.values())
    end = f" {last.heading} |" if last else ""
    count = len(columns) + 1 + bool(last)
    for dataset, label in sorted({(row["dataset"], row["label"]) for row in rows}):
        lines += [
            "",
            f"**{dataset}, label {label}**",
            "",
            f"| model | {headings} |{end}",
            "|" + "---|" * count,
        ]
        own = select(rows, dataset=dataset, label=label)
        by_model = {model: select(own, model=model) for model in models}
        for model, mine in by_model.items():
            cells = [_cell(dataset, mine, measure) for measure in columns]
            lines.append(f"| {model} | {' | '.join(cells)} |" + _mean_of(mine, last))
        first, *others = models
        for model in others:
            cells = []
            for measure, measured in columns.items():
                cell = ""
                if measured.is_compared:
                    changes = _differences(by_model[first], by_model[model], measure, key)
                    cell = _cell(dataset, changes, measure)
                cells.append(cell)
            blank = "  |" if last else ""
            lines.append(f"| {model} - {first} | {' | '.join(cells)} |{blank}")
            tests = _tests(by_model[first], by_model[model], columns, key)
            lines.append(f"| p of that difference | {' | '.join(tests)} |{blank}")
    return lines


def _mean_of(rows: list[Row], last: LastColumn | None) -> str:
    if last is None:
        return ""
    mean = np.mean([row[last.measure] for row in rows])
    return f" {last.form.format(mean)} |"


def _cell(
    dataset: str,
    rows: list[Row],
    measure: str,
) -> str:
    """Mean over rows with its 95 % bootstrap interval over patients.

    No interval over few of them, a dash where nothing was measured.
    """
    by_patient: dict[str, list[float]] = {}
    for row in rows:
        if np.isfinite(row[measure]):
            by_patient.setdefault(patient_of(row["case"]), []).append(row[measure])
    if not by_patient:
        return "-"
    mean = np.mean(np.concatenate(list(by_patient.values())))
    if len(by_patient) < FEWEST_PATIENTS:
        return f"{mean:.3f}"
    low, high = interval_of_mean({dataset: by_patient})
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _tests(
    first: list[Row],
    second: list[Row],
    columns: Mapping[str, Measured],
    key: Sequence[str],
) -> list[str]:
    """P of the paired t-test over patients for each measure; "" where none is compared."""
    cells = []
    for measure, measured in columns.items():
        changes = _differences(first, second, measure, key) if measured.is_compared else []
        p = paired_p(changes, measure)
        cells.append(f"{p:.2g}" if np.isfinite(p) else "")
    return cells


def paired_p(differences: Sequence[Row], measure: str) -> float:
    """P of the paired t-test (Bai et al., section 3.4) over the means of patients.

    NaN for fewer than three patients, and where all differ by the same.

    Args:
        differences: rows with "case" and the difference of a measure; NaN where there is none.
        measure: its name.
    """
    by_patient: dict[str, list[float]] = {}
    for row in differences:
        if np.isfinite(row[measure]):
            by_patient.setdefault(patient_of(row["case"]), []).append(row[measure])
    means = np.array([np.mean(values) for values in by_patient.values()])
    if len(means) < FEWEST_PATIENTS or np.ptp(means) == 0:
        return float("nan")
    test: Any = stats.ttest_1samp(means, 0.0)
    return float(test.pvalue)


def _differences(
    first: list[Row],
    second: list[Row],
    measure: str,
    key: Sequence[str],
) -> list[Row]:
    """The second model's rows with a measure minus that of the first one's row of the same key."""

    def key_of(row: Row) -> tuple:
        return tuple(row[name] for name in key)

    known = {key_of(row): row[measure] for row in first}
    differences = []
    for row in second:
        change = row[measure] - known[key_of(row)]
        differences.append({"case": row["case"], measure: change})
    return differences
