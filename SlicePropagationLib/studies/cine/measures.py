"""What the cine paper measures: overlap, contour distance, area, and how smooth it is over time.

Source: Bai et al., MICCAI 2018, section 2.3 and Table 2. The paper leaves scheme and units of the derivatives
open. Here they are central differences around the cycle; areas are shares of the mean true area and
time is the share of the cycle, so that slope and bend are of one order. With areas in mm2 the slope
is in the hundreds, (1 + A'^2)^1.5 in the millions, and the mean is that of the one or two frames
where A' is near 0: it depends on which frames these are and hardly on how smooth the curve is.
Curvatures compare within this implementation only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.metrics import dice, surface_distances

Areas = Sequence[float] | np.ndarray  # (T,)


def curvature(
    areas: Areas,
    *,
    step: float = 1.0,
    is_cyclic: bool = True,
) -> float:
    """Mean curvature |A''| / (1 + A'^2)^1.5 of a time-area curve.

    Args:
        areas: (T,), T >= 3.
        step: time between frames.
        is_cyclic: differences go around the cycle; otherwise the two end frames have none.
    """
    curve = np.asarray(areas, np.float64)
    before = np.roll(curve, 1)
    after = np.roll(curve, -1)
    first = (after - before) / (2 * step)
    second = (after - 2 * curve + before) / step**2
    kappa = np.abs(second) / (1 + first**2) ** 1.5
    return float(_with_neighbours(kappa, is_cyclic).mean())


def jitter(
    areas: Areas,
    true_areas: Areas,
    *,
    is_cyclic: bool = True,
) -> float:
    """Mean |second difference| of the error of the area from frame to frame.

    An error that is constant or drifts evenly over time is smooth and counts nothing; one frame
    that is wrong by 1 counts 4 / T.

    Args:
        areas: (T,), T >= 3.
        true_areas: (T,).
        is_cyclic: differences go around the cycle; otherwise the two end frames have none.

    Returns:
        The mean in the unit of the areas.
    """
    error = np.asarray(areas, np.float64) - np.asarray(true_areas, np.float64)
    bend = np.abs(np.roll(error, 1) - 2 * error + np.roll(error, -1))
    return float(_with_neighbours(bend, is_cyclic).mean())


def measure_frames(
    found: Masks,
    truth: Masks,
    spacing_mm: tuple[float, float],
    frames: Sequence[int],
) -> dict[str, float]:
    """Accuracy of one structure on some frames; the paper's are ED and ES (section 2.3).

    Args:
        found: (T, H, W) bool.
        truth: (T, H, W) bool.
        spacing_mm: (rows, columns).
        frames: the frames that are looked at.

    Returns:
        {"dice", "distance_mm" (NaN where nowhere both are there), "area_error_mm2"}, means.
    """
    chosen = list(frames)
    scores = []
    distances = []
    for one, other in zip(found[chosen], truth[chosen], strict=True):
        scores.append(dice(one, other))
        distance = surface_distances(one, other, spacing_mm).mean
        if np.isfinite(distance):
            distances.append(distance)
    sizes = found[chosen].sum(axis=(1, 2)) - truth[chosen].sum(axis=(1, 2), dtype=float)
    return {
        "dice": float(np.mean(scores)),
        "distance_mm": float(np.mean(distances)) if distances else float("nan"),
        "area_error_mm2": float(np.abs(sizes).mean() * spacing_mm[0] * spacing_mm[1]),
    }


def measure_series(
    found: Masks,
    truth: Masks,
    spacing_mm: tuple[float, float],
    frames: Sequence[int],
    *,
    is_cyclic: bool = True,
) -> dict[str, float]:
    """Measures of one structure on one slice position over time.

    Args:
        found: (T, H, W) bool.
        truth: (T, H, W) bool.
        spacing_mm: (rows, columns).
        frames: the frames that dice, distance and area error are means over.
        is_cyclic: differences over time go around the cycle.

    Returns:
        {"dice", "distance_mm" (NaN where nowhere both are there), "area_error_mm2", "jitter_mm2",
        "curvature", "curvature_truth" (NaN where the truth is empty in all frames)}.
    """
    pixel = spacing_mm[0] * spacing_mm[1]
    areas = found.sum(axis=(1, 2)) * pixel
    true_areas = truth.sum(axis=(1, 2)) * pixel
    unit = true_areas.mean() or np.nan
    step = 1 / len(truth)
    return measure_frames(found, truth, spacing_mm, frames) | {
        "jitter_mm2": jitter(areas, true_areas, is_cyclic=is_cyclic),
        "curvature": curvature(areas / unit, step=step, is_cyclic=is_cyclic),
        "curvature_truth": curvature(true_areas / unit, step=step, is_cyclic=is_cyclic),
    }


def _with_neighbours(values: np.ndarray, is_cyclic: bool) -> np.ndarray:
    """The values of the frames that have one before and one behind them."""
    return values if is_cyclic else values[1:-1]
