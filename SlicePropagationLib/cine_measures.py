"""What the cine paper measures: overlap, contour distance, area, and how smooth the area is over time.

Source: Bai et al., MICCAI 2018, section 3. The paper leaves scheme and units of the derivatives open: here they are central differences
around the cycle, areas in mm², time in frames; curvatures compare within this implementation only.
"""

import numpy as np

from SlicePropagationLib.metrics import dice, surface_distances


def curvature(areas, *, is_cyclic=True):
    """Mean curvature |A''| / (1 + A'^2)^1.5 of a time-area curve.

    Args:
        areas: (T,) mm², T >= 3.
        is_cyclic: differences go around the cycle; otherwise the two end frames have none.
    """
    areas = np.asarray(areas, np.float64)
    before, after = np.roll(areas, 1), np.roll(areas, -1)
    first, second = (after - before) / 2, after - 2 * areas + before
    kappa = np.abs(second) / (1 + first**2) ** 1.5
    return float(kappa.mean() if is_cyclic else kappa[1:-1].mean())


def measure_series(found, truth, spacing_mm, frames, *, is_cyclic=True):
    """Measures of one structure on one slice position over time.

    Args:
        found, truth: (T, H, W) bool.
        spacing_mm: (rows, columns).
        frames: the frames that dice, distance and area error are means over.

    Returns:
        {"dice", "distance_mm" (NaN where nowhere both are there), "area_error_mm2", "curvature", "curvature_truth"}.
    """
    pixel = spacing_mm[0] * spacing_mm[1]
    areas, true_areas = (mask.sum(axis=(1, 2)) * pixel for mask in (found, truth))
    distances = [surface_distances(found[frame], truth[frame], spacing_mm).mean for frame in frames]
    distances = [distance for distance in distances if np.isfinite(distance)]
    return {"dice": float(np.mean([dice(found[frame], truth[frame]) for frame in frames])),
            "distance_mm": float(np.mean(distances)) if distances else float("nan"),
            "area_error_mm2": float(np.abs(areas - true_areas)[list(frames)].mean()),
            "curvature": curvature(areas, is_cyclic=is_cyclic), "curvature_truth": curvature(true_areas, is_cyclic=is_cyclic)}
