"""What the pancreas paper measures: overlap, distance, thresholds, volumes."""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.arrays import Masks, Probabilities, Spacing
from SlicePropagationLib.metrics import surface_distances
from SlicePropagationLib.studies.tables import Row

THRESHOLDS = tuple(round(0.05 * number, 2) for number in range(1, 20))
PLATEAU = 0.01  # Dice below the best that still counts as the plateau
SCORES = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "precision": "precision",
    "recall": "recall",
    "surface_mm": "mean surface distance, mm",
}  # {column of scores.csv: its heading in the report}


def score_volume(
    probability: Probabilities,
    truth: Masks,
    spacing_mm: Spacing,
) -> Row:
    """Scores of one volume at the threshold 0.5, and Dice at every one of THRESHOLDS.

    Args:
        probability: (N, H, W) float32.
        truth: (N, H, W) bool, not empty.
        spacing_mm: along N, H, W.

    Returns:
        {score: number} with "dice", "jaccard", "precision" (NaN where nothing was found), "recall",
        "surface_mm" (NaN likewise), "true_ml", "found_ml" (millilitres), "dice_0.05", ...
    """
    found = probability >= 0.5
    both = int(np.count_nonzero(found & truth))
    size = int(np.count_nonzero(found))
    true_size = int(np.count_nonzero(truth))
    millilitre = float(np.prod(spacing_mm)) / 1000
    scores = {
        "dice": 2 * both / (size + true_size),
        "jaccard": both / (size + true_size - both),
        "precision": both / size if size else np.nan,
        "recall": both / true_size,
        "surface_mm": surface_distances(found, truth, spacing_mm).mean,
        "true_ml": true_size * millilitre,
        "found_ml": size * millilitre,
    }
    return scores | _dice_at_thresholds(probability, truth)


def _dice_at_thresholds(probability: Probabilities, truth: Masks) -> Row:
    inside = np.sort(probability[truth])
    outside = np.sort(probability[~truth])
    scores = {}
    for threshold in THRESHOLDS:
        hits = _count_from(inside, threshold)
        false = _count_from(outside, threshold)
        scores[f"dice_{threshold}"] = 2 * hits / (hits + false + len(inside))
    return scores


def _count_from(values: np.ndarray, threshold: float) -> int:
    """How many of some sorted values are at a threshold or above."""
    return len(values) - int(np.searchsorted(values, np.float32(threshold)))


def volume_fit(rows: list[Row]) -> tuple[float, float]:
    """How well the found volumes are the true ones: (R², variance of the error in ml²).

    R² is that of the regression line, the squared correlation, as in the paper's plots; NaN for
    fewer than three cases.

    Args:
        rows: with "true_ml" and "found_ml".
    """
    true = np.array([row["true_ml"] for row in rows])
    found = np.array([row["found_ml"] for row in rows])
    variance = float(np.var(found - true))
    if len(rows) < 3 or not true.std() or not found.std():
        return np.nan, variance
    return float(np.corrcoef(true, found)[0, 1] ** 2), variance


def plateau_width(rows: list[Row]) -> float:
    """Share of the thresholds from 0.05 to 0.95 whose mean Dice is within `PLATEAU` of the best."""
    curve = threshold_curve(rows)
    return float(np.mean(curve >= curve.max() - PLATEAU))


def threshold_curve(rows: list[Row]) -> np.ndarray:
    """(len(THRESHOLDS),) mean Dice of the cases."""
    means = []
    for threshold in THRESHOLDS:
        means.append(mean_of(rows, f"dice_{threshold}"))
    return np.array(means)


def mean_of(rows: list[Row], score: str) -> float:
    """The mean of a score over rows."""
    return float(np.mean([row[score] for row in rows]))
