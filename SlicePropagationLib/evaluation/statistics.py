"""Scores of many structures put together: means over data sets that weigh the same, intervals over patients, drift, effort."""

import math
import re
from zlib import crc32

import numpy as np

from SlicePropagationLib.evaluation.scores import DRIFT_BINS

FAILURE = 0.5  # an object below this Dice counts as failed
FEWEST_PATIENTS = 6  # below, a data set is tabulated and nothing is claimed from it
BOOTSTRAPS = 2000
NOT_REAL = ("sim", "simulated", "simulation")
REAL_SETS = "mean over real sets"
AVERAGED = {
    "surface_dice": np.mean,
    "hd95_mm": np.mean,
    "mean_surface_mm": np.mean,
    "mm_past_ends": np.median,
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
    "surface_dice",
    "hd95_mm",
    "mean_surface_mm",
    "mm_past_ends_median",
    "seconds_per_slice_median",
)


def is_pooled(dataset):
    """Whether a data set has real scans with manual labels, which alone enter a mean over sets.

    The words of its name say otherwise: `prostate_mr_sim`, `totalseg_examples`.
    """
    words = re.split(r"[\W_]+", dataset.lower())
    return not any(word in NOT_REAL or word.startswith("totalseg") for word in words)


def real_sets(rows):
    """Names of the data sets that enter a mean, sorted."""
    return sorted({row["dataset"] for row in rows if is_pooled(row["dataset"])})


def select(rows, **wanted):
    """The rows that have all these values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def aggregate(rows, protocol):
    """Rows with RESULT_COLUMNS: one for each simulated user, data set, engine and number of slices, and one for the mean over real sets.

    dice_low and dice_high bound the 95 % bootstrap interval over patients; blank below
    FEWEST_PATIENTS patients.
    """
    results = []
    for pick, correct in protocol.users:
        for engine in protocol.names:
            for shots in protocol.shots:
                known = {"engine": engine, "pick": pick, "correct": correct, "shots": shots}
                chosen = select(rows, **known)
                sets = {
                    dataset: select(chosen, dataset=dataset)
                    for dataset in sorted({row["dataset"] for row in chosen})
                }
                results += [
                    known | {"dataset": dataset} | _summary(own) | _interval({dataset: own})
                    for dataset, own in sets.items()
                ]
                pooled = {dataset: own for dataset, own in sets.items() if is_pooled(dataset)}
                if pooled:
                    results.append(
                        known
                        | {"dataset": REAL_SETS}
                        | _mean_summary(list(pooled.values()))
                        | _interval(pooled)
                    )
    return results


def interval_of_mean(by_set):
    """95 % bootstrap interval over patients of the mean over data sets: (low, high).

    Args:
        by_set: {data set: {patient: values of its objects}}; patients are drawn again within each
            data set.
    """
    draws = np.mean(
        [_bootstrap(dataset, by_patient) for dataset, by_patient in by_set.items()],
        axis=0,
    )
    return tuple(float(bound) for bound in np.percentile(draws, [2.5, 97.5]))


def values_by_patient(rows, column="dice"):
    """{patient: values of its objects}."""
    values = {}
    for row in rows:
        values.setdefault(row["patient"], []).append(row[column])
    return values


def drift_curve(drift, **wanted):
    """{distance bin: Dice or NaN}, pooled over the objects of a data set and then averaged over the real data sets that reach so far."""
    chosen = select(drift, **wanted)
    sets = {dataset: select(chosen, dataset=dataset) for dataset in real_sets(chosen)}
    curve = {}
    for name in DRIFT_BINS:
        sums = [
            [
                sum(row[column] for row in own if row["slices_away"] == name)
                for column in ("intersection", "size")
            ]
            for own in sets.values()
        ]
        scores = [2 * intersection / size for intersection, size in sums if size]
        curve[name] = float(np.mean(scores)) if scores else math.nan
    return curve


def effort(rows, column):
    """(median number of slices, share of objects that got there) over data sets that weigh the same; the median is infinite when most did not.

    Args:
        rows: one row for each object.
        column: "slices_to_90" or "slices_to_95"; blank where it was not reached.
    """
    sizes = {
        dataset: len(select(rows, dataset=dataset)) for dataset in {row["dataset"] for row in rows}
    }
    needed = sorted(
        (math.inf if row[column] == "" else row[column], 1 / sizes[row["dataset"]] / len(sizes))
        for row in rows
    )
    share = sum(weight for count, weight in needed if count < math.inf)
    passed = np.cumsum([weight for _, weight in needed])
    return needed[int(np.searchsorted(passed, 0.5 - 1e-9))][0], share


def _bootstrap(dataset, by_patient):
    """(BOOTSTRAPS,) means over objects when patients are drawn again.

    A seed for each data set, so that all engines see the same draws.
    """
    sums, counts = (
        np.array([measure(values) for values in by_patient.values()]) for measure in (sum, len)
    )
    draws = np.random.default_rng(crc32(dataset.encode())).integers(
        0,
        len(sums),
        (BOOTSTRAPS, len(sums)),
    )
    return sums[draws].sum(axis=1) / counts[draws].sum(axis=1)


def _interval(sets):
    by_set = {dataset: values_by_patient(rows) for dataset, rows in sets.items()}
    if sum(len(patients) for patients in by_set.values()) < FEWEST_PATIENTS:
        return {"dice_low": "", "dice_high": ""}
    return dict(
        zip(("dice_low", "dice_high"), (round(bound, 5) for bound in interval_of_mean(by_set)))
    )


def _summary(rows):
    """One data set: counts, Dice, and the other scores."""
    scores = [row["dice"] for row in rows]
    averages = {_result_name(column): _average(column, rows) for column in AVERAGED}
    return {
        "objects": len(rows),
        "patients": len({row["patient"] for row in rows}),
        "dice": round(float(np.mean(scores)), 5),
        "dice_p10": round(float(np.percentile(scores, 10)), 5),
        "failures": sum(score < FAILURE for score in scores),
    } | averages


def _average(column, rows):
    values = [row[column] for row in rows if row[column] != "" and not math.isnan(row[column])]
    return round(float(AVERAGED[column](values)), 6) if values else ""


def _mean_summary(sets):
    """The mean of the data sets' summaries; objects, patients and failures are added."""
    summaries = [_summary(rows) for rows in sets]
    result = {}
    for column in summaries[0]:
        values = [summary[column] for summary in summaries if summary[column] != ""]
        is_count = column in ("objects", "patients", "failures")
        result[column] = (
            (sum(values) if is_count else round(float(np.mean(values)), 6)) if values else ""
        )
    return result


def _result_name(column):
    return f"{column}_median" if AVERAGED[column] is np.median else column
