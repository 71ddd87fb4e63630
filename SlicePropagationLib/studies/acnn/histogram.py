"""The histogram of codes: whether they are spread smoothly, as a prior needs them (Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

SHOWN = 16  # of the dimensions of a code, as in the paper
COLUMNS = 4
BINS = 21
LEAST_RANGE = 1e-4  # of the values, as a share of them


def shown_dimensions(code_size: int, seed: int = 0) -> list[int]:
    """Dimensions of a code drawn at random, in their order; all of a short one."""
    random = np.random.default_rng(seed)
    count = min(SHOWN, code_size)
    return sorted(random.choice(code_size, count, replace=False).tolist())


def bin_edges(values: np.ndarray) -> np.ndarray:
    """(BINS + 1,) edges over some values; one unit wide about values that hardly vary."""
    low = float(values.min())
    high = float(values.max())
    if high - low < LEAST_RANGE * max(1.0, abs(low), abs(high)):
        middle = (low + high) / 2
        low, high = middle - 0.5, middle + 0.5
    return np.linspace(low, high, BINS + 1)


def draw_histogram(path: Path, codes: Sequence[np.ndarray]) -> None:
    """Write a picture of how 16 dimensions of codes are spread, each over all cases.

    Args:
        path: of the PNG.
        codes: (cases, code_size).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = np.array(codes)
    chosen = shown_dimensions(table.shape[1])
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 1.9 * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, dimension in zip(axes, chosen, strict=False):
        values = table[:, dimension]
        shares = np.full(len(values), 1 / len(values))
        axis.hist(values, bin_edges(values), weights=shares, color="#0072b2")
        axis.set_title(f"Dimension {dimension + 1}", fontsize=9)
        axis.tick_params(labelsize=8)
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    figure.supylabel("Share of cases", fontsize=9)
    figure.savefig(path)
