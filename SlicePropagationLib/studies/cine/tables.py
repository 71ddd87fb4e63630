"""Tables of models side by side: means with intervals over patients, and paired differences to the first model."""

import csv

import numpy as np

from SlicePropagationLib.evaluation.statistics import interval_of_mean
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of

FEWEST_PATIENTS = 3  # an interval over fewer says nothing


def write_report(out, text, rows, names):
    """Write `text` to `out`/report.md and the rows, dicts with `names`, to `out`/rows.csv, both whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as partial:
        (partial / "report.md").write_text(text, encoding="utf-8")
        with open(partial / "rows.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


def comparison(rows, models, columns, key, last=None):
    """Lines of Markdown, one table for each data set and label of the rows.

    Args:
        rows: dicts with "model", "dataset", "case", "label", a number for each measure, and what
            `key` names.
        models: names in the order of the lines; differences are to the first.
        columns: {measure: (heading, whether differences are given)}.
        key: names of what tells the rows of one model apart, within a data set and label; rows of
            two models are paired by it.
        last: (heading, measure, format) of a column of plain means, or None.
    """
    lines = []
    end = f" {last[0]} |" if last else ""
    for dataset, label in sorted({(row["dataset"], row["label"]) for row in rows}):
        lines += [
            "",
            f"**{dataset}, label {label}**",
            "",
            f"| model | {' | '.join(heading for heading, _ in columns.values())} |{end}",
            "|" + "---|" * (len(columns) + 1 + bool(last)),
        ]
        own = [row for row in rows if (row["dataset"], row["label"]) == (dataset, label)]
        for model in models:
            mine = [row for row in own if row["model"] == model]
            cells = [_cell(dataset, mine, measure) for measure in columns]
            lines.append(
                f"| {model} | {' | '.join(cells)} |"
                + (f" {last[2].format(np.mean([row[last[1]] for row in mine]))} |" if last else "")
            )
        for model in models[1:]:
            cells = [
                (
                    _cell(dataset, _differences(own, models[0], model, measure, key), measure)
                    if differs
                    else ""
                )
                for measure, (_, differs) in columns.items()
            ]
            lines.append(
                f"| {model} - {models[0]} | {' | '.join(cells)} |" + ("  |" if last else "")
            )
    return lines


def _cell(dataset, rows, measure):
    """Mean over rows with its 95 % bootstrap interval over patients.

    No interval over few of them, a dash where nothing was measured.
    """
    by_patient = {}
    for row in rows:
        if np.isfinite(row[measure]):
            by_patient.setdefault(patient_of(row["case"]), []).append(row[measure])
    if not by_patient:
        return "-"
    mean = np.mean([value for values in by_patient.values() for value in values])
    if len(by_patient) < FEWEST_PATIENTS:
        return f"{mean:.3f}"
    low, high = interval_of_mean({dataset: by_patient})
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _differences(rows, first, second, measure, key):
    known = {
        tuple(row[name] for name in key): row[measure] for row in rows if row["model"] == first
    }
    return [
        {"case": row["case"], measure: row[measure] - known[tuple(row[name] for name in key)]}
        for row in rows
        if row["model"] == second
    ]
