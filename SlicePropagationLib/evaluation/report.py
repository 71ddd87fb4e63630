"""The tables of an evaluation as Markdown: per simulated user Dice, ends, kinds, differences and effort; and the drift of the first mask."""

import math

import numpy as np

from SlicePropagationLib.evaluation.scores import DRIFT_BINS, UNIFORM
from SlicePropagationLib.evaluation.statistics import (
    FAILURE,
    FEWEST_PATIENTS,
    REAL_SETS,
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


def results_text(rows, drift, results, protocol, kinds, failures=()):
    """results.md.

    Args:
        rows, drift: what `score_case` returned, of all cases.
        results: what `aggregate` made of the rows.
        kinds: {(dataset, label): kind}, empty for none.
        failures: (case, why it could not be scored), of all that are missing in the tables.
    """
    parts = [_head(protocol), *(f"Not scored: {case}. {why}\n" for case, why in failures)]
    for pick, correct in protocol.users:
        own, summary = (select(table, pick=pick, correct=correct) for table in (rows, results))
        parts += [
            f"## {_user_title(pick, correct)}\n",
            _summary_table(summary),
            _dice_table(own, protocol),
            _ends_table(own, protocol),
            _kinds_table(own, protocol, kinds) if kinds else "",
            _differences(own, protocol),
            _effort_table(own, protocol),
        ]
    return "\n".join(part for part in [*parts, _drift_tables(drift, protocol)] if part)


def kind_of(kinds, dataset, label):
    """The kind of a label of a data set: its own row of the table, else its data set's, else that of all; "other" when there is none."""
    for key in ((dataset, str(label)), (dataset, "*"), ("*", "*")):
        if key in kinds:
            return kinds[key]
    return "other"


def _head(protocol):
    limit = (
        f", only the first {protocol.max_cases} cases of each data set"
        if protocol.max_cases
        else ""
    )
    return (
        f"Split `{protocol.split}`{limit}, axis {protocol.axis}, structures on at least"
        f" {protocol.min_slices} slices. {MEANING}"
    )


def _user_title(pick, correct):
    return (
        "Uniform slices over the true extent"
        if correct == UNIFORM
        else f"First slice: {pick}, corrections: {correct}"
    )


def _markdown(title, header, lines):
    return (
        "\n".join([f"### {title}\n", _line(header), "|" + "---|" * len(header), *map(_line, lines)])
        + "\n"
    )


def _line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _summary_table(results):
    lines = []
    for row in select(results, dataset=REAL_SETS):
        interval = (
            f" [{row['dice_low']:.3f}, {row['dice_high']:.3f}]" if row["dice_low"] != "" else ""
        )
        lines.append(
            [
                row["engine"],
                row["shots"],
                f"{row['dice']:.3f}{interval}",
                f"{row['dice_p10']:.3f}",
                row["failures"],
                *(
                    _format(row[column], digits)
                    for column, digits in (
                        ("surface_dice", 3),
                        ("hd95_mm", 1),
                        ("mean_surface_mm", 2),
                        ("mm_past_ends_median", 1),
                    )
                ),
                _format(row["seconds_per_slice_median"], 4),
            ]
        )
    if not lines:
        return ""
    return _markdown(
        "Mean over real sets, sets weighted equally; 95 % interval over patients",
        [
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
        ],
        lines,
    )


def _format(value, digits):
    return "" if value == "" else f"{value:.{digits}f}"


def _dice_table(rows, protocol):
    return _table(
        "Mean Dice (failures)",
        rows,
        protocol,
        lambda chosen: f"{_mean_dice(chosen):.3f} ({_failures(chosen)})",
        _mean_dice,
        3,
    )


def _ends_table(rows, protocol):
    title = "Median millimetres run past the two ends together"
    return _table(
        title,
        rows,
        protocol,
        lambda chosen: f"{_median_past_ends(chosen):.1f}",
        _median_past_ends,
        1,
    )


def _mean_dice(rows):
    return np.mean([row["dice"] for row in rows])


def _failures(rows):
    return sum(row["dice"] < FAILURE for row in rows)


def _median_past_ends(rows):
    return np.median([row["mm_past_ends"] for row in rows])


def _pairs(protocol):
    return [(name, shots) for shots in protocol.shots for name in protocol.names]


def _table(title, rows, protocol, cell, average, digits):
    """A line for each data set, a column for each engine and number of slices, and the mean of `average` over real sets."""
    lines = []
    for dataset in sorted(
        {row["dataset"] for row in rows},
        key=lambda name: (not is_pooled(name), name),
    ):
        own = select(rows, dataset=dataset)
        objects = len({(row["case"], row["label"]) for row in own})
        patients = len({row["patient"] for row in own})
        marks = (
            ("" if is_pooled(dataset) else " *")
            + (" (n)" if own[0]["is_nominal"] else "")
            + (" †" if patients < FEWEST_PATIENTS else "")
        )
        lines.append(
            [
                f"{dataset}{marks}",
                objects,
                patients,
                *(cell(select(own, engine=name, shots=shots)) for name, shots in _pairs(protocol)),
            ]
        )
    means = [
        _mean_over_sets(select(rows, engine=name, shots=shots), average)
        for name, shots in _pairs(protocol)
    ]
    lines.append([f"**{REAL_SETS}**", "", "", *(f"**{mean:.{digits}f}**" for mean in means)])
    return _markdown(
        title,
        [
            "data set",
            "objects",
            "patients",
            *(f"{name} K={shots}" for name, shots in _pairs(protocol)),
        ],
        lines,
    )


def _mean_over_sets(rows, average):
    return np.mean(
        [average(select(rows, dataset=dataset)) for dataset in real_sets(rows)] or [np.nan]
    )


def _kinds_table(rows, protocol, kinds):
    by_kind = {}
    for row in rows:
        if is_pooled(row["dataset"]):
            by_kind.setdefault(kind_of(kinds, row["dataset"], row["label"]), []).append(row)
    lines = []
    for kind, own in sorted(by_kind.items()):
        objects = len({(row["dataset"], row["case"], row["label"]) for row in own})
        patients = len({(row["dataset"], row["patient"]) for row in own})
        chosen = [select(own, engine=name, shots=shots) for name, shots in _pairs(protocol)]
        lines.append(
            [
                kind,
                ", ".join(real_sets(own)),
                objects,
                patients,
                *(
                    f"{_mean_over_sets(some, _mean_dice):.3f} ({_failures(some)})"
                    for some in chosen
                ),
            ]
        )
    header = [
        "kind",
        "data sets",
        "objects",
        "patients",
        *(f"{name} K={shots}" for name, shots in _pairs(protocol)),
    ]
    return _markdown(
        "Mean over data sets per kind of structure: Dice (failures), real sets weighted equally",
        header,
        lines,
    )


def _differences(rows, protocol):
    """Paired difference of the last engine against each other one, with a bootstrap interval over patients."""
    *others, best = protocol.names
    pairs = [(other, shots) for shots in protocol.shots for other in others]
    lines = [
        [dataset, *(_difference(select(rows, dataset=dataset), best, *pair) for pair in pairs)]
        for dataset in sorted({row["dataset"] for row in rows})
    ]
    lines.append([f"**{REAL_SETS}**", *(_mean_difference(rows, best, *pair) for pair in pairs)])
    title = (
        f"Dice of `{best}` minus the other engines, paired per object; 95 % interval over patients"
    )
    return (
        _markdown(title, ["data set", *(f"{other} K={shots}" for other, shots in pairs)], lines)
        if others
        else ""
    )


def _paired(rows, best, other, shots):
    """{patient: differences of its objects}."""
    first, second = (
        {(row["case"], row["label"]): row for row in select(rows, engine=name, shots=shots)}
        for name in (best, other)
    )
    return values_by_patient(
        [row | {"gain": row["dice"] - second[key]["dice"]} for key, row in first.items()],
        "gain",
    )


def _difference(rows, best, other, shots):
    by_patient = _paired(rows, best, other, shots)
    mean = np.mean(np.concatenate(list(by_patient.values())))
    if len(by_patient) < FEWEST_PATIENTS:
        return f"{mean:+.3f} †"
    return "{:+.3f} [{:+.3f}, {:+.3f}]".format(
        mean,
        *interval_of_mean({rows[0]["dataset"]: by_patient}),
    )


def _mean_difference(rows, best, other, shots):
    sets = {
        dataset: _paired(select(rows, dataset=dataset), best, other, shots)
        for dataset in real_sets(rows)
    }
    if sum(map(len, sets.values())) < FEWEST_PATIENTS:
        return ""
    mean = np.mean(
        [np.mean(np.concatenate(list(by_patient.values()))) for by_patient in sets.values()]
    )
    return "**{:+.3f} [{:+.3f}, {:+.3f}]**".format(mean, *interval_of_mean(sets))


def _effort_table(rows, protocol):
    """Slices needed, for each data set and over the real sets."""
    chosen = select(
        rows,
        shots=protocol.shots[0],
    )  # the number needed is the same in every row of an object
    pairs = [(name, percent) for percent in (90, 95) for name in protocol.names]
    sets = {
        dataset: select(chosen, dataset=dataset)
        for dataset in sorted(
            {row["dataset"] for row in chosen},
            key=lambda name: (not is_pooled(name), name),
        )
    }
    sets[f"**{REAL_SETS}**"] = [row for row in chosen if is_pooled(row["dataset"])]
    lines = [
        [
            title,
            *(
                _effort_cell(select(own, engine=name), f"slices_to_{percent}", protocol)
                for name, percent in pairs
            ),
        ]
        for title, own in sets.items()
        if own
    ]
    return _markdown(
        "Median number of annotated slices to Dice .90 and .95 (share of objects that got there"
        f" with {max(protocol.shots)} at most)",
        ["data set", *(f"{name} .{percent}" for name, percent in pairs)],
        lines,
    )


def _effort_cell(rows, column, protocol):
    median, share = effort(rows, column)
    return f"{f'> {max(protocol.shots)}' if math.isinf(median) else median} ({share:.0%})"


def _drift_tables(drift, protocol):
    """One table for each rule of the first slice."""
    parts = [
        "## Drift: Dice against the distance to the only annotated slice\n",
        (
            "Mean over real sets of the Dice pooled over a data set's objects; slices that the"
            " method reaches beyond the structure's ends count. A data set without structure and"
            " prediction at a distance is left out there.\n"
        ),
    ]
    for pick, correct in protocol.first_users:
        lines = [
            [
                name,
                *(
                    _drift_cell(value)
                    for value in drift_curve(
                        drift,
                        engine=name,
                        pick=pick,
                        correct=correct,
                    ).values()
                ),
            ]
            for name in protocol.names
        ]
        parts.append(
            _markdown(
                f"First slice: {'middle of the true extent' if pick == UNIFORM else pick}",
                ["engine", *(f"{name} slice{'' if name == '1' else 's'}" for name in DRIFT_BINS)],
                lines,
            )
        )
    return "\n".join(parts)


def _drift_cell(value):
    return "" if math.isnan(value) else f"{value:.3f}"
