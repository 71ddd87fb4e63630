"""Scores of many structures put together.

Means over data sets that weigh the same, intervals over patients, drift, effort.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from zlib import crc32

import numpy as np

from SlicePropagationLib.evaluation.protocol import (
    LOST_COLUMNS,
    EvaluationProtocol,
    Row,
    scored_rows,
)
from SlicePropagationLib.evaluation.scores import DRIFT_BINS

ByPatient = Mapping[str, list[float]]  # {patient: values of its objects}

FAILURE = 0.5  # an object below this Dice counts as failed
FEWEST_PATIENTS = 6  # below, a data set is tabulated and nothing is claimed from it
BOOTSTRAPS = 2000
COUNTS = ("objects", "patients", "failures")
NOT_REAL = ("sim", "simulated", "simulation")
REAL_SETS = "mean over real sets"
AVERAGED = {
    "dice_whole": np.mean,
    "surface_dice": np.mean,
    "hd95_mm": np.mean,
    "mean_surface_mm": np.mean,
    "mm_past_ends": np.median,
    "ends_found": np.mean,
    "ends_early": np.mean,
    "ends_past": np.mean,
    **dict.fromkeys(LOST_COLUMNS, np.mean),
    "seconds_per_slice": np.median,
}
RESULT_COLUMNS = (
    "dataset",
    "engine",
    "pick",
    "correct",
    "shots",
    "objects",
    "patients",
    "dice",
    "dice_low",
    "dice_high",
    "dice_p10",
    "failures",
    *(f"{name}_median" if average is np.median else name for name, average in AVERAGED.items()),
)


def is_pooled(dataset: str) -> bool:
    """Whether a data set has real scans with manual labels, which alone enter a mean over sets.

    The words of its name say otherwise: `prostate_mr_sim`, `totalseg_examples`.
    """
    words = re.split(r"[\W_]+", dataset.lower())
    return not any(word in NOT_REAL or word.startswith("totalseg") for word in words)


def real_sets(rows: Iterable[Row]) -> list[str]:
    """Names of the data sets that enter the mean over real sets, sorted.

    Those of at least FEWEST_PATIENTS patients; where none has so many, all, and nothing is claimed.
    """
    patients: dict[str, set[str]] = {}
    for row in rows:
        if is_pooled(row["dataset"]):
            patients.setdefault(row["dataset"], set()).add(row["patient"])
    large = [dataset for dataset, own in patients.items() if len(own) >= FEWEST_PATIENTS]
    return sorted(large or patients)


def means_of(rows: list[Row], protocol: EvaluationProtocol) -> dict[str, list[str]]:
    """{title of a mean over data sets: these}: of each group that was scored, and of real sets."""
    known = {row["dataset"] for row in rows}
    means = {}
    for group, datasets in protocol.groups.items():
        own = [dataset for dataset in datasets if dataset in known]
        if own:
            means[f"mean over {group}"] = own
    real = real_sets(rows)
    return means | {REAL_SETS: real} if real else means


def select(rows: Iterable[Row], **wanted: object) -> list[Row]:
    """The rows that have all these values."""
    for key, value in wanted.items():
        rows = [row for row in rows if row[key] == value]
    return list(rows)


def by_dataset(rows: list[Row]) -> dict[str, list[Row]]:
    """{data set: its rows}, sorted by name."""
    names = sorted({row["dataset"] for row in rows})
    return {name: select(rows, dataset=name) for name in names}


def aggregate(rows: list[Row], protocol: EvaluationProtocol) -> list[Row]:
    """Rows with RESULT_COLUMNS, for each simulated annotator, engine and number of slices.

    One for each data set, and one for each of `means_of`. Only rows whose number of slices is
    scored count. dice_low and dice_high bound the 95 % bootstrap interval over patients; blank
    below FEWEST_PATIENTS patients.
    """
    results = []
    means = means_of(rows, protocol)
    rows = scored_rows(rows)
    for pick, correct in protocol.users:
        for engine in protocol.names:
            for shots in protocol.shots:
                known = {
                    "engine": engine,
                    "pick": pick,
                    "correct": correct,
                    "shots": shots,
                }
                summaries = _summaries(select(rows, **known), means)
                results += [known | summary for summary in summaries]
    return results


def interval_of_mean(by_set: Mapping[str, ByPatient]) -> tuple[float, float]:
    """95 % bootstrap interval over patients of the mean over data sets: (low, high).

    Args:
        by_set: {data set: {patient: values of its objects}}; patients are drawn again within each
            data set.
    """
    draws = [_bootstrap(dataset, by_patient) for dataset, by_patient in by_set.items()]
    low, high = np.percentile(np.mean(draws, axis=0), [2.5, 97.5])
    return float(low), float(high)


def values_by_patient(rows: Iterable[Row], column: str = "dice") -> dict[str, list[float]]:
    """{patient: values of its objects}."""
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["patient"], []).append(row[column])
    return values


def drift_curve(
    drift: list[Row],
    datasets: Iterable[str] | None = None,
    **wanted: object,
) -> dict[str, float]:
    """{distance bin: Dice or NaN} over data sets.

    Pooled over the objects of a data set and then averaged over the data sets that reach so far.

    Args:
        drift: rows with DRIFT_COLUMNS.
        datasets: those that count; None for all with real scans and manual labels.
        wanted: values of the rows that count.
    """
    sets = by_dataset(select(drift, **wanted))
    chosen = filter(is_pooled, sets) if datasets is None else datasets
    pooled = [sets[dataset] for dataset in chosen if dataset in sets]
    curve = {}
    for name in DRIFT_BINS:
        scores = []
        for rows in pooled:
            own = select(rows, slices_away=name)
            size = sum(row["size"] for row in own)
            if size:
                scores.append(2 * sum(row["intersection"] for row in own) / size)
        curve[name] = float(np.mean(scores)) if scores else math.nan
    return curve


def effort(rows: list[Row], column: str) -> tuple[float, float]:
    """(median number of slices, share of objects that got there) over equal data sets.

    The median is infinite when most did not.

    Args:
        rows: one row for each object.
        column: "slices_to_90" or "slices_to_95"; blank where it was not reached.
    """
    sets = by_dataset(rows)
    needed = []
    for own in sets.values():
        weight = 1 / len(own) / len(sets)
        for row in own:
            count = math.inf if row[column] == "" else row[column]
            needed.append((count, weight))
    needed.sort()
    share = sum(weight for count, weight in needed if count < math.inf)
    passed = np.cumsum([weight for _, weight in needed])
    median = needed[int(np.searchsorted(passed, 0.5 - 1e-9))][0]
    return median, share


def _summaries(rows: list[Row], means: Mapping[str, list[str]]) -> list[Row]:
    """A summary of each data set, and of each mean over those of them that are there."""
    sets = by_dataset(rows)
    summaries = []
    for dataset, own in sets.items():
        summaries.append({"dataset": dataset} | _summary(own) | _interval({dataset: own}))
    for title, datasets in means.items():
        pooled = {dataset: sets[dataset] for dataset in datasets if dataset in sets}
        if pooled:
            mean = _mean_summary(list(pooled.values()))
            summaries.append({"dataset": title} | mean | _interval(pooled))
    return summaries


def _bootstrap(dataset: str, by_patient: ByPatient) -> np.ndarray:
    """(BOOTSTRAPS,) means over objects when patients are drawn again.

    A seed for each data set, so that all engines see the same draws.
    """
    sums = np.array([sum(values) for values in by_patient.values()])
    counts = np.array([len(values) for values in by_patient.values()])
    random = np.random.default_rng(crc32(dataset.encode()))
    draws = random.integers(0, len(sums), (BOOTSTRAPS, len(sums)))
    return sums[draws].sum(axis=1) / counts[draws].sum(axis=1)


def _interval(sets: Mapping[str, list[Row]]) -> Row:
    by_set = {dataset: values_by_patient(rows) for dataset, rows in sets.items()}
    if sum(len(patients) for patients in by_set.values()) < FEWEST_PATIENTS:
        return {"dice_low": "", "dice_high": ""}
    low, high = interval_of_mean(by_set)
    return {"dice_low": round(low, 5), "dice_high": round(high, 5)}


def _summary(rows: list[Row]) -> Row:
    """One data set: counts, Dice, and the other scores."""
    scores = [row["dice"] for row in rows]
    summary: Row = {
        "objects": len(rows),
        "patients": len({row["patient"] for row in rows}),
        "dice": round(float(np.mean(scores)), 5),
        "dice_p10": round(float(np.percentile(scores, 10)), 5),
        "failures": sum(score < FAILURE for score in scores),
    }
    for column in AVERAGED:
        summary[_result_name(column)] = _average(column, rows)
    return summary


def _average(column: str, rows: list[Row]) -> float | str:
    values = [row[column] for row in rows if row[column] != "" and not math.isnan(row[column])]
    return round(float(AVERAGED[column](values)), 6) if values else ""


def _mean_summary(sets: list[list[Row]]) -> Row:
    """The mean of the data sets' summaries; objects, patients and failures are added."""
    summaries = [_summary(rows) for rows in sets]
    result: Row = {}
    for column in summaries[0]:
        values = [summary[column] for summary in summaries if summary[column] != ""]
        if not values:
            result[column] = ""
        elif column in COUNTS:
            result[column] = sum(values)
        else:
            result[column] = round(float(np.mean(values)), 6)
    return result


def _result_name(column: str) -> str:
    return f"{column}_median" if AVERAGED[column] is np.median else column
